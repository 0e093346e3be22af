"""The stamps of files tell the time that the code under test reads."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skips import WINE, posix_fact, wine_differs

from pytest_fsfault import inject
from pytest_fsfault._core.stamps import StampHistory
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.virtual_time import file_stamps, scope, threads

#: The steps in which systems stamp files, at the most.
STEP = 0.02


@pytest.fixture(autouse=True)
def clock_of_stamps(monkeypatch):
    """Put the clock that stamps files back by a step of Linux, which stamps them under Wine."""
    if WINE:
        now = threads.ThreadActivity.stamp_ns
        monkeypatch.setattr(threads.ThreadActivity, "stamp_ns", lambda self: now(self) - 10_000_000)


@pytest.fixture
def file(tmp_path):
    """Return a path in a tree under a session that refuses nothing."""
    with inject(roots=[tmp_path]):
        yield tmp_path / "file"


def test_what_is_written_after_a_sleep_is_stamped_after_it(file):
    """A stamp is not behind the clock, however little real time the sleep took."""
    file.touch()
    before = time.time()
    time.sleep(2)
    file.touch()
    assert before + 2 - STEP <= os.stat(file).st_mtime <= time.time() + STEP


def test_what_was_written_before_a_sleep_is_stamped_before_it(file):
    """Even if nobody has looked at it in between."""
    before = time.time()
    file.touch()
    time.sleep(2)
    assert before - STEP <= os.stat(file).st_mtime <= before + STEP


@posix_fact("stamps of two kinds, of Linux")
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS stamps files by one clock")
def test_a_late_step_of_the_system_ends_before_a_fine_stamp(monkeypatch):
    """A jump comes after whatever was stamped before it, though the next coarse time may not."""
    steps = iter([4, 8, 12, 16])
    monkeypatch.setattr(threads, "wall_ns", lambda: 9)
    monkeypatch.setattr(threads, "clock_gettime_ns", lambda _clock: next(steps))
    assert 12 == threads.ThreadActivity().next_stamp_ns(4)


def test_each_of_ten_writings_has_its_own_second(file):
    """Who waits for a stamp to change sees it change, by as much as the clock does."""
    seen = []
    for text in map(str, range(10)):
        file.write_text(text)
        seen.append(os.stat(file).st_mtime)
        time.sleep(1)
    assert [1] * 9 == [round(later - earlier) for earlier, later in pairwise(seen)]


def test_who_goes_on_writing_to_an_open_file_stamps_it_anew(file):
    """The calls on open files, which no rule concerns and nobody counts, are told apart as well."""
    seen = []
    with open(file, "wb", buffering=0) as opened:
        for _ in range(5):
            opened.write(b"x")
            seen.append(os.fstat(opened.fileno()).st_mtime)
            time.sleep(1)
    assert [1] * 4 == [round(later - earlier) for earlier, later in pairwise(seen)]


def test_a_stamp_stays_what_it_was(file):
    """Whatever the clock does afterwards."""
    file.touch()
    seen = set()
    for seconds in (0, 1, 0.001, 60, 0):
        time.sleep(seconds)
        seen.add(os.stat(file).st_mtime_ns)
    assert 1 == len(seen)


def test_what_is_shown_for_a_file_is_remembered_until_the_file_is_another(file):
    """A status that has not changed is the same object; each change of the file, also one of no stamp, is seen."""
    file.touch()
    assert os.stat(file) is os.stat(file)
    changes = {
        "st_size": lambda: file.write_text("longer"),
        "st_nlink": lambda: os.link(file, file.with_name("other")),
        "st_atime_ns": lambda: os.utime(file, ns=(10**18 + 100, 10**18 + 100)),
        "st_mtime_ns": lambda: os.utime(file, ns=(10**18 + 100, 10**18 + 200)),
        "st_mode": lambda: file.chmod(0o400),
    }
    for field, change in changes.items():
        before = os.stat(file)
        change()
        assert getattr(before, field) != getattr(os.stat(file), field)


def test_who_asks_by_turns_sees_by_turns_what_is_for_them(file):
    """What is remembered for the code under test is not for pytest, however often either asks for one path."""
    time.sleep(1000)
    file.touch()
    path = str(file)
    machinery = {"__name__": "_pytest.other", "os": os, "path": path}
    real = ORIGINALS["os", "stat"](path).st_mtime
    for _ in range(3):
        assert real + 900 < os.stat(path).st_mtime
        assert real == eval("os.stat(path).st_mtime", machinery)


def test_set_times_are_shown_by_each_name_of_a_file(file):
    """Also if they are what the system had stamped: by each path the file was looked at before."""
    time.sleep(1000)
    file.touch()
    names = [str(file), f"{file}-2"]
    os.link(*names)
    real = ORIGINALS["os", "stat"](file)
    for name in names * 2:
        assert real.st_mtime_ns != os.stat(name).st_mtime_ns
    os.utime(file, ns=(real.st_atime_ns, real.st_mtime_ns))
    assert [real.st_mtime_ns] * 4 == [os.stat(name).st_mtime_ns for name in names * 2]


def test_a_path_of_another_file_shows_the_stamps_of_that(file):
    """One is moved to the path of the other and back: what is remembered by the path does not count then."""
    names = [str(file), f"{file}-2"]
    for name in names:
        Path(name).touch()
        time.sleep(10)
    before = [os.stat(name) for name in names * 2][:2]
    os.rename(names[0], f"{file}-3")
    os.rename(names[1], names[0])
    assert (before[1].st_ino, before[1].st_mtime_ns) == (
        os.stat(names[0]).st_ino,
        os.stat(names[0]).st_mtime_ns,
    )
    os.replace(f"{file}-3", names[0])
    assert (before[0].st_ino, before[0].st_mtime_ns) == (
        os.stat(names[0]).st_ino,
        os.stat(names[0]).st_mtime_ns,
    )


def test_more_files_than_are_remembered_show_their_stamps_all_the_same(file, monkeypatch):
    """The memory is emptied when it is full."""
    monkeypatch.setattr(file_stamps, "_MOST", 3)
    seen = {}
    for name in map(str, range(10)):
        file.with_name(name).touch()
        seen[name] = os.stat(file.with_name(name)).st_mtime_ns
        time.sleep(1)
    assert 10 == len(set(seen.values()))
    assert seen == {name: os.stat(file.with_name(name)).st_mtime_ns for name in seen}


@pytest.mark.parametrize("arguments", [(), (0, 1), ("text",)])
def test_a_wrong_call_of_fstat_is_refused_by_the_real_one(file, arguments):
    """With its own words."""
    with pytest.raises(TypeError) as found:
        os.fstat(*arguments)
    with pytest.raises(TypeError) as expected:
        ORIGINALS["os", "fstat"](*arguments)
    assert str(expected.value) == str(found.value)


def _by_path(file: Path) -> os.stat_result:
    return os.stat(file)


def _of_link(file: Path) -> os.stat_result:
    return os.lstat(file)


def _scanned(file: Path) -> os.stat_result:
    with os.scandir(file.parent) as entries:
        (entry,) = entries
        assert isinstance(entry, os.DirEntry)
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(entry)
        assert (file.name, str(file), True) == (entry.name, os.fspath(entry), entry.is_file())
        return entry.stat()


def _opened(file: Path) -> os.stat_result:
    with open(file) as opened:
        return os.fstat(opened.fileno())


@pytest.mark.parametrize("look", [_by_path, _of_link, Path.stat, Path.lstat, _scanned, _opened])
def test_all_ways_to_ask_tell_the_same(file, look):
    """By path, by descriptor, by an entry of a directory; and nothing but the times differs from the real answer."""
    time.sleep(5)
    file.write_text("text")
    expected = os.stat(file)
    found = look(file)
    assert (expected.st_mtime_ns, expected.st_ctime_ns) == (found.st_mtime_ns, found.st_ctime_ns)
    assert (found.st_mtime, int(found.st_mtime)) == (found.st_mtime_ns / 10**9, found[8])
    assert 4 == found.st_size
    assert getattr(expected, "st_blocks", 0) == getattr(found, "st_blocks", 0)


def test_what_was_there_before_the_session_has_its_real_stamps(tmp_path):
    """They are of the time before: nothing is added to them."""
    old = tmp_path / "old"
    old.touch()
    real = os.stat(old)
    time.sleep(STEP)  # what is written in the very step in which a session begins counts to it
    with inject(roots=[tmp_path]):
        time.sleep(100)
        assert real == os.stat(old)


@pytest.mark.parametrize(
    "field",
    ["st_mtime_ns", pytest.param("st_atime_ns", marks=wine_differs("asking for a status reads the file"))],
)
def test_times_that_somebody_sets_stay_as_they_are(file, field):
    """Those of the past, of the virtual present, and copied ones; and without a time it is now."""
    file.touch()
    time.sleep(3)
    now = time.time_ns()
    for set_to in (0, 10**18, now - 2 * 10**9, now, now + 10**12):
        os.utime(file, ns=(set_to, set_to))
        assert set_to == getattr(os.stat(file), field)
    copy = Path(shutil.copy2(file, file.with_name("copy")))
    assert getattr(os.stat(file), field) == getattr(os.stat(copy), field)
    os.utime(file)
    assert getattr(os.stat(file), field) / 10**9 == pytest.approx(time.time(), abs=STEP)


@pytest.mark.parametrize("set_back", [0, 3600])
@pytest.mark.parametrize("copy", ["copy2", "copytree", "move"])
def test_a_copy_has_the_times_of_its_source(file, copy, set_back):
    """As both are shown, whoever copies, and also if somebody has set them to an instant of this session."""
    time.sleep(3600)
    source = file
    if copy == "copytree":
        file.mkdir()
        source = file / "a"
    source.touch()
    if set_back:
        os.utime(source, ns=(time.time_ns() - set_back * 10**9 // 100 * 100,) * 2)
    expected = os.stat(source).st_mtime_ns
    time.sleep(3600)
    made = Path(getattr(shutil, copy)(file, file.with_name("copy")))
    copied = made / "a" if made.is_dir() else made
    assert expected == os.stat(copied).st_mtime_ns
    with os.scandir(copied.parent) as entries:
        assert {copied.name: expected}.items() <= {
            entry.name: entry.stat().st_mtime_ns for entry in entries
        }.items()


@pytest.mark.parametrize("set_to", [None, 10])
def test_an_entry_without_a_number_tells_what_its_file_tells(file, set_to):
    """On Windows a listing knows no number of a file, by which times that were set are known."""
    time.sleep(100)
    file.touch()
    if set_to:
        now = time.time_ns() // 1000 * 1000
        os.utime(file, ns=(now, now))
    real = ORIGINALS["os", "stat"](file)
    fields = {name: getattr(real, name) for name in ("st_atime_ns", "st_mtime_ns", "st_ctime_ns")}
    listed = os.stat_result([real.st_mode, 0, 0, 0, *real[4:10]], fields)
    entry = file_stamps.StampedEntry(
        SimpleNamespace(name=file.name, path=str(file), stat=lambda follow_symlinks: listed)
    )
    assert (0, 0, 0) == entry.stat()[1:4]
    assert os.stat(file).st_mtime_ns == entry.stat().st_mtime_ns
    file.unlink()
    assert listed is entry.stat()


@posix_fact("the times of a link")
def test_set_times_of_a_link_are_not_those_of_its_target(file):
    """Each has its own."""
    link = file.with_name("link")
    file.touch()
    link.symlink_to(file)
    time.sleep(3)
    set_to = time.time_ns() - 10**9
    os.utime(link, ns=(set_to, set_to), follow_symlinks=False)
    assert set_to == os.lstat(link).st_mtime_ns
    assert os.stat(file).st_mtime_ns < set_to - 10**9


def test_after_the_session_the_real_stamps_are_back(tmp_path):
    """Nothing on the disk is other than it was."""
    file = tmp_path / "file"
    with inject(roots=[tmp_path]):
        time.sleep(1000)
        file.touch()
        assert os.stat(file).st_mtime > time.time() - 1
    assert abs(os.stat(file).st_mtime - time.time()) < 100


def test_with_a_real_clock_stamps_are_real(tmp_path):
    """There is no other time."""
    file = tmp_path / "file"
    with inject(roots=[tmp_path], clock="real"):
        file.touch()
        time.sleep(0.01)
        inside = os.stat(file)
    assert inside == os.stat(file)


CHILD = """
import os, sys, time
seen = []
for _ in range(4):
    with open(sys.argv[1], "w"):
        pass
    seen.append(os.stat(sys.argv[1]).st_mtime)
    time.sleep(2)
