"""What this process and its descendants really have open is read from the operating system."""

from __future__ import annotations

import contextlib
import ctypes
import io
import mmap
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from multiprocessing import resource_tracker
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_fsfault._windows import processes
from pytest_fsfault._windows.reality import Reality
from pytest_fsfault._windows.sharing import ALL, READ, WRITE, Opening
from pytest_fsfault._windows.sought import Below, Mapped, SameFile

CRT = READ | WRITE  # what the C runtime shares
SLEEP = shutil.which("sleep")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a real Windows knows by itself")
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows it")


def identity(place):
    """Return device and inode of a path or descriptor."""
    status = os.stat(place)
    return status.st_dev, status.st_ino


def natives(**others):
    """Return the functions of `os`, some of them exchanged."""
    return SimpleNamespace(**{**vars(os), "open_file": io.open, **others})


@pytest.fixture
def reality():
    """Return one whose first look is over."""
    made = Reality(natives())
    made.of(identity("/"))
    return made


@pytest.fixture
def file(tmp_path):
    """Return the path of a file with two pages."""
    path = tmp_path / "tool.exe"
    path.write_bytes(bytes(8192))
    return str(path)


@pytest.fixture
def library(tmp_path):
    """Return the path of a shared library of which no other is a copy."""
    path = tmp_path / "libopenblas.so"
    shutil.copy(next(one for one in mapped_libraries() if "libc" in one), path)
    return str(path)


@pytest.fixture
def stack():
    """Leave at the end what the test has entered."""
    with contextlib.ExitStack() as entered:
        yield entered


def mapped_libraries():
    """Return the shared libraries of this process, the C library among them."""
    with open("/proc/self/maps", encoding="utf-8") as lines:
        return sorted({line.split(None, 5)[5].strip() for line in lines if ".so" in line})


@contextlib.contextmanager
def child(*arguments, **options):
    """Run a process, and end it."""
    with subprocess.Popen(arguments, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, 9)


@contextlib.contextmanager
def python(script, *arguments, **options):
    """Run a Python script up to where it says that it is ready, and end it."""
    script = f"import sys, time; {script}; print(flush=True); time.sleep(600)"
    with child(sys.executable, "-c", script, *arguments, stdout=subprocess.PIPE, **options) as process:
        process.stdout.readline()
        yield process


def eventually(question):
    """Return the first answer that is not empty: a process that has started is not yet where it will be."""
    for _ in range(3000):
        if answer := question():
            return answer
        time.sleep(0.01)
    return pytest.fail("it never came")


# Descriptors of this process


@pytest.mark.parametrize(
    ("flags", "access"), [(os.O_RDONLY, READ), (os.O_WRONLY, WRITE), (os.O_RDWR, READ | WRITE)]
)
def test_an_open_file_denies_deletion(reality, file, flags, access):
    """As the C runtime opens it: whoever else wants to read or write may, who wants to delete may not."""
    descriptor = os.open(file, flags)
    try:
        who = f"open in this process (descriptor {descriptor})"
        assert [Opening(access, CRT, "handle", who)] == reality.of(identity(file))
    finally:
        os.close(descriptor)
    assert [] == reality.of(identity(file))


def test_each_descriptor_counts(reality, file):
    """A duplicate keeps the file open when the first is closed."""
    with open(file, "rb") as first:
        second = os.dup(first.fileno())
        assert 2 == len(reality.of(identity(file)))
    (left,) = reality.of(identity(file))
    os.close(second)
    assert f"open in this process (descriptor {second})" == left.who


def test_who_has_it_open_does_not_depend_on_the_name(reality, file, tmp_path):
    """Sharing is per file: it follows renames and hard links."""
    with open(file, "rb"):
        os.link(file, tmp_path / "second")
        os.rename(file, tmp_path / "moved")
        assert 1 == len(reality.of(identity(tmp_path / "second")))
        assert [str(tmp_path / "moved")] == [one.path for one in reality.below(str(tmp_path))]


@pytest.mark.parametrize("suspend", [False, True])
def test_an_open_directory_is_a_listing(reality, tmp_path, suspend):
    """It shares everything, be it open by descriptor or by a suspended iterator."""
    (tmp_path / "a").touch()
    with contextlib.ExitStack() as stack:
        if suspend:
            next(stack.enter_context(os.scandir(tmp_path)))
        else:
            stack.callback(os.close, os.open(tmp_path, os.O_RDONLY))
        (opening,) = reality.of(identity(tmp_path))
    assert (READ, ALL, "directory") == opening[:3]


