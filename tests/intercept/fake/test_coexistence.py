"""pyfakefs and the plugin stand in each other's way nowhere, whichever was there first; afterwards all is as before."""

from __future__ import annotations

import builtins
import io
import os
import shutil
import subprocess
import sys
import unittest

import pytest
from pyfakefs import fake_file, fake_open, fake_os, fake_path, fake_pathlib, fake_scandir
from pyfakefs.fake_filesystem_unittest import Patcher, Pause, TestCase

from pytest_fsfault import inject
from pytest_fsfault._core.language.mistakes import FsFaultError


def real():
    """Return what of the real file system may be exchanged, by its name; in no order, which other tests change."""
    return {"open": builtins.open, "io.open": io.open, "os": dict(vars(os)), "shutil": dict(vars(shutil))}


def patchable():
    """Return what of pyfakefs may be exchanged, by its place."""
    classes = [
        Patcher, fake_os.FakeOsModule, fake_path.FakePathModule, fake_open.FakeFileOpen, fake_file.FakeFileWrapper,
        fake_pathlib.FakePath,
    ]  # fmt: skip
    found = {
        (one.__name__, name): value for one in classes for name, value in vars(one).items() if callable(value)
    }
    cells = {
        (*place, "closure"): value.__closure__[0].cell_contents
        for place, value in found.items()
        if getattr(value, "__closure__", None)
    }
    return {**found, **cells, "walk": fake_scandir._classify_directory_contents}


def refused(path="/d/f"):
    """Delete a file twice: the first call is refused."""
    with pytest.raises(OSError):
        os.remove(path)
    os.remove(path)


def fake_first(create):
    """Let the session stand within the fake."""
    with Patcher() as patcher:
        create(patcher.fs)
        with inject("delete -> EBUSY when once"):
            refused()


def session_first(create):
    """Let the fake stand within the session."""
    with inject("delete -> EBUSY when once"), Patcher() as patcher:
        create(patcher.fs)
        refused()


def crossed(create):
    """Let the session end before the fake, which was there later."""
    patcher = Patcher()
    with inject("delete -> EBUSY when once"):
        patcher.setUp()
        create(patcher.fs)
        refused()
    assert os.path.exists("/d")
    patcher.tearDown()


def crossed_the_other_way(create):
    """Let the fake end before the session, which was there later."""
    patcher = Patcher()
    patcher.setUp()
    create(patcher.fs)
    with inject("delete -> EBUSY when once"):
        refused()
        patcher.tearDown()


def nested(create):
    """Let two sessions and two patchers, which share one fake, stand within each other."""
    with Patcher() as patcher, inject("delete -> EBUSY when once", strict=False), Patcher():
        create(patcher.fs)
        with inject("delete -> EBUSY when once"):
            refused()


def by_a_test_case(_create):
    """Let pyfakefs's TestCase make the fake."""

    class Case(TestCase):
        def setUp(self):
            self.setUpPyfakefs()
            self.fs.create_file("/d/f")

        def test(self):
            with inject("delete -> EBUSY when once"):
                refused()

    result = unittest.TestResult()
    Case("test").run(result)
    assert ([], []) == (result.errors, result.failures)


ORDERS = [fake_first, session_first, crossed, crossed_the_other_way, nested, by_a_test_case]


@pytest.mark.parametrize("order", ORDERS)
def test_whichever_is_first(order):
    """The rule fires, and afterwards each function, pyfakefs's too, is the original."""
    before, before_real = patchable(), real()
    order(lambda fs: fs.create_file("/d/f"))
    after = patchable()
    assert [] == [place for place in before if before[place] is not after[place]]
    assert before_real == real()
    assert not os.path.exists("/d")


def test_ours_keep_the_real_modules(fs):
    """Into every other module that it finds pyfakefs puts its own."""
    with inject(windows="11"):
        ours = [module for name, module in sys.modules.items() if name.startswith("pytest_fsfault")]
        fakes = [
            f"{module.__name__}.{name}"
            for module in ours
            for name, value in vars(module).items()
            if str(getattr(type(value), "__module__", "")).startswith("pyfakefs")
        ]
    assert [] == fakes


