"""Hold the rules that are in force, count the calls that they match, and choose the one that acts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Self
from weakref import ref

from pytest_fsfault._core.engine.records import Decision
from pytest_fsfault._core.language.globs import escape, superset_regex
from pytest_fsfault._core.language.roots import below_root, uncounted
from pytest_fsfault._core.locks import known_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from types import TracebackType

    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._core.language.rules import Rule

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


class Armed:
    """A rule in force: how many calls it `matched`, and in how many it `fired`.

    As a context manager it ends with its block. `on_exit` is called then, with the rule and the error that
    ends the block, and may raise; a rule judged so is not judged again (see `Plan.never_fired`). Luck does
    not depend on the counter that ends the name of a directory right below a root in `numbered`.
    """

    __module__ = "pytest_fsfault"

    def __init__(
        self,
        rule: Rule,
        seed: int | str = 0,
        on_exit: Callable[[Armed, BaseException | None], None] | None = None,
        numbered: Sequence[str] = (),
    ) -> None:
        self.rule = rule
        self.matched = 0
        self.fired = 0
        self.forestalled = 0  # due, but another rule came first
        self.forestalled_by: Rule | None = None  # the last of these; None if it is one of an inner session
        self.missed_by = ""  # which program that still runs was started before it, and does not meet it
        self.judged = False
        self._seed = seed
        self._on_exit = on_exit
        self._numbered = numbered
        # Weak, so that a session that has ended is gone at once: there is no cycle for the collector.
        self._plan: ref[Plan] | None = None
        self._counts: dict[str, int] = {}
        self._firsts: dict[str, float] = {}
        self._draws: dict[str, Callable[[], float]] = {}

    def __repr__(self) -> str:
        return f"<Armed {str(self.rule)!r} matched={self.matched} fired={self.fired}>"

    @property
    def first_at(self) -> float:
        """The virtual time of the first matching call, in seconds since the start."""
        return min(self._firsts.values(), default=0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()
        # A block that raises has not shown what the rule would have done: that is judged at the very end.
        self.judged = error is None and self._on_exit is not None
        if self._on_exit is not None:
            self._on_exit(self, error)

    def remove(self) -> None:
        """Take the rule out of force; what it counted stays."""
        plan = None if self._plan is None else self._plan()
        if plan is not None:
            plan.remove(self)

    def count(self, operation: Operation, now: float, roots: Sequence[str], ignore_case: bool) -> str | None:
        """Count a matching call at `now`, virtual seconds since the start; return why it is due, if it is."""
        when = self.rule.when
        per, path = when.per, operation.path
        if ignore_case:
            path = path.lower()
        key = per and (path if per == "path" else operation.call_site)
        self.matched += 1
        count = self._counts[key] = self._counts.get(key, 0) + 1
        first = self._firsts.setdefault(key, now)
        # Who draws asks exactly once; most have nothing to draw for.
        draw = _certain if when.percent is None else partial(self._draw, path, roots, ignore_case)
        due = when.due(count, now - first, now, draw)
        return f"{self.rule}: {when.place(count)}" if due else None

    def _draw(self, path: str, roots: Sequence[str], ignore_case: bool) -> float:
        if path not in self._draws:
            below = below_root(path, self._numbered, ignore_case) if self._numbered else None
            stable = below_root(path, roots, ignore_case) if below is None else uncounted(below)
            from random import Random  # noqa: PLC0415  # for who draws

            # Paths of one name below two roots draw alike, but apart: each has its own generator.
            rule = _portable(self.rule, roots, self._numbered)
            seed = f"{self._seed}|{rule}|{path if stable is None else stable}"
            self._draws[path] = Random(seed).random  # noqa: S311 - luck, not secrets
        return self._draws[path]()


def _certain() -> float:
    return 0.0


def _portable(rule: Rule, roots: Sequence[str], numbered: Sequence[str] = ()) -> str:
    """Return what the rule says, with literal paths as seen from the roots, which are new in each run."""
    tops = [(escape(root).rstrip("/"), root in numbered) for root in sorted(roots, key=len, reverse=True)]

    def seen(pattern: str | None) -> str:
        tail = pattern or ""
        for top, counted in tops:
            if tail == top or tail.startswith(f"{top}/"):
                below = tail[len(top) :]
                return f"/{uncounted(below[1:])}" if counted else below
        return tail

    operations = ", ".join(rule.operations)
    return f"{operations}|{seen(rule.path)}|{seen(rule.to)}|{rule.fault}|{rule.when}"


class Plan:
    """The rules in force, in order of addition. Counting is exact under threads.

    With `ignore_case` paths match and count without regard to case.
    """

    def __init__(self, *, ignore_case: bool = False) -> None:
        self.ignore_case = ignore_case
        self.replays_windows = False  # whether a recorded run raises Windows errors in the place of the rules
        self._all: list[Armed] = []
        self.armed: tuple[Armed, ...] = ()  # in force; each change makes another one
        self._by_name: dict[str, tuple[Armed, ...]] = {}
        self._names: frozenset[str] | None = None
        # The latest call of a native program, by which rules below which roots, and those that mean it.
        self._latest: tuple[Operation | None, tuple[Armed, ...], Sequence[str], tuple[Armed, ...]] = (
            None,
            (),
            (),
            (),
        )
        # A garbage collection while we count may close a file, and that call comes here too.
        self._lock = known_lock()

    @property
    def speaks_windows(self) -> bool:
        """Whether a rule in force raises a Windows error, or a recorded run does."""
        if self.replays_windows:
            return True
        errors = (armed.rule.fault.error for armed in self.armed)
        return any(error is not None and error.winerror is not None for error in errors)

    def add(self, armed: Armed, *, before: Collection[Armed] = ()) -> Armed:
        """Put a rule in force, after those that are, but `before` some that yield to it."""
        with self._lock:
            armed._plan = ref(self)
            self._all.append(armed)
            last = tuple(other for other in self.armed if other in before) if before else ()
            first = tuple(other for other in self.armed if other not in last) if last else self.armed
            self._set((*first, armed, *last))
        return armed

    def remove(self, armed: Armed) -> None:
        """Take a rule out of force, if it is in."""
        with self._lock:
            self._set(tuple(other for other in self.armed if other is not armed))

    def _set(self, armed: tuple[Armed, ...]) -> None:
        # Readers do not lock: the rules come before the empty table, so that no old rules get into it.
        self.armed = armed
        self._by_name = {}
        self._names = None

    @property
    def names(self) -> frozenset[str]:
        """All operations that any rule in force can match."""
        if self._names is None:
            self._names = frozenset().union(*(one.rule.names for one in self.armed))
        return self._names

    def _named(self, name: str) -> tuple[Armed, ...]:
        by_name = self._by_name
        if name not in by_name:
            by_name[name] = tuple(one for one in self.armed if one.rule.covers(name))
        return by_name[name]

    def matching(self, operation: Operation, roots: Sequence[str]) -> tuple[Armed, ...]:
        """Return the rules that mean this call, due or not."""
        if operation.program is not None:
            return self._of_program(operation, roots)
        candidates = self._named("rename" if operation.doubtful else operation.name)
        if not candidates:
            return ()
        ignore_case = self.ignore_case
        return tuple([one for one in candidates if one.rule.matches(operation, roots, ignore_case)])

    def _of_program(self, operation: Operation, roots: Sequence[str]) -> tuple[Armed, ...]:
        """Return the rules that mean a call of a native program, which is asked twice: before it is decided, too."""
        armed, (asked, then, where, found) = self.armed, self._latest
        if asked is not operation or then is not armed or where is not roots:
            found = tuple([one for one in armed if one.rule.matches(operation, roots, self.ignore_case)])
            self._latest = operation, armed, roots, found
        return found

    def _patterns(self, name: str, *, target: bool) -> list[str | None]:
        """Return the patterns of the rules for `name` that are matched on paths, or on targets."""
        rules = [one.rule for one in self._named(name)]
        by_target = [rule for rule in rules if rule.path is None and rule.to is not None]
        if target:
            return [rule.to for rule in by_target]
        return [rule.path for rule in rules if rule not in by_target]

    def superset(self, name: str, roots: Sequence[str], *, target: bool) -> Callable[[str], object] | None:
        """Return a quick test that fails only on paths (or targets) of `name` that no rule means.

        None is returned if no rule means any. A rule that speaks of the target alone is left to its test.
        """
        if name not in self.names:
            return None
        regex = superset_regex(self._patterns(name, target=target), roots, self.ignore_case)
        return None if regex is None else regex.match

    def decide(
        self, operation: Operation, now: float, roots: Sequence[str], *, already_decided: bool = False
    ) -> tuple[Decision | None, bool]:
        """Return the decision about this call, and whether any rule means it.

        `now` is virtual, in seconds since the start. The call counts for every rule that means it, and the
        first that is due wins; with `already_decided` an inner session's rule has won, and none here fires.
        """
        matching = self.matching(operation, roots) if self.armed else ()
        if not matching:
            return None, False
        first, decision = None, None
        with self._lock:
            for armed in matching:
                reason = armed.count(operation, now, roots, self.ignore_case)
                if reason is None:
                    continue
                if already_decided or first is not None:
                    armed.forestalled += 1
                    armed.forestalled_by = first
                    continue
                first = armed.rule
                armed.fired += 1
                decision = Decision(first.fault, reason)
        return decision, True

    def count(self, operation: Operation, now: float, roots: Sequence[str], reason: str | None) -> bool:
        """Count a call that something else decides about; return whether any rule means it.

        The rule fires that gave the `reason` of what was decided.
        """
        matching = self.matching(operation, roots)
        with self._lock:
            for one in matching:
                one.count(operation, now, roots, self.ignore_case)
                one.fired += reason is not None and reason.startswith(f"{one.rule}: ")
        return bool(matching)

    def never_fired(self) -> list[Armed]:
        """Return the rules that had to fire and did not, those removed included and those judged left out."""
        return [one for one in self._all if not (one.fired or one.rule.optional or one.judged)]