def test_a_deleted_file_is_nobodys(reality, file, tmp_path):
    """What is open without a name stands in no one's way."""
    with open(file, "rb") as opened:
        seen = identity(opened.fileno())
        os.unlink(file)
        assert [] == reality.of(seen)
        assert [] == reality.below(str(tmp_path))


def test_only_files_and_directories_count(reality, tmp_path):
    """Pipes, sockets and devices are none of Windows' files."""
    os.mkfifo(tmp_path / "fifo")
    fifo = os.open(tmp_path / "fifo", os.O_RDWR)
    with socket.socket(socket.AF_UNIX) as unix, open(os.devnull, "rb") as null:
        unix.bind(os.path.relpath(tmp_path / "socket"))
        places = (tmp_path / "fifo", unix.fileno(), null.fileno())
        assert [[], [], []] == [reality.of(identity(place)) for place in places]
        assert [] == reality.below(str(tmp_path))
    os.close(fifo)


def test_a_descriptor_of_our_own_is_left_out(reality, file, tmp_path):
    """The code under test does not know of it, until it is given up."""
    with open(file, "rb") as own:
        reality.ignore(own.fileno())
        assert [] == reality.of(identity(file))
        assert [] == reality.below(str(tmp_path))
        reality.unignore(own.fileno())
        assert 1 == len(reality.of(identity(file)))


def test_another_file_in_the_place_of_one_is_seen(reality, file, tmp_path):
    """As many descriptors with the same numbers need not be the same files."""
    other = tmp_path / "other"
    with open(file, "rb") as first, open(other, "wb") as second:
        assert [1, 1] == [len(reality.of(identity(path))) for path in (file, other)]
        os.dup2(second.fileno(), first.fileno())
        assert [0, 2] == [len(reality.of(identity(path))) for path in (file, other)]


def test_a_closed_and_another_opened_are_both_noticed(reality, file, tmp_path):
    """As many descriptors as before need not have the same numbers."""
    first = os.open(os.devnull, os.O_RDONLY)
    second = os.open(file, os.O_RDONLY)
    assert 1 == len(reality.of(identity(file)))
    third = os.dup(second)
    os.close(first)
    expected = [f"open in this process (descriptor {number})" for number in (second, third)]
    assert expected == [one.who for one in reality.of(identity(file))]
    first = os.dup2(third, first)
    os.close(third)
    expected = [f"open in this process (descriptor {number})" for number in (first, second)]
    assert expected == [one.who for one in reality.below(str(tmp_path))]
    os.close(first)
    os.close(second)


STEPS = st.tuples(st.sampled_from(["open", "close", "put"]), st.integers(0, 3), st.integers(0, 3))


@pytest.mark.parametrize("counted", [True, False])
@given(steps=st.lists(STEPS, max_size=12))
def test_law_what_is_seen_is_what_is_open(tmp_path_factory, counted, steps):
    """Whatever was opened, closed or put in another's place: each look sees just those that are open now."""

    def stat(place):
        # Before 6.2, Linux did not count the descriptors.
        return os.lstat(os.devnull) if not counted and place == "/proc/self/fd" else os.stat(place)

    top = tmp_path_factory.mktemp("law")
    paths = [str(top / name) for name in "abcd"]
    for path in paths:
        open(path, "wb").close()
    reality = Reality(natives(stat=stat))
    held = {}
    try:
        for verb, which, other in steps:
            numbers = sorted(held)
            if verb == "open":
                held[os.open(paths[which], os.O_RDONLY)] = which
            elif numbers and verb == "close":
                os.close(numbers[which % len(numbers)])
                del held[numbers[which % len(numbers)]]
            elif numbers:
                source, target = numbers[which % len(numbers)], numbers[other % len(numbers)]
                os.dup2(source, target)
                held[target] = held[source]
            expected = [sum(which == index for which in held.values()) for index in range(4)]
            assert expected == [len(reality.of(identity(path))) for path in paths]
            below = sorted(paths[which] for which in held.values())
            assert below == sorted(one.path for one in reality.below(str(top)))
    finally:
        for number in held:
            os.close(number)


