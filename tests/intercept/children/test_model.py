"""Children live in the Windows of their parent: who has what open is one question for all."""

import contextlib
import errno
import os
import subprocess
import sys

import pytest
from skips import left_to_windows, marked, posix_fact, wine_differs

from pytest_fsfault import inject

#: Runs each line of code that it is given, and prints what becomes of it.
LINES = """
import os, shutil, sys, tempfile, time
path = sys.argv[1]
for line in sys.argv[2:]:
    try:
        exec(line)
        print("ok")
    except OSError as error:
        print(type(error).__name__, getattr(error, "winerror", None))
"""


@pytest.fixture
def windows(root):
    """A Windows 11 for the test."""
    with inject(roots=[root], windows="11") as fsfault:
        yield fsfault.windows()


@pytest.fixture
def exe(root):
    """A program."""
    (root / "ruff.exe").write_bytes(b"old")
    return str(root / "ruff.exe")


HELD = {
    "handle": (
        lambda windows, path: windows.hold(path),
        {
            "os.remove(path)": "PermissionError 32",
            "os.rename(path, path + 'x')": "PermissionError 32",
            "os.replace(path, path + 'x')": "PermissionError 32",
            "open(path).read()": "ok",
            "os.rmdir(os.path.dirname(path))": "OSError 145",
        },
    ),
    "exclusive": (
        lambda windows, path: windows.hold(path, share=""),
        {
            "open(path)": "PermissionError None",
            "os.stat(path)": "ok",
            "shutil.copyfile(path, path + 'x')": "PermissionError None",
        },
    ),
    "image": (
        lambda windows, path: windows.run(path),
        {
            "os.remove(path)": "PermissionError 5",
            "open(path, 'wb')": "PermissionError None",
            "os.rename(path, path + 'x')": "ok",
        },
    ),
    "directory": (
        lambda windows, path: windows.enter(os.path.dirname(path)),
        {"os.rename(os.path.dirname(path), path + 'x')": "PermissionError 32"},
    ),
}


@pytest.mark.parametrize("kind", HELD)
def test_what_the_parent_declares_holds_in_a_child(windows, exe, python, kind):
    """With the error that Windows gives; and only while it is held."""
    hold, lines = HELD[kind]
    with hold(windows, exe):
        assert list(lines.values()) == python(LINES, exe, *lines).splitlines()
    assert "ok\n" == python(
        LINES, exe, "os.rename(path + 'x' if os.path.exists(path + 'x') else path, path + 'y')"
    )


def test_the_explanation_reaches_the_child(windows, exe, python):
    """In the notes of the exception, as in the parent."""
    code = "import os, sys\ntry: os.remove(sys.argv[1])\nexcept OSError as error: print(*error.__notes__)"
    with windows.run(exe):
        assert "ruff.exe is running (declared at test_model.py:" in python(code, exe)


def test_a_file_that_the_parent_has_open(windows, exe, python):
    """It is really open, nothing is declared."""
    with open(exe, "rb"):
        assert "PermissionError 32\n" == python(LINES, exe, "os.remove(path)")
    assert "ok\n" == python(LINES, exe, "os.remove(path)")


@left_to_windows("a file that is really open")
def test_a_file_that_a_child_has_open(windows, exe):
    """Neither the parent nor another child can remove it."""
    code = "import sys; file = open(sys.argv[1], 'rb'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, exe], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        with pytest.raises(PermissionError) as caught:
            os.remove(exe)
        assert 32 == caught.value.winerror
        assert f"process {child.pid}" in caught.value.__notes__[0]
        other = subprocess.run(
            [sys.executable, "-c", LINES, exe, "os.remove(path)"], capture_output=True, text=True, check=False
        )
        assert ("PermissionError 32\n", "") == (other.stdout, other.stderr)
        child.stdin.close()
    os.remove(exe)


def test_a_child_has_a_file_open_itself(windows, exe, python):
    """It stands in its own way, as on Windows."""
    lines = ["file = open(path, 'rb')", "os.remove(path)", "file.close()", "os.remove(path)"]
    assert ["ok", "PermissionError 32", "ok", "ok"] == python(LINES, exe, *lines).splitlines()


def test_a_scanner_sees_what_a_child_has_written(root, python):
    """It holds the new file for two virtual seconds; the child's retry outlasts it."""
    code = """
import os, sys, time
path = sys.argv[1]
with open(path, "wb") as file:
    file.write(b"MZ")
for attempt in range(10):
    try:
        os.rename(path, path + ".exe")
        print(attempt)
        break
    except PermissionError as error:
        time.sleep(0.5)
"""
    with inject(roots=[root], windows="11") as fsfault:
        fsfault.windows().scanner(hold="2s", share="r", on="*.dll")
        assert 4 <= int(python(code, root / "new.dll")) <= 5
        fsfault.assert_retried("os.rename", within=3.0)


def test_a_hold_follows_what_a_child_renames(windows, exe, python):
    """A running program is renamed aside by a child, and cannot be removed under its new name."""
    hold = windows.run(exe)
    assert "ok\n" == python(LINES, exe, "os.rename(path, path + '.old')")
    with pytest.raises(PermissionError):
        os.remove(f"{exe}.old")
    hold.close()
    os.remove(f"{exe}.old")


