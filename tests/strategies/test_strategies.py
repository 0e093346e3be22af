"""Strategies for Hypothesis: what they generate, and that it does to a tree what the rules say."""

from __future__ import annotations

import ast
import errno
import os
import re
import stat
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_fsfault import TRANSIENT, FsFaultError, Rule, inject, strategies
from pytest_fsfault._core.language.errors import parse_error
from pytest_fsfault._core.language.faults import Fault
from pytest_fsfault._core.language.operations import GROUPS, OPERATIONS
from pytest_fsfault._core.language.plausible import PLAUSIBLE, is_plausible

KINDS = ("error", "after", "short", "delay", "crash")
WIDEST = strategies.rules(operations=["any", "shutil.rmtree"], kinds=KINDS, paths=[None, "*.exe", "a b/**"])


def drawn(strategy, number=300):
    """Return so many examples, the same ones in each run."""
    found = []

    @settings(max_examples=number, database=None, deadline=None, derandomize=True)
    @given(strategy)
    def draw(example):
        found.append(example)

    draw()
    return found


@settings(deadline=None)
@given(WIDEST)
def test_a_rule_parses_back_from_its_text(rule):
    """Whatever is generated can be written."""
    assert rule == Rule.parse(str(rule))


@settings(deadline=None)
@given(WIDEST)
def test_an_operation_meets_only_what_it_can(rule):
    """Each error is one that some system gives to the operation, and none is short that transfers nothing."""
    (name,) = rule.operations
    assert rule.fault.error is None or is_plausible(name, rule.fault.error)
    assert rule.fault.kind != "short" or OPERATIONS[name].transfers
    assert rule.to is None or OPERATIONS[name].two_paths


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ("create", GROUPS["create"]),
        ("rename, os.open", {"os.rename", "os.replace", "os.open"}),
        (["os.unlink", "delete"], {"os.remove", "os.rmdir"}),
        (("shutil.move",), {"shutil.move"}),
    ],
)
def test_operations_are_written_as_in_a_rule(operations, expected):
    """A text or a sequence; a group stands for its members, an alias for its operation."""
    found = {rule.operations for rule in drawn(strategies.rules(operations=operations))}
    assert {(name,) for name in expected} == found


def test_by_default_rules_are_for_what_changes_the_tree():
    """Errors alone, on any path, and none has to fire."""
    found = drawn(strategies.rules(), 1000)
    assert GROUPS["mutate"] == {name for rule in found for name in rule.names}
    assert {("error", False, None, None, True)} == {
        (rule.fault.kind, rule.fault.after, rule.path, rule.to, rule.optional) for rule in found
    }


@settings(deadline=None)
@given(strategies.rules(optional=False))
def test_rules_that_have_to_fire(rule):
    """`or never` can be left out."""
    assert not rule.optional
    assert not str(rule).endswith("or never")


@pytest.mark.parametrize("name", ["os.replace", "os.rmdir", "os.stat", "file.write", "os.sendfile"])
def test_by_default_an_operation_meets_all_that_it_can(name):
    """Each error that the table has for it and the host knows."""
    known = {error for error in PLAUSIBLE[name] if error.startswith("ERROR_") or hasattr(errno, error)}
    assert known == set(drawn(strategies.faults(operations=name)))


def test_transient_errors_are_drawn_most():
    """Those that pass by themselves are the ones that installers have to survive."""
    found = drawn(strategies.rules(operations="os.replace"))
    transient = sum(str(rule.fault) in TRANSIENT for rule in found)
    assert transient > len(found) / 2


@pytest.mark.skipif(not hasattr(errno, "EDQUOT"), reason="the host knows no EDQUOT")
def test_an_errno_that_the_host_lacks_is_left_out(monkeypatch):
    """It could not be written in a rule there."""
    monkeypatch.delattr(errno, "EDQUOT")
    known = {"ENOSPC", "EIO", "EAGAIN", "EBADF", "EINVAL", "ENOMEM", "EOVERFLOW", "ESPIPE"}
    assert known == set(drawn(strategies.faults(operations="os.sendfile")))


