"""Public reports of Windows errors, each cut down to the idiom that failed and the one that mended it.

No release is needed: the first fails under the Windows model with the error of the report, by the call that it names;
the second passes, and does what was meant.
"""

from __future__ import annotations

import gc
import logging.handlers
import mmap
import os
import shutil
import sqlite3
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
from idioms import HANDLER, MARKS, attempt, check_failure, root, write

__all__ = ["root"]  # the fixture
pytestmark = MARKS


def checkout(root):
    """Make what git leaves: a repository with read-only objects."""
    pack = write(root / "repo" / ".git" / "objects" / "pack" / "pack-986f.idx")
    pack.chmod(0o444)
    return root / "repo"


# A cache that is renamed into place: webassets, transformers, cachelib, tensorpack.


def rename_into_place(root, move):
    """Write beside a cache file that is there already, and move it into place."""
    write(root / "cache", "old")
    move(write(root / "cache.tmp"), root / "cache")
    assert "new" == (root / "cache").read_text()


def remove_while_open(root, close):
    """Download into a file, find that it is no picture, and remove it."""
    file = open(root / "icon", "wb")  # the report is about it
    file.write(b"<html>")
    if close:
        file.close()
    os.remove(root / "icon")
    assert not (root / "icon").exists()


def swap_while_open(root, close):
    """Write a temporary file, compare it with what is there, and put it in place."""
    write(root / "config.h", "old")
    temporary = open(root / "config.h~", "w")  # the report is about it
    temporary.write("new")
    temporary.flush()
    if close:
        temporary.close()
    os.replace(root / "config.h~", root / "config.h")
    assert "new" == (root / "config.h").read_text()


def forget_a_descriptor(root, close):
    """Take a name from mkstemp, which opens the file as well, write there, and remove it."""
    descriptor, name = tempfile.mkstemp(dir=root)
    if close:
        os.close(descriptor)
    Path(name).write_text("x")
    os.remove(name)
    assert [] == os.listdir(root)


def remove_a_checkout(root, handler):
    """Delete a clone, whose objects are read-only."""
    shutil.rmtree(checkout(root), **handler)
    assert [] == os.listdir(root)


def name_by_time(root, form):
    """Make a directory of a run, named by its start."""
    os.makedirs(root / "runs" / form)
    assert 1 == len(os.listdir(root / "runs"))


def write_by_time(root, form):
    """Write a file that is named by the time."""
    with open(root / form, "w") as file:
        file.write("x")
    assert 1 == len(os.listdir(root))


def edit_a_temporary_file(root, options):
    """Hand the name of a temporary file to something that opens it again."""
    with tempfile.NamedTemporaryFile(dir=root, suffix=".txt", **options) as file:
        Path(file.name).write_bytes(b"edited")
    assert "edited" == Path(file.name).read_text()
    os.remove(file.name)


def across_drives(root, move):
    """Move what was made in the directory for temporary files to another drive, at `d`."""
    move(write(root / "made.wav"), root / "d" / "made.wav")
    assert "new" == (root / "d" / "made.wav").read_text()


def link_or_copy(root, fallback):
    """Link a file of the cache to where it is wanted."""
    blob = write(root / "blobs" / "model")
    try:
        os.symlink(blob, root / "model")
    except OSError:
        if not fallback:
            raise
        shutil.copyfile(blob, root / "model")
    assert "new" == (root / "model").read_text()


def leave_memory_mapped(root, close):
    """Map an array, and delete its directory."""
    path = write(root / "mem" / "array.dat", "0" * 64)
    with open(path, "r+b") as file:
        mapped = mmap.mmap(file.fileno(), 0)
    if close:
        mapped.close()
    shutil.rmtree(root / "mem")
    assert [] == os.listdir(root)


def clean_up_in_use(root, options):
    """Leave a temporary directory in which a library still has a file open."""
    with tempfile.TemporaryDirectory(dir=root, **options) as place:
        kept = open(write(Path(place) / "guide.pdf"))  # so does the library
    kept.close()


