"""The finder that waits for pyfakefs is seen by the program as little as can be."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from importlib.machinery import PathFinder

import pytest

from pytest_fsfault._host.package import STDLIB
from pytest_fsfault._intercept.fake.import_hook import Finder


@pytest.fixture
def finder():
    """A finder that nothing is told by."""
    finder = Finder(nullcontext, lambda: None)
    yield finder
    finder.unwatch()


class Asked:
    """A finder of the program, which finds nothing and notes what it is asked for."""

    def __init__(self) -> None:
        self.names = []

    def find_spec(self, name, path=None, target=None):
        """Note it."""
        del path, target
        self.names.append(name)


def test_nothing_is_put_in_place_where_there_is_no_pyfakefs(finder, monkeypatch):
    """The list of finders is as it was, its first item included, and no finder of the program is asked."""
    asked = Asked()
    monkeypatch.setattr(sys, "path", [STDLIB])
    monkeypatch.setattr(sys, "meta_path", [asked, PathFinder])
    before = sys.meta_path
    finder.watch()
    assert before is sys.meta_path
    assert [asked, PathFinder] == sys.meta_path
    assert [] == asked.names


def test_a_longer_path_is_searched_again(finder, monkeypatch):
    """What a test puts on the path counts from the next session on."""
    whole = [*sys.path]
    monkeypatch.setattr(sys, "path", [STDLIB])
    finder.watch()
    sys.path[:] = whole
    finder.watch()
    assert finder is sys.meta_path[0]


def test_a_checkout_that_was_installed_is_found(finder, monkeypatch):
    """Setuptools puts a finder of its own for such a package."""

    class _EditableFinder:
        """Named as that of setuptools."""

        @classmethod
        def find_spec(cls, name, path=None, target=None):
            """Find it."""
            del path, target
            return PathFinder.find_spec("json") if name == "pyfakefs" else None

    monkeypatch.setattr(sys, "path", [STDLIB])
    monkeypatch.setattr(sys, "meta_path", [_EditableFinder, PathFinder])
    finder.watch()
    assert finder is sys.meta_path[0]


def test_a_list_that_is_put_back_later_finds_nothing_by_it(finder, monkeypatch):
    """A program may keep the list and put it back when the session is over."""
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    finder.watch()
    kept = [*sys.meta_path]
    assert finder.find_spec("pyfakefs") is not None
    finder.unwatch()
    sys.meta_path[:] = kept
    assert finder.find_spec("pyfakefs") is None
