"""What the sessions want to be asked about, beside the changes that are always asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_fsfault._core.language.operations import OPERATIONS
from pytest_fsfault._intercept.native.numbers import CHANGES, ON_DEMAND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_fsfault._core.engine.engine import Engine

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


class Wants(NamedTuple):
    """The system calls on demand, and whether opens for reading are asked about."""

    extra: frozenset[str] = frozenset()
    reads: bool = False

    @property
    def harmless(self) -> bool:
        """Whether nothing is asked about that happens between the start of a process and its program."""
        return not self.extra and not self.reads


def wants(engines: Iterable[Engine]) -> Wants | None:
    """Return what the sessions want to know; None if no call of a native program can concern them."""
    engines = tuple(engines)
    if not any(_concerned(engine) for engine in engines):
        return None
    spoken = _spoken(engines)
    model = [engine.model for engine in engines if engine.model is not None]
    names = _wanted_of_descriptors(spoken)
    if any(one.wants_closes() for one in model):
        names.add("os.close")
    extra = frozenset(name for name, shape in ON_DEMAND.items() if shape.operation in names)
    return Wants(extra, reads=bool(spoken & _READS) or bool(model))


def _wanted_of_descriptors(spoken: set[str]) -> set[str]:
    return {name for name, rules in _OF_DESCRIPTORS.items() if spoken & rules}


def _spoken(engines: Iterable[Engine]) -> set[str]:
    """Return the operations and groups that the rules in force speak of."""
    return {name for engine in engines for one in engine.plan.armed for name in one.rule.operations}


def _concerned(engine: Engine) -> bool:
    return (
        engine.records_all
        or (engine.replay is not None and engine.replay.recording.native)
        or engine.guard is not None
        or engine.ended is not None
        or engine.model is not None
        or not REACHED.isdisjoint(engine.plan.names)
    )


assert OPERATIONS.keys() >= REACHED  # noqa: S101  # a name that no rule can have would never be met
