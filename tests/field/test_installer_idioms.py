"""Public reports about installers, package tools and their caches, each cut down to the idiom that failed.

As in `test_idioms.py`: the first way fails under the Windows model with the error of the report, by the call that it
names; the second does what was meant.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import shutil
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
from idioms import HANDLER, MARKS, attempt, check_failure, root, write

__all__ = ["root"]  # the fixture
pytestmark = MARKS


def into_the_cache(root, move):
    """Put a wheel that was built in the directory for temporary files into the cache, on another drive."""
    move(write(root / "tmp" / "a.whl"), root / "drive" / "a.whl")
    assert ["a.whl"] == os.listdir(root / "drive")


def overwrite_a_program(root, aside):
    """Copy the new program over the old one, which is running."""
    write(root / "venv" / "poetry.exe", "2")
    if aside:
        os.rename(root / "poetry.exe", root / "poetry.exe.old")
    shutil.copy(root / "venv" / "poetry.exe", root / "poetry.exe")
    assert "2" == (root / "poetry.exe").read_text()


def probe_for_links(root, locked):
    """Try once whether links can be made, while a second thread wants to know."""
    known, probing, looked = {}, threading.Event(), threading.Event()

    def probe():
        if not locked:
            known[root] = True
        probing.set()
        looked.wait()
        try:
            os.symlink("probe", root / "probe.link")
        except OSError:
            known[root] = False

    thread = threading.Thread(target=probe)
    thread.start()
    probing.wait()
    early = known.get(root)
    looked.set()
    thread.join()
    if known[root] if locked else early:  # what the second thread saw
        os.symlink("blob", root / "model")
    else:
        write(root / "model")
    assert ["model"] == os.listdir(root)


def link_into_a_snapshot(root, caught):
    """Link a file of a snapshot to its blob, relative to it."""
    write(root / "blobs" / "ae8c")
    (root / "snapshots").mkdir()
    try:
        os.symlink("../blobs/ae8c", root / "snapshots" / "model")
    except caught:
        shutil.copyfile(root / "blobs" / "ae8c", root / "snapshots" / "model")
    assert "new" == (root / "snapshots" / "model").read_text()


def leave_a_checkout(root, handler):
    """Delete a directory for temporary files into which git has cloned."""
    place = Path(tempfile.mkdtemp(dir=root))
    write(place / ".git" / "objects" / "1f" / "b32328d5").chmod(0o444)
    shutil.rmtree(place, **handler)
    assert [] == os.listdir(root)


def store_an_object(root, clears):
    """Write an object anew which git has made read-only: remove it, then rename."""
    there = write(root / "objects" / "c1e2f50d", "old")
    there.chmod(0o444)
    new = write(root / "objects" / "tmp")
    if clears:
        there.chmod(stat.S_IWRITE)
    os.remove(there)
    os.rename(new, there)
    assert "new" == there.read_text()


class Cycle:
    """What keeps a mapping, and itself."""

    def __init__(self, path):
        self.itself = self
        with open(path, "r+b") as file:
            self.mapping = mmap.mmap(file.fileno(), 0)


def delete_what_a_cycle_maps(root, collects):
    """Delete the directory of arrays once a job is done: an exception had kept its frame, and that the array."""
    path = write(root / "memmap" / "a.pkl", "0" * 64)
    gc.disable()
    try:
        Cycle(path)
        if collects:
            gc.collect()
        shutil.rmtree(root / "memmap")
    finally:
        gc.enable()
    assert [] == os.listdir(root)


def delete_while_a_worker_ends(root, attempts):
    """Delete the directory of arrays, one of which a worker has still open."""
    for number in range(1, attempts + 1):
        try:
            shutil.rmtree(root / "pool")
            break
        except PermissionError:
            if number == attempts:
                raise
            time.sleep(0.1)
    assert [] == os.listdir(root)


def hand_a_name_over(root, deletes):
    """Write an environment into a temporary file, and let another program read it by its name."""
    with tempfile.NamedTemporaryFile(dir=root, suffix=".yaml", delete=deletes) as file:
        file.write(b"name: tox")
        file.flush()
        if not deletes:
            file.close()
        with open(file.name, "rb") as read:
            assert b"name: tox" == read.read()


def protect_in_the_cache(root, before):
    """Move a file to the cache, on another drive, where it is read-only."""
    path = write(root / "data.oct")
    if before:
        path.chmod(0o444)
    shutil.move(path, root / "drive" / "60b7")
    (root / "drive" / "60b7").chmod(0o444)
    assert ["drive"] == sorted(os.listdir(root))


def clean_packages(root, trash):
    """Remove a package of whose libraries one is loaded."""
    if trash:
        os.mkdir(root / ".trash")
        os.rename(root / "pkgs" / "matplotlib", root / ".trash" / "1")
    else:
        shutil.rmtree(root / "pkgs" / "matplotlib")
    assert [] == os.listdir(root / "pkgs")


def take_a_lock(root, caught):
    """Make a lock file that must be new, while the one of another process goes away."""
    taken = None
    while taken is None:
        try:
            taken = os.open(root / "index.lock", os.O_CREAT | os.O_RDWR | os.O_EXCL)
        except caught:
            time.sleep(0.05)
    os.close(taken)
    assert ["index.lock"] == os.listdir(root)


def clear_a_cache(root, closes):
    """Write into a cache file, and remove it since the query has failed."""
    cache = open(root / "cache.txt", "w")  # the report is about it
    cache.write("failed")
    if closes:
        cache.close()
    (root / "cache.txt").unlink()
    assert [] == os.listdir(root)


def save_an_index(root, caught):
    """Replace the index of a cache, which another process reads."""
    with contextlib.suppress(caught):
        os.replace(write(root / "index.tmp"), root / "index.nbi")
    assert "old" == (root / "index.nbi").read_text()  # it is only a cache


def release_a_lock(root, attempts):
    """Release a lock file, which somebody looks at."""
    for number in range(1, attempts + 1):
        try:
            os.unlink(root / "a.lock")
            break
        except OSError:
            if number == attempts:
                raise
            time.sleep(0.01)
    assert [] == os.listdir(root)


def build_below(root, name):
    """Make the directory for what a compiler writes: it repeats the path of the sources."""
    top = root / "build"
    top.mkdir()
    os.mkdir(top / name)
    assert [name] == os.listdir(top)


def start_an_interpreter(root, path):
    """Start the interpreter that a user has named: by its directory, or by its file."""
    write(root / "Python34" / "python.exe", "#!/bin/sh\nexit 0\n")
    os.chmod(root / "Python34" / "python.exe", 0o755)
    assert 0 == subprocess.call([root / path])


def upgrade_itself(root, running):
    """Move what is replaced into a temporary directory, and remove that at the end."""
    place = Path(tempfile.mkdtemp(prefix="pip-uninstall-", dir=root))
    os.rename(root / ("pip.exe" if running else "idle.exe"), place / "pip.exe")
    shutil.rmtree(place)
    assert not place.exists()


def drive(root, windows):
    """Let `drive` be another drive."""
    (root / "drive").mkdir()
    windows.volume(root / "drive")


def programs(root, windows):
    """Let programs run, and a library be loaded."""
    windows.run(write(root / "poetry.exe", "1"))
    windows.run(write(root / "pip.exe"))
    write(root / "idle.exe")


def library(root, windows):
    """Let a library of a package be loaded."""
    windows.load(write(root / "pkgs" / "matplotlib" / "_path.pyd"))


def worker(root, windows):
    """Let a worker have an array open for a while."""
    windows.hold(write(root / "pool" / "a.npy"), seconds=0.25)


def going(root, windows):
    """Let another process remove its lock file, which a third one looks at."""
    windows.hold(write(root / "index.lock"), "r", "rwd", seconds=0.25)
    os.remove(root / "index.lock")


def reader(root, windows):
    """Let another process read the index."""
    windows.hold(write(root / "index.nbi", "old"))


def looker(root, windows):
    """Let another process look at the lock for a moment."""
    windows.hold(write(root / "a.lock"), seconds=0.025)


#: By report: what it does, how it failed, with which error by which call, what mended it, and what is there before.
REPORTS = {
    "pypa/pip/pull/2749": (into_the_cache, os.rename, 17, "os.rename", shutil.move, drive),
    "pypa/pip/issues/8247": (upgrade_itself, True, 5, "os.remove", False, programs),
    "pypa/pipx/issues/210": (overwrite_a_program, False, "EACCES", "open", True, programs),
    "pypa/pipenv/issues/3391": (leave_a_checkout, {}, 5, "os.remove", HANDLER),
    "pypa/virtualenv/issues/730": (
        start_an_interpreter, "Python34", 5, "", "Python34/python.exe",  # a refusal of the host, too
    ),
    "tox-dev/tox-conda/issues/159": (hand_a_name_over, True, "EACCES", "open", False),
    "conda/conda/issues/749": (clean_packages, False, 5, "os.remove", True, library),
    "huggingface/huggingface_hub/issues/4915": (probe_for_links, False, 1314, "os.symlink", True),
    "huggingface/huggingface_hub/pull/1067": (
        link_into_a_snapshot, PermissionError, 1314, "os.symlink", OSError,
    ),
    "gitpython-developers/GitPython/issues/353": (store_an_object, False, 5, "os.remove", True),
    "joblib/joblib/pull/942": (delete_what_a_cycle_maps, False, 32, "os.remove", True),
    "joblib/joblib/pull/294": (delete_while_a_worker_ends, 1, 32, "os.remove", 5, worker),
    "treeverse/dvc/issues/5255": (protect_in_the_cache, True, 5, "os.remove", False, drive),
    "nengo/nengo/pull/946": (take_a_lock, FileExistsError, "EACCES", "os.open", OSError, going),
    "xoolive/traffic/issues/35": (clear_a_cache, False, 32, "os.remove", True),
    "numba/numba/pull/2041": (save_an_index, FileNotFoundError, 5, "os.replace", OSError, reader),
    "enthought/encore/pull/28": (release_a_lock, 1, 32, "os.remove", 5, looker),
    "confluentinc/confluent-kafka-python/issues/1002": (build_below, "x" * 225, 206, "os.mkdir", "x"),
}  # fmt: skip
OPTIONS = {build_below: {"long_paths": False}, take_a_lock: {"version": "7"}}


def tried(root, report, how):
    """Try an idiom as its report says."""
    what, *_ = REPORTS[report]
    before = REPORTS[report][5] if len(REPORTS[report]) > 5 else None
    return attempt(root, what, how, before, **OPTIONS.get(what, {}))


@pytest.mark.parametrize("report", REPORTS)
def test_the_idiom_fails_as_reported(root, report):
    """With the error of the report, by the call that it names."""
    _, how, told, operation, *_ = REPORTS[report]
    check_failure(tried(root, report, how), told, operation)


@pytest.mark.parametrize("report", REPORTS)
def test_the_mended_idiom_passes(root, report):
    """It does what was meant."""
    error, _ = tried(root, report, REPORTS[report][4])
    assert error is None
