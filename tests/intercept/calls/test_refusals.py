"""What `os.access` and `shutil.rmtree` do with a refusal, which they do not raise in every case."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from pathlib import Path

import pytest

from pytest_fsfault import SimulatedCrash, inject

WAYS = {
    "ignore_errors": lambda path, _handler: shutil.rmtree(path, ignore_errors=True),
    "ignore_errors by position": lambda path, _handler: shutil.rmtree(path, True),
    "onerror": lambda path, handler: shutil.rmtree(path, onerror=handler),
    "onerror by position": lambda path, handler: shutil.rmtree(path, False, handler),
    "onexc": lambda path, handler: shutil.rmtree(path, onexc=handler),
}


@pytest.fixture(params=["real", "fake"])
def tree(request, tmp_path):
    """Lay out a tree on the real file system, and on a fake one."""
    root = tmp_path
    if request.param == "fake":
        request.getfixturevalue("fs")
        root = Path("/root")
    (root / "tree").mkdir(parents=True)
    return root / "tree"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_refusal_is_handled_as_an_error_of_its_own(way, after, tree):
    """Nothing is raised; a handler gets the function, the path as it was given, and the error."""
    if way == "onexc" and sys.version_info < (3, 12):
        pytest.skip("Python 3.12 brought onexc")
    told = []

    def handler(function, path, error):
        error = error[1] if isinstance(error, tuple) else error  # onerror gets what sys.exc_info() returns
        told.append((function == os.rmdir, path, error.winerror))

    rule = f"shutil.rmtree -> ERROR_DIR_NOT_EMPTY{' after' * after} when once"
    with inject(rule, roots=[tree.parent]) as fsfault, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert WAYS[way](tree, handler) is None
        assert ["raised"] == [entry.outcome for entry in fsfault.journal]
    assert ([] if "ignore" in way else [(True, tree, 145)]) == told
    assert after != tree.exists()


def test_a_handler_may_raise(tree):
    """What it raises leaves `rmtree`, with the refusal as its context."""

    def handler(*_told):
        raise LookupError

    with inject("shutil.rmtree -> EBUSY", roots=[tree.parent]), pytest.raises(LookupError) as caught:
        shutil.rmtree(tree, onerror=handler)
    assert "Device or resource busy" in str(caught.value.__context__)


def test_what_a_handler_lets_pass_is_not_handled_again(tree):
    """An error of `rmtree` itself has been to the handler already."""
    told = []

    def handler(_function, _path, error):
        told.append(error[1])
        raise error[1]

    with inject("shutil.rmtree -> EBUSY when nth 2 or never", "os.rmdir -> EPERM", roots=[tree.parent]):
        with pytest.raises(PermissionError) as caught:
            shutil.rmtree(tree, onerror=handler)
    assert [caught.value] == told


def test_without_a_handler_it_is_raised(tree):
    """The same holds for a crash, whatever the caller ignores."""
    with inject("shutil.rmtree -> EBUSY", roots=[tree.parent]), pytest.raises(OSError, match="busy"):
        shutil.rmtree(tree)
    with pytest.raises(SimulatedCrash), inject("shutil.rmtree -> crash", roots=[tree.parent]):
        shutil.rmtree(tree, ignore_errors=True)
