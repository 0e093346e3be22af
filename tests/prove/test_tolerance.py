"""`tolerance` tells the longest hold that the code survives, to the millisecond of virtual time."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from contextlib import suppress
from functools import partial

import pytest

from pytest_fsfault import FsFaultError, Tolerance, inject


def prepare(root):
    """Unzip a wheel."""
    (root / "wheel").mkdir()
    (root / "wheel/openblas.dll").write_text("library")
    (root / "wheel/tool.exe").write_text("program")


def patiently(act, delays):
    """Try, and wait in between."""
    for delay in delays:
        try:
            return act()
        except OSError:
            time.sleep(delay)
    return act()


def persist(root):
    """Rename the wheel into the cache, as pip does: five tries within a second."""
    patiently(lambda: os.rename(root / "wheel", root / "cache"), [0.25] * 4)


def delete(root):
    """Remove the program, as pip does: seven tries within three seconds."""
    patiently(lambda: os.remove(root / "wheel/tool.exe"), [0.5] * 6)


def doubling(root):
    """Rename as uv does: ten retries, from 10 ms doubling."""
    patiently(lambda: os.rename(root / "wheel", root / "cache"), [0.01 * 2**number for number in range(10)])


@pytest.fixture
def tolerance(tmp_path):
    """Return a function that asks a session of its own."""

    def ask(body, **wanted):
        with inject(roots=[tmp_path]) as fsfault:
            return fsfault.tolerance(body, **{"prepare": prepare, **wanted})

    return ask


@pytest.mark.parametrize(
    ("body", "wanted", "survives", "attempts"),
    [
        (persist, {"hold": lambda root: root / "wheel" / "openblas.dll"}, 1.0, 5),
        (persist, {"hold": "wheel/openblas.dll"}, 1.0, 5),
        (doubling, {"hold": "wheel/openblas.dll"}, 10.23, 11),
        (delete, {"hold": "wheel/tool.exe", "kind": "image"}, 3.0, 7),
        (delete, {"hold": "wheel/tool.exe"}, 3.0, 7),
        (persist, {"rule": "os.rename -> EBUSY"}, 1.0, 5),
        (persist, {"rule": "rename wheel to cache -> WinError 32"}, 1.0, 5),
    ],
)
def test_the_longest_hold(tolerance, body, wanted, survives, attempts):
    """It is what the waits add up to; one millisecond more breaks it."""
    found = tolerance(body, **wanted)
    assert survives == pytest.approx(found.survives, abs=0.003)
    assert 0.001 == pytest.approx(found.fails_at - found.survives)
    assert attempts == found.attempts
    assert survives == pytest.approx(sum(found.waits))
    assert isinstance(found.error, OSError)


def test_a_file_that_only_the_body_creates(tolerance):
    """The hold begins when it is written and closed."""

    def build(root):
        time.sleep(5)
        (root / "new").mkdir()
        (root / "new/fresh.dll").write_text("x")
        patiently(lambda: os.rename(root / "new", root / "moved"), [0.25] * 4)

    found = tolerance(build, on="*.dll")
    assert (1.0, 5) == (pytest.approx(found.survives, abs=0.003), found.attempts)


def test_what_nothing_breaks(tolerance):
    """`fails_at` is None if even the longest hold is survived."""

    def endless(root):
        patiently(lambda: os.rename(root / "wheel", root / "cache"), [1.0] * 10_000)

    found = tolerance(endless, hold="wheel/openblas.dll", up_to="30s")
    assert (30.0, None, None) == (found.survives, found.fails_at, found.error)
    assert 31 == found.attempts


def test_what_survives_nothing(tolerance):
    """Without a second try the shortest hold is too long."""
    found = tolerance(lambda root: os.rename(root / "wheel", root / "cache"), hold="wheel/openblas.dll")
    assert (0.0, 0.001, 1, ()) == (found.survives, found.fails_at, found.attempts, found.waits)
    assert 5 == found.error.winerror


def test_success_that_is_none(tolerance):
    """Who swallows the error and reports success has not survived: the tree is another."""

    def careless(root):
        with suppress(OSError):
            persist(root)

    found = tolerance(careless, hold="wheel/openblas.dll")
    assert (1.0, None) == (pytest.approx(found.survives, abs=0.003), found.error)
    assert found.fails_at is not None


def test_random_names_in_the_tree(tolerance):
    """Then the tree tells nothing, and only an error is a failure."""

    def body(root):
        (root / uuid.uuid4().hex).touch()
        persist(root)

    assert 1.0 == pytest.approx(tolerance(body, hold="wheel/openblas.dll").survives, abs=0.003)


def test_as_text(tolerance):
    """One line says it."""
    found = tolerance(persist, rule="os.rename -> EBUSY")
    assert (
        "survives 1s (5 attempts), fails at 1.001s: "
        "OSError: [Errno 16] Device or resource busy: 'wheel' -> 'cache'"
    ) == str(found)
    assert "survives 2m (1 attempt)" == str(Tolerance(120.0, None, 1, ()))


def test_it_takes_no_time(tolerance):
    """Two minutes of holds pass in virtual time: nobody waits."""
    slept = []
    real = time.sleep

    def body(root):
        slept.append(time.sleep is real)
        patiently(lambda: os.rename(root / "wheel", root / "cache"), [60.0] * 3)

    assert 120.0 == tolerance(body, hold="wheel/openblas.dll").survives
    assert slept
    assert not any(slept)


def test_nothing_stays(tmp_path):
    """Trees, hold and model are gone; the session goes on as before."""
    with inject("os.mkdir -> EACCES", roots=[tmp_path]) as fsfault:
        fsfault.tolerance(persist, prepare=prepare, hold="wheel/openblas.dll")
        assert [] == [path for path in tmp_path.iterdir() if path.name.startswith("fsfault")]
        with pytest.raises(PermissionError):
            os.mkdir(tmp_path / "x")
    assert [] == list(tmp_path.iterdir())


def test_the_sessions_own_rules_do_not_act(tmp_path):
    """It has a Windows of its own, of the session's version."""
    with inject("os.rename -> EACCES or never", windows="10", roots=[tmp_path]) as fsfault:
        found = fsfault.tolerance(persist, prepare=prepare, hold="wheel/openblas.dll")
        assert 1.0 == pytest.approx(found.survives, abs=0.003)
        assert [] == fsfault.windows().holds


