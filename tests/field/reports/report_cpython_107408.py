"""A temporary directory is cleaned up while a file in it is open: which error surfaces (python/cpython#107408)."""

import tempfile

import pytest


@pytest.mark.fsfault(windows="11")
def test_the_error_that_surfaces(tmp_path):
    directory = tempfile.TemporaryDirectory(dir=tmp_path)
    with open(directory.name + "/guide.pdf", "w"), pytest.raises(OSError) as refused:
        directory.cleanup()
    error = refused.value
    assert (type(error).__name__, error.winerror) == ("PermissionError", 32), (
        repr(error) + " in context of " + repr(error.__context__)
    )
