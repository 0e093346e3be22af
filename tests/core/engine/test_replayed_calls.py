"""A replay knows each recorded call again, once, in whatever order others come between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_fsfault._core.engine.numbering import CallNumbers
from pytest_fsfault._core.engine.replay import Recording, Replay, ReplayedCall, never_came
from pytest_fsfault._core.language.faults import Fault
from pytest_fsfault._core.language.operations import Operation

ROOTS = ("/r",)
DENIED = Fault.parse("ERROR_ACCESS_DENIED")


def recorded(calls, **facts):
    """Return the recording of these calls: operation, path, target."""
    numbers = CallNumbers(numbered=True, ignore_case=False)
    found = [numbers.count(Operation(*call), ROOTS) for call in calls]
    return Recording(
        tuple(ReplayedCall(key, nth, told=f"{key.operation} {key.path}", **facts) for key, nth in found)
    )


def replay(recording, calls):
    """Return what replays a recording, and what it has found for each of these calls."""
    numbers, made = CallNumbers(numbered=True, ignore_case=False), Replay(recording)
    return made, [made.take(*numbers.count(Operation(*call), ROOTS)) for call in calls]


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["os.remove", "os.rename", "open"]),
        st.sampled_from(["/r/t0/a", "/r/t0/b", "/r/t0/tmpabcdefgh", "/r/t0/d/x", "/o/x", "/r"]),
        st.sampled_from([None, "/r/t0/c", "/p/c"]),
    ),
    max_size=12,
)


@given(CALLS)
def test_the_same_calls_are_all_found(calls):
    """Each call finds its own entry, in order, and none is missing."""
    recording = recorded(calls)
    made, found = replay(recording, calls)
    assert list(recording.calls) == found
    assert ([], len(calls)) == (made.missing, made.came)


@given(CALLS, st.randoms())
def test_order_among_others_does_not_matter(calls, luck):
    """Calls of other keys may come between: each finds an entry of its own key."""
    shuffled = luck.sample(calls, len(calls))
    made, found = replay(recorded(calls), shuffled)
    assert [] == made.missing
    assert [call.told for call in found] == [call.told for call in recorded(shuffled).calls]


def test_names_by_chance_that_look_like_words():
    """A name of eight letters that is unknown is taken for the first unclaimed one like it, and for that alone."""
    before = [("os.mkdir", f"/r/t0/mine-{name}/x", None) for name in ("abcdefgh", "ijklmnop")]
    after = [("os.mkdir", f"/r/t0/mine-{name}/x", None) for name in ("qrstuvwx", "yzabcdef", "ghijklmn")]
    made, found = replay(recorded(before), [*after, after[0]])
    assert [*recorded(before).calls, None, None] == found
    assert [] == made.missing


@pytest.mark.parametrize("name", ["settings", "commands"])
def test_known_names_are_themselves(name):
    """What is known by its own name is not taken for another one."""
    calls = [("os.remove", f"/r/t0/my_{one}.py", None) for one in ("settings", "commands")]
    _, (found,) = replay(recorded(calls), [("os.remove", f"/r/t0/my_{name}.py", None)])
    assert f"os.remove t/my_{name}.py" == found.told


def test_decisions():
    """A fault acts again with its reason; what the model or the system said is the error's note, a rule is not."""
    (call,) = recorded([("os.remove", "/r/a", None)], fault=DENIED, reason="a is held").calls
    made = Replay(Recording((call,)))
    decision = made.decision(call)
    assert (DENIED, "a is held", "a is held", False) == (
        decision.fault, decision.reason, decision.note, decision.unless_alike
    )  # fmt: skip
    assert "" == made.decision(call._replace(reason="os.remove -> EACCES: call 1")).note
    assert made.decision(call._replace(failed=True)).unless_alike
    assert made.decision(call._replace(fault=None)) is None
    assert Recording((call,)).speaks_windows
    assert not Recording((call._replace(fault=Fault.parse("crash")),)).speaks_windows


def test_the_list_of_what_never_came():
    """It has the vital calls, twenty at most, and their number."""
    calls = recorded([("os.remove", f"/r/{n}", None) for n in "abc"]).calls
    assert [] == list(never_came([call._replace(vital=False) for call in calls]))
    assert ["1 recorded call never came:", "  os.remove a"] == list(never_came(calls[:1]))
    lines = list(never_came(calls, most=2))
    assert ["3 recorded calls never came:", "  os.remove a", "  os.remove b", "  ... 1 more"] == lines
