"""An `inject()` without a block around anything injects nothing, and says so."""

from __future__ import annotations

import gc
import sys
import warnings
import weakref
from contextlib import ExitStack

import pytest

from pytest_fsfault import inject
from pytest_fsfault._core.language.mistakes import FsFaultError

RULE = "os.replace -> EIO or never"
SENTENCE = "inject() injects nothing by itself; write `with inject(...) as fsfault:` around what is to meet the faults"

LEFT_OPEN = (
    "inject() was entered and is gone, its end never came: its faults are off and nothing was verified; "
    "write `with inject(...) as fsfault:`"
)


@pytest.fixture
def seen():
    """What was warned of."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield seen


def test_a_bare_statement_is_warned_of_at_its_own_line(seen):
    """As Python does with a coroutine that was never awaited."""
    inject(RULE)
    line = sys._getframe().f_lineno - 1
    found = [(one.category, str(one.message), one.filename, one.lineno) for one in seen]
    assert [(RuntimeWarning, SENTENCE, __file__, line)] == found


def test_one_that_was_kept_is_warned_of_where_it_was_made(seen):
    """It is forgotten when it goes."""
    kept = inject(RULE)
    line = sys._getframe().f_lineno - 1
    assert [] == seen
    del kept
    gc.collect()
    assert [line] == [one.lineno for one in seen]


def _enter(tmp_path):
    with ExitStack() as stack:
        stack.enter_context(inject(RULE, roots=[tmp_path]))


def _fail(tmp_path):
    with pytest.raises(ZeroDivisionError), inject(RULE, roots=[tmp_path]):
        raise ZeroDivisionError


def _misspell(_):
    with pytest.raises(FsFaultError):
        inject("os.replce -> EIO")


def _decorate(_):
    with pytest.raises(FsFaultError):
        inject(RULE)(_decorate)


def _ask(_):
    with pytest.raises(AttributeError):
        inject(RULE).journal  # noqa: B018


@pytest.mark.parametrize("way", [_enter, _fail, _misspell, _decorate, _ask])
def test_what_was_used_or_refused_is_not_warned_of(way, tmp_path, seen):
    """A mistake that has a sentence of its own has one only."""
    way(tmp_path)
    gc.collect()
    assert [] == seen


def test_the_end_of_the_interpreter_says_nothing(pytester):
    """What a module has kept, such as parameters of tests that were not selected, is not forgotten."""
    script = pytester.makepyfile(f"from pytest_fsfault import inject\nkept = [inject({RULE!r})]")
    assert "" == pytester.run(sys.executable, "-W", "always", script).stderr.str()


def test_one_whose_end_never_comes_is_warned_of(tmp_path, seen):
    """As a fixture does that enters it and returns what it gives: the faults are off at once."""
    fsfault = inject("os.rmdir -> EIO", roots=[tmp_path]).__enter__()
    line = sys._getframe().f_lineno - 1
    (tmp_path / "d").mkdir()
    (tmp_path / "d").rmdir()
    assert [] == list(fsfault.journal)
    found = [(one.category, str(one.message), one.filename, one.lineno) for one in seen]
    assert [(RuntimeWarning, LEFT_OPEN, __file__, line)] == found


def test_an_end_that_is_called_by_hand_is_an_end(tmp_path, seen):
    """As in `setUp` and `tearDown`."""
    block = inject(RULE, roots=[tmp_path])
    block.__enter__()
    block.__exit__(None, None, None)
    del block
    gc.collect()
    assert [] == seen


@pytest.mark.parametrize("name", ["strict", "profile", "clock", "outside"])
def test_an_option_is_not_assigned(tmp_path, name):
    """It is an argument of `inject`, or of the marker; assigned it would be kept, and do nothing."""
    with inject(RULE, roots=[tmp_path]) as fsfault, pytest.raises(AttributeError, match=f"'{name}'"):
        setattr(fsfault, name, "all")


def test_one_that_was_left_open_is_kept_by_nothing(tmp_path, seen):
    """Not until the interpreter ends, either: that would be all that its session has known."""
    forgotten = inject(RULE, roots=[tmp_path])
    fsfault = forgotten.__enter__()
    session = weakref.ref(fsfault._session)
    del forgotten, fsfault
    gc.collect()
    assert session() is None
    assert [LEFT_OPEN] == [str(one.message) for one in seen]
