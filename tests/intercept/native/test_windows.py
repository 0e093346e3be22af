"""What Windows would refuse to a native program, by what its runtime shares and by who has what open."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from pytest_fsfault import FsFaultError, inject
from pytest_fsfault._windows.open_files.runtimes import RUNTIMES, Sharing
from pytest_fsfault._windows.sharing import ALL, READ, WRITE

KNOWN = {
    "uv": ALL,
    "cargo": ALL,
    "node": ALL,
    "NODE.EXE": ALL,
    "git": READ | WRITE,
    "python3.11": READ | WRITE,
    "anything": READ | WRITE,
    "dotnet": 0,
    "gh": READ | WRITE,
    "bash": ALL,
}


@pytest.mark.parametrize("program", KNOWN)
def test_what_a_program_shares(program):
    """By its runtime; the C runtime's way where nothing is known."""
    assert KNOWN[program] == Sharing().of(program)


def test_what_dotnet_shares_of_what_it_reads():
    """Reading, and nothing of what it writes; the others make no difference."""
    sharing = Sharing()
    assert (READ, 0, 0) == tuple(sharing.of("dotnet", access) for access in (READ, WRITE, READ | WRITE))
    assert (ALL, READ | WRITE) == (sharing.of("uv", READ), sharing.of("git", READ))


def test_every_runtime_has_its_source():
    """And no program has two."""
    names = [name for runtime in RUNTIMES for name in runtime.programs]
    assert all(runtime.source for runtime in RUNTIMES)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("program", "refused"), [("git", False), ("rm", False), ("del", True)])
def test_a_read_only_file_is_deleted_by_a_program(root, tmp_path, program, refused):
    """By those whose build for Windows clears the attribute first: git's own cannot be told from Unix."""
    (root / "a").write_text("x")
    (root / "a").chmod(0o444)
    shutil.copy(shutil.which("rm"), tmp_path / program)
    with inject(roots=[root], windows="11") as fsfault:
        done = subprocess.run([tmp_path / program, "-f", root / "a"], check=False, stderr=-3)
        assert [refused, refused] == [bool(done.returncode), bool(fsfault.journal.faults)]
        if refused:
            with pytest.raises(PermissionError):
                os.remove(root / "a")


@pytest.mark.parametrize(("program", "refused"), [("git", False), ("mv", False), ("move", True)])
def test_a_read_only_file_is_replaced_by_a_program(root, tmp_path, program, refused):
    """By git and Cygwin's mv, which clear or ignore the attribute."""
    for name in ("a", "b"):
        (root / name).write_text(name)
        (root / name).chmod(0o444)
    shutil.copy(shutil.which("mv"), tmp_path / program)
    with inject(roots=[root], windows="11"):
        subprocess.run([tmp_path / program, "-f", root / "a", root / "b"], check=False, stderr=-3)
    assert ("b" if refused else "a") == (root / "b").read_text()


@pytest.mark.parametrize(
    ("program", "version", "share", "refused"),
    [
        ("uv", "11", "rwd", False),
        ("uv", "11", "rw", True),
        ("uv", "7", "rwd", True),
        ("move", "11", "rwd", True),
    ],
)
def test_an_open_file_is_replaced_by_a_program(root, tmp_path, program, version, share, refused):
    """By those in Rust from Windows 10 on, where everybody shares deletion."""
    for name in ("a", "b"):
        (root / name).write_text(name)
    shutil.copy(shutil.which("mv"), tmp_path / program)
    with inject(roots=[root], windows=version, strict=False) as fsfault:
        fsfault.windows().hold(root / "b", "r", share)
        subprocess.run([tmp_path / program, "-f", root / "a", root / "b"], check=False, stderr=-3)
    assert ("b" if refused else "a") == (root / "b").read_text()


@pytest.mark.skipif(not shutil.which("git"), reason="git is not on the path")
def test_git_meets_nothing_in_a_repository_of_its_own(root):
    """Its objects are read-only from the start, and it moves and deletes them all the same."""
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    with inject(roots=[root], windows="11") as fsfault:
        for words in (["init", "-q", "."], ["commit", "-q", "--allow-empty", "-m", "x"], ["gc", "-q"]):
            done = subprocess.run([*git, *words], check=True, capture_output=True, text=True)
            assert not done.stderr
        assert not fsfault.journal.faults
    assert not list(root.rglob("tmp_*"))


def test_what_a_test_says_comes_first():
    """The latest before those before it."""
    sharing = Sharing()
    sharing.declare("n*", READ)
    sharing.declare("node", 0)
    assert (0, READ, ALL) == (sharing.of("node"), sharing.of("nano"), sharing.of("uv"))


