"""What the idioms of public reports share: a directory, and a try of one below a Windows model."""

from __future__ import annotations

import errno
import gc
import os
import stat
import sys

import pytest

from pytest_fsfault import inject

#: Marks of a module whose idioms leave files to the collector.
MARKS = [
    pytest.mark.skipif(os.name == "nt", reason="left to Windows: it knows by itself"),
    pytest.mark.usefixtures("light_collections"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def write(path, text="new"):
    """Make a file and the directories above it; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def make_writable(function, path, _error):
    """Clear the attribute and try again: the handler of shutil's documentation."""
    os.chmod(path, stat.S_IWRITE)
    function(path)


HANDLER = {"onexc" if sys.version_info >= (3, 12) else "onerror": make_writable}


@pytest.fixture
def root(tmp_path):
    """Return an empty directory."""
    root, home = tmp_path / "root", os.getcwd()
    root.mkdir()
    yield root
    os.chdir(home)
    gc.collect()  # what they leave behind, while its warnings are left aside


def attempt(root, what, how, before=None, version="11", **options):
    """Do what a report does, below a model; return the error and the calls that were refused."""
    with inject(roots=[root], strict=False) as fsfault:
        windows = fsfault.windows(version, **options)
        if before is not None:
            before(root, windows)
        try:
            what(root, how)
        except (OSError, AssertionError) as error:
            return error.with_traceback(None), [entry.operation for entry in fsfault.journal.faults]
    return None, []


def check_failure(attempted, told, operation):
    """Check that it failed with the number of Windows, or the `errno`, that is told, by this operation."""
    error, refused = attempted
    if isinstance(told, str) and told.isupper():
        assert told == errno.errorcode[error.errno]
    elif isinstance(told, str):
        assert isinstance(error, AssertionError), error
        assert told in str(error)
    else:
        assert error.winerror in (told if isinstance(told, tuple) else (told,))
    assert not operation or operation in refused