now = time.time()
os.utime(sys.argv[2], (now, now))
print(*seen, now)
"""


@wine_differs("its Linux stamps files by an earlier clock than the one it shows to a child")
def test_a_child_sees_and_leaves_the_same_stamps(file):
    """What it writes, it finds stamped by the common clock, and so does its parent; what it sets stays as it is."""
    other = file.with_name("other")
    other.touch()
    time.sleep(10)
    before = time.time()
    done = subprocess.run(
        [sys.executable, "-c", CHILD, file, other], check=True, capture_output=True, text=True
    )
    *seen, now = map(float, done.stdout.split())
    assert before - STEP <= seen[0]
    assert [2] * 3 == [round(later - earlier) for earlier, later in pairwise(seen)]
    assert seen[-1] == pytest.approx(os.stat(file).st_mtime, abs=STEP)
    assert now == pytest.approx(os.stat(other).st_mtime, abs=1e-5)


# Laws

_MOVES = st.lists(st.tuples(st.booleans(), st.integers(0, 50), st.integers(0, 50)), max_size=40)


@given(_MOVES)
def test_shown_stamps_keep_their_order_and_their_value(moves):
    """A later stamp is never shown earlier, none before the clock was there or after it, and none changes."""
    history, real, virtual, seen = StampHistory(100, 0), 100, 0, {}
    for jumps, passed, span in moves:
        real, before = real + passed, virtual
        virtual += span
        if jumps:
            history.jumped(real, before, virtual)
        else:
            history.passed(real, virtual)
            virtual = history.virtual_at(history.latest) if passed == 0 else virtual
        shown = [history.virtual_at(instant) for instant in range(100, history.latest)]
        assert sorted(shown) == shown
        assert all(0 <= one <= virtual for one in shown)
        for instant, one in zip(range(100, history.latest), shown, strict=True):
            assert one == seen.setdefault(instant, one)


def test_what_is_stamped_at_the_instant_of_a_jump_comes_after_it():
    """Several jumps at one instant are one."""
    history = StampHistory(100, 0)
    history.jumped(110, 5, 1000)
    history.jumped(110, 1000, 2000)
    assert [0, 4, 2000] == [history.virtual_at(instant) for instant in (100, 109, 110)]


def test_a_time_of_creation_tells_nothing(tmp_path, monkeypatch):
    """Where `st_ctime` is one, as on Windows, a file of before that is written now is stamped in virtual time."""
    monkeypatch.setattr(scope, "IGNORES_CASE", True)
    path = tmp_path / "file"
    path.touch()
    with inject(roots=[tmp_path]):
        before = time.time()
        time.sleep(3600)
        path.write_text("x")
        status = ORIGINALS["os", "stat"](path)
        old = [1, 1 + status.st_mtime_ns // 10**9, 1]
        fields = {"st_atime_ns": 10**9, "st_mtime_ns": status.st_mtime_ns, "st_ctime_ns": 10**9}
        found = seen(os.stat_result([*status[:7], *old], fields))
    assert before + 3600 - STEP <= found.st_mtime_ns / 10**9
    assert (10**9, 10**9) == (found.st_atime_ns, found.st_ctime_ns)


def seen(result):
    """Return a status as a function of the code under test gets it."""
    return file_stamps.shown(result)


def test_stamps_have_the_steps_of_the_system(file, monkeypatch):
    """On Windows 100 ns, so that a copy of a file's times is equal to them."""
    monkeypatch.setattr(file_stamps, "_STEP", 100)
    file.touch()
    time.sleep(1)
    assert [0, 0] == [stamp % 100 for stamp in (os.stat(file).st_mtime_ns, os.stat(file).st_atime_ns)]