MISTAKES = {
    "no text": (
        (7, "r"),
        "programs(7) matches no program; write a glob for the name of an executable, such as 'uv*'",
    ),
    "a path": (
        ("/bin/uv", "r"),
        "programs('/bin/uv') matches no program; write a glob for the name of an executable, such as 'uv*'",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(root, case):
    """Each is one sentence."""
    arguments, told = MISTAKES[case]
    with inject(roots=[root], windows="11") as fsfault, pytest.raises(FsFaultError) as caught:
        fsfault.windows().programs(*arguments)
    assert told == str(caught.value)


@pytest.fixture
def reader(root, tmp_path):
    """Return a function that starts a program of some name, which has a file open and waits."""
    started = []

    def start(name, path):
        program = tmp_path / name
        shutil.copy(shutil.which("cat"), program)
        fifo = tmp_path / f"{name}.fifo"
        os.mkfifo(fifo)
        process = subprocess.Popen(["sh", "-c", f"exec {program} {fifo} < {path}"])
        started.append(process)
        until = time.monotonic() + 20
        while name not in (shown := os.readlink(f"/proc/{process.pid}/exe")):
            assert time.monotonic() < until, shown
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("program", "refused"), [("node", False), ("git", True), ("uv", False)])
def test_an_open_file_of_a_program(root, reader, program, refused):
    """Node's may be deleted, git's may not: by Python, and by another native program."""
    (root / "a").write_text("x")
    with inject(roots=[root], windows="11", clock="real") as fsfault:
        reader(program, root / "a")
        if refused:
            with pytest.raises(PermissionError) as caught:
                os.remove(root / "a")
            assert 32 == caught.value.winerror
        assert refused == bool(subprocess.run(["rm", "-f", root / "a"], check=False, stderr=-3).returncode)
        if refused:
            entry = fsfault.journal.faults[-1]
            assert ("rm", 32) == (entry.program, entry.error.winerror)
            assert "held open by process" in entry.reason


def test_what_a_test_declares_holds_for_native_programs(root):
    """With the errno that Linux has for it."""
    (root / "a").write_text("x")
    with inject(roots=[root], windows="11") as fsfault:
        with fsfault.windows().hold(root / "a", share=""):
            told = subprocess.run(["rm", root / "a"], check=False, capture_output=True, text=True)
            assert "Permission denied" in told.stderr
            told = subprocess.run(["cat", root / "a"], check=False, capture_output=True, text=True)
            assert "Permission denied" in told.stderr
        assert 0 == subprocess.run(["rm", root / "a"], check=False).returncode


def test_a_program_s_own_share_mode_counts(root):
    """Who shares deletion is refused where a handle does not share reading only if it asks for that."""
    (root / "a").write_text("x")
    with inject(roots=[root], windows="11") as fsfault:
        windows = fsfault.windows()
        with windows.hold(root / "a", access="d", share="rwd"):
            assert 1 == subprocess.run(["cat", root / "a"], check=False, capture_output=True).returncode
            windows.programs("cat", "rwd")
            assert 0 == subprocess.run(["cat", root / "a"], check=False, capture_output=True).returncode


def test_a_scanner_sees_what_a_native_program_writes(root):
    """It opens the file when that is closed, and the next to move it is refused."""
    with inject(roots=[root], windows="11") as fsfault:
        fsfault.windows().scanner(hold="30s", share="r", on="*.dll")
        assert 0 == subprocess.run(["cp", "/bin/true", root / "new.dll"], check=False).returncode
        told = subprocess.run(
            ["mv", root / "new.dll", root / "x"], check=False, capture_output=True, text=True
        )
        assert "Permission denied" in told.stderr


def test_names_are_those_of_windows(root):
    """A native program meets the file that another spelling names, as it would there."""
    (root / "Readme").write_text("x")
    with inject(roots=[root], windows="11"):
        assert 0 == subprocess.run(["rm", root / "README"], check=False).returncode
    assert not (root / "Readme").exists()


def test_links_need_no_privilege(root):
    """A program that was built for Unix takes them for granted; Python's own are refused."""
    with inject(roots=[root], windows="11"):
        assert 0 == subprocess.run(["ln", "-s", "a", root / "b"], check=False).returncode
        with pytest.raises(OSError, match="privilege"):
            os.symlink("a", root / "c")


def test_a_running_program_of_a_python_child(root):
    """What an interpreter has loaded below the root can be deleted by nobody."""
    library = root / "loaded.so"
    extension = __import__("_ctypes").__file__
    shutil.copy(extension, library)
    code = f"import ctypes, sys; ctypes.CDLL({str(library)!r}); print('loaded', flush=True); sys.stdin.read()"
    with inject(roots=[root], windows="11", clock="real"):
        with subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child:
            assert "loaded\n" == child.stdout.readline()
            told = subprocess.run(["rm", library], check=False, capture_output=True, text=True)
            child.communicate()
        assert "Permission denied" in told.stderr
        assert 0 == subprocess.run(["rm", library], check=False).returncode