def test_below_is_strictly_below(reality, tmp_path):
    """Neither the directory itself nor one whose name begins alike."""
    for name in ("lib", "lib64"):
        (tmp_path / name).mkdir()
    (tmp_path / "lib64" / "x.dll").touch()
    descriptor = os.open(tmp_path / "lib", os.O_RDONLY)
    with open(tmp_path / "lib64" / "x.dll", "ab"):
        assert [] == reality.below(str(tmp_path / "lib"))
        (opening,) = reality.below(str(tmp_path / "lib64"))
        assert (WRITE, CRT, "handle", str(tmp_path / "lib64" / "x.dll")) == (*opening[:3], opening.path)
        assert {"directory", "handle"} == {one.kind for one in reality.below(str(tmp_path))}
        assert {"directory", "handle"} <= {one.kind for one in reality.below("/")}
    os.close(descriptor)


@linux
def test_a_name_that_looks_deleted_is_taken_for_a_name(reality, tmp_path):
    """A file may be called so; one that lives on under another name is not where it was opened."""
    path = tmp_path / "draft (deleted)"
    path.touch()
    with open(path, "rb"):
        assert [str(path)] == [one.path for one in reality.below(str(tmp_path))]
        os.link(path, tmp_path / "other")
        os.unlink(path)
        assert [] == reality.below(str(tmp_path))
        assert 1 == len(reality.of(identity(tmp_path / "other")))


# The current directory


def test_the_current_directory_denies_deletion(reality, tmp_path, monkeypatch):
    """It is entered, and lets nobody delete it."""
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    who = "the current directory of this process"
    assert [Opening(READ, CRT, "cwd", who)] == reality.of(identity(tmp_path / "in"))
    assert [] == reality.of(identity(tmp_path / "in"), directory=False)
    assert [Opening(READ, CRT, "cwd", who, str(tmp_path / "in"))] == reality.below(str(tmp_path))
    assert [] == reality.below(str(tmp_path / "in"))


