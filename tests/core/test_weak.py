"""Objects that are known as long as they live: their end runs no code, and leaves no trace."""

import gc
import sys
from itertools import chain

from pytest_fsfault._core.locks import known_lock
from pytest_fsfault._core.weak import WeakObjects


class Thing:
    """What can be referred to weakly."""


def test_members_are_known_until_they_end_or_are_discarded():
    """Each once, however often it was added."""
    known, first, second = WeakObjects(), Thing(), Thing()
    for thing in (first, second, first):
        known.add(thing)
    assert [first, second] == known.alive()
    known.discard(second)
    del thing, first
    gc.collect()
    assert [] == known.alive()
    known.discard(second)  # no error
    known.add(second)
    known.clear()
    assert [] == known.alive()


def test_ended_members_take_no_room():
    """Of 10,000 that came and went some are left, of those that live all."""
    known, living = WeakObjects(), [Thing() for _ in range(100)]
    for thing in chain(living, (Thing() for _ in range(10_000))):
        known.add(thing)
    assert living == known.alive()[:100]
    assert len(known._known) < 400


def test_the_end_of_a_lock_runs_no_code():
    """A signal handler that raises there would be printed, and not reach the program."""
    lock = known_lock()
    called = []
    sys.setprofile(lambda frame, event, _arg: called.append((event, frame.f_code.co_name)))
    try:
        del lock
        seen = tuple(called)  # before our own audit hook hears of what follows
    finally:
        sys.setprofile(None)
    assert [] == [name for event, name in seen if event == "call"]
