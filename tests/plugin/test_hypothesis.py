"""Faults under hypothesis: each example is a session of its own, and none leaves anything to the next."""

from __future__ import annotations

import gc
import os
import re
import tempfile
import time
import weakref
from contextlib import suppress

import pytest

from pytest_fsfault import inject

pytest.importorskip("hypothesis")

from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

ALL_CHECKS = {"suppress_health_check": (), "database": None, "deadline": None}
REPLACE, SLEEP = os.replace, time.sleep


def persist(source, target):
    """Replace, and try again up to nine times, with a pause of a second."""
    for attempt in range(10):
        try:
            os.replace(source, target)
        except PermissionError:
            time.sleep(1)
        else:
            return attempt
    return None


def test_each_example_is_a_session_of_its_own():
    """Three hundred examples: counts, journal, clock and patches begin anew in each, and sessions are let go."""
    seen = []

    @settings(max_examples=300, **ALL_CHECKS)
    @given(
        refusals=st.integers(1, 12),
        names=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True),
    )
    def check(refusals, names):
        assert (REPLACE, SLEEP) == (os.replace, time.sleep)
        with (
            tempfile.TemporaryDirectory() as directory,
            inject(
                f"os.replace -> ERROR_SHARING_VIOLATION when first {refusals} per path", roots=[directory]
            ) as fsfault,
        ):
            armed = fsfault.add("os.mkdir -> EACCES or never")
            assert (0, 0, [], 0) == (
                armed.matched,
                len(fsfault.journal),
                fsfault.clock.slept,
                fsfault.clock.now,
            )
            for name in names:
                path = os.path.join(directory, name)
                with open(path, "w") as file:
                    file.write(name)
                assert (refusals if refusals < 10 else None) == persist(path, path + "2")
            refused = min(refusals, 10)
            assert refused * len(names) == len(fsfault.journal.faults)
            assert [1.0] * refused * len(names) == fsfault.clock.slept
            seen.append(weakref.ref(fsfault))
        assert (REPLACE, SLEEP) == (os.replace, time.sleep)

    check()
    assert 300 == len(seen)
    gc.collect()
    assert [] == [session for session in seen if session() is not None]


@settings(max_examples=100, **ALL_CHECKS)
@given(st.integers(0, 2**16))
def test_luck_is_the_same_when_an_example_is_repeated(seed):
    """`inject` has the seed that it is given, so that hypothesis sees no flaky test."""
    fates = []
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(2):
            with inject("os.mkdir -> EACCES when 50% or never", roots=[directory], seed=seed) as fsfault:
                for name in "abcd":
                    try:
                        os.mkdir(os.path.join(directory, name))
                        os.rmdir(os.path.join(directory, name))
                    except PermissionError:
                        pass
                fates.append([entry.outcome for entry in fsfault.journal])
    assert fates[0] == fates[1]


def test_the_smallest_failure_is_found():
    """An error that faults bring is shrunk like any other, and what is left of the failing example is nothing."""

    def breaks(refusals):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "a")
            open(path, "w").close()
            with inject(f"os.replace -> EACCES when first {refusals}", roots=[directory]):
                return persist(path, path + "2") is None

    assert 10 == find(st.integers(1, 1000), breaks, settings=settings(**ALL_CHECKS))
    assert (REPLACE, SLEEP) == (os.replace, time.sleep)


def test_a_rule_that_never_fired_fails_its_example():
    """The verdict is that of the one example that is shown, with too few calls; most often it is the smallest."""

    @settings(**ALL_CHECKS)
    @given(calls=st.integers(0, 9))
    def check(calls):
        with (
            tempfile.TemporaryDirectory() as directory,
            inject("os.mkdir -> EACCES when nth 3", roots=[directory]),
        ):
            for _ in range(9 - calls):
                with suppress(PermissionError, FileExistsError):
                    os.mkdir(os.path.join(directory, "d"))

    with pytest.raises(AssertionError, match=re.escape("`os.mkdir` never fired")) as caught:
        check()
    assert re.search(r"calls=[789],", "\n".join(caught.value.__notes__))
    assert (REPLACE, SLEEP) == (os.replace, time.sleep)