def stay_in_the_directory(root, leave):
    """Work in a temporary directory, and remove it."""
    place = root / "work"
    place.mkdir()
    home = os.getcwd()
    os.chdir(place)
    try:
        if leave:
            os.chdir(home)
        shutil.rmtree(place)
    finally:
        os.chdir(home)
    assert [] == os.listdir(root)


def keep_a_database(root, close):
    """Delete a database whose connection is still there: its context manager commits, and closes nothing."""
    with sqlite3.connect(root / "db") as connection:
        connection.execute("CREATE TABLE t (a)")
    if close:
        connection.close()
    os.remove(root / "db")
    assert [] == os.listdir(root)


def roll_over(root, close):
    """Rotate a log that a second handler has open."""
    first = logging.handlers.RotatingFileHandler(root / "a.log", backupCount=1)
    second = logging.FileHandler(root / "a.log")
    try:
        if close:
            second.close()
        first.doRollover()
    finally:
        first.close()
        second.close()
    assert ["a.log", "a.log.1"] == sorted(os.listdir(root))


def unpack_while_open(root, close):
    """Unpack an archive, and delete it."""
    with zipfile.ZipFile(root / "a.zip", "w") as made:
        made.writestr("a", "x")
    archive = zipfile.ZipFile(root / "a.zip")
    archive.extractall(root / "out")
    if close:
        archive.close()
    os.remove(root / "a.zip")
    assert ["out"] == os.listdir(root)


def fsync_a_reader(root, mode):
    """Make sure that a copy is on the disk."""
    with open(write(root / "a"), mode) as file:
        os.fsync(file.fileno())
    assert ["a"] == os.listdir(root)


def empty_directory_name(root, checks):
    """Make the directory of a file that is given by its name alone."""
    os.chdir(root)
    directory = os.path.dirname("out.txt")
    if directory or not checks:
        os.makedirs(directory, exist_ok=True)
    Path("out.txt").write_text("x")
    assert ["out.txt"] == os.listdir(root)


def delete_a_log(root, close):
    """Delete the directory of a log."""
    handler = logging.FileHandler(write(root / "logs" / "testplan.log"))
    try:
        if close:
            handler.close()
        shutil.rmtree(root / "logs")
    finally:
        handler.close()
    assert [] == os.listdir(root)


def move_a_log(root, close):
    """Move a log into the directory of its project, once that is there."""
    log = open(root / "run.log", "w")  # the report is about it
    (root / "project").mkdir()
    if close:
        log.close()
    shutil.move(root / "run.log", root / "project" / "run.log")
    assert ["project"] == os.listdir(root)


def send_a_tarball(root, close):
    """Pack a tarball into a temporary file, and remove it once it is sent."""
    file = tempfile.NamedTemporaryFile(dir=root, suffix=".tgz", delete=False)
    with tarfile.open(file.name, "w:gz"):
        pass
    if close:
        file.close()
    os.remove(file.name)
    assert [] == os.listdir(root)


def long_name(root, prefix):
    """Make a directory whose name tells all parameters of a run."""
    name = ("BATCH_SIZE(10) GAMMA(0.9) N_STEP(5) " * 7)[:239]
    os.mkdir(f"{prefix}{root}/{name}")
    assert [name] == os.listdir(root)


def name_with_a_blank(root, trim):
    """Make directories that are named by the title of a talk, which ends with a blank."""
    title = "Fault Tolerance 101 "
    os.makedirs(root / (title.strip() if trim else title) / "slides")
    assert ["Fault Tolerance 101"] == os.listdir(root)


def name_by_caller(root, prefix):
    """Make a temporary directory that is named by who asked for it."""
    tempfile.mkdtemp(prefix=prefix, dir=root)
    assert 1 == len(os.listdir(root))


