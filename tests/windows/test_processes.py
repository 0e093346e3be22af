"""What the descendants of this process have open is read from the operating system."""

# ruff: noqa: F401, F811  # fixtures are imported

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from multiprocessing import resource_tracker
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_fsfault._host import processes
from pytest_fsfault._windows.open_files import descendants
from pytest_fsfault._windows.open_files.queries import Below, SameFile
from pytest_fsfault._windows.open_files.this_process import OpenFiles
from pytest_fsfault._windows.sharing import ALL, READ, WRITE, Opening

from .seeing import (
    CRT,
    SLEEP,
    child,
    eventually,
    file,
    identity,
    linux,
    mapped_libraries,
    natives,
    open_files,
    python,
    with_sleep,
)

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="left to Windows: it knows by itself"),
    pytest.mark.usefixtures("childless"),
]


@pytest.fixture
def stack():
    """Leave at the end what the test has entered."""
    with contextlib.ExitStack() as entered:
        yield entered


def test_without_children_nobody_looks_at_processes(open_files, file, monkeypatch):
    """It is asked for at each look, and costs a microsecond."""
    monkeypatch.setattr(
        "pytest_fsfault._windows.open_files.this_process.openings", lambda *_: pytest.fail("looked")
    )
    assert [] == open_files.of(identity(file))


@linux
@pytest.mark.parametrize(("flags", "access"), [(os.O_RDONLY, READ), (os.O_WRONLY, WRITE), (os.O_RDWR, CRT)])
def test_a_file_that_a_child_has_open_is_held(open_files, file, tmp_path, flags, access):
    """It denies deletion as one of this process does."""
    descriptor = os.open(file, flags)
    with child(SLEEP, "600", stdin=descriptor) as process:
        os.close(descriptor)
        who = f"held open by process {process.pid} (sleep)"
        assert [Opening(access, CRT, "handle", who)] == open_files.of(identity(file))
        assert [Opening(access, CRT, "handle", who, file)] == open_files.below(str(tmp_path))
    assert [] == open_files.of(identity(file))


@linux
def test_a_directory_that_a_child_has_open_or_has_entered_is_held(open_files, tmp_path):
    """The one shares everything, the other not its deletion."""
    (tmp_path / "in").mkdir()
    descriptor = os.open(tmp_path / "in", os.O_RDONLY)
    with child(SLEEP, "600", stdin=descriptor, cwd=tmp_path / "in") as process:
        os.close(descriptor)
        listing = Opening(READ, ALL, "directory", f"held open by process {process.pid} (sleep)")
        who = f"the current directory of process {process.pid} (sleep)"
        assert [listing, Opening(READ, CRT, "cwd", who)] == open_files.of(identity(tmp_path / "in"))
        assert {str(tmp_path / "in")} == {one.path for one in open_files.below(str(tmp_path))}
        assert [] == open_files.below(str(tmp_path / "in"))


@linux
def test_a_program_that_a_child_runs_is_an_image(open_files, tmp_path):
    """It has no handle; renamed aside it runs on."""
    program = str(tmp_path / "ruff.exe")
    shutil.copy(SLEEP, program)
    with child("sleep", "600", executable=program) as process:
        # The kernel closes the pipe by which `Popen` learns of the start before it has mapped the program.
        while program not in Path(f"/proc/{process.pid}/maps").read_text():
            time.sleep(0.001)
        image = Opening(0, ALL, "image", f"ruff.exe is running (process {process.pid})", program)
        assert [image] == open_files.of(identity(program))
        moved = str(tmp_path / "ruff.exe.old")
        os.rename(program, moved)
        assert [moved] == [one.path for one in open_files.below(str(tmp_path))]
    assert [] == open_files.of(identity(moved))


@linux
def test_a_library_that_a_child_has_loaded_is_an_image(open_files, tmp_path):
    """Whatever loaded it."""
    library = str(tmp_path / "libopenblas.so")
    with child(SLEEP, "600") as process:  # whose C library this Python need not have
        known = eventually(lambda: [one for one in mapped_libraries(process.pid) if "libc" in one])
        shutil.copy(known[0], library)
    with child(SLEEP, "600", env={"LD_PRELOAD": library}) as process:
        image = Opening(0, ALL, "image", f"loaded by process {process.pid} (sleep)", library)
        assert [image] == eventually(
            lambda: [one for one in open_files.of(identity(library)) if not one.access]
        )
        assert [image] == [one for one in open_files.below(str(tmp_path)) if not one.access]


@linux
def test_a_file_that_a_child_has_mapped_is_a_section(open_files, file, tmp_path):
    """Whatever the directory is called: ``maps`` escapes line breaks."""
    odd = os.path.dirname(file) + "/two\nlines"
    os.mkdir(odd)
    file = shutil.move(file, odd)
    script = "import mmap; f = open(sys.argv[1], 'r+b'); m = mmap.mmap(f.fileno(), 0)"
    with python(script, file) as process:
        kinds = [one.kind for one in open_files.of(identity(file))]
        assert ["handle", "handle", "section"] == kinds
        for directory in (odd, str(tmp_path)):
            section = open_files.below(directory)[-1]
            assert ("section", file) == (section.kind, section.path)
            assert f"mapped by process {process.pid}" == section.who.partition(" (")[0]


