"""What is kept of a trial after its tree is gone: for the verdict, and as data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.paths import seen_from_here

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_fsfault._core.engine.journal import Entry
    from pytest_fsfault._prove.injection_points import Injection, InjectionPoint, RecordedCall
    from pytest_fsfault._prove.outcomes import Rerun, TrialRecord, Wrong
    from pytest_fsfault._prove.tree import Tree


class InjectedCall(Row):
    """One fault of a trial, with the call that met it."""

    operation: str
    path: str  # below the root of the tree
    target: str | None
    fault: str
    persists: bool
    site: str
    caller: str  # the line that called the function of the site, for whom a retry helper works; may be empty
    nth: int
    total: int
    step: int


class TrialResult(Row):
    """How one trial ended."""

    id: str
    calls: tuple[InjectedCall, ...]
    crashed: bool = False
    wrong: tuple[Wrong, ...] = ()
    rerun: Rerun = "not asked"
    difference: tuple[tuple[str, Literal["added", "removed", "changed"], int | None, int | None], ...] = ()
    kept: str = ""  # where the tree of a failing trial is
    temporary: frozenset[str] = frozenset()  # names that neither the old nor the new tree has

    @property
    def likeness(self) -> tuple[object, ...]:
        """What alike failures have in common: the calls and what is wrong, temporary names blanked."""
        blank = _blanking(self.temporary)
        calls = tuple((call.operation, blank(call.path)) for call in self.calls)
        return calls, tuple((wrong.check, blank(wrong.text)) for wrong in self.wrong)

    def data(self, reproduce: str) -> dict[str, Any]:
        """Return the result as data that JSON can carry; `reproduce` is the line that runs this trial alone."""
        first = self.calls[0] if self.calls else None
        return {
            "id": self.id,
            **(_no_call() if first is None else call_data(first)),
            "fault": ", then ".join(call.fault for call in self.calls) or None,
            "then": [call_data(call) for call in self.calls[1:]],
            "applies": True,
            "crashed": self.crashed,
            "verdicts": [{"check": wrong.check, "text": wrong.text} for wrong in self.wrong],
            "rerun": self.rerun,
            "difference": [
                {"path": path, "change": change, "before": before, "after": after}
                for path, change, before, after in self.difference
            ],
            "reproduce": reproduce,
        }


def call_data(call: InjectedCall) -> dict[str, Any]:
    """Return what is known of the call of a fault, as data."""
    return {
        "step": call.step,
        "fault": call.fault,
        "persist": call.persists,
        "occurrence": [call.nth, call.total],
        "operation": call.operation,
        "site": call.site,
        "caller": call.caller or None,
        "paths": [path for path in (call.path, call.target) if path is not None],
    }


def not_applicable_data(
    step: int, point: InjectionPoint, call: RecordedCall, fault: str, root: str
) -> dict[str, Any]:
    """Return a pair of a call and a fault that no system gives it, as data."""
    paths = [below(path, root) for path in (call.path, call.target) if path is not None]
    return {
        "id": None, "step": step, "fault": fault, "persist": None, "occurrence": [point.nth, point.total],
        "operation": call.operation, "site": seen_from_here(call.call_site),
        "caller": caller_of(point) or None, "paths": paths, "then": [], "applies": False, "crashed": False,
        "verdicts": [], "rerun": "not asked", "difference": [], "reproduce": None,
    }  # fmt: skip


def _no_call() -> dict[str, Any]:
    empty = dict.fromkeys(("step", "persist", "occurrence", "operation", "site", "caller"))
    return {**empty, "paths": []}


def result_of(
    record: TrialRecord, root: str, trees: tuple[Tree, Tree], tree: Tree | None, kept: str
) -> TrialResult:
    """Return what is to be kept of a trial: `trees` are the old and the new one, `tree` what it left."""
    calls = tuple(_injected(record, root, place) for place in range(len(record.injections)))
    before, after = trees
    known = {part for path in (*before, *after) for part in path.split("/")}
    paths = [path for call in calls for path in (call.path, call.target) if path]
    parts = {part for path in (*paths, *(tree or ())) for part in path.split("/")}
    return TrialResult(
        record.id, calls, record.crashed, tuple(record.wrong), record.rerun,
        tuple(_difference(before, after, tree)), kept, frozenset(parts - known - {".", ".."}),
    )  # fmt: skip


def _injected(record: TrialRecord, root: str, place: int) -> InjectedCall:
    injection = record.injections[place]
    met = _met(record, injection) if not place else None
    # What really met the fault, whose names may differ from those in the first run.
    path, target = (injection.call.path, injection.call.target) if met is None else (met.path, met.target)
    point = injection.point
    return InjectedCall(
        injection.call.operation, below(path, root), None if target is None else below(target, root),
        injection.text, injection.persists, seen_from_here(injection.call.call_site), caller_of(point), point.nth,
        point.total, injection.step,
    )  # fmt: skip


def _met(record: TrialRecord, injection: Injection) -> Entry | None:
    fault = str(injection.fault)
    return next((entry for entry in record.outcome.injected if entry.fault == fault), None)


def caller_of(point: InjectionPoint) -> str:
    """Return the line that a retry helper works for: the first of another file, else the next one of the stack.

    The line of the test's own block, at the end of the stack, tells nothing.
    """
    if point.place:
        return ""  # a native program: its call site says what is known
    file, _, line = point.call_site.rpartition(":")
    others = [one for one in point.stack[:-1] if one != (file, int(line or 0))]
    elsewhere = [one for one in others if one[0] != file]
    found = (elsewhere or others)[:1]
    return seen_from_here(f"{found[0][0]}:{found[0][1]}") if found else ""


def _difference(
    before: Tree, after: Tree, tree: Tree | None
) -> Iterator[tuple[str, Literal["added", "removed", "changed"], int | None, int | None]]:
    """Yield how the tree differs from the nearer of the old and the new one."""
    if tree is None:
        return
    to_old, to_new = before.changes(tree), after.changes(tree)
    nearer, changes = (before, to_old) if len(to_old) <= len(to_new) else (after, to_new)
    for path in changes:
        old, new = nearer.get(path), tree.get(path)
        change: Literal["added", "removed", "changed"] = (
            "added" if old is None else "removed" if new is None else "changed"
        )
        sizes = [item.size if item is not None and item.kind == "file" else None for item in (old, new)]
        yield path, change, sizes[0], sizes[1]


def below(path: str, root: str) -> str:
    """Return a path as seen from the root of the tree."""
    return "." if path == root else path.removeprefix(f"{root}/")


def _blanking(names: Iterable[str]) -> Any:
    found = sorted(names, key=len, reverse=True)
    if not found:
        return str
    pattern = re.compile("|".join(map(re.escape, found)))
    return lambda text: pattern.sub("*", text)
