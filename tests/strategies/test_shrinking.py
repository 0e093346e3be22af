"""What is left of a failing plan: few rules, simple schedules, early positions, printed so that it can be pasted."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from hypothesis import find, given, settings
from hypothesis.vendor.pretty import pretty

from pytest_fsfault import Rule, inject, strategies


def simplest(strategy, condition, seed=0):
    """Return what Hypothesis makes of the first example that meets the condition."""
    patient = settings(max_examples=2000, database=None, deadline=None)
    return find(strategy, condition, settings=patient, random=Random(seed))


@pytest.mark.parametrize(
    ("arguments", "condition", "expected"),
    [
        ({}, lambda _: True, "os.rename -> ERROR_ACCESS_DENIED when once or never"),
        ({"operations": "os.stat"}, lambda _: True, "os.stat -> ERROR_ACCESS_DENIED when once or never"),
        (
            {"operations": "os.stat"},
            lambda rule: rule.fault.error.winerror is None,
            "os.stat -> EACCES when once or never",
        ),
        (
            {"operations": "os.remove", "errors": ["EIO", "EACCES"], "optional": False},
            lambda _: True,
            "os.remove -> EIO when once",
        ),
        (
            {"paths": [None, "*.exe"]},
            lambda _: True,
            "os.rename -> ERROR_ACCESS_DENIED when once or never",
        ),
        (
            {"paths": ["*.exe", "*.dll"]},
            lambda rule: rule.to is not None,
            "os.rename to *.exe -> ERROR_ACCESS_DENIED when once or never",
        ),
        (
            {"operations": "file.write", "kinds": ["short", "error"]},
            lambda _: True,
            "file.write -> short 1 when once or never",
        ),
        (
            {"kinds": ["error", "delay"]},
            lambda rule: rule.fault.seconds >= 2,
            "os.rename -> delay 3s when once or never",
        ),
        ({}, lambda rule: rule.when.low > 2, "os.rename -> ERROR_ACCESS_DENIED when nth 3 or never"),
        (
            {},
            lambda rule: rule.when.low == 1 < rule.when.high - 1,
            "os.rename -> ERROR_ACCESS_DENIED when first 3 or never",
        ),
        ({}, lambda rule: rule.when.high > 99, "os.rename -> ERROR_ACCESS_DENIED or never"),
        ({}, lambda rule: rule.when.step > 2, "os.rename -> ERROR_ACCESS_DENIED when every 3 or never"),
        ({}, lambda rule: rule.when.percent, "os.rename -> ERROR_ACCESS_DENIED when 50% or never"),
        (
            {},
            lambda rule: len(rule.when.terms) > 1,
            "os.rename -> ERROR_ACCESS_DENIED when from 2 and 50% or never",
        ),
        ({}, lambda rule: rule.when.per, "os.rename -> ERROR_ACCESS_DENIED when once per path or never"),
    ],
)
def test_the_simplest_rule(arguments, condition, expected):
    """A likely error, once, at the first call, on any path; more only where it matters."""
    assert expected == str(simplest(strategies.rules(**arguments), condition))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({}, "ERROR_ACCESS_DENIED"), ({"kinds": ["after", "error"]}, "ERROR_ACCESS_DENIED after")],
)
def test_the_simplest_fault(arguments, expected):
    """The first error of the first kind."""
    assert expected == simplest(strategies.faults(**arguments), lambda _: True)


def leaves_rubbish(root):
    """Replace a file by way of another one, which is left when that fails."""
    (root / "a.tmp").write_text("new")
    os.replace(root / "a.tmp", root / "a")


def stops_half_way(root):
    """Replace two files, and roll nothing back."""
    for name in "ab":
        os.replace(root / f"{name}.new", root / name)


def gives_up(root):
    """Try it three times, and then remove what was to be replaced."""
    for _ in range(3):
        try:
            return os.replace(root / "a.new", root / "a")
        except OSError:
            time.sleep(1)
    return os.remove(root / "a")


def rolls_back_once(root):
    """Move the file aside, and back again when the new one does not come; that may fail as well."""
    os.rename(root / "a", root / "a.old")
    try:
        os.replace(root / "a.new", root / "a")
    except OSError:
        os.rename(root / "a.old", root / "a")


def forgets(root):
    """Do without the file."""
    os.remove(root / "a")


def left_by(install, plan):
    """Return what is there after an installation under the plan: the content of each file."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for name in ("a", "b", "a.new", "b.new"):
            (root / name).write_text("new" if name.endswith("new") else "old")
        with inject(*plan, roots=[root]), suppress(OSError):
            install(root)
        return {path.name: path.read_text() for path in root.iterdir()}


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("install", "breaks", "expected"),
    [
        (
            leaves_rubbish,
            lambda left: "a.tmp" in left,
            "(Rule.parse('os.replace -> ERROR_ACCESS_DENIED when once or never'),)",
        ),
        (
            stops_half_way,
            lambda left: left["a"] != left["b"],
            "(Rule.parse('os.replace -> ERROR_ACCESS_DENIED when nth 2 or never'),)",
        ),
        (
            gives_up,
            lambda left: "a" not in left,
            "(Rule.parse('os.replace -> ERROR_ACCESS_DENIED when first 3 or never'),)",
        ),
        (
            rolls_back_once,
            lambda left: "a" not in left,
            (
                "(Rule.parse('os.rename -> ERROR_ACCESS_DENIED when nth 2 or never'),"
                " Rule.parse('os.replace -> ERROR_ACCESS_DENIED when once or never'))"
            ),
        ),
        (forgets, lambda left: "a" not in left, "()"),
    ],
)
def test_what_breaks_an_installer(install, breaks, expected, seed):
    """Whatever was found first, the weakest plan is left; the empty one, where no fault is to blame."""
    plan = simplest(strategies.plans(operations="rename"), lambda plan: breaks(left_by(install, plan)), seed)
    assert expected == repr(plan)


@settings(deadline=None)
@given(strategies.plans(kinds=["error", "after", "short", "delay", "crash"], paths=[None, 'a "b"', "*.exe"]))
def test_what_hypothesis_prints_can_be_pasted(plan):
    """It makes an equal plan, if `Rule` is imported."""
    assert plan == eval(pretty(plan), {"Rule": Rule})


def test_what_a_user_sees(pytester, apart):
    """The failing example is the plan, and pasted it fails the test as well."""
    source = """
        import os
        import tempfile

        from hypothesis import example, given, settings
        from pytest_fsfault import Rule, inject, strategies

        @settings(derandomize=True, database=None, deadline=None, max_examples=100)
        @given(plan=strategies.plans(operations="rename"))
        def test_update(plan):
            with tempfile.TemporaryDirectory() as root:
                for name in ("a", "b", "a.new", "b.new"):
                    open(f"{root}/{name}", "w").close()
                with inject(*plan, roots=[root]):
                    try:
                        for name in ("a", "b"):
                            os.replace(f"{root}/{name}.new", f"{root}/{name}")
                    except OSError:
                        pass
                assert len(os.listdir(root)) != 3
    """
    pytester.makepyfile(test_it=source)
    seen = apart()
    seen.assert_outcomes(failed=1)
    (line,) = {line.removeprefix("E").strip() for line in seen.outlines if "plan=(" in line}
    printed = line.removeprefix("plan=").partition("  #")[0].removesuffix(",")
    assert "(Rule.parse('os.replace -> ERROR_ACCESS_DENIED when nth 2 or never'),)" == printed
    pasted = source.replace("@given", f"@example(plan={printed})\n        @given").replace("=100", "=1")
    pytester.makepyfile(test_it=pasted)
    apart().assert_outcomes(failed=1)
