"""What the sessions want to be asked about: what no rule is near to goes ahead without a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._core.language.operations import EITHER, GROUPS, OPERATIONS, same_group
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._intercept.native.numbers import CHANGES, GUARDED, ON_DEMAND

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.language.rules import Rule

#: The operations that a native program can be met in.
REACHED = frozenset(shape.operation for shape in (*CHANGES.values(), *ON_DEMAND.values())) | {
    "os.rename", "open", "file.write", "file.close", "file.flush", "file.truncate",
}  # fmt: skip
# What a rule may say that is about single transfers. `mutate` is about the opening of a file for writing:
# a program that is asked about each write takes many times as long.
_OF_DESCRIPTORS = {
    "os.write": frozenset({"os.write", "file.write", "write", "any"}),
    "os.fsync": frozenset({"os.fsync", "file.flush", "write", "any"}),
    "os.close": frozenset({"os.close", "file.close", "any"}),
}
_READS = frozenset({"os.open", "open", "read", "any"})


# These are few in any program, so that a rule which is added later meets them in those that run already.
_ALWAYS = GROUPS["rename"] | GROUPS["delete"]
_ALL = frozenset(CHANGES)


class Wants(Row):
    """The changes that are asked about, other system calls, and whether opens for reading are."""

    changes: frozenset[str] = _ALL
    extra: frozenset[str] = frozenset()
    reads: bool = False

    @property
    def harmless(self) -> bool:
        """Whether nothing is asked about that happens between the start of a process and its program."""
        return self.extra <= GUARDED.keys() and not self.reads

    def covers(self, other: Wants) -> bool:
        """Return whether all is asked about that `other` asks about."""
        return self.changes >= other.changes and self.extra >= other.extra and self.reads >= other.reads


def wants(engines: Iterable[Engine]) -> Wants | None:
    """Return what the sessions want to know; None if no call of a native program can concern them."""
    engines = tuple(engines)
    if not any(_concerned(engine) for engine in engines):
        return None
    models = [engine.model for engine in engines if engine.model is not None]
    spoken = _spoken(engines)
    if any(one.wants_closes() for one in models):
        spoken.add("os.close")
    guarded = any(engine.guard is not None for engine in engines)
    extra = _of_descriptors(spoken) | (frozenset(GUARDED) if guarded else frozenset())
    return Wants(_changes(engines), extra, reads=bool(models or spoken & _READS))


def _spoken(engines: Iterable[Engine]) -> set[str]:
    """Return the operations and groups that the rules in force speak of."""
    return {name for engine in engines for one in engine.plan.armed for name in one.rule.operations}


def needs(rule: Rule) -> Wants:
    """Return what has to be asked about for a rule to be met."""
    spoken = set(rule.operations)
    return Wants(_syscalls(rule.names), _of_descriptors(spoken), reads=bool(spoken & _READS))


def _changes(engines: Iterable[Engine]) -> frozenset[str]:
    """Return the changes that rules can mean, and those that a message names which says what came near a rule."""
    if any(_wants_all(engine) for engine in engines):
        return _ALL
    named: frozenset[str] = frozenset().union(*(engine.plan.names for engine in engines))
    return _syscalls(named | same_group(named) | _ALWAYS)


def _syscalls(names: Collection[str]) -> frozenset[str]:
    """Return the changes that rules for these operations mean."""
    return frozenset(
        syscall
        for syscall, (operation, _) in CHANGES.items()
        if any(name in names for name in EITHER.get(operation, (operation,)))
    )


def _of_descriptors(spoken: set[str]) -> frozenset[str]:
    names = {name for name, rules in _OF_DESCRIPTORS.items() if spoken & rules}
    return frozenset(name for name, shape in ON_DEMAND.items() if shape.operation in names)


def _concerned(engine: Engine) -> bool:
    return _has_all(engine) or not REACHED.isdisjoint(engine.plan.names)


def _wants_all(engine: Engine) -> bool:
    # Whatever is left of a program after a crash is killed by the next change that it asks about.
    return _has_all(engine) or any(one.rule.fault.kind == "crash" for one in engine.plan.armed)


def _has_all(engine: Engine) -> bool:
    """Return whether a session has to do with every change."""
    return (
        engine.records_all
        or (engine.replay is not None and engine.replay.recording.native)
        or engine.guard is not None
        or engine.ended is not None
        or engine.model is not None
    )


assert OPERATIONS.keys() >= REACHED  # noqa: S101  # a name that no rule can have would never be met