class Installer(RuleBasedStateMachine):
    """A file that is replaced again and again, now and then in vain."""

    def __init__(self):
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.injected = inject("os.replace -> EACCES when every 3 or never", roots=[self.directory.name])
        self.fsfault = self.injected.__enter__()
        self.file = os.path.join(self.directory.name, "f")
        self.wanted = self.calls = 0
        self.install(0)

    @rule(number=st.integers(1, 9))
    def install(self, number):
        """Write beside, and replace; every third time in vain."""
        with open(self.file + ".new", "w") as file:
            file.write(str(number))
        self.calls += 1
        try:
            os.replace(self.file + ".new", self.file)
        except PermissionError:
            assert 0 == self.calls % 3
        else:
            self.wanted = number

    @invariant()
    def whole(self):
        """The old content is there, or the new one; the journal has all calls of this machine, and no others."""
        with open(self.file) as file:
            assert str(self.wanted) == file.read()
        assert self.calls == len(self.fsfault.journal)

    def teardown(self):
        """Restore and verify."""
        self.injected.__exit__(None, None, None)
        self.directory.cleanup()


def test_a_state_machine_holds_its_faults_over_all_steps():
    """`inject` spans the steps of one run, entered and left by hand."""
    run_state_machine_as_test(
        Installer, settings=settings(max_examples=50, stateful_step_count=10, **ALL_CHECKS)
    )
    assert (REPLACE, SLEEP) == (os.replace, time.sleep)


MARKED = """
import os, tempfile, time, pytest
from datetime import timedelta
from hypothesis import given, settings, strategies as st
from pytest_fsfault import inject
real = os.mkdir
CALLS = []

@pytest.mark.fsfault("os.mkdir -> ERROR_ACCESS_DENIED when first 5")
@settings(max_examples=300, database=None, deadline=timedelta(minutes=1))
@given(name=st.integers())
def test_marker(tmp_path_factory, name):
    CALLS.append(name)
    time.sleep(3600)
    try:
        os.mkdir(tmp_path_factory.getbasetemp() / f"{len(CALLS)}")
    except PermissionError:
        assert len(CALLS) <= 5
    else:
        assert len(CALLS) > 5

@settings(max_examples=300, database=None)
@given(name=st.integers())
def test_inject(tmp_path_factory, name):
    assert os.mkdir is real
    with inject("os.mkdir -> EACCES when once") as fsfault:
        with pytest.raises(PermissionError):
            os.mkdir(tmp_path_factory.getbasetemp() / "d")
        assert 1 == len(fsfault.journal)

@pytest.mark.fsfault("os.mkdir -> EACCES or never")
@settings(max_examples=20, database=None, deadline=None)
@given(n=st.integers())
def test_inject_under_marker(tmp_path_factory, n):
    with inject("os.mkdir -> EBUSY when once") as fsfault:
        for error in "busy", "denied":
            with pytest.raises(OSError, match=error):
                os.mkdir(tmp_path_factory.getbasetemp() / "d")

def test_after():
    assert 300 == len(CALLS)
    assert os.mkdir is real
"""


@pytest.mark.parametrize("order", [("hypothesispytest", "fsfault"), ("fsfault", "hypothesispytest")])
@pytest.mark.usefixtures("run")
def test_in_pytest(pytester, order):
    """A marker spans all examples of its test, `inject` one; hypothesis reads real time, and no check of its fails."""
    pytester.makepyfile(MARKED)
    loaded = [word for name in order for word in ("-p", name)]
    pytester.runpytest_inprocess(*loaded, "-W", "error").assert_outcomes(passed=4)
