"""Let Hypothesis choose the faults: strategies for whole plans, for single rules, and for faults alone.

A plan goes to ``inject(*plan)``. One that fails shrinks to few rules with an early, likely error and prints as rules
that can be pasted. What is generated can really happen: an operation meets the errors that some system gives it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any, Literal, NamedTuple, get_args

from pytest_fsfault._core.language.errors import TRANSIENT, parse_error
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._core.language.operations import OPERATIONS
from pytest_fsfault._core.language.path_arguments import read_glob
from pytest_fsfault._core.language.plausible import PLAUSIBLE, is_plausible
from pytest_fsfault._core.language.rules import Rule
from pytest_fsfault._core.language.winerrors import NAMES

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(
        'pytest_fsfault.strategies needs hypothesis; install it with: pip install "pytest-fsfault[hypothesis]"'
    ) from error

from hypothesis.vendor import pretty

__all__ = ["faults", "plans", "rules"]

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

FaultKind = Literal["error", "after", "short", "delay", "crash"]
_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
_Glob = str | PathLike[str] | None
_Paths = Sequence[_Glob] | st.SearchStrategy[_Glob] | None

_SIZES = ("1", "16", "512", "4KiB")
_TIMES = ("100ms", "300ms", "1s", "3s", "10s", "30s")

# A schedule is drawn as its first call, how many more there are, and what else must hold: each of them gets simpler by
# itself, and the schedule with it. What is repeated is drawn more often. Strategies are made once: making one costs
# more than drawing from it.
_FIRST = st.sampled_from((1, 1, 1, 2, 3, 4, 5))
_MORE = st.sampled_from((0, 0, 0, 1, 2, 3, 4, None, None, None, None))
_CONDITION = st.sampled_from(
    (
        *[""] * 18,
        *("every", "every", "every", "every", "50%", "10%"),
        *(f"{word} {time}" for word in ("for", "until") for time in _TIMES),
    )
)
_PER = st.sampled_from(("", "", "", " per path", " per call site"))
_BOOLEANS = st.booleans()


def plans(
    *,
    operations: str | Sequence[str] = "mutate",
    errors: Sequence[str] | None = None,
    paths: _Paths = None,
    max_rules: int = 3,
    min_rules: int = 0,
    kinds: Sequence[FaultKind] = ("error",),
    optional: bool = True,
) -> st.SearchStrategy[tuple[Rule, ...]]:
    """Return a strategy for plans of `min_rules` to `max_rules` rules, to be passed to ``inject(*plan)``.

    The empty plan is the simplest: a test that shrinks to it fails without a fault. See `rules` for the rest.
    """
    most = _whole("max_rules", max_rules, 1)
    least = _whole("min_rules", min_rules, 0, most)
    rule = rules(operations=operations, errors=errors, paths=paths, kinds=kinds, optional=optional)
    return _plans(rule, st.integers(least, most))


def rules(
    *,
    operations: str | Sequence[str] = "mutate",
    errors: Sequence[str] | None = None,
    paths: _Paths = None,
    kinds: Sequence[FaultKind] = ("error",),
    optional: bool = True,
) -> st.SearchStrategy[Rule]:
    """Return a strategy for rules, each for one of the operations.

    Args:
        operations: names and groups as in a rule; groups stand for their members. A rule for ``open`` or ``os.open``
            means files opened for reading, too.
        errors: errors in any spelling, the simplest first, such as `TRANSIENT`; each operation meets those among
            them that it can. By default all that it can meet, those first that pass by themselves.
        paths: globs, the simplest first, or a strategy for globs; None among them means any path. An operation
            with two paths is met at its source or at its target. By default any path.
        kinds: what may happen to a call, the simplest first: ``"error"``, ``"after"`` (it is done, and then raises),
            ``"short"``, ``"delay"``, ``"crash"`` (catch `SimulatedCrash` round `inject`).
        optional: whether the rules need not fire (``or never``).

    Raises:
        FsFaultError: for what is unknown, or can never happen, at once and not when an example is drawn.

    """
    Rule(operations, fault="crash", optional=optional)
    subjects = st.sampled_from(_subjects(operations, errors, kinds))
    return _rules(subjects, _globs(paths), optional=optional)


def faults(
    *,
    operations: str | Sequence[str] = "mutate",
    errors: Sequence[str] | None = None,
    kinds: Sequence[FaultKind] = ("error",),
) -> st.SearchStrategy[str]:
    """Return a strategy for texts of faults that one of the operations can meet, as a rule or a sweep takes them."""
    return _faults(st.sampled_from(_subjects(operations, errors, kinds)))


class _Subject(NamedTuple):
    """An operation that a rule may speak of, and the faults that it can meet."""

    operation: str
    faults: st.SearchStrategy[str]


@st.composite
def _schedules(draw: st.DrawFn) -> str:
    # All is drawn in any case: for Hypothesis an example is simpler the less is drawn.
    first, more, condition, per = draw(_FIRST), draw(_MORE), draw(_CONDITION), draw(_PER)
    return (_open_ended(first, condition) if more is None else _bounded(first, first + more)) + per


def _open_ended(first: int, condition: str) -> str:
    start = f"from {first}" if first > 1 else ""
    if condition == "every":
        return start.replace("from", "every") or "always"
    return " and ".join(filter(None, (start, condition))) or "always"


def _bounded(first: int, last: int) -> str:
    if first == last:
        return f"nth {first}" if first > 1 else "once"
    return f"{first}..{last}" if first > 1 else f"first {last}"


_SCHEDULES = _schedules()


@st.composite
def _rules(
    draw: st.DrawFn,
    subjects: st.SearchStrategy[_Subject],
    globs: st.SearchStrategy[_Glob],
    *,
    optional: bool,
) -> Rule:
    subject = draw(subjects)
    fault = draw(subject.faults)
    glob = draw(globs)
    two_paths = glob is not None and OPERATIONS[subject.operation].two_paths
    aim = "to" if two_paths and draw(_BOOLEANS) else "path"
    return Rule(subject.operation, fault=fault, when=draw(_SCHEDULES), optional=optional, **{aim: glob})


@st.composite
def _plans(
    draw: st.DrawFn, rule: st.SearchStrategy[Rule], number: st.SearchStrategy[int]
) -> tuple[Rule, ...]:
    return tuple(draw(rule) for _ in range(draw(number)))


@st.composite
def _faults(draw: st.DrawFn, subjects: st.SearchStrategy[_Subject]) -> str:
    return draw(draw(subjects).faults)


def _print(rule: Rule, printer: pretty.RepresentationPrinter, _cycle: bool) -> None:
    printer.text(repr(rule))


# Hypothesis prints a dataclass field by field; a rule has a text of its own, which can be pasted.
pretty.for_type_by_name(Rule.__module__, Rule.__name__, _print)


def _subjects(operations: str | Sequence[str], errors: object, kinds: object) -> Sequence[_Subject]:
    """Return the operations that can meet one of the faults at least, in the order of the table."""
    chosen = _kinds(kinds)
    given = None if errors is None else _errors(errors, chosen)
    names = Rule(operations, fault="crash").names
    menus = {name: [_menu(kind, name, given) for kind in chosen] for name in OPERATIONS if name in names}
    for kind, found in zip(chosen, zip(*menus.values(), strict=True), strict=True):
        if not any(found):
            raise _never(kind, operations, next(iter(menus)), errors)
    return [_Subject(name, _one_of(menu)) for name, menu in menus.items() if any(menu)]


def _errors_for(name: str, given: Sequence[str] | None) -> list[str]:
    """Return the errors that the operation can meet, of those that are given."""
    return _plausible(name) if given is None else [e for e in given if is_plausible(name, parse_error(e))]


def _shorts(errors: Iterable[str]) -> list[str]:
    thens = ("", *(f" then {error}" for error in errors))
    return [f"short {size}{then}" for then in thens for size in _SIZES]


def _menu(kind: FaultKind, name: str, given: Sequence[str] | None) -> list[str]:
    """Return the texts of this kind of fault that the operation can meet, the likeliest first."""
    if kind == "crash":
        return ["crash"]
    if kind == "delay":
        return [f"delay {time}" for time in _TIMES]
    errors = _errors_for(name, given)
    if kind == "short":
        return _shorts(errors) if OPERATIONS[name].transfers else []
    return [f"{error} after" for error in errors] if kind == "after" else errors


def _plausible(name: str) -> list[str]:
    # Some systems lack some of the errnos.
    known = (error for error in PLAUSIBLE[name] if error in NAMES or hasattr(errno, error))
    return sorted(known, key=lambda error: error not in TRANSIENT)


def _one_of(menus: Iterable[Sequence[str]]) -> st.SearchStrategy[str]:
    # The likeliest are drawn as often as all together.
    return st.one_of(*(st.sampled_from(menu[:4]) | st.sampled_from(menu) for menu in menus if menu))


def _never(kind: FaultKind, operations: object, name: str, errors: object) -> FsFaultError:
    if kind == "short":
        why = "only an operation that transfers bytes takes it, such as 'file.write'"
        return FsFaultError(f"'short' among the kinds has no meaning for {operations!r}; {why}")
    likely = _plausible(name)[0]
    return FsFaultError(
        f"errors={errors!r} cannot happen to {operations!r}; write one that can, such as {likely!r}"
    )


def _kinds(kinds: object) -> Sequence[FaultKind]:
    chosen = _several("kinds", kinds, "error")
    for kind in chosen:
        if kind not in _KINDS:
            hint = nearest(kind, _KINDS) if isinstance(kind, str) else ""
            known = ", ".join(map(repr, _KINDS[:-1]))
            raise FsFaultError(f"kinds={kinds!r}: {kind!r} is none; write {known} or {_KINDS[-1]!r}{hint}")
    return chosen


def _errors(errors: object, kinds: Sequence[FaultKind]) -> Sequence[str]:
    if not {"error", "after", "short"}.intersection(kinds):
        raise FsFaultError(
            f"errors={errors!r} have no use with kinds={kinds!r}; add 'error' to the kinds, or leave them out"
        )
    given: Sequence[str] = _several("errors", errors, "ERROR_ACCESS_DENIED")
    for one in given:
        parse_error(one)
    return given


def _globs(paths: Any) -> st.SearchStrategy[_Glob]:
    if paths is None:
        return st.none()
    if isinstance(paths, st.SearchStrategy):
        return paths
    return st.sampled_from([read_glob("paths", path) for path in _several("paths", paths, "*.exe")])


def _several(name: str, values: Any, example: str) -> Sequence[Any]:
    """Return the values of an argument that must be a sequence of one at least."""
    if isinstance(values, (str, bytes, PathLike)):
        raise FsFaultError(f"{name}={values!r} is a single one; write {name}=({values!r},)")
    # A set has another order in each run, and what comes first is the simplest.
    if not isinstance(values, Sequence):
        raise FsFaultError(f"{name}={values!r} is not a sequence; write {name}=({example!r},)")
    if not values:
        raise FsFaultError(f"{name}={values!r} is empty; write {name}=({example!r},), or leave it out")
    return values


def _whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= (most or value):
        return value
    upto = f"from {least} to max_rules={most}" if most else f"from {least} on"
    raise FsFaultError(f"{name}={value!r} is not valid; write a number of rules {upto}")
