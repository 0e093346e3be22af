"""A law: whatever the rules, the tree is what the calls that were let through have made of it."""

# ruff: noqa: SIM105  # how a call is written is what is tested here

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from skips import WINE

from pytest_fsfault import RetryStorm, SimulatedCrash, inject
from pytest_fsfault._core.language.operations import GROUPS, OPERATIONS

from .originals import displaced

# Under Wine, where files take ten times as long, a third of the examples.
SHARE = 3 if WINE else 1
NAMES = ("a", "b", "d", "d/a", "d/b")


def write(path, mode, data):
    """Write text through Python's buffers."""
    with open(path, mode) as file:
        file.write(data)


def write_raw(path, data):
    """Write bytes by descriptor."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


names = st.sampled_from(NAMES)
data = st.text("xyz", max_size=5)
# Each step is a function's name and its arguments; paths are relative to the tree.
steps = st.one_of(
    st.tuples(
        st.sampled_from([os.rename, os.replace, os.link, os.symlink]).map(lambda f: f.__name__), names, names
    ),
    st.tuples(
        st.sampled_from(["remove", "unlink", "rmdir", "mkdir", "stat", "lstat", "listdir", "readlink"]), names
    ),
    st.tuples(st.just("truncate"), names, st.integers(0, 3)),
    st.tuples(st.just("chmod"), names, st.sampled_from([0o700, 0o755])),
    st.tuples(st.just(write), names, st.sampled_from(["w", "a", "x", "r+"]), data),
    st.tuples(st.just(write_raw), names, data.map(str.encode)),
    st.tuples(st.just(shutil.copyfile.__name__), names, names),
    st.tuples(st.sampled_from(["rmtree", "copytree"]), names, st.sampled_from(["e"])),
)
faults = st.sampled_from(
    ["ERROR_ACCESS_DENIED", "WinError 32", "EBUSY", "ENOSPC after", "ERROR_DIR_NOT_EMPTY after", "delay 1s"]
)
schedules = st.sampled_from(
    ["always", "once", "nth 2", "every 2", "50%", "first 2 per path", "from 3 per call site"]
)
operations = st.sampled_from(sorted({*OPERATIONS, *GROUPS} - {"subprocess.Popen", "mmap.mmap"}))
rules = st.builds(
    "{} {} -> {} when {} or never".format,
    operations,
    st.sampled_from(["", "a", "d/*", "**"]),
    faults,
    schedules,
)


def perform(step):
    """Do one step; errors of the system are part of the game, ours are not."""
    function, *args = step
    if callable(function):
        function(*args)
    elif hasattr(os, function):
        getattr(os, function)(*args)
    elif function == "rmtree":
        shutil.rmtree(args[0])
    else:
        getattr(shutil, function)(*args)


def lay_out(root):
    """Make the tree that each run starts from."""
    (root / "d").mkdir(parents=True)
    (root / "a").write_text("a")
    (root / "d" / "a").write_text("da")


def snapshot(root):
    """Return kinds and contents of everything below a directory."""
    return {
        path.relative_to(root).as_posix(): os.readlink(path)
        if path.is_symlink()
        else (path.stat().st_mode, path.is_file() and path.read_bytes())
        for path in root.rglob("*")
    }


@settings(max_examples=150 // SHARE, deadline=None)
@given(st.lists(rules, max_size=4), st.lists(steps, max_size=12), st.integers(0, 3))
def test_refused_calls_change_nothing_and_the_others_do_what_they_say(plan, script, seed):
    """Each step that a fault refused, before it did anything, can be left out; the trees are equal."""
    with tempfile.TemporaryDirectory() as directory:
        top, before = Path(directory).resolve(), os.getcwd()
        roots = [top / "faulty", top / "real"]
        for root in roots:
            lay_out(root)
        try:
            os.chdir(roots[0])
            done = run_under_faults(plan, script, seed, roots[0])
            os.chdir(roots[1])
            for step in done:
                try:
                    perform(step)
                except OSError:
                    pass
            assert snapshot(roots[1]) == snapshot(roots[0])
        finally:
            os.chdir(before)


def run_under_faults(plan, script, seed, root):
    """Return the steps that were let through as a whole; what a fault left half-way is undone by hand."""
    done = []
    with inject(*plan, roots=[root], seed=seed, strict="all") as fsfault:
        for step in script:
            with fsfault.paused():
                kept, links = root.parent / "kept", hard_links(root)
                shutil.copytree(root, kept, symlinks=True)
            count = len(fsfault.journal.faults)
            try:
                perform(step)
            except (OSError, shutil.Error):
                pass
            acted = [entry for entry in fsfault.journal.faults[count:] if not entry.fault.startswith("delay")]
            with fsfault.paused():
                if len(acted) == 0 or is_whole(step, acted):
                    done.append(step)
                elif is_nothing(step, acted):
                    assert snapshot(kept) == snapshot(root)
                else:  # a composite, or a file half written
                    restore(kept, root, links)
                shutil.rmtree(kept)
    return done


def is_single(step):
    """Return whether a step is one operation."""
    return not callable(step[0]) and step[0] not in {"copyfile", "rmtree", "copytree"}


def is_whole(step, acted):
    """Return whether a fault came after all was done."""
    return is_single(step) and acted[0].fault.endswith("after")


def is_nothing(step, acted):
    """Return whether a fault came before anything was done."""
    return is_single(step) and not acted[0].fault.endswith("after")


def hard_links(root):
    """Return the names of each file, as seen from the root."""
    names = {}
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            names.setdefault(path.stat().st_ino, []).append(path.relative_to(root))
    return list(names.values())


def restore(kept, root, links):
    """Bring the tree back to what it was before a step, the names of each file included."""
    for path in root.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    shutil.copytree(kept, root, symlinks=True, dirs_exist_ok=True)
    for first, *others in links:
        for other in others:
            (root / other).unlink()
            os.link(root / first, root / other)


@settings(max_examples=60 // SHARE, deadline=None)
@given(
    st.lists(rules.map(lambda rule: rule.replace("delay 1s", "crash")), max_size=4),
    st.lists(steps, max_size=12),
)
def test_whatever_happens_no_error_is_ours(plan, script):
    """OSError, a crash, a storm: nothing else ever leaves an intercepted call, and all is restored."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory).resolve() / "root"
        lay_out(root)
        os.chdir(root)
        try:
            with inject(*plan, roots=[root], strict=False):
                for step in script:
                    try:
                        perform(step)
                    except (OSError, shutil.Error):
                        pass
        except (SimulatedCrash, RetryStorm):
            pass
        finally:
            os.chdir(before)
    assert [] == displaced()
