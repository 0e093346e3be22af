"""How many holds a policy survives, from the instants at which it tries."""

from __future__ import annotations

import os
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_fsfault import inject
from pytest_fsfault._commands.policies.survival import Survival, draw, instants, schedules, survival
from pytest_fsfault._windows.holders.scanners import scanner
from pytest_fsfault.policies import POLICIES

ALL = pytest.mark.parametrize("name", POLICIES)


def code(name):
    """Return an error that the policy retries."""
    return 32 if name == "rimraf" else 5


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pip_replace", [0, 0.25, 0.5, 0.75, 1]),
        ("pip_rmtree", [0, 0.5, 1, 1.5, 2, 2.5, 3]),
        ("git_for_windows", [0, 0, 0.001, 0.011, 0.031, 0.071]),
        ("uv_rename", [0, 0.01, 0.03, 0.07, 0.15, 0.31, 0.63, 1.27, 2.55, 5.11, 10.23]),
    ],
)
def test_instants(name, expected):
    """A policy's tries under an endless hold, in seconds; only its waits take time."""
    assert expected == pytest.approx(instants(POLICIES[name], 5))


@ALL
def test_instants_of_an_error_that_is_not_retried(name):
    """There is one try, and nothing more: but pip, LLVM and hatch retry a full disk, too."""
    tries = len(instants(POLICIES[name], 112))
    assert {"pip_replace": 5, "pip_rmtree": 7, "llvm_rename": 200, "hatch_wait": 11}.get(name, 1) == tries


def between(tries):
    """Yield holds that end halfway between two tries; where calls that take 0.1 ms do not matter."""
    for number in (0, 1, 2, 4, 9, 19, 25):
        if number + 1 < len(tries) and tries[number + 1] - tries[number] > 0.0005 * (number + 1):
            yield (tries[number] + tries[number + 1]) / 2
    yield tries[-1] + 1


@ALL
def test_as_the_policy_itself(name, tmp_path):
    """What survives, and after which wait, is what really running the policy shows."""
    policy = POLICIES[name]
    # The first of the schedules is drawn so.
    options = {"luck": lambda: Random(f"0|{name}|0").random} if policy.jitter else {}
    holds = [*between(schedules(policy, code(name))[0])]
    assert 3 <= len(holds)
    for hold in holds:
        (tmp_path / "new").write_text("new")
        rule = f"os.replace -> WinError {code(name)} when for {hold * 1000:.3f}ms"
        with inject(rule, roots=[tmp_path]) as fsfault:
            try:
                retrying = policy(**{option: value() for option, value in options.items()})
                retrying(os.replace, tmp_path / "new", tmp_path / "old")
            except PermissionError:
                expected = Survival(0, 1, None, retried=True)
            else:
                os.remove(tmp_path / "old")
                expected = Survival(1, 1, pytest.approx(sum(fsfault.clock.slept)), retried=True)
        assert expected == survival(policy, [hold], error=code(name)), hold
    assert 0 == expected.survived


@settings(deadline=None)  # the first to ask for schedules of chance pays for them
@given(holds=st.lists(st.floats(0, 400)), seed=st.integers(0, 3), name=st.sampled_from([*POLICIES]))
def test_law(holds, seed, name):
    """A hold is survived if a try comes at or after its end; the wait is that try's instant."""
    policy = POLICIES[name]
    possible = schedules(policy, 5, seed)
    waits = [
        min((at for at in possible[index % len(possible)] if at >= hold), default=None)
        for index, hold in enumerate(holds)
    ]
    passed = [wait for wait in waits if wait is not None]
    expected = Survival(len(passed), len(holds), max(passed, default=None), name != "rimraf")
    assert expected == survival(policy, holds, error=5, seed=seed)


@pytest.mark.parametrize(("hold", "survived"), [(1.0, 1), (1.0000001, 0)])
def test_the_last_try(hold, survived):
    """A hold that ends with the last try is survived, one that lasts a moment longer is not."""
    assert survived == survival(POLICIES["pip_replace"], [hold]).survived


@pytest.mark.parametrize(("name", "error"), [("uv_rename", 32), ("rustup_rename", 32), ("rimraf", 5)])
def test_an_error_that_is_not_retried(name, error):
    """A policy that does not know the error survives nothing, however short."""
    assert Survival(0, 2, None, retried=False) == survival(POLICIES[name], [0.001, 1.0], error=error)


def test_no_holds():
    """Without a hold there is nothing to survive."""
    assert Survival(0, 0, None, retried=True) == survival(POLICIES["pip_replace"], [])


def test_schedules_of_jitter():
    """Chance gives many schedules: the same for the same seed, within the policy's budget."""
    policy = POLICIES["conda"]
    drawn = schedules(policy, 5, 1)
    assert 256 == len(drawn) == len(set(drawn))
    assert drawn == schedules.__wrapped__(policy, 5, 1)
    assert drawn != schedules(policy, 5, 2)
    for schedule in drawn:
        waits = [later - earlier for earlier, later in pairwise(schedule)]
        assert all(0.1 * 2**n <= wait + 1e-9 <= 0.1 * (2**n + 1) + 1e-6 for n, wait in enumerate(waits))
        assert 6.3 <= schedule[-1] <= 6.9


def test_others_have_one_schedule():
    """Without chance, one run says it all."""
    assert [1] * 10 == [len(schedules(policy, 5)) for policy in POLICIES.values() if not policy.jitter]


def test_a_clock_of_whole_nanoseconds():
    """Waits add up exactly: LLVM tries at 0.3 s, not a moment earlier or later."""
    assert 0.3 in instants(POLICIES["llvm_rename"], 5)
    assert 1.99 == instants(POLICIES["llvm_rename"], 5)[-1]


def test_draw():
    """Holds are those of the scanner, the same for the same seed."""
    avast = scanner("avast")
    holds = draw(avast, 1000, seed=3)
    assert 1000 == len(holds)
    assert holds == draw(avast, 1000, seed=3)
    assert holds[:10] == draw(avast, 10, seed=3)
    assert holds != draw(avast, 1000, seed=4)
    assert holds != draw(scanner("zscaler"), 1000, seed=3)
    assert (0.1, 2.0) == (pytest.approx(min(holds), abs=0.01), pytest.approx(max(holds), abs=0.01))
    assert 0.1 <= min(holds) <= max(holds) <= 2.0
