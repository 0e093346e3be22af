"""time-machine beside virtual time: whoever travels reads the time there, whichever of the two came first."""

from __future__ import annotations

import sys
import time
from types import BuiltinFunctionType, ModuleType

import pytest

from pytest_fsfault import inject

from .scene import run_python

pytest.importorskip("time_machine", reason="time-machine is not installed")

THERE = 1_577_836_800  # 2020-01-01, UTC


@pytest.fixture
def travel():
    """Return a function that travels."""
    import time_machine

    return lambda **options: time_machine.travel(THERE, **options)


def test_who_travels_in_a_session_reads_the_time_there(tmp_path, travel):
    """It stands still there; afterwards it is the virtual time again, which went on."""
    with inject(roots=[tmp_path]):
        before = time.time()
        with travel(tick=False):
            assert (THERE, THERE * 10**9) == (time.time(), time.time_ns())
            time.sleep(5)
            assert time.time() == THERE
        assert time.time() == pytest.approx(before + 5, abs=0.1)


def test_a_session_of_one_who_travels_reads_the_time_there(tmp_path, travel):
    """The other order; and the session itself has the real time as its origin."""
    real = time.time()
    with travel(tick=False):
        with inject(roots=[tmp_path]) as fsfault:
            time.sleep(3)
            assert time.time() == THERE
            assert 3 == pytest.approx(fsfault.clock.now, abs=0.001)
        assert time.time() == THERE
    assert time.time() == pytest.approx(real, abs=60)


@pytest.mark.parametrize("first", ["session", "travel"])
def test_time_there_passes_in_virtual_time(tmp_path, travel, first):
    """A sleep of an hour takes an hour there, and no real time."""
    contexts = [inject(roots=[tmp_path]), travel(tick=True)]
    outer, inner = contexts if first == "session" else reversed(contexts)
    with outer, inner:
        began = time.time()
        time.sleep(3600)
        assert began == pytest.approx(THERE, abs=10)
        assert time.time() - began == pytest.approx(3600, abs=0.1)


def test_it_may_be_imported_in_a_session():
    """Its part in C takes hold of the functions of C, and not of what stands before them."""
    code = (
        "import sys, tempfile, time\n"
        "from pytest_fsfault import inject\n"
        "with inject(roots=[tempfile.gettempdir()]):\n"
        "    assert 'time_machine' not in sys.modules\n"
        "    import time_machine\n"
        f"    with time_machine.travel({THERE}, tick=False):\n"
        "        inside = time.time()\n"
        "    time.sleep(100)\n"
        f"print(inside == {THERE}, time.time() > {THERE + 10**7}, type(time.time).__name__)"
    )
    assert "True True builtin_function_or_method" == run_python(code)
    assert "_time_machine" in sys.modules


def test_up_to_its_version_2_17_functions_are_changed_before_they_are_wrapped(tmp_path, monkeypatch):
    """Its first travel did that, and crashed the process if it met wrappers; so it is done when a session begins."""
    seen = []
    part, module = ModuleType("_time_machine"), ModuleType("time_machine")
    part.patch_if_needed = lambda: seen.append(type(time.time))
    module.travel = None
    monkeypatch.setitem(sys.modules, "_time_machine", part)
    monkeypatch.setitem(sys.modules, "time_machine", module)
    with inject(roots=[tmp_path]):
        assert [BuiltinFunctionType] == seen
        assert BuiltinFunctionType is not type(time.time)
