"""Do what a row says in a directory of its own, and write down what happens."""

from __future__ import annotations

import errno
import gc
import os
import re
import sys
import tempfile
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pytest_fsfault._conformance.neighbour import Neighbour
from pytest_fsfault._conformance.nobody import Nobody
from pytest_fsfault._conformance.rows import compiled
from pytest_fsfault._conformance.score import Result
from pytest_fsfault._conformance.stage import Stage, effect
from pytest_fsfault._conformance.states import find_state
from pytest_fsfault._intercept.originals import NATIVE, path_of_descriptor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytest_fsfault._conformance.rows import Row
    from pytest_fsfault._conformance.stage import Others

_RANDOM = re.compile(r"tmp[a-z0-9_]{8}\b")
_MOST_DESCRIPTORS = 512
_DESCRIPTORS = {"linux": "/proc/self/fd", "darwin": "/dev/fd"}


def replay(rows: Iterable[Row], *, model: bool | None = None) -> list[Result]:
    """Replay rows, each in a fresh directory below the system's for temporary files; return one result for each.

    `model` says whether the Windows model answers; by default it does everywhere but on Windows. Without it,
    elsewhere, nobody holds anything but this process, and the host answers.
    """
    wanted = list(rows)
    groups: dict[str, list[int]] = {}
    for index, row in enumerate(wanted):
        groups.setdefault(row.state, []).append(index)
    got: dict[int, dict[str, Any]] = {}
    with _workshop() as top:
        # One session for each state: nothing is left over from one to the next.
        for state, indices in groups.items():
            with _company(
                top, find_state(state).beside, os.name != "nt" if model is None else model
            ) as company:
                for index in indices:
                    directory = f"{top}{os.sep}{index:06d}"
                    got[index] = _answer(wanted[index], directory, *company)
    return [Result(row, got[index]) for index, row in enumerate(wanted)]


@contextmanager
def _workshop() -> Iterator[str]:
    """Make a directory for all rows; at the end the process is as it was, and the directory gone."""
    home = NATIVE.getcwd()
    made = tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True)
    with made as top, warnings.catch_warnings():
        # Rows leave files to the collector, and some use what is deprecated.
        warnings.simplefilter("ignore")
        try:
            yield os.path.realpath(top)
        finally:
            NATIVE.chdir(home)
            gc.collect()


@contextmanager
def _company(top: str, beside: bool, model: bool) -> Iterator[tuple[Others, Neighbour]]:
    neighbour = Neighbour()
    if beside:
        neighbour.start()
    try:
        with _others(top, model) as others:
            yield others, neighbour
    finally:
        neighbour.close()


@contextmanager
def _others(top: str, model: bool) -> Iterator[Others]:
    if model:
        from pytest_fsfault._inject import inject  # noqa: PLC0415  # only the model needs it

        with inject(windows="11", roots=[top], strict=False, clock="real") as fsfault:
            yield fsfault.windows()
    elif os.name == "nt":
        from pytest_fsfault._conformance.on_windows import OnWindows, kernel32  # noqa: PLC0415  # as its name says

        yield OnWindows(kernel32())
    else:
        yield Nobody()


def _answer(row: Row, directory: str, others: Others, neighbour: Neighbour) -> dict[str, Any]:
    home, descriptors = NATIVE.getcwd(), _descriptors()
    stage = Stage(directory, others, neighbour)
    try:
        find_state(row.state).prepare(stage)
        before = stage.tree()
        got = _evaluate(row.op, stage)
        if not stage.listable:
            stage.close()
        return got | {"effect": _plain(effect(before, stage.tree()), stage)}
    except Exception as error:  # noqa: BLE001  # one state that cannot be had here must not end the rest
        return {"exc": "not prepared", "str": f"{type(error).__name__}: {error}"}
    finally:
        NATIVE.chdir(home)
        stage.close()
        stage.names.clear()
        _close_others(descriptors, directory)


def _evaluate(op: str, stage: Stage) -> dict[str, Any]:
    try:
        result = eval(compiled(op), stage.names)  # noqa: S307  # a record is code: its README says so
        got = {"ok": True}
        shown = _shown(result)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # whatever an operation raises is its answer
        return _error(error, stage)
    if shown is not None:
        got["result"] = _plain(shown, stage)
    if hasattr(result, "close"):
        with suppress(Exception):  # as at the end of an object that nobody keeps
            result.close()
    return got


def _error(error: BaseException, stage: Stage) -> dict[str, Any]:
    number = getattr(error, "errno", None)
    found = {
        "exc": type(error).__name__,
        "errno": errno.errorcode.get(number, str(number)) if isinstance(number, int) else None,
        "winerror": getattr(error, "winerror", None),
        "filename": _shown(getattr(error, "filename", None)),
        "filename2": _shown(getattr(error, "filename2", None)),
        "str": str(error),
    }
    return {"ok": False, **{key: _plain(value, stage) for key, value in found.items()}}


def _shown(value: Any) -> Any:
    """Return a value as a record writes it; None for what it does not write."""
    if isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, bytes):
        return repr(value)
    if isinstance(value, os.DirEntry):
        return value.name
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return [_shown(one) for one in value] if isinstance(value, list) else None


def _plain(value: Any, stage: Stage) -> Any:
    """Return a value without what differs from one recording to the next."""
    if isinstance(value, list):
        return [_plain(one, stage) for one in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return stage.sizes.get(value, value)
    if not isinstance(value, str):
        return value
    directory = stage.directory
    for form in (directory.replace("\\", "\\\\"), directory):
        value = value.replace(form, "<D>")
    return _RANDOM.sub("tmp????????", value)


def _descriptors() -> set[int]:
    where = _DESCRIPTORS.get(sys.platform)
    numbers: Iterable[int] = map(int, NATIVE.listdir(where)) if where else range(_MOST_DESCRIPTORS)
    return {number for number in numbers if _is_open(number, NATIVE.fstat)}


def _is_open(number: int, fstat: Callable[[int], Any]) -> bool:
    try:
        fstat(number)
    except OSError:
        return False
    return True


def _close_others(before: set[int], directory: str) -> None:
    """Close what an operation has left open below `directory`; objects that own a descriptor close it first."""
    if not _descriptors() - before:
        return
    gc.collect()
    for number in _descriptors() - before:
        path = path_of_descriptor(number)
        if path is None or path.startswith(directory):
            NATIVE.close(number)