@pytest.mark.parametrize("set_back", [None, 3600])
def test_a_copy_that_the_system_makes_has_the_times_of_its_source(file, monkeypatch, set_back):
    """`shutil.copy2` leaves them to CopyFile2 on Windows from Python 3.12 on."""

    def copy_file(existing_file_name, new_file_name, flags, progress_routine=None):
        """Copy as the system does, of which nobody hears."""
        ORIGINALS["shutil", "copyfile"](existing_file_name, new_file_name)
        status = ORIGINALS["os", "stat"](existing_file_name)
        ORIGINALS["os", "utime"](new_file_name, ns=(status.st_atime_ns, status.st_mtime_ns))
        return 0

    monkeypatch.setitem(
        sys.modules, "_winapi", SimpleNamespace(CopyFile2=copy_file, COPY_FILE_COPY_SYMLINK=0x800)
    )
    [patch] = file_stamps._copy_file()
    time.sleep(3600)
    file.touch()
    if set_back is not None:
        os.utime(file, ns=(time.time_ns() - set_back * 10**9,) * 2)
    copy = file.with_name("copy")
    os.utime(shutil.copyfile(file, copy))
    time.sleep(60)
    assert 0 == patch.wrapper(str(file), str(copy), flags=0)
    assert os.stat(file).st_mtime_ns == os.stat(copy).st_mtime_ns
    copy.unlink()
    patch.wrapper(str(file), str(copy), 0x800)
    assert os.stat(file).st_mtime_ns == os.stat(copy).st_mtime_ns


def test_who_asks_for_a_stamp_of_a_path_gets_that_of_the_clock(file):
    """The functions beside these, as `getmtime`."""
    time.sleep(1000)
    file.touch()
    assert time.time() - STEP <= os.path.getmtime(file) <= time.time() + STEP
    assert os.path.getmtime(file) == os.stat(file).st_mtime