def back_up_a_directory(root, below):
    """Rename a directory to a new name, of which mkdtemp has made sure that it is free."""
    write(root / "_bmad" / "a")
    backup = Path(tempfile.mkdtemp(prefix="_bmad.old-", dir=root))
    (root / "_bmad").rename(backup / "old" if below else backup)
    assert not (root / "_bmad").exists()


def rename_what_was_unpacked(root, close):
    """Rename a directory in which a file is still open."""
    file = open(write(root / "jdk-17" / "release"))  # the report is about it
    if close:
        file.close()
    (root / "jdk-17").rename(root / "java")
    assert ["java"] == os.listdir(root)


def collect_first(root, collects):
    """Remove what an object has open that nobody closes, and that refers to itself."""

    class Reader:
        def __init__(self, path):
            self.itself, self.file = self, open(path)  # the report is about it

    gc.disable()
    try:
        Reader(write(root / "a"))
        if collects:
            gc.collect()
        os.remove(root / "a")
    finally:
        gc.enable()
    assert [] == os.listdir(root)


def hide_and_save(root, opener):
    """Save settings in a file that its user has hidden."""
    with open(root / "config.json", "w", opener=opener) as file:
        file.write("saved")
    assert "saved" == (root / "config.json").read_text()


def opened_for_update(root, mode):
    """Write into a file that git has hidden."""
    with open(root / "config.json", mode) as file:
        file.write("saved")
        file.truncate()
    assert "saved" == (root / "config.json").read_text()


def only_emptied(path, _flags):
    """Open a file for `open`, without making it anew."""
    return os.open(path, os.O_WRONLY | os.O_TRUNC)


def cache_of(root, name):
    """Make the directory of a share, named by its ticker."""
    os.makedirs(root / "cache" / name)
    assert [name] == os.listdir(root / "cache")


def uninstall_itself(root, folder):
    """Move the program that runs out of the way: to another drive, or beside itself."""
    shutil.move(root / "pip.exe", root / folder / "~ip.exe")
    assert not (root / "pip.exe").exists()


