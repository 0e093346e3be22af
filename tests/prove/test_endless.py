"""Code that swallows what has ended it, in an endless loop, is made to leave."""

# ruff: noqa: BLE001, E722  # the loops that catch everything are the subject

from __future__ import annotations

import contextlib
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_fsfault import SimulatedCrash, inject


def bare(root):
    """Swallow everything."""
    while True:
        try:
            return os.replace(root / "a", root / "b")
        except:
            pass


def nested(root):
    """Swallow what the inner `except` raises, too."""
    while True:
        try:
            try:
                return os.replace(root / "a", root / "b")
            except BaseException:
                pass
        except BaseException:
            continue


def finally_(root):
    """Make another call after each."""
    while True:
        try:
            return os.replace(root / "a", root / "b")
        except BaseException:
            pass
        finally:
            os.path.exists(root / "a")


def suppressed(root):
    """Swallow by a context manager of the standard library."""
    while True:
        with contextlib.suppress(BaseException):
            return os.replace(root / "a", root / "b")


def collected(root):
    """Keep what is swallowed."""
    errors = []
    while True:
        try:
            return os.replace(root / "a", root / "b")
        except BaseException as error:
            errors.append(error)


def in_two(root):
    """Swallow in one function, loop in another."""

    def once():
        try:
            os.replace(root / "a", root / "b")
        except BaseException:
            return False
        return True

    while not once():
        pass


def thread(root):
    """Loop in a thread of its own."""
    worker = threading.Thread(target=bare, args=(root,))
    worker.start()
    worker.join()


def pool(root):
    """Loop in a pool, whose own handlers go on working."""
    with ThreadPoolExecutor(1) as workers:
        workers.submit(bare, root).result()


@pytest.mark.parametrize("tracer", [None, "before"])
@pytest.mark.parametrize("body", [bare, nested, finally_, suppressed, collected, in_two, thread, pool])
def test_a_crash_that_is_swallowed(sweep, body, tracer):
    """The trial ends as any other that crashed, and a trace function that was there is there again."""

    def tracing(_frame, _event, _arg):
        return None

    before = sys.gettrace()
    if tracer is not None:
        sys.settrace(tracing)
    crashed = []
    try:
        sweep(
            body,
            lambda trial: (crashed.append(trial.crashed), trial.check_atomic()),
            build=lambda root: (root / "a").touch(),
            faults=["crash"],
        )
        after = sys.gettrace()
    finally:
        sys.settrace(before)
    assert [False, True] == crashed
    assert (None, None, None) == sys.exc_info()
    assert after is (before if tracer is None else tracing)


def test_a_storm_that_is_swallowed(verdict):
    """It fails its trial, and the sweep goes on."""
    text = verdict(
        bare, build=lambda root: (root / "a").touch(), faults=["EACCES"], operations="rename", persist=True
    )
    assert text.startswith("1 of 1 trial failed\n\ntrial 1: os.replace a -> b: EACCES every time, at ")
    assert "the block: RetryStorm: os.replace met an injected error 10,000 times" in text


def test_the_loop_stands_in_the_block(tmp_path):
    """The block of the trial is left through its own end."""
    crashed = []
    with inject(roots=[tmp_path]) as fsfault:
        for trial in fsfault.sweep(lambda root: (root / "a").touch(), faults=["crash"]):
            with trial as root:
                while True:
                    try:
                        os.replace(root / "a", root / "b")
                        break
                    except:
                        pass
            crashed.append(trial.crashed)
            trial.check_atomic()
    assert [False, True] == crashed


def test_without_a_sweep(tmp_path):
    """A crash that a rule injects ends such a loop as well."""
    (tmp_path / "a").touch()
    with pytest.raises(SimulatedCrash), inject("os.replace -> crash", roots=[tmp_path]):
        bare(tmp_path)
    assert (tmp_path / "a").exists()