@linux
@pytest.mark.parametrize("listed", [True, False])
def test_grandchildren_count(open_files, file, monkeypatch, listed):
    """Whether or not the kernel lists the children of a process."""
    if not listed:
        monkeypatch.setattr(processes, "_children", lambda *_: None)
    with child("sh", "-c", f"sleep 600 < '{file}'; exit") as process:
        *_, sleep = eventually(lambda: with_sleep(open_files.of(identity(file))))
    assert (READ, CRT, "handle") == sleep[:3]
    assert sleep.who.startswith("held open by process ")
    assert f"process {process.pid} " not in sleep.who


@linux
def test_a_zombie_holds_nothing(open_files, file):
    """It has ended, and waits to be reaped."""
    with open(file, "rb") as opened, child(SLEEP, "600", stdin=opened) as process:
        opened.close()
        assert 1 == len(open_files.of(identity(file)))
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert processes.has_children()
        assert [] == processes.descendants(natives())
        assert [] == open_files.of(identity(file))


@linux
def test_helpers_of_multiprocessing_do_not_count(open_files, tmp_path, monkeypatch):
    """Windows has none, and they would keep the directory in which they happened to start."""
    tracker = SimpleNamespace(_pid=None)
    monkeypatch.setattr(resource_tracker, "_resource_tracker", tracker)
    with child("sh", "-c", "sleep 600; exit", cwd=tmp_path) as process:
        shell, sleep = eventually(lambda: with_sleep(open_files.of(identity(tmp_path))))
        assert f"the current directory of process {process.pid} (sh)" == shell.who
        tracker._pid = process.pid
        assert [sleep] == open_files.of(identity(tmp_path))


@linux
@pytest.mark.parametrize("spared", ["/stat", "/fd", "/nothing"])
@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError, ProcessLookupError])
def test_a_process_that_may_not_be_read_is_passed_over(file, tmp_path, error, spared):
    """Whether it belongs to another user or has just gone."""

    def refusing(function):
        def refused(place, *arguments, **options):
            if str(place).startswith(f"/proc/{process.pid}/") and not str(place).endswith(spared):
                raise error(place)
            return function(place, *arguments, **options)

        return refused

    names = ("open", "listdir", "readlink", "stat")
    with open(file, "rb") as opened, child(SLEEP, "600", stdin=opened) as process:
        native = natives(**{name: refusing(getattr(os, name)) for name in names})
        open_files = OpenFiles(native)
        seen = open_files.of(identity(file)) + open_files.below(str(tmp_path))
        assert {f"open in this process (descriptor {opened.fileno()})"} == {one.who for one in seen}


@pytest.mark.parametrize(
    "names", [("open", "listdir", "readlink", "stat", "fstat", "getcwd"), ("read", "stat")]
)
def test_where_nothing_can_be_seen_nothing_is_reported(tmp_path, names):
    """No system call of ours ever fails in the code under test."""

    def fail(*_arguments, **_options):
        raise PermissionError

    open_files = OpenFiles(natives(**dict.fromkeys(names, fail)))
    with child("sleep", "600", cwd=tmp_path):
        assert [] == open_files.of(identity(tmp_path))
        assert [] == open_files.below(str(tmp_path))


def test_psutil_sees_what_children_have_open(file, tmp_path, stack):
    """Files, programs and current directories, where there is no ``/proc``."""
    pytest.importorskip("psutil")
    program = str(tmp_path / "ruff.exe")
    shutil.copy(SLEEP, program)
    native = natives()
    with open(file, "rb") as stdin:
        process = stack.enter_context(child("sleep", "600", executable=program, stdin=stdin, cwd=tmp_path))
    handle = Opening(READ, CRT, "handle", f"held open by process {process.pid} (ruff.exe)", file)
    whose = f"process {process.pid} (ruff.exe)"
    assert [handle] == list(descendants.by_psutil(SameFile(native, identity(file))))
    assert [
        handle,
        Opening(READ, CRT, "cwd", f"the current directory of {whose}", str(tmp_path)),
        Opening(0, ALL, "image", f"ruff.exe is running (process {process.pid})", program),
    ] == list(descendants.by_psutil(Below(native, os.path.dirname(tmp_path))))


def test_without_psutil_children_are_not_seen(file, monkeypatch):
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "psutil", None)
    with child("sleep", "600"):
        assert [] == list(descendants.by_psutil(SameFile(natives(), identity(file))))


def test_where_the_system_does_not_tell_of_children_there_may_be_some(monkeypatch):
    """Then somebody has to look."""
    assert not processes.has_children()
    monkeypatch.setattr(processes, "_waitid", None)
    assert processes.has_children()
