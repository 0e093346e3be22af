"""Wire `self_replace`: update a program while it runs, with a fault at each step."""

from __future__ import annotations

import os
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.legible import legible
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._intercept.fake.fake_functions import native
from pytest_fsfault._prove import error_chains, tree_copies
from pytest_fsfault._session.handed_over import on_behalf
from pytest_fsfault._session.proofs import must_be_callable
from pytest_fsfault._session.trial_environment import ModelEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pytest_fsfault._core.language.faults import Fault
    from pytest_fsfault._prove.sweep import Sweep
    from pytest_fsfault._prove.tree import Tree
    from pytest_fsfault._prove.trial import Trial
    from pytest_fsfault._session.proofs import Proofs
    from pytest_fsfault._session.session import Session
    from pytest_fsfault._windows.windows import Windows

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

# What an interpreter has read is open no more: a running script is not held.
_SCRIPTS = frozenset([".py", ".pyw", ".sh", ".bat", ".cmd", ".ps1"])
_PROGRAMS = frozenset([".exe", ".com", ".dll", ".pyd"])


def self_replace(
    session: Session,
    proofs: Proofs,
    exe: str | os.PathLike[str],
    update: Callable[[Path], object],
    faults: Iterable[str | Fault],
    expect: object,
) -> None:
    """Update a copy of `exe` while it runs, without a fault and with one at each step."""
    must_be_callable("update", update, "updates the program at the path that it is given")
    original = _existing(exe)
    place = PurePath(original.parent.name or "program", original.name)
    environment = ModelEnvironment(session, lambda windows: _start(windows, sweep.root / place))
    sweep = proofs.sweep_in(
        environment, partial(_copy, original), faults=faults, operations="mutate", distinct="call stack",
        persist=(False, True), depth=1, limit=None, shard=None, expect=expect,
    )  # fmt: skip
    try:
        _loop(sweep, on_behalf(update), place, original.name)
    finally:
        sweep.abandon()  # at its end it is over in any case


def _loop(sweep: Sweep, update: Callable[[Path], object], place: PurePath, name: str) -> None:
    old: Tree | None = None
    new: Tree | None = None
    for trial in sweep:
        target = trial.root / place
        if old is None:
            old = sweep.snapshot(str(target))
        _run(trial, update, target)
        there = sweep.snapshot(str(target))
        if new is None:
            new = there
            if new == old:
                raise AssertionError(
                    f"the update changes nothing: without a fault the new {legible(name)} has to be in place"
                )
        trial.check(there in (old, new), _neither(name, old, there))


def _run(trial: Trial, update: Callable[[Path], object], target: Path) -> None:
    try:
        with trial:
            update(target)
    except Exception as error:
        if trial.fault is not None:
            raise
        error_chains.release(error)
        raise AssertionError(
            f"the update fails while {legible(target.name)} is running, without any fault: {error_chains.text(error)}"
        ) from error


def _neither(name: str, old: Tree, there: Tree) -> str:
    if there.kind == "missing":
        return f"{legible(name)} is gone: neither the old nor the new one is in place"
    return (
        f"{legible(name)} is neither the old nor the new one; compared with the old one:\n{old.diff(there)}"
    )


def _existing(exe: str | os.PathLike[str]) -> Path:
    try:
        there = native()
        path: Path = there.path(there.absolute(os.fsdecode(os.fspath(exe))))
    except TypeError:
        raise FsFaultError(
            f"exe={exe!r} is not a path; write that of a script, a program or a directory"
        ) from None
    if not path.exists():
        raise FsFaultError(f"exe={os.fspath(exe)!r} does not exist; name what is to be replaced")
    return path


def _copy(original: Path, root: Path) -> None:
    """Put a copy of the directory in which the program is into a fresh tree."""
    home = root / (original.parent.name or "program")
    # The sweep may stand in that very directory.
    tree_copies.copy(native(), str(original.parent), str(home), but=str(root.parent.parent))


def _start(windows: Windows, target: Path) -> None:
    """Let the program run: what is an image is held as such."""
    if target.is_dir():
        for path in sorted(target.rglob("*")):
            if path.suffix.lower() in _PROGRAMS and path.is_file():
                windows.run(path)
    elif not _is_script(target):
        windows.run(target)


def _is_script(path: Path) -> bool:
    if path.suffix.lower() in _SCRIPTS:
        return True
    with native().open_file(str(path), "rb") as file:
        return bool(file.read(2) == b"#!")
