"""The plan: rules in force, what they count, and which of them acts."""

from __future__ import annotations

import threading
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_fsfault._core.engine.plan import Armed, Plan
from pytest_fsfault._core.language.operations import Operation
from pytest_fsfault._core.language.rules import Rule

ROOTS = ("/r", "/s")


def make_plan(*texts, seed=0):
    """Arm rules, in order."""
    plan = Plan()
    return plan, [plan.add(Armed(Rule.parse(text), seed)) for text in texts]


def replace(path="/r/a", call_site=""):
    """Ask for one replacement."""
    return Operation("os.replace", path, "/r/target", call_site=call_site)


def fired(plan, operations):
    """Return the numbers, from 1 on, of the calls that met a fault."""
    return [n for n, operation in enumerate(operations, 1) if plan.decide(operation, 0.0, ROOTS)[0]]


def test_a_call_counts_for_every_rule_that_it_matches():
    """The first due rule acts, the others count on."""
    plan, (first, second, third) = make_plan(
        "os.replace -> EACCES when nth 2", "rename -> EBUSY when from 2", "os.remove -> EIO"
    )
    faults = [
        decision and str(decision.fault)
        for decision, _ in (plan.decide(replace(), 0.0, ROOTS) for _ in "123")
    ]
    assert [None, "EACCES", "EBUSY"] == faults
    assert [(3, 1), (3, 1), (0, 0)] == [(armed.matched, armed.fired) for armed in (first, second, third)]


def test_rules_act_in_order_of_addition():
    """A later rule acts where the earlier ones are not due."""
    plan, _ = make_plan("any -> EBUSY", "any -> EACCES")
    assert "EBUSY" == str(plan.decide(replace(), 0.0, ROOTS)[0].fault)


@pytest.mark.parametrize(
    ("text", "calls", "reason"),
    [
        (
            "os.replace a* -> ERROR_ACCESS_DENIED when first 3",
            2,
            "os.replace a* -> ERROR_ACCESS_DENIED when first 3: call 2 of 3",
        ),
        ("rename -> EACCES or never", 1, "rename -> EACCES or never: call 1"),
        (
            "rename -> EACCES when nth 2 per path",
            2,
            "rename -> EACCES when nth 2 per path: call 2 on this path",
        ),
    ],
)
def test_a_decision_says_why(text, calls, reason):
    """The reason is the rule as it is written and the number of the call."""
    plan, _ = make_plan(text)
    decisions = [plan.decide(replace(), 0.0, ROOTS)[0] for _ in range(calls)]
    assert reason == decisions[-1].reason


def test_a_call_that_no_rule_means_is_told_apart_from_one_not_due():
    """The journal keeps calls that a rule matches by operation and path, due or not."""
    plan, _ = make_plan("os.replace a -> EACCES when nth 9")
    assert (None, True) == plan.decide(replace("/r/a"), 0.0, ROOTS)
    assert (None, False) == plan.decide(replace("/r/b"), 0.0, ROOTS)
    assert [True, False] == [bool(plan.matching(replace(path), ROOTS)) for path in ("/r/a", "/r/b")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("os.replace -> EACCES when nth 2", [2]),
        ("os.replace -> EACCES when nth 2 per path", [3, 4, 8]),
        ("os.replace -> EACCES when nth 2 per call site", [3, 5]),
        ("os.replace -> EACCES when first 2 and every 2 per path", [3, 4, 8]),
    ],
)
def test_counts_are_kept_for_each_path_or_call_site(text, expected):
    """`per` counts separately, and files of one name below two roots are two files."""
    plan, _ = make_plan(text)
    paths = ["/r/a", "/r/b", "/r/a", "/r/b", "/r/b", "/r/c", "/s/c", "/s/c"]
    calls = [replace(path, site) for path, site in zip(paths, "xyxxyxxx", strict=True)]
    assert expected == fired(plan, calls)


def test_counts_per_path_ignore_case_on_request():
    """Under the Windows model one file has names of any case."""
    plan, _ = make_plan("os.replace A -> EACCES when nth 2 per path")
    plan.ignore_case = True
    assert [2] == fired(plan, [replace("/r/a"), replace("/R/A")])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("os.replace -> EACCES when for 2s", [5.0, 6.0]),
        ("os.replace -> EACCES when until 6s", [5.0]),
        ("os.replace -> EACCES when for 2s and from 2", [6.0]),
    ],
)
def test_times_run_from_the_first_match_or_from_the_start(text, expected):
    """Both are virtual."""
    plan, _ = make_plan(text)
    plan.decide(Operation("os.remove", "/r/a"), 1.0, ROOTS)
    assert expected == [now for now in (5.0, 6.0, 7.0, 8.0) if plan.decide(replace(), now, ROOTS)[0]]


