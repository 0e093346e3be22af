"""What this package asks of macOS alone, with the answers that its manual pages document in the place of its own."""

import importlib.util
import os
import subprocess
import sys
import threading
from unittest import mock

import pytest
from skips import posix_fact

from pytest_fsfault._commands.conformance import filesystems
from pytest_fsfault._core.clock import VirtualClock
from pytest_fsfault._host import descriptors, own_threads, processes
from pytest_fsfault._host.originals import NATIVE
from pytest_fsfault._intercept.bootstrap import dormant
from pytest_fsfault._intercept.calls import changes, repeating
from pytest_fsfault._intercept.children import rendezvous
from pytest_fsfault._intercept.children.child import attach, entering
from pytest_fsfault._intercept.children.parent import activity, event_loop, uninterrupted
from pytest_fsfault._intercept.children.parent.fork_hooks import ForkHooks
from pytest_fsfault._intercept.interceptor import Interceptor
from pytest_fsfault._intercept.native import possible
from pytest_fsfault._intercept.virtual_time import idle, limits, process_timeouts, threads
from pytest_fsfault._report import recording
from pytest_fsfault._windows.open_files import descendants, this_process

pytestmark = posix_fact("fcntl(2) and /dev/fd")


def loaded_there(module):
    """Return a copy of a module as it is where this system passes for macOS."""
    spec = importlib.util.spec_from_file_location(f"{module.__name__}_there", module.__file__)
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy


@pytest.fixture
def macos(monkeypatch):
    """Let this system pass for macOS where its name is asked for."""
    monkeypatch.setattr(sys, "platform", "darwin")


def test_the_path_behind_a_descriptor_is_that_of_f_getpath(macos, monkeypatch):
    """fcntl(2) of macOS: F_GETPATH (50) fills a buffer of MAXPATHLEN with the path, which ends with a NUL."""
    import fcntl

    asked = []

    def documented(number, command, buffer):
        asked.append((number, command, len(buffer)))
        return b"/private/tmp/a file".ljust(len(buffer), b"\0")

    monkeypatch.setattr(fcntl, "fcntl", documented)
    assert "/private/tmp/a file" == descriptors.path_of_descriptor(7)
    assert [(7, 50, 1024)] == asked


def test_a_descriptor_without_a_path_has_none(macos, monkeypatch):
    """fcntl(2) of macOS: EBADF, or an error for what is no file, such as a pipe."""
    import fcntl

    def documented(*_):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(fcntl, "fcntl", documented)
    assert None is descriptors.path_of_descriptor(7)


def test_open_descriptors_are_listed_in_dev_fd(macos, tmp_path):
    """fd(4) of macOS: /dev/fd has a file for each."""
    with open(tmp_path / "a", "w") as file:
        assert file.fileno() in descriptors.open_descriptors()
    assert file.closed


def test_what_is_mapped_are_the_images_of_the_loader(macos, monkeypatch):
    """dyld(3) lists programs and libraries; there is no /proc/self/maps."""
    monkeypatch.setattr(descendants, "loaded_images", lambda native: [native])
    assert ["native"] == descendants.own_maps("native")


def test_the_images_of_the_loader_are_files(macos, monkeypatch, tmp_path):
    """dyld(3): `_dyld_image_count` images, `_dyld_get_image_name` of each; those of the shared cache are no files."""
    import ctypes

    (tmp_path / "core.so").touch()
    names = [os.fsencode(tmp_path / "core.so"), b"/usr/lib/libSystem.B.dylib.there", None]

    class Loader:
        """What the dynamic loader of macOS exports."""

        @staticmethod
        def _dyld_image_count():
            return len(names)

    loader = Loader()
    loader._dyld_get_image_name = lambda index: names[index]
    monkeypatch.setattr(ctypes, "pythonapi", loader)
    (found,) = descendants.own_maps(NATIVE)
    assert (str(tmp_path / "core.so"), True) == (found.path, found.image)
    assert os.stat(tmp_path / "core.so").st_ino == found.inode


def test_what_this_process_has_open_is_seen_by_f_getpath(macos, monkeypatch, tmp_path):
    """The model lists /dev/fd, fd(4), and asks fcntl(2) for each path: a directory with an open file stays."""
    import fcntl

    there = loaded_there(this_process)
    real = fcntl.fcntl
    wanted = tmp_path / "dir" / "a file"
    wanted.parent.mkdir()
    asked = []

    def documented(number, command, *arguments):
        if command != 50:
            return real(number, command, *arguments)
        asked.append(number)
        if number != file.fileno():
            raise OSError(22, "Invalid argument")
        return os.fsencode(wanted).ljust(len(arguments[0]), b"\0")

    monkeypatch.setattr(fcntl, "fcntl", documented)
    monkeypatch.setattr(there, "own_maps", lambda _native: [])
    with open(wanted, "w") as file:
        number = file.fileno()
        (found,) = there.OpenFiles(NATIVE).below(os.path.realpath(tmp_path))
    assert "/dev/fd" == there._DESCRIPTORS
    assert number in asked
    assert f"open in this process (descriptor {number})" == found.who
    assert str(wanted) == found.path