def test_a_hold_that_nobody_meets(tolerance):
    """Survival would be no news."""
    with pytest.raises(AssertionError) as caught:
        tolerance(lambda root: (root / "x").touch(), hold="wheel/openblas.dll")
    assert (
        "no call ran into the hold (hold='wheel/openblas.dll'): the body does nothing that it could refuse"
    ) == str(caught.value)


def test_a_body_that_fails_by_itself(tolerance):
    """The error is the test's."""

    def body(root):
        raise LookupError("broken")

    with pytest.raises(LookupError) as caught:
        tolerance(body, hold="wheel/openblas.dll")
    assert ["fsfault: there was no hold: the body fails even without a fault"] == caught.value.__notes__


def test_an_interrupt(tolerance, tmp_path):
    """It ends everything, and nothing stays."""
    turns = []

    def body(root):
        turns.append(1)
        if len(turns) == 4:
            raise KeyboardInterrupt
        persist(root)

    with pytest.raises(KeyboardInterrupt):
        tolerance(body, hold="wheel/openblas.dll")
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({}, "tolerance takes one of hold=, on= and rule=, and got none of them; write one"),
        (
            {"hold": "x", "on": "*.dll"},
            "tolerance takes one of hold=, on= and rule=, and got hold= and on=; write one",
        ),
        (
            {"hold": "x", "kind": "imag"},
            "kind='imag' is not known; write 'handle' or 'image'; did you mean 'image'?",
        ),
        ({"hold": 5}, "hold=5 is not a path; write one below the root, or a function of the root"),
        (
            {"rule": "os.rename -> EBUSY when first 3"},
            "rule='os.rename -> EBUSY when first 3' has a schedule, which tolerance has to find; leave out 'when first 3'",
        ),
        (
            {"hold": "x", "up_to": "long"},
            "'long' is not a valid duration; write a number and its unit, such as '250ms', '2.5s' or '1m'",
        ),
        (
            {"hold": "x", "prepare": 3},
            "prepare=3 is not a function; write one that builds a tree in the directory that it is given",
        ),
        (
            {"hold": "missing.dll"},
            (
                "'{root}missing.dll' does not exist, so a hold finds nothing there; name what exists; write on='*.dll' for "
                "one that is yet to be written"
            ),
        ),
    ],
)
def test_mistakes(tmp_path, wanted, text):
    """One sentence each."""
    with pytest.raises(FsFaultError) as caught:
        with inject(roots=[tmp_path]) as fsfault:
            fsfault.tolerance(persist, **{"prepare": prepare, **wanted})
    found = str(caught.value)
    root = found.partition("'")[2].partition("missing")[0]
    assert text.format(root=root) == found


def test_the_real_clock(tmp_path):
    """Nobody waits for two minutes."""
    with inject(roots=[tmp_path], clock="real") as fsfault:
        with pytest.raises(
            FsFaultError, match=r"^tolerance needs the virtual clock; leave out clock='real'$"
        ):
            fsfault.tolerance(persist, prepare=prepare, hold="wheel/openblas.dll")


def test_a_body_that_is_none(tolerance):
    """One sentence."""
    with pytest.raises(
        FsFaultError,
        match=r"^body=None is not a function; write one that works on the directory that it is given$",
    ):
        tolerance(None, hold="wheel/openblas.dll")


@pytest.mark.parametrize("body", [shutil.rmtree, partial(shutil.rmtree)], ids=["function", "partial"])
def test_a_body_that_is_no_function_of_the_project(tmp_path, body):
    """It meets the hold like any other: it does not try again, so that it survives none."""
    with inject(roots=[tmp_path]) as fsfault:
        found = fsfault.tolerance(
            body, prepare=prepare, hold=lambda root: root / "wheel/openblas.dll", up_to="2s"
        )
    assert (0, 1) == (found.survives, found.attempts)
    assert isinstance(found.reason, str)