def test_a_deleted_current_directory_is_nobodys(reality, tmp_path, monkeypatch):
    """It has no name any more."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    os.chdir(tmp_path / "in")
    gone = identity(".")
    os.rmdir(tmp_path / "in")
    assert [] == reality.of(gone)
    assert [] == reality.below(str(tmp_path))


# Mapped files of this process

ACCESSES = [mmap.ACCESS_READ, mmap.ACCESS_WRITE, mmap.ACCESS_COPY]


@linux
@pytest.mark.parametrize("access", ACCESSES)
def test_a_mapped_file_is_open_and_mapped(reality, file, tmp_path, access):
    """Python keeps a duplicate of the descriptor as long as it maps the file, as on Windows."""
    with open(file, "r+b") as opened, mmap.mmap(opened.fileno(), 0, access=access):
        opened.close()
        reality.note_mapping()
        handle, section = reality.of(identity(file))
        assert ("handle", Opening(0, ALL, "section", "mapped by this process", file)) == (
            handle.kind,
            section,
        )
        assert ["handle", "section"] == [one.kind for one in reality.below(str(tmp_path))]
    assert [] == reality.of(identity(file))
    assert [] == reality.below(str(tmp_path))


@linux
@pytest.mark.skipif(sys.version_info < (3, 13), reason="`trackfd` is new in 3.13")
def test_a_mapping_without_a_descriptor_is_a_section(reality, file, tmp_path):
    """There is no handle then."""
    with open(file, "rb") as opened:
        mapping = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ, trackfd=False)
    reality.note_mapping()
    section = Opening(0, ALL, "section", "mapped by this process", file)
    assert [section] == reality.of(identity(file)) == reality.below(str(tmp_path))
    mapping.close()
    assert [] == reality.of(identity(file)) == reality.below(str(tmp_path))


@linux
def test_a_loaded_library_is_an_image(reality, library, tmp_path):
    """Nobody has it open, and its parts that are data do not make it a section; it may be renamed."""
    loaded = ctypes.CDLL(library)
    reality.note_mapping()
    image = Opening(0, ALL, "image", "loaded by this process", library)
    assert [image] == reality.of(identity(library)) == reality.below(str(tmp_path))
    moved = str(tmp_path / "aside.so")
    os.rename(library, moved)
    assert [image._replace(path=moved)] == reality.of(identity(moved)) == reality.below(str(tmp_path))
    ctypes.CDLL(None).dlclose(ctypes.c_void_p(loaded._handle))
    assert [] == reality.of(identity(moved)) == reality.below(str(tmp_path))


@linux
def test_a_loaded_library_that_lost_its_name_keeps_its_other(reality, library, tmp_path):
    """An image forbids the deletion of its last link."""
    other = str(tmp_path / "hard.so")
    os.link(library, other)
    loaded = ctypes.CDLL(library)
    reality.note_mapping()
    os.unlink(library)
    assert [Opening(0, ALL, "image", "loaded by this process")] == reality.of(identity(other))
    assert [] == reality.below(str(tmp_path))
    ctypes.CDLL(None).dlclose(ctypes.c_void_p(loaded._handle))


@linux
def test_the_interpreter_is_running(reality):
    """Its own program is an image as any other."""
    program = os.path.realpath(sys.executable)
    name = os.path.basename(program)
    expected = Opening(0, ALL, "image", f"{name} is running (this process)", program)
    assert expected in reality.of(identity(program))
    assert expected in reality.below(os.path.dirname(program))


@linux
def test_maps_are_read_only_after_a_note(file, tmp_path):
    """They cost ten times as much as the descriptors."""
    read = []

    def recorded(path, *arguments, **options):
        read.append(path)
        return os.open(path, *arguments, **options)

    reality = Reality(natives(open=recorded))
    looks = []
    for note in (False, False, True, False):
        if note:
            reality.note_mapping()
        reality.of(identity(file))
        looks.append(len(read))
    assert [1, 1, 2, 2] == looks
    reality.note_mapping()
    reality.below(str(tmp_path))
    assert ["/proc/self/maps"] * 3 == read


@linux
def test_what_is_noted_during_a_look_is_for_the_next(file):
    """A mapping that another thread makes meanwhile may have been missed."""
    noting = []

    def interrupted(place):
        if noting:
            noting.pop().note_mapping()
        return os.readlink(place)

    reality = Reality(natives(readlink=interrupted))
    noting.append(reality)
    reality.of(identity(file))
    with open(file, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ):
        assert ["handle", "handle", "section"] == [one.kind for one in reality.of(identity(file))]


MAPS = b"""\
55caf8cba000-55caf8cbc000 r--p 00000000 fe:00 260131                     /usr/bin/python3
55caf8cbc000-55caf8cc1000 r-xp 00002000 fe:00 260131                     /usr/bin/python3
55caf8cc4000-55caf8cc5000 rw-p 0000a000 fe:00 260131                     /usr/bin/python3
55caf9e1d000-55caf9e3e000 rw-p 00000000 00:00 0                          [heap]
7f2a1c000000-7f2a1c021000 rw-p 00000000 00:00 0
7f2a20000000-7f2a20001000 rw-s 00000000 00:1f 77                         /tmp/two\\012lines and blanks
7f2a20001000-7f2a20002000 rw-s 00000000 00:01 78                         /memfd:x (deleted)
7f2a20003000-7f2a20004000 r-xp 00000000 100:ff002 79                     /opt/a.so
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
"""


@linux
def test_maps_are_understood():
    """As proc(5) describes them: device in hexadecimal, inode in decimal, line breaks escaped."""
    assert [
        Mapped(os.makedev(0xFE, 0), 260131, "/usr/bin/python3", image=True),
        Mapped(os.makedev(0, 0x1F), 77, "/tmp/two\nlines and blanks", image=False),
        Mapped(os.makedev(0, 1), 78, "", image=False),
        Mapped(os.makedev(0x100, 0xFF002), 79, "/opt/a.so", image=True),
    ] == processes.parse_maps(MAPS)


def test_where_the_maps_show_another_device_the_path_decides(file, tmp_path):
    """On btrfs and overlay they differ from `stat`; the number alone may be another device's."""
    device, inode = identity(file)
    sought = SameFile(natives(), (device, inode))
    there = Mapped(device + 1, inode, file, image=False)
    elsewhere = Mapped(device + 1, inode, str(tmp_path), image=False)
    gone = Mapped(device + 1, inode, "", image=False)
    assert [there] == sought.mapped([elsewhere, there, gone])


