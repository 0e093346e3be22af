"""The matrix of a sweep, and what its failed trials left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.language.winerrors import NAMES
from pytest_fsfault._report.html.answers import trials, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# So many entries of a tree, and so many trials of a group, are listed.
_MOST = 80
# Characters of a heading.
_HEADING = 100
_SIGNS = {"removed": ("gone", "−"), "added": ("new", "+"), "changed": ("other", "~")}


class Column(Row):
    """One fault, and whether it comes once or persistently; a crash is neither."""

    fault: str
    persist: bool | None


class Cell(Row):
    """One trial: `kind` is `bad`, `heal`, `ok`, or empty for a pair that does not apply."""

    kind: str
    trial: str
    words: str
    persist: bool | None


class Line(Row):
    """One step of the code, and its cells."""

    step: int
    operation: str
    path: str
    occurrence: str
    site: str
    cells: list[Cell | None]


class Node(Row):
    """A name in a tree of differences."""

    name: str
    style: str
    sign: str
    size: str
    below: list[Node]


class Group(Row):
    """Trials that failed alike."""

    title: str
    healed: bool
    trials: list[Mapping[str, Any]]
    text: str
    tree: list[Node]
    cut: int


class Matrix(Row):
    """A sweep: its columns by fault, its lines by step, and its failed trials in groups."""

    number: int
    faults: list[tuple[str, str, list[Column]]]
    columns: list[Column]
    lines: list[Line]
    groups: list[Group]


def matrices(test: Mapping[str, Any]) -> list[Matrix]:
    """Return the sweeps of a test."""
    numbers = dict.fromkeys(row["sweep"] for row in test["sweeps"])
    return [_matrix(number, [row for row in test["sweeps"] if row["sweep"] == number]) for number in numbers]


def _matrix(number: int, rows: Sequence[Mapping[str, Any]]) -> Matrix:
    columns = _columns(rows)
    faults: list[tuple[str, str, list[Column]]] = []
    for name in dict.fromkeys(column.fault for column in columns):
        code = NAMES.get(name)
        short = name.removeprefix("ERROR_")
        among = [column for column in columns if column.fault == name]
        faults.append((str(code) if code is not None else short, short if code is not None else "", among))
    failed = trials({"sweeps": rows})
    return Matrix(number, faults, columns, list(_lines(rows, columns)), list(_groups(failed)))


def _columns(rows: Iterable[Mapping[str, Any]]) -> list[Column]:
    """Return the columns: a fault's two stand together, a crash comes last."""
    used: dict[str, set[bool]] = {}
    crashes = False
    for row in rows:
        if row["crashed"] or row["fault"] == "crash":
            crashes = True
        elif row["fault"] is not None:
            used.setdefault(row["fault"], set()).update({row["persist"]} - {None})
    found = [Column(fault, persist) for fault, ways in used.items() for persist in sorted(ways or {False})]
    return [*found, Column("crash", None)] if crashes else found


def _lines(rows: Iterable[Mapping[str, Any]], columns: Sequence[Column]) -> Iterator[Line]:
    steps: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["step"] is not None:
            steps.setdefault(_step(row), []).append(row)
    for key in sorted(steps, key=lambda one: one[0]):
        among = steps[key]
        row = among[0]
        site = row["site"] or ""
        yield Line(
            row["step"], row["operation"], " → ".join(row["paths"]), _occurrence(row["occurrence"]),
            f"{site} ← {row['caller']}" if row["caller"] else site, [_cell(among, column) for column in columns],
        )  # fmt: skip


def _step(row: Mapping[str, Any]) -> tuple[Any, ...]:
    then = tuple((one["step"], one["fault"], one["persist"]) for one in row["then"])
    return (
        row["step"],
        row["operation"],
        tuple(row["paths"]),
        row["site"],
        tuple(row["occurrence"] or ()),
        then,
    )


def _occurrence(numbers: Sequence[int] | None) -> str:
    if not numbers or numbers[-1] < 2:
        return ""
    number, total = numbers[0], numbers[-1]
    return f"{'first' if number == 1 else 'last' if number == total else number} of {total}"


def _cell(rows: Iterable[Mapping[str, Any]], column: Column) -> Cell | None:
    for row in rows:
        crash = row["crashed"] or row["fault"] == "crash"
        fits = crash if column.fault == "crash" else row["fault"] == column.fault and not crash
        if not fits or not row["applies"]:
            continue
        if column.persist is None or row["persist"] == column.persist:
            return _judged(row, column.persist)
    return None


def _judged(row: Mapping[str, Any], persist: bool | None) -> Cell:
    trial = str(row["id"])
    if row["verdicts"]:
        return Cell("bad", trial, verdict(row)[0].removeprefix("check_").removeprefix("the "), persist)
    if row["rerun"] == "healed":
        return Cell("heal", trial, "healed", persist)
    return Cell("ok", trial, "", persist)


def _groups(rows: Iterable[Mapping[str, Any]]) -> Iterator[Group]:
    """Yield failed trials that are alike, then those that a second run healed."""
    alike: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        difference = tuple((one["path"], one["change"]) for one in row["difference"])
        if row["verdicts"]:
            alike.setdefault((False, *verdict(row), difference), []).append(row)
        elif row["rerun"] == "healed":
            alike.setdefault((True, "", "", difference), []).append(row)
    for key in sorted(alike, key=lambda one: one[0]):
        healed, check, text = key[:3]
        among = alike[key]
        difference = among[0]["difference"]
        title = "Crashed, healed by a second run" if healed else f"{check}: {_short(text)}"
        tree = _tree(difference[:_MOST])
        yield Group(title, healed, among, text, tree, max(0, len(difference) - _MOST))


def _short(text: str) -> str:
    """Return what fits into a heading: the first line, or its beginning."""
    line = text.partition("\n")[0].rstrip(":")
    return line if len(line) <= _HEADING else f"{line[:_HEADING]}…"


def _tree(difference: Iterable[Mapping[str, Any]]) -> list[Node]:
    """Return the names of a difference as they stand below each other."""
    entries = {one["path"]: one for one in difference}
    children: dict[str, dict[str, None]] = {"": {}}
    for path in entries:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            above, name = "/".join(parts[: depth - 1]), "/".join(parts[:depth])
            children.setdefault(above, {})[name] = None
            children.setdefault(name, {})
    return [_node(path, entries, children) for path in children[""]]


def _node(
    path: str, entries: Mapping[str, Mapping[str, Any]], children: Mapping[str, Mapping[str, None]]
) -> Node:
    entry = entries.get(path)
    below = [_node(child, entries, children) for child in children[path]]
    name = path.rpartition("/")[2]
    directory = bool(below) or (entry is not None and entry["before"] is None and entry["after"] is None)
    style, sign = _SIGNS.get(entry["change"], ("other", "~")) if entry else ("same", "")
    return Node(name + ("/" if directory else ""), style, sign, _size(entry) if entry else "", below)


def _size(entry: Mapping[str, Any]) -> str:
    before, after = entry["before"], entry["after"]
    if before is not None and after is not None:
        return f"{before:,} → {after:,} bytes" if before != after else f"{after:,} bytes, other content"
    size = before if after is None else after
    return "" if size is None else f"{size:,} bytes"
