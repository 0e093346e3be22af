"""What holds of the Windows model whatever is done and whoever holds what."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from skips import left_to_windows

from pytest_fsfault import inject
from pytest_fsfault._windows.versions import VERSIONS

FILES = ("a.txt", "b.dll", "d/c.txt", "d/e/f.py")
DIRECTORIES = ("d", "d/e", "n", "d/n")
NEW = ("new.txt", "d/new.txt", "n/new.txt", "A.TXT")
LINKS = ("to-file", "to-directory", "to-nothing", "d/to-above")
ANY = st.sampled_from(FILES + DIRECTORIES + NEW + LINKS)


def stream(path):
    """Write an alternate data stream of a file, and read it again."""
    Path(f"{path}:s").write_text("stream")
    assert "stream" == Path(f"{path}:s").read_text()


def temporary(path):
    """Put a file that is deleted on close in the place of another: it goes."""
    with tempfile.NamedTemporaryFile(dir=path.parent) as file:
        os.replace(file.name, path)
    assert not os.path.lexists(path)


ONE = {
    "write": lambda path: path.write_bytes(b"written"),
    "append": lambda path: path.open("ab").close(),
    "create": lambda path: path.open("xb").close(),
    "read": lambda path: path.read_bytes(),
    "remove": os.remove,
    "rmdir": os.rmdir,
    "mkdir": os.mkdir,
    "listdir": os.listdir,
    "stat": os.stat,
    "truncate": lambda path: os.truncate(path, 1),
    "rmtree": shutil.rmtree,
    "touch": lambda path: os.utime(path, (1, 1)),
    "mode": lambda path: os.chmod(path, stat.S_IMODE(os.lstat(path).st_mode) ^ stat.S_IWRITE),
    "stream": stream,
    "temporary": temporary,
}
TWO = {
    "rename": os.rename,
    "replace": os.replace,
    "link": os.link,
    "copy": shutil.copyfile,
    "symlink": lambda source, path: os.symlink(source.name, path),
}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(sorted(ONE)), ANY),
        st.tuples(st.sampled_from(sorted(TWO)), ANY, ANY),
    ),
    max_size=12,
)
SHARES = st.text("rwd", max_size=3)
HOLDS = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), st.sampled_from((*FILES, "d", "d/e")), SHARES, SHARES),
        st.tuples(st.sampled_from(["run", "load", "map"]), st.sampled_from(FILES)),
        st.tuples(st.sampled_from(["enter", "watch"]), st.sampled_from(["d", "d/e"])),
    ),
    max_size=3,
)


RESPELLED = {"A.TXT"}
# Made of several calls, of which one may have succeeded.
HALF = {"rmtree", "write", "copy", "stream", "temporary", "mode"}
# What the host does not have.
WINDOWS_ONLY = {"stream", "temporary", "mode"}


def prepare(root):
    """Make the same small tree below `root`."""
    (root / "d" / "e").mkdir(parents=True)
    for name in FILES:
        (root / name).write_text(name)
    for name, target in zip(LINKS, ("a.txt", "d", "nothing", "../d"), strict=True):
        (root / name).symlink_to(target)


def tree(root):
    """Return all names below `root` with what they are."""
    found = {}
    for folder, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(folder, name)
            content = (
                os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            )
            found[path.relative_to(root).as_posix()] = content
    return found


def act(step, root):
    """Do a step below `root`; return the error that came of it."""
    name, *paths = step
    try:
        {**ONE, **TWO}[name](*(root / path for path in paths))
    except OSError as error:
        return error
    return None


@given(STEPS, HOLDS, st.sampled_from(sorted(VERSIONS)))
@settings(max_examples=150, deadline=None)
@left_to_windows("an open file in whose place another one is put")
def test_law(steps, holds, version):
    """A refused call changes nothing, an allowed one does what it does anywhere; without holds none is met."""
    with tempfile.TemporaryDirectory() as base:
        ours, plain = Path(base, "ours"), Path(base, "plain")
        for root in (ours, plain):
            prepare(root)
        with inject(roots=[ours], strict=False) as fsfault:
            windows = fsfault.windows(version, developer_mode=True)
            kept = [getattr(windows, verb)(ours / path, *rest) for verb, path, *rest in holds]
            for step in steps:
                before, seen = tree(plain), len(fsfault.journal.faults)
                error = act(step, ours)
                refused = len(fsfault.journal.faults) > seen
                with fsfault.paused():
                    if refused and step[0] not in HALF:
                        assert before == tree(ours), (step, error)
                    elif step[0] == "truncate" and any(hold[0] == "map" for hold in holds):
                        pass  # CPython overlooks the failure of cutting a mapped file
                    elif error is None and step[0] not in WINDOWS_ONLY and not windows._state.pending:
                        twin(step, ours, plain)
                    resemble(ours, plain)
            for hold in kept:
                hold.close()
            assert [] == windows.holds
            seen = len(fsfault.journal.faults)
            for step in steps:
                act(step, ours)
            reasons = [entry.reason for entry in fsfault.journal.faults[seen:]]
            assert [] == [reason for reason in reasons if "declared at" in reason]


def twin(step, ours, plain):
    """Do the same in the plain tree: it succeeds there, too, and leaves the same."""
    error = act(step, plain)
    if step[0] in {"replace", "rmdir"} and error is not None:
        # What Windows allows and POSIX does not: a directory takes the place of a file, a link to one is removed.
        assert isinstance(error, NotADirectoryError)
        return
    if step[0] == "create" and (plain / step[1]).is_symlink():
        assert isinstance(error, FileExistsError)  # Windows makes the file to which the link leads
        return
    if RESPELLED & {*step[1:], *tree(ours)}:
        return  # the spelling that the disk has counts for Windows alone
    assert error is None, (step, error)
    assert tree(plain) == tree(ours), step


def resemble(ours, plain):
    """Make the plain tree like ours again, where Windows does more or less than POSIX."""
    if tree(ours) != tree(plain):
        shutil.rmtree(plain)
        shutil.copytree(ours, plain, symlinks=True)
        link_again(ours, plain)


def link_again(ours, plain):
    """Let names of one file in our tree be names of one file in the copy, too."""
    first = {}
    for name in sorted(tree(ours)):
        status = os.lstat(ours / name)
        if stat.S_ISREG(status.st_mode):
            known = first.setdefault(status.st_ino, name)
            if known != name:
                os.unlink(plain / name)
                os.link(plain / known, plain / name)
