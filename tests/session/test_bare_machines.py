"""Machines without what is taken for granted: a directory for temporary files, `/proc`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from skips import linux_fact, posix_fact

from pytest_fsfault import Unmet, inject
from pytest_fsfault._host import descriptors, own_threads

ALONE = """
import os, subprocess, sys, tempfile, threading
from pytest_fsfault import FsFaultError, Unmet, inject
tempfile._candidate_tempdir_list = lambda: [root + "/missing"]
make = lambda name: subprocess.run([sys.executable, "-c", "import os, sys; os.mkdir(sys.argv[1])", root + name]).returncode
"""


@pytest.fixture
def homeless(tmp_path):
    """Return a function that runs a text in a process without a directory for temporary files."""

    def run(text):
        code = f"root = {os.fspath(tmp_path)!r}\n{ALONE}{text}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        return done.stdout.splitlines(), done.stderr

    return run


def test_children_where_no_directory_for_temporary_files_is_writable(homeless):
    """They run without faults, which is one sentence at the end; the code under test meets no error of ours."""
    text = """
try:
    with inject("os.mkdir a -> EACCES when nth 2", roots=[root]):
        assert 0 == make("/a") == make("/b")
        os.mkdir(root + "/c")
except Unmet as error:
    print(*str(error).splitlines()[1:], sep="\\n")
with inject("os.mkdir -> EACCES when once", roots=[root], strict="all"):  # no child, nothing to say
    try: os.mkdir(root + "/d")
    except PermissionError: print("refused")
"""
    lines, errors = homeless(text)
    assert "" == errors
    assert lines[0].startswith(
        "no fault reaches child processes: [Errno 2] No usable temporary directory found in "
    )
    assert ["refused"] == lines[1:]


def test_what_needs_no_directory_for_temporary_files(homeless):
    """A sweep, and a guard of what is outside, do without; roots have to be named."""
    text = """
with inject(roots=[root], outside="refuse"):
    os.mkdir(root + "/a")
try: inject("os.mkdir -> EACCES").__enter__()
except FsFaultError as error: print(error)
"""
    lines, errors = homeless(text)
    assert "" == errors
    assert lines[0].startswith("no directory is watched by default: [Errno 2] No usable temporary directory")
    assert lines[0].endswith("; write roots=[...]")


@pytest.fixture
def no_proc(tmp_path, monkeypatch):
    """Let the lists of threads and descriptors be where none are."""
    monkeypatch.setattr(own_threads, "_TASKS", f"{tmp_path}/none")
    monkeypatch.setitem(descriptors._LISTS, sys.platform, f"{tmp_path}/none")
    descriptors.are_listed.cache_clear()
    yield
    descriptors.are_listed.cache_clear()


@posix_fact("a list of descriptors in a directory; Windows lists them by a function")
def test_the_model_says_that_it_knows_of_no_open_file(no_proc, tmp_path):
    """It must not pass for one that had nothing to refuse; what is declared holds, and ``strict=False`` goes without."""
    (tmp_path / "a").touch()
    with (
        pytest.raises(Unmet, match=r"^this system does not tell which files are open"),
        inject(roots=[tmp_path], windows="11") as fsfault,
    ):
        fsfault.windows().hold(tmp_path / "a")
        with pytest.raises(PermissionError, match="32"):
            os.rename(tmp_path / "a", tmp_path / "b")
    with inject(roots=[tmp_path], windows="11", strict=False):
        pass


@linux_fact("a list of threads in /proc")
def test_children_and_handles_without_proc(no_proc, tmp_path):
    """Children meet faults all the same, forked ones and others; open handles are those that can be known: none."""
    code = f"import os\ntry: os.mkdir({os.fspath(tmp_path / 'd')!r})\nexcept PermissionError: os._exit(3)"
    with inject("os.mkdir -> EACCES when first 2", roots=[tmp_path], strict="all", native=False):
        assert 3 == subprocess.run([sys.executable, "-c", code], check=False).returncode
        process = os.fork()
        if not process:
            try:
                os.mkdir(tmp_path / "d")
            except PermissionError:
                os._exit(4)
            finally:
                os._exit(5)
        assert 4 == os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
