"""Laws: a session that only watches changes nothing of a fake; and under the model a fake answers as real files do."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyfakefs.fake_filesystem import OSType
from pyfakefs.fake_filesystem_unittest import Patcher
from skips import left_to_windows

from pytest_fsfault import inject

NAMES = st.sampled_from(["a", "b", "A", "d", "d/a", "d/b", "d/e", "D/a", "x/y", "a/b", "b.", "c "])
MODES = st.sampled_from(["r", "w", "a", "x", "r+", "rb", "wb"])
STEPS = st.one_of(
    st.tuples(st.just("write"), NAMES, MODES),
    # Two that write to one file at a time: pyfakefs's buffers do not see each other as those of a system do.
    st.tuples(st.just("keep"), NAMES, st.sampled_from(["r", "rb"])),
    st.tuples(st.just("close")),
    st.tuples(st.sampled_from(["remove", "rmdir", "mkdir", "stat", "listdir", "unlink"]), NAMES),
    st.tuples(st.sampled_from(["rename", "replace", "link"]), NAMES, NAMES),
    st.tuples(st.just("chmod"), NAMES, st.sampled_from([0o444, 0o666])),
    st.tuples(st.sampled_from(["exists", "isfile", "isdir"]), NAMES),
)


class Player:
    """Play steps below a root, and write down what each answers."""

    def __init__(self, root):
        self.root = root
        self.kept = []

    def play(self, steps):
        """Return the answers, and the tree that is left."""
        answers = [self.answer(*step) for step in steps]
        for file in self.kept:
            with suppress(OSError):  # pyfakefs minds that others have changed its length
                file.close()
        return answers, self.tree()

    def answer(self, name, *words):
        """Return what one step returns or raises."""
        try:
            result = getattr(self, name, self.call)(*([] if hasattr(self, name) else [name]), *words)
        except OSError as error:
            return type(error).__name__, error.errno, getattr(error, "winerror", None), self.plain(str(error))
        if name == "listdir":
            return sorted(result)
        return result if isinstance(result, (bool, str)) else None

    def plain(self, text):
        """Return a text without the root."""
        return text.replace(self.root, "<root>")

    def path(self, name):
        """Return a path below the root."""
        return f"{self.root}/{name}"

    def call(self, name, *words):
        """Call a function of `os` or `os.path`."""
        function = getattr(os, name, None) or getattr(os.path, name)
        return function(*(self.path(word) if isinstance(word, str) else word for word in words))

    def write(self, name, mode):
        """Open, write and close."""
        with open(self.path(name), mode) as file:
            if "r" != mode[0]:
                file.write(b"data" if "b" in mode else "data")

    def keep(self, name, mode):
        """Open, and keep it open."""
        self.kept.append(open(self.path(name), mode))

    def close(self):
        """Close what was opened last."""
        if self.kept:
            self.kept.pop().close()

    def tree(self):
        """Return what is there in the end."""
        found = []
        # `Path.rglob` of Python 3.13 joins names by the separator of the real system, whatever pyfakefs emulates.
        for folder, directories, files in os.walk(self.root):
            below = folder.removeprefix(self.root).replace("\\", "/")
            found += [(f"{below}/{name}", True) for name in directories]
            for name in files:
                with open(self.root + f"{below}/{name}", "rb") as file:
                    found.append((f"{below}/{name}", file.read()))
        return sorted(found)


def on_fake(steps, **session):
    """Play steps on a fake, in a session if one is described."""
    with Patcher() as patcher:
        patcher.fs.os = OSType.LINUX  # errors of a fake Windows become those of Windows
        patcher.fs.create_dir("/tree/d")
        if not session:
            return Player("/tree").play(steps)
        with inject(strict=False, **session):
            return Player("/tree").play(steps)


def on_real_files(steps, **session):
    """Play steps in a real directory."""
    with tempfile.TemporaryDirectory() as root:
        os.mkdir(f"{root}/d")
        with inject(strict=False, roots=[root], **session):
            return Player(os.path.realpath(root)).play(steps)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, max_size=12))
def test_who_only_watches_changes_nothing(steps):
    """Each answer, and the tree, are those of the fake alone."""
    assert on_fake(steps) == on_fake(steps, profile="observe")


@left_to_windows("what a real file is open for")
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, max_size=12))
def test_under_the_model_a_fake_answers_as_real_files_do(steps):
    """Windows is the same, whatever it is emulated on."""
    assert on_real_files(steps, windows="11") == on_fake(steps, windows="11")
