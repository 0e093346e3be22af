"""Processes that hold files, and what the system tells of them."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from pytest_fsfault._windows.open_files.this_process import OpenFiles
from pytest_fsfault._windows.sharing import READ, WRITE

CRT = READ | WRITE  # what the C runtime shares
SLEEP = shutil.which("sleep")

linux = pytest.mark.skipif(
    sys.platform != "linux", reason="POSIX fact: only Linux shows what other processes have open"
)


def identity(place):
    """Return device and inode of a path or descriptor."""
    status = os.stat(place)
    return status.st_dev, status.st_ino


def natives(**others):
    """Return the functions of `os`, some of them exchanged."""
    return SimpleNamespace(**{**vars(os), "open_file": io.open, **others})


@pytest.fixture
def open_files():
    """Return one whose first look is over."""
    made = OpenFiles(natives())
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


def mapped_libraries(process="self"):
    """Return the shared libraries of a process, the C library among them."""
    with open(f"/proc/{process}/maps", encoding="utf-8") as lines:
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


def with_sleep(openings):
    """Return the openings if the program that ends a chain has started."""
    return openings if any(one.who.endswith("(sleep)") for one in openings) else []
