"""The public API as a type checker sees it: `mypy --strict` reads this file, nobody runs it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, assert_type

import pytest
from hypothesis.strategies import SearchStrategy
from tenacity import Retrying

from pytest_fsfault import (
    TRANSIENT,
    Armed,
    Entry,
    FsFault,
    FsFaultError,
    Hold,
    Retry,
    RetryStorm,
    Rule,
    SimulatedCrash,
    Tolerance,
    Tree,
    Trial,
    Windows,
    inject,
    windows_error,
)
from pytest_fsfault.policies import POLICIES, Policy, conda, uv_rename
from pytest_fsfault.strategies import plans
from pytest_fsfault.strategies import rules as rules_strategy


def context_manager() -> None:
    with inject() as fsfault:
        assert_type(fsfault, FsFault)
    with inject(
        "os.replace -> EACCES",
        Rule("os.rename", fault="EIO"),
        profile="flaky",
        roots=[Path("a"), "b"],
        clock="real",
        seed=7,
        strict="all",
    ) as fsfault:
        assert_type(fsfault.seed, int | str)
    with inject(roots=(Path("a"),), strict=False, clock=None, children=False):
        pass
    inject(strict="some")  # type: ignore[arg-type]
    inject(clock="fast")  # type: ignore[arg-type]
    inject(seed="7")  # type: ignore[arg-type]
    inject(profil="flaky")  # type: ignore[call-arg]


def strictness(strict: bool) -> inject:
    return inject(strict=strict)


def rules() -> None:
    rule = Rule(
        ["os.rename", "os.replace"], path="*.exe", to=Path("a"), fault="EACCES", when="first 3", optional=True
    )
    assert_type(rule, Rule)
    assert_type(Rule.parse("os.replace -> EACCES"), Rule)
    assert_type(str(rule), str)
    assert_type(rule.operations, tuple[str, ...])
    assert_type(rule.path, str | None)
    assert_type(rule.optional, bool)
    Rule("os.rename")  # type: ignore[call-arg]
    rule.optional = False  # type: ignore[misc]


def session(fsfault: FsFault, tmp_path: Path) -> None:
    armed = fsfault.add("os.replace -> EACCES")
    assert_type(armed, Armed)
    assert_type(armed.fired, int)
    assert_type(armed.matched, int)
    assert_type(armed.rule, Rule)
    armed.remove()
    with fsfault.add(Rule("open", fault="EIO")) as scoped:
        assert_type(scoped, Armed)
    with fsfault.paused():
        pass
    fsfault.add_root(tmp_path)
    fsfault.add_root("a")
    fsfault.add_root(3)  # type: ignore[arg-type]
    assert_type(fsfault.roots, tuple[str, ...])
    assert_type(fsfault.profile, str)
    assert_type(fsfault.clock.now, float)
    assert_type(fsfault.clock.slept, list[float])
    fsfault.clock.sleep(0.5)
    fsfault.clock.advance(60)


def journal(fsfault: FsFault) -> None:
    assert_type(len(fsfault.journal), int)
    assert_type(fsfault.journal[0], Entry)
    assert_type(fsfault.journal[:2], list[Entry])
    assert_type(fsfault.journal.faults, list[Entry])
    assert_type(fsfault.journal.of("rename"), list[Entry])
    for entry in fsfault.journal:
        assert_type(entry.index, int)
        assert_type(entry.operation, str)
        assert_type(entry.path, str)
        assert_type(entry.target, str | None)
        assert_type(entry.fault, str | None)
        assert_type(entry.reason, str)
        assert_type(entry.outcome, Literal["ok", "raised", "failed", "short", "crashed", "passed"])
        assert_type(entry.error, BaseException | None)
        assert_type(entry.at, float)
        assert_type(entry.thread, int)
        assert_type(entry.process, int)
        assert_type(entry.call_site, str)


def retries(fsfault: FsFault) -> None:
    for retry in fsfault.retries("rename", path="*.exe"):
        assert_type(retry, Retry)
        assert_type(retry.attempts, int)
        assert_type(retry.waits, tuple[float, ...])
        assert_type(retry.total_wait, float)
        assert_type(retry.errors, tuple[BaseException, ...])
        assert_type(retry.outcome, Literal["ok", "failed", "unknown"])
    fsfault.retries()
    fsfault.assert_retried("rename", attempts=3, within=1.5)
    fsfault.assert_retried("rename", within="1.5s")
    fsfault.assert_not_retried("os.replace")
    fsfault.assert_retried()  # type: ignore[call-arg]


def errors() -> None:
    assert_type(windows_error(32, "a"), OSError)
    assert_type(windows_error("ERROR_ACCESS_DENIED", b"a", Path("b")), OSError)
    assert_type(TRANSIENT, tuple[str, ...])
    assert issubclass(FsFaultError, ValueError)
    assert issubclass(SimulatedCrash, BaseException)
    assert issubclass(RetryStorm, BaseException)


@pytest.mark.fsfault("os.replace -> EACCES", profile="off")
def test_marker(fsfault: FsFault) -> None:
    assert_type(fsfault.journal.faults, list[Entry])


def windows(fsfault: FsFault, path: Path) -> None:
    model = fsfault.windows("11", developer_mode=True)
    assert_type(model, Windows)
    assert_type(model.holds, list[Hold])
    with model.hold(path, access="r", share="", seconds=1.5) as hold:
        assert_type(hold.met, bool)
    assert_type(model.run("a.exe"), Hold)
    assert_type(model.load(on="*.dll"), Hold)
    model.scanner("defender", hold="31ms..800ms")
    with model.pretend("mypackage.*", constants=("WINDOWS",)):
        pass
    model.set_attributes(path, hidden=True)
    model.hold(path, acces="r")  # type: ignore[call-arg]
    model.enter(on="*.dll")  # type: ignore[call-arg]
    inject(windows="11")
    inject(windows=11)  # type: ignore[arg-type]


def proofs(fsfault: FsFault, path: Path) -> None:
    def prepare(root: Path) -> None:
        (root / "a").touch()

    def install(root: Path, name: str) -> None:
        (root / name).touch()

    for trial in fsfault.sweep(prepare, faults=("EACCES", "crash"), shard="1/4", expect=OSError):
        assert_type(trial, Trial)
        with trial as root:
            assert_type(root, Path)
            install(root, "b")
        assert_type(trial.fault, str | None)
        assert_type(trial.error, BaseException | None)
        assert_type(trial.injected, tuple[Entry, ...])
        assert_type(trial.before, Tree)
        assert_type(trial.tree.diff(trial.after), str)
        assert_type(trial.crashed, bool)
        trial.check_atomic(ignore=("~*",))
        trial.check_rerun(install, "b")
        trial.check_waits(at_most="10s")
        trial.check_nothing_lost("*.bak", path)
        trial.check_atomic("~*")  # type: ignore[call-arg]
    fsfault.sweep(prepare, distinct="line")  # type: ignore[arg-type]
    found = fsfault.tolerance(prepare, prepare=prepare, hold=lambda root: root / "a", kind="image")
    assert_type(found, Tolerance)
    assert_type(found.fails_at, float | None)
    assert_type(found.waits, tuple[float, ...])
    fsfault.tolerance(prepare, hold="a")  # type: ignore[call-arg]
    fsfault.self_replace(path, prepare)
    assert_type(fsfault.tree(path), Tree)


def retry_policies() -> None:
    assert_type(POLICIES, Mapping[str, Policy])
    assert_type(uv_rename(), Retrying)
    assert_type(conda(luck=random.Random(7).random), Retrying)
    uv_rename(sleep=3)  # type: ignore[arg-type]
    uv_rename(luck=random.random)  # type: ignore[call-arg]


def hypothesis_strategies() -> None:
    assert_type(
        plans(operations="rename", errors=("EACCES",), paths=("*.exe",), max_rules=2),
        SearchStrategy[tuple[Rule, ...]],
    )
    assert_type(rules_strategy(operations=["os.replace", "delete"], optional=False), SearchStrategy[Rule])
    plans(errors=5)  # type: ignore[arg-type]
