"""What a call costs does not depend on how many files somebody holds, or stand beside the file."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from skips import left_to_windows

from pytest_fsfault import inject
from pytest_fsfault._windows.holders.holds import Hold, Holds
from pytest_fsfault._windows.lookup import Lookup
from pytest_fsfault._windows.sharing import ALL, READ, Opening


@pytest.fixture
def counted(tmp_path):
    """Return a directory with a file, a lookup, and the directories that it has listed."""
    listed = []

    def listdir(path):
        listed.append(path)
        return os.listdir(path)

    (tmp_path / "a").touch()
    native = SimpleNamespace(lstat=os.lstat, stat=os.stat, listdir=listdir)
    return tmp_path, Lookup(native, case_sensitive=False), listed


def test_a_directory_that_we_change_is_read_once(counted):
    """Renames that came by here are taken in: the names are not read again."""
    root, lookup, listed = counted
    source, target = f"{root}/a", f"{root}/b"
    for _ in range(5):
        assert not lookup.find(target).exists
        os.rename(source, target)
        lookup.moved(source, target)
        source, target = target, source
    assert 1 == len(listed)


@left_to_windows("the search for a name in another case")
def test_a_directory_that_somebody_else_changes_is_read_again(counted):
    """A name that nobody told of is found, in another spelling too."""
    root, lookup, listed = counted
    assert not lookup.find(f"{root}/new").exists
    (root / "New").touch()
    os.utime(root, ns=(1, 1))  # the clock of the file system may not have moved on
    assert f"{root}/New" == lookup.find(f"{root}/new").path
    assert 2 == len(listed)


@left_to_windows("the search for a name in another case")
def test_a_new_epoch_takes_nothing_on_trust(counted):
    """After a child was started, or the gate was shut, what came by here is not all that happened."""
    root, lookup, _ = counted
    assert not lookup.find(f"{root}/b").exists
    os.rename(root / "a", root / "b")
    lookup.moved(f"{root}/a", f"{root}/b")
    (root / "New").touch()
    os.utime(root, ns=(1, 1))
    lookup.begin_epoch()
    assert f"{root}/New" == lookup.find(f"{root}/new").path


@left_to_windows("the search for a name in another case")
def test_a_file_that_somebody_else_has_removed_is_missed(counted):
    """The names are read again when one of them turns out to be gone."""
    root, lookup, listed = counted
    assert f"{root}/a" == lookup.find(f"{root}/A").path
    os.remove(root / "a")
    assert not lookup.find(f"{root}/A").exists
    assert not lookup.find(f"{root}/A").exists
    assert 2 == len(listed)


def test_only_the_first_hold_and_the_last_are_reported():
    """Wrappers ask whether anybody holds anything, not who: a thousand holds cost them nothing more."""
    reports = []
    holds = Holds(lambda: 0.0, lambda: reports.append(bool(holds)))
    opening = Opening(READ, ALL, "handle", "x", "/r/f")
    made = [Hold(holds, opening, since=0.0, until=9.0, declared=False) for _ in range(50)]
    for number, hold in enumerate(made):
        holds.add(hold, (1, number), f"/r/{number}")
    assert [True] == reports
    for hold in made:
        hold.close()
    assert [True, False] == reports


def test_files_that_a_scanner_holds_are_refused_one_by_one(tmp_path):
    """Among many held files each is still met, and the free one is not."""
    with inject(windows="11", roots=[tmp_path]) as fsfault:
        fsfault.windows().scanner(hold="10s", share="r", on="*.dll")
        for number in range(20):
            (tmp_path / f"{number}.dll").write_text("x")
        (tmp_path / "free.txt").write_text("x")
        for number in range(20):
            with pytest.raises(PermissionError):
                os.remove(tmp_path / f"{number}.dll")
        os.rename(tmp_path / "free.txt", tmp_path / "Other.txt")
        assert (tmp_path / "other.TXT").read_text() == "x"