STAMP = "2023-05-23T22:49:56.670918"
PLAIN = STAMP.replace(":", "-")
OPEN = (False, 32, "os.remove", True)
#: By report: what it does, how it failed, with which error by which call, and what mended it.
REPORTS = {
    "miracle2k/webassets/issues/338": (rename_into_place, os.rename, 183, "os.rename", os.replace),
    "huggingface/transformers/pull/3697": (rename_into_place, Path.rename, 183, "os.rename", Path.replace),
    "tensorpack/tensorpack/issues/216": (rename_into_place, os.rename, 183, "os.rename", shutil.move),
    "AlphaSlayer1964/kemono-dl/issues/7": (remove_while_open, *OPEN),
    "mesonbuild/meson/pull/960": (swap_while_open, False, 32, "os.replace", True),
    "wright-group/WrightTools/issues/570": (forget_a_descriptor, *OPEN),
    "pyodide/pyodide-build/pull/328": (remove_a_checkout, {}, 5, "os.remove", HANDLER),
    "microsoft/apm/pull/91": (remove_a_checkout, {"ignore_errors": True}, "repo", "os.remove", HANDLER),
    "ImprintLab/Medical-SAM-Adapter/issues/10": (name_by_time, STAMP, 123, "os.mkdir", PLAIN),
    "DeepGraphLearning/GraphAny/issues/4": (name_by_time, "Jul16-9:41-", 267, "os.mkdir", "Jul16-9_41-"),
    "sbaack/github-scraper/issues/3": (write_by_time, STAMP, "EINVAL", "open", PLAIN),
    "pytest-dev/pytest/issues/6923": (name_by_caller, "<string>", 123, "os.mkdir", "string"),
    "mtayseer/infoq-downloader/issues/12": (name_with_a_blank, False, 3, "", True),
    "fmoo/python-editor/issues/37": (edit_a_temporary_file, {}, "EACCES", "open", {"delete": False}),
    "tsroten/fcache/pull/35": (across_drives, os.rename, 17, "os.rename", shutil.move),
    "invoke-ai/InvokeAI/issues/3912": (across_drives, Path.replace, 17, "os.replace", shutil.move),
    "open-mmlab/mmagic/pull/645": (link_or_copy, False, 1314, "os.symlink", True),
    # Mended by the prefix, as in DeepLabCut/DeepLabCut/pull/195.
    "MehranTaghian/DQN-Trading/issues/3": (long_name, "", 206, "os.mkdir", "\\\\?\\"),
    "SpikeInterface/spikeextractors/pull/450": (leave_memory_mapped, *OPEN),
    "docling-project/docling/issues/2117": (
        clean_up_in_use,
        {},
        (32, 267),
        "os.remove",
        {"ignore_cleanup_errors": True},
    ),
    "zenml-io/zenml/pull/289": (stay_in_the_directory, False, 32, "os.rmdir", True),
    "python/cpython/issues/115537": (keep_a_database, *OPEN),
    "morganstanley/testplan/pull/231": (delete_a_log, *OPEN),
    "OpenNHM/AvaFrame/issues/1128": (move_a_log, *OPEN),
    "SpecterOps/OpenHound/pull/14": (roll_over, False, 32, "os.rename", True),
    "stephenmcd/mezzanine/pull/145": (unpack_while_open, *OPEN),
    "valohai/valohai-cli/pull/31": (send_a_tarball, *OPEN),
    "RyanCodrai/turbovec/pull/187": (fsync_a_reader, "rb", "EBADF", "os.fsync", "r+b"),
    "doorstop-dev/doorstop/issues/81": (empty_directory_name, False, 3, "", True),
    "bmad-code-org/BMAD-METHOD/issues/2879": (back_up_a_directory, False, 183, "os.rename", True),
    "beeware/briefcase/issues/1780": (rename_what_was_unpacked, False, 5, "os.rename", True),
    "BetaRavener/uPyLoader/pull/29": (hide_and_save, None, "EACCES", "open", only_emptied),
    "gitpython-developers/GitPython/issues/516": (opened_for_update, "w", "EACCES", "open", "r+"),
    "ValueRaider/yfinance-cache/issues/98": (cache_of, "CON", 267, "os.mkdir", "CON_"),
    "pypa/pip/issues/5109": (uninstall_itself, "d", 5, "os.remove", "."),
    "qatrackplus/qatrackplus/issues/568": (collect_first, *OPEN),
}
#: Which of them need more than Windows 11: another version, options of it, and what is there before.
OPTIONS = {long_name: {"long_paths": False}}
VERSIONS = {cache_of: "10"}  # whose reserved names are reserved in any directory


def another_drive(root, windows):
    """Let `d` be a directory on another drive."""
    (root / "d").mkdir()
    windows.volume(root / "d")


def running(root, windows):
    """Let a program run, and `d` be on another drive."""
    another_drive(root, windows)
    windows.run(write(root / "pip.exe"))


def hidden(root, windows):
    """Hide a file."""
    windows.set_attributes(write(root / "config.json", "old settings"), hidden=True)


BEFORE = {
    across_drives: another_drive,
    uninstall_itself: running,
    hide_and_save: hidden,
    opened_for_update: hidden,
}


def tried(root, report, how):
    """Try an idiom as its report says."""
    what = REPORTS[report][0]
    options = {"version": VERSIONS.get(what, "11"), **OPTIONS.get(what, {})}
    return attempt(root, what, how, BEFORE.get(what), **options)


@pytest.mark.parametrize("report", REPORTS)
def test_the_idiom_fails_as_reported(root, report):
    """With the error of the report, by the call that it names; one only left behind what it should delete."""
    _, how, told, operation, _ = REPORTS[report]
    check_failure(tried(root, report, how), told, operation)


@pytest.mark.parametrize("report", REPORTS)
def test_the_mended_idiom_passes(root, report):
    """It does what was meant."""
    error, _ = tried(root, report, REPORTS[report][-1])
    assert error is None
