"""Who is asked about a call, in which order: all rules, the inner session's first, then all models."""

from __future__ import annotations

import pytest

from pytest_fsfault import Armed, Rule
from pytest_fsfault._core.engine.endings import SimulatedCrash
from pytest_fsfault._core.engine.engine import Engine
from pytest_fsfault._core.engine.execution import execute, execute_early_bound
from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._core.engine.pending import Action
from pytest_fsfault._core.language.operations import OPERATIONS, Operation

REMOVE = Operation(
    "os.remove", "/r/a", groups=OPERATIONS["os.remove"].groups, shown="/r/a", call_site="t.py:1"
)
WRITE = Operation("os.write", "/r/a", groups=OPERATIONS["os.write"].groups, call_site="t.py:1")


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0
        self.readings = 0

    def sleep(self, seconds):
        """Let time pass."""
        self.now += seconds


class ReadingClock(Clock):
    """A clock that moves at each reading."""

    def __init__(self):
        self._time = 0

    @property
    def now(self):
        """One second more at each reading."""
        self._time += 1
        return float(self._time)


class Model:
    """A model that refuses by a code, and writes down when it was asked."""

    def __init__(self, name, clock, told, code=0):
        self.name, self.clock, self.told, self.code = name, clock, told, code

    def spelled(self, operation):
        """Paths mean what they say."""
        return operation

    def judge(self, operation):
        """Answer by the code."""
        self.told.append(f"{self.name} at {self.clock.now:g}")
        return Answer(
            operation.path, operation.target, self.code, f"{self.name} says no" if self.code else ""
        )

    def done(self, _operation, _answer, result):
        """Write down that the call succeeded."""
        self.told.append(f"{self.name} done")
        return result

    def passed(self, _operation, _answer):
        """Write down that the call goes ahead."""
        self.told.append(f"{self.name} passed")

    def translated(self, _operation, error):
        """Leave the errors of the host."""
        return error


class Scene:
    """Two sessions, the inner one first, each with a rule and a model, and a call that is written down."""

    def __init__(self, inner="", outer="", codes=(0, 0), clock=None):
        self.clock = clock or Clock()
        self.told = []
        self.engines = []
        for name, rule, code in zip(("inner", "outer"), (inner, outer), codes, strict=True):
            engine = Engine(self.clock, ("/r",))
            engine.gate = True
            if rule:
                engine.plan.add(Armed(Rule.parse(rule)))
            if code is not None:
                engine.model = Model(name, self.clock, self.told, code)
            self.engines.append(engine)

    def call(self, operation=REMOVE):
        """Make the call, and return what became of it."""
        act = Action(lambda: self.told.append("call"), short=lambda size: self.told.append(f"short {size}"))
        try:
            execute(self.engines, operation, act)
        except (OSError, SimulatedCrash) as error:
            return error
        return None

    @property
    def counts(self):
        """How often each rule matched and fired."""
        return [[(one.matched, one.fired) for one in engine.plan.armed] for engine in self.engines]


def test_all_models_are_asked_once_no_rule_is_due():
    """The inner session's model first; both hear that the call has succeeded."""
    scene = Scene()
    assert None is scene.call()
    assert ["inner at 0", "outer at 0", "call", "inner done", "outer done"] == scene.told


def test_the_outer_rule_comes_before_the_inner_model():
    """All rules are asked before any model."""
    scene = Scene(outer="os.remove -> ERROR_ACCESS_DENIED", codes=(32, 33))
    assert 5 == scene.call().winerror
    assert [] == scene.told
    assert [[], [(1, 1)]] == scene.counts


@pytest.mark.parametrize(
    ("codes", "winerror", "asked"),
    [((32, 33), 32, ["inner at 0"]), ((0, 33), 33, ["inner at 0", "outer at 0"])],
)
def test_the_first_model_that_refuses_decides(codes, winerror, asked):
    """A refused call is not made; the rules that match it have counted it."""
    scene = Scene("os.remove -> EACCES when nth 2", "os.remove -> EACCES when nth 3", codes)
    assert winerror == scene.call().winerror
    assert asked == scene.told
    assert [[(1, 0)], [(1, 0)]] == scene.counts
    assert winerror == scene.engines[1].journal[0].error.winerror


def test_a_refused_call_counts_for_the_schedule():
    """`nth 2` is the second matching call, whatever became of the first."""
    scene = Scene("os.remove -> EBUSY when nth 2", codes=(32, None))
    assert [32, None] == [getattr(scene.call(), "winerror", None) for _ in "12"]
    assert [[(2, 1)], []] == scene.counts


def test_a_delay_passes_before_the_models_are_asked():
    """What a model says at first only shows it the call; what it refuses after the delay is refused."""
    scene = Scene("os.remove -> delay 2s", codes=(None, 32))
    assert 32 == scene.call().winerror
    assert ["outer at 0", "outer at 2"] == scene.told
    assert [[(1, 1)], []] == scene.counts
    (entry,) = scene.engines[0].journal
    assert ("ERROR_SHARING_VIOLATION", 2.0, "raised") == (entry.fault, entry.at, entry.outcome)


def test_an_early_bound_call_is_delayed_before_the_models_are_asked():
    """The audit hook asks in the same order."""
    scene = Scene("os.remove -> delay 2s", codes=(32, None))
    with pytest.raises(PermissionError):
        execute_early_bound(scene.engines, REMOVE._replace(early_bound=True), Action(lambda: None))
    assert ["inner at 0", "inner at 2"] == scene.told


TRANSFERS = {
    "os.write -> ENOSPC": [],
    "os.write -> crash": [],
    "os.write -> ENOSPC after": ["inner at 0", "call", "inner done"],
    "os.write -> short 1 then ENOSPC": ["inner at 0", "short 1"],
    "os.write -> delay 1s": ["inner at 0", "inner at 1", "call", "inner done"],
}


@pytest.mark.parametrize("rule", TRANSFERS)
def test_models_are_asked_only_about_calls_that_are_made(rule):
    """An error in place of the call, and a crash, need no model."""
    scene = Scene(rule, codes=(0, None))
    scene.call(WRITE)
    assert TRANSFERS[rule] == scene.told


@pytest.mark.parametrize("rule", ["os.write -> ENOSPC after", "os.write -> short 1"])
def test_what_a_model_refuses_is_not_half_done(rule):
    """`after` and `short` do the call first, and a model may refuse that."""
    scene = Scene(rule, codes=(32, None))
    assert None is scene.call(WRITE).winerror
    assert ["inner at 0"] == scene.told


def test_the_clock_is_read_once_for_schedules_and_journal():
    """A fault is dated when it was decided: a rule `until 2s` has no entry at 2 s with a fault."""
    scene = Scene(
        "os.remove -> EBUSY when until 2s", "os.remove -> EBUSY or never", (None, None), ReadingClock()
    )
    scene.call()
    scene.call()
    assert [1.0, 2.0] == [entry.at for entry in scene.engines[0].journal]
    assert [1.0, 2.0] == [entry.at for entry in scene.engines[1].journal]
    assert ["EBUSY", "EBUSY"] == [entry.fault for entry in scene.engines[0].journal]
    assert [[(2, 1)], [(2, 1)]] == scene.counts