@left_to_windows("the deletion of a file that is really open")
def test_a_legacy_deletion_by_a_child_is_pending(root, exe, python):
    """Under Windows 7 the name stays until the last handle is closed, for every process."""
    with inject(roots=[root], windows="7", strict=False) as fsfault:
        with fsfault.windows().hold(exe, share="rwd"):
            assert "ok\n" == python(LINES, exe, "os.remove(path)")
            with pytest.raises(PermissionError):
                open(exe)
            assert "PermissionError None\nPermissionError 5\n" == python(
                LINES, exe, "open(path)", "os.rename(path, path + 'x')"
            )
        assert not os.path.exists(exe)


NAMES = {
    "print([e.name for e in os.scandir(os.path.dirname(path))])": "['a', 'B', 'ruff.exe']",
    "print(os.listdir(os.path.dirname(path)))": "['a', 'B', 'ruff.exe']",
    "print(len(open(os.path.join(os.path.dirname(path), 'RUFF.EXE')).read()))": "3",
    "open(os.path.join(os.path.dirname(path), 'nul'), 'w')": None,
    "open(path + '?', 'w')": "OSError None",
    "print(os.access(path, os.W_OK))": "True",
    "tempfile.NamedTemporaryFile(dir=os.path.dirname(path)).close()": None,
    "os.symlink(path, path + 'l')": "OSError 1314",
    "os.chmod(path, 0o444); os.remove(path)": "PermissionError 5",
}


LEFT_OUT = {
    "os.symlink(path, path + 'l')": left_to_windows("a symbolic link, which an administrator may make"),
    "print([e.name for e in os.scandir(os.path.dirname(path))])": wine_differs(
        "it lists names by its own order"
    ),
}


@pytest.mark.parametrize("line", marked(NAMES, LEFT_OUT))
def test_names_and_listings_are_those_of_windows(windows, exe, root, python, line):
    """Regardless of case, and in the order of names."""
    (root / "B").touch()
    (root / "a").touch()
    expected = NAMES[line]
    told = python(LINES, exe, line).splitlines()
    assert ([expected] if expected else ["ok"]) == [one for one in told if one != "ok" or not expected]
    with contextlib.suppress(OSError):
        os.chmod(exe, 0o666)


@posix_fact("os.fork")
def test_a_forked_child_is_in_the_same_windows(windows, exe):
    """Its copy of the model is not asked: the parent is."""
    hold = windows.hold(exe)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.remove(exe)
        except PermissionError as error:
            code = error.winerror
        finally:
            os._exit(code)
    assert 32 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert hold.met


def test_a_tree_is_removed_by_a_child_as_on_windows(windows, root, python):
    """`shutil.rmtree` goes by paths there, and stops where something is held."""
    (root / "pkg" / "sub").mkdir(parents=True)
    for name in ("a.py", "m.py", "sub/z.py"):
        (root / "pkg" / name).touch()
    with windows.hold(root / "pkg" / "m.py"):
        assert "PermissionError 32\n" == python(LINES, str(root / "pkg"), "shutil.rmtree(path)")
    # From Python 3.13 on it begins with the directories.
    left = ["m.py"] if sys.version_info >= (3, 13) else ["m.py", "sub"]
    assert left == sorted(os.listdir(root / "pkg"))
    assert "ok\n" == python(LINES, str(root / "pkg"), "shutil.rmtree(path)")


def test_a_delayed_call_of_a_child_outlasts_a_hold(root, python, exe):
    """The delay passes in the child, then the parent's model is asked."""
    with inject("os.remove -> delay 1s", roots=[root], windows="11") as fsfault:
        hold = fsfault.windows().hold(exe, seconds=0.5)
        assert "ok\n" == python(LINES, exe, "os.remove(path)")
    assert hold.met


def test_what_is_refused_after_a_delay(root, python, exe):
    """The rule has fired, the entry is about the refusal."""
    with inject("os.remove -> delay 1s", roots=[root], windows="11") as fsfault:
        fsfault.windows().hold(exe, seconds=2)
        assert "PermissionError 32\n" == python(LINES, exe, "os.remove(path)")
        (entry,) = fsfault.journal
        assert ("ERROR_SHARING_VIOLATION", "raised") == (entry.fault, entry.outcome)
        assert entry.at > 1


def test_a_rule_of_the_parent_comes_before_its_model(root, python, exe):
    """What the model refuses has been counted by the rules that match it."""
    with inject("os.remove -> ERROR_LOCK_VIOLATION when nth 2", roots=[root], windows="11") as fsfault:
        with fsfault.windows().hold(exe):
            told = python(LINES, exe, "os.remove(path)", "os.remove(path)", "os.remove(path)")
        assert ["PermissionError 32", "PermissionError 33", "PermissionError 32"] == told.splitlines()
        assert ["ERROR_SHARING_VIOLATION", "ERROR_LOCK_VIOLATION", "ERROR_SHARING_VIOLATION"] == [
            entry.fault for entry in fsfault.journal
        ]


SESSION = """
import os, sys
from pytest_fsfault import inject
path = sys.argv[1]
with inject("os.remove -> EBUSY when once", roots=[os.path.dirname(path)]):
    for _ in range(2):
        try:
            os.remove(path)
        except OSError as error:
            print(error.errno)
"""


def test_a_rule_of_the_child_comes_before_the_model_of_its_parent(root, python, exe):
    """The entry of the parent names the child's fault."""
    with inject(roots=[root], windows="11", profile="observe") as fsfault:
        with fsfault.windows().hold(exe):
            told = python(SESSION, exe).split()
        assert [str(errno.EBUSY), str(errno.EACCES)] == told
        assert [("EBUSY", "raised"), ("ERROR_SHARING_VIOLATION", "raised")] == [
            (entry.fault, entry.outcome) for entry in fsfault.journal.of("os.remove")
        ]