def test_conformance_closes_what_dev_fd_lists(macos, monkeypatch, tmp_path):
    """fd(4), as above: the command compares what is open before and after a row."""
    monkeypatch.setattr(filesystems, "path_of_descriptor", lambda number: f"path of {number}")
    with open(tmp_path / "a", "w") as file:
        found = filesystems.FileSystem(str(tmp_path), "/", NATIVE, {}).open_descriptors()
        assert f"path of {file.fileno()}" == found[file.fileno()]


def test_children_are_found_by_psutil(monkeypatch):
    """There is no /proc: psutil lists the descendants, and says which have ended."""
    pytest.importorskip("psutil")  # as it is for this system, since it asks for its name as well
    monkeypatch.setattr(sys, "platform", "darwin")
    there = loaded_there(processes)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert there.child_lives()
        assert not there.child_lives({child.pid})
        assert {child.pid} == there.living()
        assert 0.0 == there.uptime()
        assert frozenset() == there.marked("FSFAULT_CHILD=x", 0.0)
    finally:
        child.communicate(b"\n")
    assert frozenset() == there.living()


def test_what_descendants_have_open_is_asked_of_psutil(macos, monkeypatch):
    """There is no /proc/PID/fd."""
    monkeypatch.setattr(descendants, "by_psutil", lambda query: iter([query]))
    assert ["query"] == list(descendants.openings(NATIVE, "query", None))


def test_children_without_psutil_are_taken_for_alive(macos, monkeypatch):
    """waitid(2) tells of a child that nobody has fetched, and nothing else does: the clock does not outrun it."""
    real = os.waitid
    there = loaded_there(processes)
    monkeypatch.setitem(sys.modules, "psutil", None)
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        # Of this child alone: earlier tests may have left one, such as the resource tracker of `multiprocessing`.
        monkeypatch.setattr(
            there, "_waitid", lambda _kind, _number, options: real(os.P_PID, child.pid, options)
        )
        assert there.child_lives()
        assert frozenset() == there.living()
    assert not there.child_lives()


def test_nobody_shows_whether_a_child_is_busy(macos):
    """Linux has /proc and Windows a snapshot; here waits take real time while a child lives."""
    assert not loaded_there(activity).VISIBLE
    assert activity.VISIBLE


def test_a_thread_is_idle_after_40_ms(macos, monkeypatch):
    """Nobody tells which threads wait for a CPU, so that the look takes longer."""
    monkeypatch.setattr(sys, "getswitchinterval", lambda: 0.005)
    assert (50_000_000, 15_000_000) == (loaded_there(idle).idle_threshold(), idle.idle_threshold())


def test_what_is_linux_s_alone_is_left(macos):
    """No filter of system calls, no tables of their arguments; without a count of writes each look finds one more."""
    assert "native programs are not reached: that is for Linux alone" == loaded_there(possible).why_not()
    assert {} == loaded_there(limits)._CALLS
    assert changes._written() < changes._written()


@pytest.mark.parametrize(("system", "asked"), [("darwin", 0), ("linux", 1)])
def test_a_forked_child_asks_for_no_filter_of_its_own(monkeypatch, system, asked):
    """seccomp(2) is Linux's alone; the child is attached all the same."""
    entered, attached = [], []
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(attach, "attach", lambda _interceptor, directory: attached.append(directory) or True)
    monkeypatch.setattr(entering, "enter", lambda engines, _site: entered.append(engines))
    Interceptor().become_child("a directory")
    assert (["a directory"], [()] * asked) == (attached, entered)


@pytest.mark.parametrize(("system", "again"), [("darwin", False), ("linux", True)])
def test_a_call_that_a_signal_has_broken_off_is_not_made_again(monkeypatch, system, again):
    """On Linux the filter may have broken it off; here nobody asks about it, and EINTR is the program's."""
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(dormant, "is_filtered", lambda: True)
    with pytest.raises(InterruptedError) as caught:
        raise InterruptedError
    assert again is dormant._is_broken_off(caught.value)


@pytest.mark.parametrize(("system", "repeated"), [("darwin", []), ("linux", [1])])
def test_an_attached_child_repeats_no_calls(monkeypatch, system, repeated):
    """As above, once it is attached."""
    found = []
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setitem(sys.modules, attach._END.__name__, attach._END)
    for name in ("Attachment", "ParentLiveness", "_hook"):
        monkeypatch.setattr(attach, name, mock.MagicMock())
    monkeypatch.setattr(attach, "_attachment", None)
    monkeypatch.setattr(attach, "is_filtered", lambda: True)
    monkeypatch.setattr(attach.atexit, "register", lambda _: None)
    monkeypatch.setattr(repeating, "repeat_broken_calls", lambda: found.append(1))
    assert attach.attach(mock.MagicMock(), "a directory")
    assert repeated == found