def test_times_run_for_each_path():
    """`per path` holds for all of a schedule, its times included."""
    plan, _ = make_plan("os.replace -> EACCES when for 2s per path")
    calls = [("/r/a", 0.0), ("/r/a", 3.0), ("/r/b", 3.0)]
    assert [True, False, True] == [bool(plan.decide(replace(path), now, ROOTS)[0]) for path, now in calls]


PERCENT = "os.replace -> EACCES when 30%"


def fates(order, seed=0, text=PERCENT):
    """Return for each path which of its calls met a fault, for calls in this order."""
    plan, _ = make_plan(text, seed=seed)
    seen: dict[str, list[bool]] = {}
    for path in order:
        seen.setdefault(path, []).append(bool(plan.decide(replace(path), 0.0, ROOTS)[0]))
    return seen


def test_luck_has_the_share_that_was_asked_for():
    """Over many paths and calls a percentage comes out, reproducibly."""
    outcomes = [fate for seen in fates([f"/r/{n % 50}" for n in range(5000)]).values() for fate in seen]
    assert 1400 < sum(outcomes) < 1600
    assert outcomes == [
        fate for seen in fates([f"/r/{n % 50}" for n in range(5000)]).values() for fate in seen
    ]


@settings(deadline=None)
@given(st.permutations([path for path in ("/r/a", "/r/b", "/s/a") for _ in range(9)]))
def test_the_luck_of_a_path_is_its_own(order):
    """What happens to other files, in whatever order, changes nothing for this one."""
    assert fates(["/r/a"] * 9 + ["/r/b"] * 9 + ["/s/a"] * 9) == fates(order)


def test_luck_depends_on_the_seed_the_rule_and_the_path():
    """Each of the three gives another sequence."""
    calls = ["/r/a"] * 64
    sequences = [
        fates(calls)["/r/a"],
        fates(calls, seed=1)["/r/a"],
        fates(calls, text="os.replace -> EBUSY when 30%")["/r/a"],
        fates(["/r/b"] * 64)["/r/b"],
    ]
    assert 4 == len({tuple(sequence) for sequence in sequences})


def test_luck_does_not_depend_on_where_the_root_is():
    """A new temporary directory in each run leaves the sequence as it was, for a literal path, too."""
    found = []
    for root in ("/t/run-1", "/t/run [2]"):
        plan, path = Plan(), PurePosixPath(root, "a")
        plan.add(Armed(Rule("os.replace", path=path, fault="EACCES", when="30%"), 5))
        found.append([bool(plan.decide(replace(f"{root}/a"), 0.0, (root,))[0]) for _ in range(64)])
    assert found[0] == found[1]
    assert any(found[0])


def test_or_never_does_not_change_luck():
    """To excuse a rule is not to write another one."""
    assert fates(["/r/a"] * 64) == fates(["/r/a"] * 64, text=f"{PERCENT} or never")


def test_an_unlucky_draw_of_a_later_rule_is_made_even_if_an_earlier_rule_acts():
    """One matching call is one draw, for every rule that the call matches."""
    alone, _ = make_plan(PERCENT)
    behind, _ = make_plan("os.replace -> EBUSY when first 20", PERCENT)
    expected = fired(alone, [replace()] * 64)
    after = [n for n in fired(behind, [replace()] * 64) if n > 20]
    assert [n for n in expected if n > 20] == after


def test_a_removed_rule_acts_and_counts_no_more():
    """What it counted stays; removing it again does nothing."""
    plan, (armed, other) = make_plan("rename -> EACCES", "rename -> EBUSY")
    plan.decide(replace(), 0.0, ROOTS)
    armed.remove()
    armed.remove()
    assert "EBUSY" == str(plan.decide(replace(), 0.0, ROOTS)[0].fault)
    assert (1, 1) == (armed.matched, armed.fired)
    assert (other,) == plan.armed


def test_a_rule_added_later_counts_from_then_on():
    """Earlier calls are none of its calls, also where the operation was looked up before."""
    plan, _ = make_plan("rename -> EBUSY when nth 9")
    plan.decide(replace(), 0.0, ROOTS)
    plan.add(Armed(Rule.parse("rename -> EACCES when nth 1")))
    assert [1] == fired(plan, [replace(), replace()])


def test_rules_that_had_to_fire_and_did_not_are_known():
    """Optional ones are left out; removing a rule does not excuse it."""
    plan, (_, idle, _, removed) = make_plan(
        "rename -> EACCES", "os.remove -> EACCES", "os.rmdir -> EACCES or never", "os.stat -> EACCES"
    )
    removed.remove()
    plan.decide(replace(), 0.0, ROOTS)
    assert [idle, removed] == plan.never_fired()