def test_the_loader_of_macos_lists_the_images(file, monkeypatch):
    """Most of the system's own libraries are no files of their own there."""
    images = [file.encode(), b"/usr/lib/libSystem.B.dylib-that-is-no-file", None]

    def name(index):
        return images[index]

    loader = SimpleNamespace(_dyld_image_count=lambda: len(images), _dyld_get_image_name=name)
    monkeypatch.setattr(ctypes, "pythonapi", loader)
    assert [Mapped(*identity(file), file, image=True)] == processes.loaded_images(natives())


# Descendants


def with_sleep(openings):
    """Return the openings if the program that ends a chain has started."""
    return openings if any(one.who.endswith("(sleep)") for one in openings) else []


def test_without_children_nobody_looks_at_processes(reality, file, monkeypatch):
    """It is asked for at each look, and costs a microsecond."""
    monkeypatch.setattr("pytest_fsfault._windows.reality.openings", lambda *_: pytest.fail("looked"))
    assert [] == reality.of(identity(file))


@linux
@pytest.mark.parametrize(("flags", "access"), [(os.O_RDONLY, READ), (os.O_WRONLY, WRITE), (os.O_RDWR, CRT)])
def test_a_file_that_a_child_has_open_is_held(reality, file, tmp_path, flags, access):
    """It denies deletion as one of this process does."""
    descriptor = os.open(file, flags)
    with child(SLEEP, "600", stdin=descriptor) as process:
        os.close(descriptor)
        who = f"held open by process {process.pid} (sleep)"
        assert [Opening(access, CRT, "handle", who)] == reality.of(identity(file))
        assert [Opening(access, CRT, "handle", who, file)] == reality.below(str(tmp_path))
    assert [] == reality.of(identity(file))


@linux
def test_a_directory_that_a_child_has_open_or_has_entered_is_held(reality, tmp_path):
    """The one shares everything, the other not its deletion."""
    (tmp_path / "in").mkdir()
    descriptor = os.open(tmp_path / "in", os.O_RDONLY)
    with child(SLEEP, "600", stdin=descriptor, cwd=tmp_path / "in") as process:
        os.close(descriptor)
        listing = Opening(READ, ALL, "directory", f"held open by process {process.pid} (sleep)")
        who = f"the current directory of process {process.pid} (sleep)"
        assert [listing, Opening(READ, CRT, "cwd", who)] == reality.of(identity(tmp_path / "in"))
        assert {str(tmp_path / "in")} == {one.path for one in reality.below(str(tmp_path))}
        assert [] == reality.below(str(tmp_path / "in"))


@linux
def test_a_program_that_a_child_runs_is_an_image(reality, tmp_path):
    """It has no handle; renamed aside it runs on."""
    program = str(tmp_path / "ruff.exe")
    shutil.copy(SLEEP, program)
    with child("sleep", "600", executable=program) as process:
        image = Opening(0, ALL, "image", f"ruff.exe is running (process {process.pid})", program)
        assert [image] == reality.of(identity(program))
        moved = str(tmp_path / "ruff.exe.old")
        os.rename(program, moved)
        assert [moved] == [one.path for one in reality.below(str(tmp_path))]
    assert [] == reality.of(identity(moved))


@linux
def test_a_library_that_a_child_has_loaded_is_an_image(reality, library, tmp_path):
    """Whatever loaded it."""
    with child(SLEEP, "600", env={"LD_PRELOAD": library}) as process:
        image = Opening(0, ALL, "image", f"loaded by process {process.pid} (sleep)", library)
        assert [image] == eventually(lambda: [one for one in reality.of(identity(library)) if not one.access])
        assert [image] == [one for one in reality.below(str(tmp_path)) if not one.access]


@linux
def test_a_file_that_a_child_has_mapped_is_a_section(reality, file, tmp_path):
    """Whatever the directory is called: ``maps`` escapes line breaks."""
    odd = os.path.dirname(file) + "/two\nlines"
    os.mkdir(odd)
    file = shutil.move(file, odd)
    script = "import mmap; f = open(sys.argv[1], 'r+b'); m = mmap.mmap(f.fileno(), 0)"
    with python(script, file) as process:
        kinds = [one.kind for one in reality.of(identity(file))]
        assert ["handle", "handle", "section"] == kinds
        for directory in (odd, str(tmp_path)):
            section = reality.below(directory)[-1]
            assert ("section", file) == (section.kind, section.path)
            assert f"mapped by process {process.pid}" == section.who.partition(" (")[0]