def test_paused_the_real_file_system_is_watched(fs):
    """And the fake again when it is resumed: each with roots of its own."""
    fs.create_file("/d/f")
    with inject("os.remove -> EBUSY", "os.stat -> EACCES or never") as fsfault:
        with Pause(fs):
            assert not os.path.exists("/d/f")
            assert "/" not in fsfault.roots
        assert "/" in fsfault.roots
        with pytest.raises(OSError):
            os.remove("/d/f")


def test_paused_faults_leave_the_fake_alone(fs):
    """`fsfault.paused()` means the same as on the real file system."""
    fs.create_file("/d/f")
    with inject("os.remove -> EBUSY or never") as fsfault:
        with fsfault.paused():
            os.remove("/d/f")
        assert [] == list(fsfault.journal)
    assert not os.path.exists("/d/f")


FAKE_FIRST = """
import os, pathlib, shutil, sys
from pyfakefs.fake_filesystem_unittest import Patcher
from pytest_fsfault import inject

root = pathlib.Path(sys.argv[1])
with Patcher(), inject():
    pass
with inject("file.write -> ENOSPC when once", roots=[root], profile="observe") as fsfault:
    try:
        shutil.copyfile(root / "a", root / "b")
    except OSError as error:
        print(error.errno)
    shutil.copytree(root, root / "sub", ignore=lambda *_: {"sub"})
    print(sorted(path.name for path in root.glob("*")))
    print([str(entry) for entry in fsfault.journal if "bound early" in entry.reason])
"""