def test_a_rule_in_a_block_is_judged_at_its_end():
    """Its block ended well: whoever armed it judges it, and nobody else does again."""
    plan, told = Plan(), []
    with plan.add(
        Armed(Rule.parse("rename -> EACCES"), on_exit=lambda armed, error: told.append((armed, error)))
    ) as one:
        assert (one,) == plan.armed
    assert ([(one, None)], (), []) == (told, plan.armed, plan.never_fired())


def test_a_rule_in_a_block_that_raises_is_judged_later():
    """The error goes up, and is told to whoever armed the rule."""
    plan, told, problem = Plan(), [], KeyError("body")
    armed = plan.add(Armed(Rule.parse("rename -> EACCES"), on_exit=lambda armed, error: told.append(error)))
    with pytest.raises(KeyError), armed:
        raise problem
    assert ([problem], (), [armed]) == (told, plan.armed, plan.never_fired())


def test_the_plan_knows_whether_it_speaks_of_windows_errors():
    """Errno faults and delays do not; what is removed does not any more."""
    plan, (_, _, armed) = make_plan("any -> EACCES", "any -> delay 1s", "write -> short 5 then WinError 112")
    before = plan.speaks_windows
    armed.remove()
    assert (True, False) == (before, plan.speaks_windows)


def test_an_armed_rule_shows_its_text_and_counts():
    """The repr says how far it came."""
    _, (armed,) = make_plan("rename -> EACCES")
    assert "<Armed 'rename -> EACCES' matched=0 fired=0>" == repr(armed)
    assert "pytest_fsfault" == Armed.__module__


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("os.replace -> EACCES when first 1000", 1000),
        ("os.replace -> EACCES when every 7", 8 * 500 // 7),
        ("os.replace -> EACCES when nth 3 per path", 8),
    ],
)
def test_counting_is_exact_under_eight_threads(text, expected):
    """No call is lost, none is counted twice, and exactly the due ones fire."""
    plan, (armed, other) = make_plan(text, "os.replace -> EBUSY when nth 1000000")
    start, met = threading.Barrier(8), []

    def work(path):
        start.wait()
        met.extend(plan.decide(replace(path), 0.0, ROOTS)[0] is not None for _ in range(500))

    threads = [threading.Thread(target=work, args=(f"/r/{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (4000, expected, 4000) == (armed.matched, armed.fired, other.matched)
    assert expected == sum(met)


@pytest.mark.parametrize(
    ("texts", "sources", "targets"),
    [
        (["os.replace *.exe -> EACCES"], ["/r/a.exe"], None),
        (["os.replace to *.exe -> EACCES"], None, ["/r/a.exe"]),
        (["os.replace *.exe to *.dll -> EACCES"], ["/r/a.exe"], None),
        (["os.replace to *.exe -> EACCES", "rename *.dll -> EACCES"], ["/r/a.dll"], ["/r/a.exe"]),
        (["os.replace to *.exe -> EACCES", "any -> EACCES"], ["/r/a.exe", "/r/a.dll", "/x"], ["/r/a.exe"]),
        (["os.remove -> EACCES"], None, None),
    ],
)
def test_quick_tests_reject_what_no_rule_means(texts, sources, targets):
    """Paths and targets have a test of their own, where a rule looks at them."""
    plan, _ = make_plan(*texts)
    tests = [plan.superset("os.replace", ROOTS, target=target) for target in (False, True)]
    found = [test and [path for path in ("/r/a.exe", "/r/a.dll", "/x") if test(path)] for test in tests]
    assert [sources, targets] == found


def test_quick_tests_follow_the_rules_and_their_regard_to_case():
    """They are made of the rules in force at the time."""
    plan, (armed,) = make_plan("os.replace *.exe -> EACCES")
    plan.ignore_case = True
    assert plan.superset("os.replace", ROOTS, target=False)("/r/A.EXE")
    armed.remove()
    assert plan.superset("os.replace", ROOTS, target=False) is None


@given(st.permutations(["/r/a.exe", "/r/b", "/r/d/x", "/s/x"]))
@settings(deadline=None)
def test_a_call_that_a_rule_means_passes_a_quick_test(paths):
    """The tests err on the side of yes, whatever the rules look at."""
    plan, _ = make_plan("rename *.exe to b -> EACCES", "rename to d/x -> EACCES", "os.replace ./x -> EACCES")
    operation = Operation("os.replace", paths[0], paths[1])
    tests = [plan.superset("os.replace", ROOTS, target=target) for target in (False, True)]
    passed = any(test and test(path) for test, path in zip(tests, paths[:2], strict=True))
    assert passed or not plan.matching(operation, ROOTS)
