"""Choose at which calls a sweep injects its faults: record the calls of one run, and aim at them in the next."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from pytest_fsfault._core.engine.plan import Armed
from pytest_fsfault._core.engine.trial_marks import REASON
from pytest_fsfault._core.language.operations import GROUPS, OPERATIONS
from pytest_fsfault._core.language.plausible import is_plausible
from pytest_fsfault._core.language.random_names import blanked
from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pytest_fsfault._core.language.faults import Fault
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._core.language.rules import Rule

    #: Lines of the project, each a file and a number, the innermost first.
    Stack = tuple[tuple[str, int], ...]

Distinct = Literal["call stack", "call site", "position"]


class RecordedCall(Row):
    """One call that a fault could meet, as the recorder saw it."""

    operation: str
    path: str
    target: str | None
    call_site: str
    stack: Stack
    apart: bool  # made by another thread than the one of the block
    native: bool = False  # made by a native program, whose threads take turns by chance

    @property
    def place(self) -> str:
        """The paths of the call, with ``*`` for the names that are new in each run."""
        return blanked(f"{self.path} {self.target or ''}")


class InjectionPoint(Row):
    """Address of one call: the `nth` of an operation from one call stack; `nth_there` counts on the same path.

    Of a native program's calls those of one `place` are counted alone, for its threads come in no order.

    With `by_site` only the line of the call itself counts, not the lines that called it.
    """

    operation: str
    call_site: str
    stack: Stack
    nth: int
    nth_there: int
    by_site: bool = False
    place: str = ""  # of a native program's call: where it must be, for `nth_there` to count it
    total: int = 1  # how many calls there are like it


class Recorder(Armed):
    """Stand in the plan as a rule that never fires, and write down what it meets once it is `on`."""

    def __init__(self, rule: Rule, stack: Callable[[], Stack], *, on: bool = True) -> None:
        super().__init__(rule)
        self.on = on
        self.calls: list[RecordedCall] = []
        self.owner_thread = 0  # the thread of the block
        self._stack = stack

    def count(self, operation: Operation, now: float, roots: Sequence[str], ignore_case: bool) -> str | None:
        """Write the call down."""
        del now, roots, ignore_case
        if self.on:
            apart = threading.get_ident() != self.owner_thread
            name = "rename" if operation.doubtful else operation.name
            self.calls.append(
                RecordedCall(
                    name,
                    operation.path,
                    operation.target,
                    operation.call_site,
                    self._stack(),
                    apart,
                    operation.program is not None,
                )
            )
        return None


class PointRule(Armed):
    """Stand in the plan as a rule that fires at one call; if it `persists`, at each later one like it.

    Alike are calls of the same operation on the same path, as under a hold that does not end. Only calls that
    `wanted` matches are counted at all: an `open` for reading is none of those that change the tree.
    """

    def __init__(
        self,
        rule: Rule,
        point: InjectionPoint,
        wanted: Rule,
        stack: Callable[[], Stack],
        *,
        persists: bool,
        on: bool = True,
    ) -> None:
        super().__init__(rule)
        self.point = point
        self._wanted = wanted
        # A rule that speaks of the very path leaves all other calls alone.
        self._nth = point.nth if rule.path is None and not point.place else point.nth_there
        self.persists = persists
        self.on = on
        self.next: PointRule | None = None  # armed by this one, when it fires
        self.recorder: Recorder | None = None  # switched on by this one
        self._stack = stack
        self._seen = 0
        self._met: Operation | None = None

    def count(self, operation: Operation, now: float, roots: Sequence[str], ignore_case: bool) -> str | None:
        """Return why the fault is due at this call, if it is."""
        del now, roots, ignore_case
        if not self._wanted.matches(operation, ()):
            return None
        if self._met is not None:
            return self._again(operation)
        if not self.on or not self._is_meant(operation):
            return None
        self._seen += 1
        if self._seen != self._nth:
            return None
        self._met = operation
        if self.next is not None:
            self.next.on = True
        if self.recorder is not None:
            self.recorder.on = True
        return f"{self.rule.fault}: {REASON}"

    def _is_meant(self, operation: Operation) -> bool:
        # The name of the line is the quick half of the question.
        point = self.point
        if operation.call_site != point.call_site or not (point.by_site or self._stack() == point.stack):
            return False
        return not point.place or point.place == blanked(f"{operation.path} {operation.target or ''}")

    def _again(self, operation: Operation) -> str | None:
        first = self._met
        assert first is not None  # noqa: S101  # asked before
        same = self.persists and operation.path == first.path
        return f"{self.rule.fault}: {REASON} persists" if same else None

    @property
    def site(self) -> Operation | None:
        """The first call that met the fault."""
        return self._met


class Injection(Row):
    """One fault of one trial: which, where, and whether it persists."""

    point: InjectionPoint
    fault: Fault
    text: str  # as the user wrote it
    persists: bool
    call: RecordedCall  # what the recorder saw there
    step: int = 1  # the place of the call among all distinct ones, from 1 on


def injections(
    calls: Sequence[RecordedCall],
    distinct: Distinct,
    faults: Sequence[tuple[str, Fault]],
    persist: Sequence[bool],
) -> Iterator[Injection]:
    """Yield each fault at each distinct call that can meet it, in the order of the calls.

    What other threads did comes after what the main one did, sorted: their order is a matter of chance.
    """
    for step, (point, call) in enumerate(_points(calls, distinct), 1):
        for text, fault in faults:
            if can_meet(call.operation, fault):
                # Nothing comes after a crash that it could meet again.
                for persists in persist if fault.kind != "crash" else persist[:1]:
                    yield Injection(point, fault, text, persists and fault.kind != "crash", call, step)


def not_applicable(
    calls: Sequence[RecordedCall], distinct: Distinct, faults: Sequence[tuple[str, Fault]]
) -> Iterator[tuple[int, InjectionPoint, RecordedCall, str]]:
    """Yield the distinct calls with each fault that no system gives them: step, point, call, fault."""
    for step, (point, call) in enumerate(_points(calls, distinct), 1):
        for text, fault in faults:
            if not can_meet(call.operation, fault):
                yield step, point, call, text


def can_meet(operation: str, fault: Fault) -> bool:
    """Return whether any system gives this fault to this operation."""
    names = GROUPS.get(operation, {operation})
    if fault.kind == "short" and not all(OPERATIONS[name].transfers for name in names):
        return False
    error = fault.error
    return error is None or all(is_plausible(name, error) for name in names)


def _chosen(count: int, distinct: Distinct) -> Iterable[int]:
    """Return which of so many calls of a point are tried: all, or the first, the middle and the last."""
    return range(1, count + 1) if distinct == "position" else sorted({1, (count + 1) // 2, count})


def _alike(calls: Iterable[RecordedCall], call: RecordedCall, place: str) -> int:
    """Return how many of these calls are at the same place, if there is one, or on the same path."""
    return sum(one.place == place if place else one.path == call.path for one in calls)


def _points(
    calls: Sequence[RecordedCall], distinct: Distinct
) -> Iterable[tuple[InjectionPoint, RecordedCall]]:
    by_site = distinct == "call site"
    groups: dict[tuple[str, object], list[int]] = {}
    for place, call in enumerate(calls):
        groups.setdefault((call.operation, call.call_site if by_site else call.stack), []).append(place)
    found = []
    for places in groups.values():
        if calls[places[0]].native:
            places.sort(key=lambda place: calls[place].place)
        count = len(places)
        for nth in _chosen(count, distinct):
            place = places[nth - 1]
            call = calls[place]
            place_of = call.place if call.native else ""
            there = _alike([calls[other] for other in places[:nth]], call, place_of)
            point = InjectionPoint(
                call.operation, call.call_site, call.stack, nth, there, by_site, place_of, count
            )
            found.append(((call.apart, _sortable(point) if call.apart else (place,)), point, call))
    found.sort(key=_first)
    return [(point, call) for _, point, call in found]


def _sortable(point: InjectionPoint) -> tuple[object, ...]:
    return point.stack, point.operation, point.nth


def _first(
    found: tuple[tuple[bool, tuple[object, ...]], InjectionPoint, RecordedCall],
) -> tuple[bool, tuple[object, ...]]:
    return found[0]