def test_given_errors_are_met_where_they_can_be():
    """Each operation meets those among them that it can, spelt as they are; one that meets none is left out."""
    strategy = strategies.rules(
        operations="os.rmdir, os.replace, os.stat", errors=("ERROR_DIR_NOT_EMPTY", "WinError 32", "ENOTEMPTY")
    )
    assert {
        ("os.replace", "WinError 32"),
        ("os.replace", "ENOTEMPTY"),
        ("os.rmdir", "ERROR_DIR_NOT_EMPTY"),
        ("os.rmdir", "WinError 32"),
        ("os.rmdir", "ENOTEMPTY"),
    } == {(*rule.operations, str(rule.fault)) for rule in drawn(strategy)}


def test_transient_errors_can_be_asked_for():
    """`TRANSIENT` may be passed whatever the operations are."""
    found = drawn(strategies.faults(operations="os.rmdir", errors=TRANSIENT))
    assert {"ERROR_ACCESS_DENIED", "ERROR_SHARING_VIOLATION", "ERROR_DIR_NOT_EMPTY"} < set(found)
    assert set(found) < set(TRANSIENT)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (None, {None}),
        (["*.exe", "*.dll"], {"*.exe", "*.dll"}),
        ((None, "*.exe"), {None, "*.exe"}),
        ((Path("/a[1]"),), {Path("/a[1]").absolute().as_posix().replace("[", r"\[")}),
        (st.sampled_from(["a/*", "b/*"]), {"a/*", "b/*"}),
    ],
)
def test_paths(paths, expected):
    """Globs, paths of very files, or a strategy for them; None means any path."""
    assert expected == {rule.path for rule in drawn(strategies.rules(operations="os.remove", paths=paths))}


def test_an_operation_with_two_paths_is_met_at_either():
    """The glob is that of its source or of its target."""
    found = drawn(strategies.rules(operations="os.replace", paths=["*.exe"]))
    assert {("*.exe", None), (None, "*.exe")} == {(rule.path, rule.to) for rule in found}


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("error", r"EIO|ENOSPC"),
        ("after", r"(EIO|ENOSPC) after"),
        ("short", r"short (1|16|512|4KiB)( then (EIO|ENOSPC))?"),
        ("delay", r"delay (100ms|300ms|1s|3s|10s|30s)"),
        ("crash", r"crash"),
    ],
)
def test_kinds_of_faults(kind, pattern):
    """Each is drawn if it is asked for, and then no other."""
    errors = None if kind in {"delay", "crash"} else ["EIO", "ENOSPC"]
    found = set(drawn(strategies.faults(operations="file.write", kinds=[kind], errors=errors)))
    assert set() == {text for text in found if not re.fullmatch(pattern, text)}
    assert {"error": 2, "after": 2, "short": 12, "delay": 6, "crash": 1}[kind] == len(found)


def test_several_kinds_of_faults():
    """An operation meets those that have a meaning for it."""
    found = drawn(strategies.rules(operations="os.remove, os.write", kinds=KINDS))
    kinds = {(*rule.operations, "after" if rule.fault.after else rule.fault.kind) for rule in found}
    assert {(name, kind) for name in ("os.remove", "os.write") for kind in KINDS} - {
        ("os.remove", "short")
    } == kinds


@settings(deadline=None)
@given(strategies.faults(kinds=KINDS))
def test_faults_are_texts(text):
    """A rule and a sweep take them as they are, and so does whoever pastes them."""
    assert text == str(Fault.parse(text))


def test_schedules_are_of_every_kind():
    """By position, by chance and by time, alone and joined, on one count or on several; with small numbers."""
    found = [rule.when for rule in drawn(strategies.rules(operations="os.remove"), 1000)]
    assert {"always", "once", "first", "nth", "from", "range", "every", "percent", "for", "until"} == {
        term.kind for when in found for term in when.terms
    }
    assert {1, 2} == {len(when.terms) for when in found}
    assert {"", "path", "call site"} == {when.per for when in found}
    assert all(when.low <= 5 for when in found)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, {0, 1, 2, 3}),
        ({"max_rules": 1}, {0, 1}),
        ({"min_rules": 2}, {2, 3}),
        ({"min_rules": 2, "max_rules": 2}, {2}),
    ],
)
def test_plans_have_so_many_rules(limits, expected):
    """The empty plan is one of them, unless there must be a rule."""
    found = drawn(strategies.plans(**limits), 50)
    assert {tuple} == {type(plan) for plan in found}
    assert expected == {len(plan) for plan in found}