def test_the_first_session_of_a_process_may_stand_on_a_fake(tmp_path):
    """What is exchanged later, on the real file system, is all that would have been without a fake."""
    (tmp_path / "a").write_text("text")
    done = subprocess.run(
        [sys.executable, "-c", FAKE_FIRST, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ("28\n['a', 'b', 'sub']\n[]\n", "") == (done.stdout, done.stderr)


EXCHANGED = """
import os, sys
from contextlib import ExitStack
from pyfakefs.fake_filesystem_unittest import Patcher
from pytest_fsfault import inject

before = dict(vars(os))
with ExitStack() as stack:
    if "fake" in sys.argv:
        stack.enter_context(Patcher())
    stack.enter_context(inject())
with inject():
    print(sorted(name for name, value in vars(os).items() if value is not before.get(name)))
assert before == dict(vars(os))
"""


def test_after_a_fake_as_many_functions_are_exchanged_as_without():
    """Those that start programs and wait for them are among them."""
    plain, after = (
        subprocess.run(
            [sys.executable, "-c", EXCHANGED, how], capture_output=True, text=True, check=True
        ).stdout
        for how in ("plain", "fake")
    )
    assert plain == after
    assert "'system'" in plain


FAKE_WINDOWS_FIRST = """
import subprocess, sys, tempfile
from pyfakefs.fake_filesystem import OSType
from pyfakefs.fake_filesystem_unittest import Patcher
from pytest_fsfault import inject

tempfile.tempdir = None
with Patcher() as patcher:
    patcher.fs.os = OSType.WINDOWS
    with inject():
        pass
with inject("os.mkdir -> EACCES or never", roots=[sys.argv[1]]) as fsfault:
    subprocess.run([sys.executable, "-c", "import os, sys; os.mkdir(sys.argv[1] + '/d')", sys.argv[1]], stderr=-3)
print([entry.fault for entry in fsfault.journal])
"""


def test_children_meet_faults_after_a_fake_windows_was_first(tmp_path):
    """The directory by which they find their parent is a real one."""
    done = subprocess.run(
        [sys.executable, "-c", FAKE_WINDOWS_FIRST, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("['EACCES']\n", "") == (done.stdout, done.stderr)


# What is watched.


@pytest.mark.parametrize("roots", [["/app"], ["/app/"], ["app"], ["/x/../app"], [r"C:\app", "/app"]])
def test_named_roots_are_those_of_the_fake(roots, fs):
    """A rule for a path below them matches as seen from there."""
    fs.create_file("/app/sub/f")
    fs.create_file("/other/sub/f")
    with inject("os.remove sub/f -> EBUSY", roots=roots):
        os.remove("/other/sub/f")
        with pytest.raises(OSError):
            os.remove("/app/sub/f")


def test_a_whole_fake_may_be_named(fs):
    """Also the home directory and the interpreter's: nothing real can be hit."""
    roots = ["/", os.path.expanduser("~"), sys.prefix]
    fs.create_file("/f")
    with inject("os.remove -> EBUSY", roots=roots), pytest.raises(OSError):
        os.remove("/f")


def test_a_whole_fake_that_was_named_is_not_the_real_one(fs):
    """Once the fake is paused, the real file system has only the roots that it may have."""
    with inject(roots=["/"]) as fsfault, Pause(fs):
        assert "/" not in fsfault.roots


def test_a_whole_real_file_system_is_refused():
    """Without a fake."""
    with pytest.raises(FsFaultError, match="it holds the whole file system"):
        inject(roots=["/"])


def test_a_root_can_be_added(fs):
    """In the fake, in its own notation."""
    fs.create_file("/app/sub/f")
    with inject("os.remove sub/f -> EBUSY", roots=["/nowhere"]) as fsfault:
        fsfault.add_root("/app")
        with pytest.raises(OSError):
            os.remove("/app/sub/f")


# In a process of its own: what is imported when.

SCRIPTS = {
    "pyfakefs is imported within a session": """
        from pytest_fsfault import inject
        with inject("delete -> EBUSY when once"):
            from pyfakefs.fake_filesystem_unittest import Patcher
            with Patcher() as patcher:
                act(patcher.fs)
        """,
    "pyfakefs is imported within a session by importlib": """
        from importlib import import_module
        from pytest_fsfault import inject
        with inject("delete -> EBUSY when once"):
            with import_module("pyfakefs.fake_filesystem_unittest").Patcher() as patcher:
                act(patcher.fs)
        """,
    "the plugin is imported within a fake": """
        from pyfakefs.fake_filesystem_unittest import Patcher
        with Patcher() as patcher:
            from pytest_fsfault import inject
            with inject("delete -> EBUSY when once", windows="11"):
                act(patcher.fs)
        from pytest_fsfault import inject as again
        assert again is inject
        """,
    "the plugin was there, and nobody had used it": """
        import pytest_fsfault.plugin
        from pyfakefs.fake_filesystem_unittest import Patcher
        with Patcher() as patcher:
            from pytest_fsfault import inject
            with inject("delete -> EBUSY when once", profile="defender"):
                act(patcher.fs)
        """,
}
HEAD = """
import builtins, linecache, os, shutil, sys, tokenize
real = builtins.open, os.remove, shutil.rmtree
def act(fs):
    fs.create_file("/d/f")
    try:
        os.remove("/d/f")
    except OSError as error:
        print(type(error).__name__, "raised", getattr(error, "winerror", None))
    os.remove("/d/f")
"""
TAIL = """
assert real == (builtins.open, os.remove, shutil.rmtree)
assert linecache.open is tokenize._builtin_open is real[0]
from pyfakefs import fake_filesystem_shutil, fake_open, fake_os
assert fake_open.io_open is real[0]
assert fake_filesystem_shutil.FakeShutilModule.use_sendfile is getattr(shutil, "_USE_CP_SENDFILE", False)
assert [] == [finder for finder in sys.meta_path if "fsfault" in type(finder).__module__]
ours = [module for name, module in sys.modules.items() if name.startswith("pytest_fsfault")]
fakes = [(m.__name__, n) for m in ours for n, v in vars(m).items() if type(v).__module__.startswith("pyfakefs")]
assert [] == fakes, fakes
"""


@pytest.mark.parametrize("order", SCRIPTS)
def test_imports_in_any_order(order):
    """The rule fires, all is restored, and none of ours has kept anything fake."""
    body = "\n".join(line[8:] for line in SCRIPTS[order].splitlines())
    done = subprocess.run(
        [sys.executable, "-c", HEAD + body + TAIL], capture_output=True, text=True, check=False
    )
    assert ("OSError raised None\n", "") == (done.stdout, done.stderr)


def test_who_uses_no_fake_does_not_load_pyfakefs():
    """A session imports it never."""
    script = """
import os, sys, tempfile
from pytest_fsfault import inject
with tempfile.TemporaryDirectory() as place, inject(windows="11", roots=[place]) as fsfault:
    os.stat(place)
assert not [name for name in sys.modules if name.startswith("pyfakefs")]
"""
    subprocess.run([sys.executable, "-c", script], check=True)