def test_nothing_is_watched(macos, monkeypatch):
    """inotify(7) is Linux's, and so are the lines of /proc/self/fdinfo that tell of it."""
    files = loaded_there(this_process).OpenFiles(NATIVE)
    monkeypatch.setattr(files, "_descriptors", lambda: pytest.fail("it asks for descriptors"))
    assert [] == list(files._watched())


def test_the_end_of_a_child_is_seen_without_waitid(monkeypatch):
    """`os.waitid` is missing on macOS before Python 3.13 (the library's reference): the wait itself fetches the end."""
    monkeypatch.delattr(os, "waitid")
    there = loaded_there(process_timeouts)
    clock = VirtualClock(threads.ThreadActivity())
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        assert 0 == there.by_clock(clock, subprocess.Popen.wait, there.PROCESSES[0], (child, 600), {})
    assert not there._LOOKS


@pytest.mark.parametrize(("system", "switched"), [("darwin", []), ("linux", ["_USE_POSIX_SPAWN"])])
def test_subprocess_may_take_posix_spawn(monkeypatch, system, switched):
    """posix_spawn(2) of macOS is a system call; on Linux the answer to a filter would wait for it."""
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(subprocess, "_USE_POSIX_SPAWN", True)
    hooks = ForkHooks(lambda *_: None, lambda *_: None)
    assert switched == [patch.name for patch in hooks._make("subprocess") if patch.original is True]


@pytest.fixture
def no_list_of_threads(macos, monkeypatch):
    """There is no /proc on macOS, and pthread(3) lists no threads."""

    def documented(path):
        raise FileNotFoundError(2, "No such file or directory", path)

    monkeypatch.setattr(own_threads, "listdir", documented)


def test_whole_work_has_ended_with_its_lock(no_list_of_threads):
    """Whoever waits for it goes on then; Linux is asked, moreover, whether the thread is gone."""
    ours, done = set(), []
    uninterrupted.Uninterrupted(ours).do(lambda: done.append(set(ours)))
    assert [1] == [len(among) for among in done]
    assert set() == ours


def test_the_answering_thread_has_ended_with_its_lock(no_list_of_threads):
    """As above: it is paused, and can be started anew."""
    ours, raised = set(), []
    loop = event_loop.EventLoop(ours, lambda: None, raised.append)
    for _ in range(2):
        called = threading.Event()
        loop.start()
        loop.after(0, called.set)
        assert called.wait(60)
        loop.pause()
        assert ((), set(), False) == (tuple(raised), ours, loop.running)
    loop.close()


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (11, "EDEADLK"),
        (13, "EACCES"),
        (16, "EBUSY"),
        (35, "EAGAIN"),
        (62, "ELOOP"),
        (63, "ENAMETOOLONG"),
        (66, "ENOTEMPTY"),
    ],
)
def test_the_numbers_of_its_errors_are_read_anywhere(number, name):
    """<sys/errno.h> of macOS, in what another system recorded without names."""
    error = {"errno": number, "name": None, "winerror": None, "class": "OSError", "text": ""}
    assert name == recording._error(error, "", "darwin")


def test_number_11_is_another_error_elsewhere():
    """The only one up to 34 that systems do not agree about."""
    error = {"errno": 11, "name": None, "winerror": None, "class": "OSError", "text": ""}
    assert {"EAGAIN"} == {recording._error(error, "", system) for system in ("linux", "win32")}


def test_stamps_are_of_the_one_clock(macos, monkeypatch):
    """Files are stamped by the clock that `time.time` reads; Linux has a coarse one beside it."""
    monkeypatch.setattr(threads, "wall_ns", lambda: 7)
    assert 7 == threads.ThreadActivity().stamp_ns()


def test_the_path_of_a_socket_has_room(macos, monkeypatch):
    """unix(4) of macOS: 104 bytes with the final NUL; a longer temporary directory, as macOS has, is left."""
    import tempfile

    for length in range(60, 110):
        monkeypatch.setattr(tempfile, "tempdir", "/".ljust(length, "x"))
        socket = rendezvous.socket_of(rendezvous.new_directory())
        assert len(os.fsencode(socket)) < 104
    assert socket.startswith("/tmp/")
    monkeypatch.setattr(tempfile, "tempdir", "/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T")
    assert rendezvous.new_directory().startswith("/var/folders/zz/")


def test_where_nobody_tells_nothing_is_told(monkeypatch):
    """Another Unix: no path, no list."""
    monkeypatch.setattr(sys, "platform", "sunos5")
    with open(os.devnull) as file:
        assert None is descriptors.path_of_descriptor(file.fileno())
    assert [] == descriptors.open_descriptors()
