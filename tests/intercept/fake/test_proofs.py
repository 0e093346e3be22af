"""Snapshots, sweeps, tolerance and self-replacement stand in the fake while that is in force."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from pyfakefs.fake_filesystem import OSType
from skips import marked, posix_fact

SYSTEMS = {"linux": OSType.LINUX, "windows": OSType.WINDOWS}

OTHER = posix_fact("a fake of another system, whose directory for temporary files is named as on Windows")


@pytest.fixture(params=marked(SYSTEMS, {"linux": OTHER}))
def fake(request, fs):
    """Return a fake file system of each kind."""
    fs.os = SYSTEMS[request.param]
    return fs


def prepare(root):
    """Build the old tree."""
    (root / "sub").mkdir()
    (root / "sub" / "a.txt").write_text("old")
    (root / "b.txt").write_text("other")


def by_rename(root):
    """Update a file the right way."""
    new = root / "sub" / "a.tmp"
    new.write_text("new")
    os.replace(new, root / "sub" / "a.txt")


def in_place(root):
    """Update a file the wrong way."""
    (root / "sub" / "a.txt").write_text("new")


def sweep(fsfault, update):
    """Run a sweep over an update; return its trials."""
    done = []
    for trial in fsfault.sweep(prepare, faults=("ERROR_ACCESS_DENIED", "crash")):
        with trial as root:
            update(root)
        trial.check_atomic(ignore=("*.tmp",))
        trial.check_rerun(update)
        done.append((trial.fault, *(entry.operation for entry in trial.injected)))
    return done


def test_a_good_update_passes_its_sweep(fake, fsfault):
    """Each call that changes the tree is tried; nothing of it is left afterwards."""
    before = {path for path in Path("/").rglob("*") if "fsfault" in path.name}
    denied, crash = "ERROR_ACCESS_DENIED", "crash"
    assert [
        (None,), (denied, "open"), (denied, "open"), (crash, "open"), (crash, "file.write"),
        (denied, "os.replace"), (denied, "os.replace"), (crash, "os.replace"),
    ] == sweep(fsfault, by_rename)  # fmt: skip
    assert before == {path for path in Path("/").rglob("*") if "fsfault" in path.name}


def test_a_bad_update_fails_its_sweep(fake, fsfault):
    """The difference is told, and the trees of failing trials are kept in the fake."""
    with pytest.raises(AssertionError) as caught:
        sweep(fsfault, in_place)
    assert "check_atomic: the tree is neither the old nor the new one" in str(caught.value)
    assert "~ sub/a.txt 3 -> 0 bytes" in str(caught.value)
    [kept] = [line for line in str(caught.value).splitlines() if "files kept in: " in line][:1]
    assert fake.exists(kept.partition("files kept in: ")[2])


def test_files_that_a_crash_leaves_open_are_in_nobodys_way(fake, fsfault):
    """The next trial has a tree of its own."""

    def careless(root):
        file = open(root / "b.txt", "a")
        file.write("more")
        os.mkdir(root / "new")
        file.close()

    for trial in fsfault.sweep(prepare, faults=("crash",)):
        with trial as root:
            careless(root)
        trial.check(trial.fault is None or "b.txt" in trial.tree, "it is there")
    assert [] == [one for one in fake.open_files[3:] if one]


def test_a_tree_is_a_snapshot_of_the_fake(fs, fsfault):
    """Names, sizes, modes, links, and hard links."""
    fs.create_file("/app/one", contents="1", st_mode=0o100644)
    fs.create_symlink("/app/link", "one")
    os.link("/app/one", "/app/two")
    before = fsfault.tree("/app")
    assert ["link", "one", "two"] == sorted(before)
    assert "link -> one" in str(before)
    assert "hard link to one" in str(before)
    with open("/app/one", "w") as file:
        file.write("2")
    assert "~ one 1 bytes, other content\n~ two 1 bytes, other content" == before.diff(fsfault.tree("/app"))
    assert "missing" == fsfault.tree("/nowhere").kind


def test_reading_a_snapshot_changes_nothing(fs, fsfault):
    """A snapshot reads without `os.open` of pyfakefs, which gives another mode to a file that is there."""
    fs.create_file("/app/one", contents="1", st_mode=0o100640)
    fsfault.tree("/app")
    assert 0o640 == os.stat("/app/one").st_mode & 0o777
    assert [] == [one for one in fs.open_files[3:] if one]


def test_tolerance_is_found_in_the_fake(fake, fsfault):
    """Four waits of a second survive a hold of four seconds."""

    def body(root):
        for _ in range(4):
            try:
                return os.replace(root / "b.txt", root / "c.txt")
            except PermissionError:
                time.sleep(1)
        return os.replace(root / "b.txt", root / "c.txt")

    found = fsfault.tolerance(body, prepare=prepare, hold="b.txt")
    assert (5, 4.0) == (found.attempts, round(sum(found.waits), 3))


def test_a_program_replaces_itself_in_the_fake(fake, fsfault):
    """Renaming it away first is allowed; replacing it is not, while it runs."""
    fake.create_file("/app/tool.exe", contents="old")

    def rightly(exe):
        new, old = exe.with_suffix(".new"), exe.with_suffix(".old")
        new.write_text("new")
        os.rename(exe, old)
        try:
            os.rename(new, exe)
        except OSError:
            os.rename(old, exe)
            raise

    def wrongly(exe):
        exe.with_suffix(".new").write_text("new")
        os.replace(exe.with_suffix(".new"), exe)

    fsfault.self_replace("/app/tool.exe", rightly)
    with pytest.raises(AssertionError, match=r"the update fails while tool\.exe is running"):
        fsfault.self_replace("/app/tool.exe", wrongly)
