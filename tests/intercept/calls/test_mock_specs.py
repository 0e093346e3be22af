"""What `unittest.mock` makes after the likeness of a function is made after the real one."""

from __future__ import annotations

import builtins
import os
import shutil
import time
from unittest import mock

import pytest
from skips import posix_fact

from pytest_fsfault import inject

RULE = "os.fsync -> EIO or never"
FUNCTIONS = [
    (os, "replace"), (os, "stat"), (os, "fstat"), (builtins, "open"), (shutil, "rmtree"),
    (time, "sleep"), (time, "monotonic"), (os, "getpid"), pytest.param(os, "chown", marks=posix_fact("os.chown")),
]  # fmt: skip


def _described(module, name, likeness):
    with mock.patch.object(module, name, **{likeness: True}) as made:
        inner = getattr(made, "mock", made)
        # Each mock has a class of its own.
        return type(made).__name__, type(inner).__name__, sorted(set(dir(inner)) - {"__annotations__"})


@pytest.mark.parametrize("likeness", ["autospec", "spec", "spec_set"])
@pytest.mark.parametrize(("module", "name"), FUNCTIONS, ids=lambda one: getattr(one, "__name__", one))
def test_it_is_the_mock_that_it_is_without_faults(module, name, likeness, tmp_path):
    """Of a builtin that is a MagicMock with all its methods, not a function."""
    before = _described(module, name, likeness)
    with inject(RULE, roots=[tmp_path]):
        assert before == _described(module, name, likeness)
    assert before == _described(module, name, likeness)


def test_the_patcher_is_as_it_was(tmp_path):
    """One patcher can be used again, under faults and without; what stands there in between is its mock."""
    patcher = mock.patch("os.replace", autospec=True, return_value=7)
    facts = dict(vars(patcher))
    for _ in range(2):
        with inject(RULE, roots=[tmp_path]), patcher as made:
            made.configure_mock(side_effect=[8, OSError])
            assert 8 == os.replace("a", "b")
            with pytest.raises(OSError):
                os.replace("a", "b")
        assert facts.keys() <= vars(patcher).keys()
        assert patcher.autospec is True
        with patcher:
            assert 7 == os.replace("a", "b")


def test_what_only_resembles_a_wrapper_is_left_alone(tmp_path):
    """A bound method of the program's has itself as its likeness, whatever its object is called."""

    class Number:
        """With a part that is called as ours is."""

        real = 3

        def half(self, of):
            """Return half of something."""
            return of / 2

    class Holder:
        """Has a bound method."""

        half = Number().half

    with inject(RULE, roots=[tmp_path]), mock.patch.object(Holder, "half", autospec=True) as made:
        with pytest.raises(TypeError):
            made(1, 2, 3)