def test_plans_are_made_of_such_rules():
    """What is asked of the rules holds for each."""
    asked = {"errors": ["EIO"], "paths": ["*.exe"], "kinds": ["after"], "optional": False}
    rules = [rule for plan in drawn(strategies.plans(operations="os.open", **asked), 50) for rule in plan]
    assert {("os.open", "*.exe", "EIO after", False)} == {
        (*rule.operations, rule.path, str(rule.fault), rule.optional) for rule in rules
    }


NAMES = st.sampled_from(["a", "b", "d", "d/a", "d/b"])
STEPS = st.one_of(
    st.tuples(st.sampled_from(["rename", "replace", "link"]), NAMES, NAMES),
    st.tuples(st.sampled_from(["remove", "rmdir", "mkdir"]), NAMES),
    st.tuples(st.just("truncate"), NAMES, st.integers(0, 3)),
    st.tuples(st.just("chmod"), NAMES, st.sampled_from([0o700, 0o755])),
)


def build(root):
    """Build a tree with a file, and a directory with another one."""
    (root / "d").mkdir()
    (root / "a").write_text("text")
    (root / "d/b").write_text("more")


def perform(root, steps):
    """Take each step by one call, go on after an error, and return the steps that had none."""
    done = []
    for step in steps:
        name, path, *more = step
        try:
            getattr(os, name)(root / path, *(root / one if isinstance(one, str) else one for one in more))
        except OSError:
            continue
        done.append(step)
    return done


def tree(root):
    """Return what is there, by `stat` and by content."""
    found = {}
    for path in sorted(root.rglob("*")):
        facts = path.stat()
        links = facts.st_nlink if path.is_file() else 0
        content = path.read_bytes() if path.is_file() else None
        found[path.relative_to(root).as_posix()] = (stat.filemode(facts.st_mode), links, content)
    return found


def left_by(steps, *plan):
    """Return the tree that the steps leave under a plan, and the steps that had no error."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        build(root)
        with inject(*plan, roots=[root]):
            done = perform(root, steps)
        return tree(root), done


@settings(deadline=None, max_examples=300)
@given(strategies.plans(), st.lists(STEPS, max_size=8))
def test_the_tree_is_what_the_calls_that_succeeded_have_made_of_it(plan, steps):
    """What is refused does nothing, and what is not refused does all of it; Hypothesis has no complaint."""
    left, done = left_by(steps, *plan)
    plain, again = left_by(done)
    assert (plain, done) == (left, again)


@settings(deadline=None)
@given(strategies.plans(kinds=["after", "delay"]), st.lists(STEPS, max_size=8))
def test_what_fails_after_the_fact_is_done(plan, steps):
    """Errors that come late and delays leave the tree as it is without them."""
    assert left_by(steps)[0] == left_by(steps, *plan)[0]


def test_only_or_never_lets_a_rule_pass_that_did_not_fire():
    """Those that have to fire fail where nothing is called."""
    (rule,) = drawn(strategies.rules(operations="os.mkdir", optional=False), 1)
    with tempfile.TemporaryDirectory() as root:
        with pytest.raises(AssertionError) as caught:
            with inject(rule, roots=[root]):
                pass
    assert "`os.mkdir` never fired: no call of os.mkdir below the roots" == str(caught.value)


def test_a_strategy_of_paths_may_draw_what_is_no_glob():
    """What it draws is seen when it is drawn, and then in a sentence."""
    with pytest.raises(FsFaultError) as caught:
        drawn(strategies.rules(operations="os.remove", paths=st.just("a//b")), 1)
    assert (
        "path 'a//b': 'a//b' matches no path (column 1); paths are normalised: write no '.', '..', '//' or '/' "
        "at the end" == str(caught.value)
    )


def test_of_the_package_only_the_vocabulary_is_imported():
    """A strategy needs no session."""
    source = Path(find_spec("pytest_fsfault.strategies").origin).read_text("utf-8")
    modules = [node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    ours = {name.rpartition(".")[0] for name in modules if name.startswith("pytest_fsfault")}
    assert {"pytest_fsfault._core.language"} == ours


def test_any_spelling_is_one_error():
    """An error by its number is met where the same error by its name is."""
    texts = ("ERROR_ACCESS_DENIED", "WinError 5")
    assert 1 == len({parse_error(text).meaning for text in texts})
    assert set(texts) == set(drawn(strategies.faults(operations="os.stat", errors=texts)))
