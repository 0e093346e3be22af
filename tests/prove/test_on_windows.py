"""Trees of a sweep on Windows: junctions, hard links, and times that tell nothing, with its answers put in on POSIX."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from skips import posix_fact

from pytest_fsfault._core.language.errors import with_winerror
from pytest_fsfault._host.originals import NATIVE
from pytest_fsfault._host.patience import patiently
from pytest_fsfault._prove import tree_copies
from pytest_fsfault._prove.snapshots import Snapshots
from pytest_fsfault._prove.workspace import Workspace

_JUNCTION = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT


class Entry:
    """What a listing of Windows knows: no number of the file, no count of links, and a size as of the last close."""

    def __init__(self, windows, entry):
        self.name, self.path = entry.name, entry.path
        self._windows = windows

    def stat(self, *, follow_symlinks):
        assert not follow_symlinks
        found = self._windows.lstat(self.path)
        found.st_ino = found.st_dev = found.st_nlink = found.st_size = 0
        return found


class Windows:
    """The functions of `os`, as they are on Windows: a directory whose name ends in `.junction` is one."""

    def __init__(self):
        self.unlinked = []

    def __getattr__(self, name):
        return getattr(NATIVE, name)

    def lstat(self, path):
        status = os.lstat(path)
        names = [name for name in dir(status) if name.startswith("st_")]
        tag = _JUNCTION if path.endswith(".junction") else 0
        return SimpleNamespace(**{name: getattr(status, name) for name in names} | {"st_reparse_tag": tag})

    def scandir(self, path):
        assert not path.endswith(".junction"), "a junction was followed"
        found = os.scandir(path)
        entries = [Entry(self, entry) for entry in found]

        @contextmanager
        def listing():
            with found:
                yield entries

        return listing()

    def readlink(self, path):
        return "\\\\?\\C:\\elsewhere" if path.endswith(".junction") else os.readlink(path)

    def unlink(self, path):
        self.unlinked.append(os.path.basename(path))
        if path.endswith(".junction"):  # the real one removes the junction alone
            os.rename(path, f"{os.path.dirname(os.path.dirname(path))}/behind")
        else:
            os.unlink(path)


@pytest.fixture
def tree(tmp_path):
    """Return a tree with a file of two names, and a junction."""
    root = tmp_path / "tree"
    (root / "env.junction").mkdir(parents=True)
    (root / "env.junction/precious").write_text("of somebody else")
    (root / "a").write_text("x")
    os.link(root / "a", root / "b")
    return root


@posix_fact("a directory that stands for a junction")
def test_a_junction_is_a_link(tree):
    """A snapshot says where it leads, and not what is there."""
    found = dict(Snapshots(Windows(), on_windows=True).take(str(tree)).items())
    assert {"a", "b", "env.junction"} == set(found)
    assert ("link", "\\\\?\\C:\\elsewhere") == (found["env.junction"].kind, found["env.junction"].target)


@posix_fact("a directory that stands for a junction")
def test_what_is_behind_a_junction_is_not_removed(tree, tmp_path):
    """The tree goes, with the junction; what it leads to stays."""
    windows = Windows()
    tree_copies.remove(windows, str(tree))
    assert not tree.exists()
    assert ["a", "b", "env.junction"] == sorted(windows.unlinked)
    assert "of somebody else" == (tmp_path / "behind/precious").read_text()


@posix_fact("a directory that stands for a junction")
def test_a_junction_is_copied_as_a_link(tree, tmp_path):
    """Files that are one stay one."""
    tree_copies.copy(Windows(), str(tree), str(tmp_path / "copy"))
    copy = tmp_path / "copy"
    assert copy.joinpath("env.junction").is_symlink()
    assert os.path.samefile(copy / "a", copy / "b")


def test_hard_links_show_in_a_snapshot(tree):
    """Though a listing of Windows does not know them, nor the size of a file that is being written."""
    shutil.rmtree(tree / "env.junction")
    found = dict(Snapshots(Windows(), on_windows=True).take(str(tree)).items())
    assert ("a", 1) == (found["b"].group, found["b"].size)


def test_a_change_with_old_times_is_seen(tmp_path):
    """Whoever unpacks an archive sets the times of its files: on Windows these would be all that is known of them."""
    file = tmp_path / "a"
    snapshots = Snapshots(NATIVE, lambda: 10**19, on_windows=True)
    seen = []
    for text in ("old", "new"):
        file.write_text(text)
        os.utime(file, (1, 1))
        seen.append(dict(snapshots.take(str(tmp_path)).items())["a"].digest)
    assert seen[0] != seen[1]


def test_a_scanner_in_a_tree_is_waited_for(tmp_path, monkeypatch):
    """A tree whose rename is refused for a moment is not taken for one that the body has left open."""
    refusals = [with_winerror(13, "refused", "a", 5, None)] * 3

    class Refusing(Windows):
        def rename(self, source, target):
            if refusals:
                raise refusals.pop()
            os.rename(source, target)

    monkeypatch.setitem(patiently.__kwdefaults__, "on_windows", True)
    home = tmp_path / "home"
    home.mkdir()
    workspace = Workspace(str(home), home / "arena/root", lambda root: (root / "a").touch(), Refusing(), bool)
    workspace.set()
    workspace.clear()
    assert not (home / "arena").exists()
    assert [] == refusals