@linux
@pytest.mark.parametrize("listed", [True, False])
def test_grandchildren_count(reality, file, monkeypatch, listed):
    """Whether or not the kernel lists the children of a process."""
    if not listed:
        monkeypatch.setattr(processes, "_children", lambda *_: None)
    with child("sh", "-c", f"sleep 600 < '{file}'; exit") as process:
        *_, sleep = eventually(lambda: with_sleep(reality.of(identity(file))))
    assert (READ, CRT, "handle") == sleep[:3]
    assert sleep.who.startswith("held open by process ")
    assert f"process {process.pid} " not in sleep.who


@linux
def test_a_zombie_holds_nothing(reality, file):
    """It has ended, and waits to be reaped."""
    with open(file, "rb") as opened, child(SLEEP, "600", stdin=opened) as process:
        opened.close()
        assert 1 == len(reality.of(identity(file)))
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert processes.has_children()
        assert [] == processes.descendants(natives())
        assert [] == reality.of(identity(file))


@linux
def test_helpers_of_multiprocessing_do_not_count(reality, tmp_path, monkeypatch):
    """Windows has none, and they would keep the directory in which they happened to start."""
    tracker = SimpleNamespace(_pid=None)
    monkeypatch.setattr(resource_tracker, "_resource_tracker", tracker)
    with child("sh", "-c", "sleep 600; exit", cwd=tmp_path) as process:
        shell, sleep = eventually(lambda: with_sleep(reality.of(identity(tmp_path))))
        assert f"the current directory of process {process.pid} (sh)" == shell.who
        tracker._pid = process.pid
        assert [sleep] == reality.of(identity(tmp_path))


@linux
@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError, ProcessLookupError])
def test_a_process_that_may_not_be_read_is_passed_over(file, error):
    """Whether it belongs to another user or has just gone."""

    def refusing(function):
        def refused(place, *arguments, **options):
            if isinstance(place, str) and place.startswith(f"/proc/{process.pid}/"):
                raise error(place)
            return function(place, *arguments, **options)

        return refused

    names = ("open", "listdir", "readlink", "stat")
    with open(file, "rb") as opened, child(SLEEP, "600", stdin=opened) as process:
        native = natives(**{name: refusing(getattr(os, name)) for name in names})
        assert [] == [one for one in Reality(native).of(identity(file)) if "sleep" in one.who]


def test_where_nothing_can_be_seen_nothing_is_reported(tmp_path):
    """No system call of ours ever fails in the code under test."""

    def fail(*_arguments, **_options):
        raise PermissionError

    reality = Reality(
        natives(**dict.fromkeys(("open", "listdir", "readlink", "stat", "fstat", "getcwd"), fail))
    )
    with child("sleep", "600", cwd=tmp_path):
        assert [] == reality.of(identity(tmp_path))
        assert [] == reality.below(str(tmp_path))


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
    assert [handle] == list(processes.by_psutil(SameFile(native, identity(file))))
    assert [
        handle,
        Opening(READ, CRT, "cwd", f"the current directory of {whose}", str(tmp_path)),
        Opening(0, ALL, "image", f"ruff.exe is running (process {process.pid})", program),
    ] == list(processes.by_psutil(Below(native, os.path.dirname(tmp_path))))


def test_without_psutil_children_are_not_seen(file, monkeypatch):
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "psutil", None)
    with child("sleep", "600"):
        assert [] == list(processes.by_psutil(SameFile(natives(), identity(file))))


def test_where_the_system_does_not_tell_of_children_there_may_be_some(monkeypatch):
    """Then somebody has to look."""
    assert not processes.has_children()
    monkeypatch.setattr(processes, "_waitid", None)
    assert processes.has_children()


# Threads


def test_looks_from_many_threads_agree(reality, file):
    """Each thread's own listing is a descriptor that comes and goes."""
    wrong = []

    def look(path):
        for _ in range(200):
            with open(path, "rb"):
                reality.note_mapping()
                if 1 != len(reality.of(identity(path))):
                    wrong.append(path)

    paths = [f"{file}{index}" for index in range(4)]
    for path in paths:
        open(path, "wb").close()
    threads = [threading.Thread(target=look, args=[path]) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == wrong
