"""Do what a row says in a directory of its own, and write down what happens."""

from __future__ import annotations

import errno
import gc
import os
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pytest_fsfault._commands.conformance.filesystems import fake as _fake
from pytest_fsfault._commands.conformance.filesystems import lacking
from pytest_fsfault._commands.conformance.filesystems import real as _real
from pytest_fsfault._commands.conformance.null_holders import Nobody
from pytest_fsfault._commands.conformance.other_process import Neighbour
from pytest_fsfault._commands.conformance.rows import compiled
from pytest_fsfault._commands.conformance.score import Result
from pytest_fsfault._commands.conformance.states import find_state
from pytest_fsfault._commands.conformance.workspace import Stage, effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_fsfault._commands.conformance.filesystems import Ground
    from pytest_fsfault._commands.conformance.rows import Row
    from pytest_fsfault._commands.conformance.workspace import Others

_RANDOM = re.compile(r"tmp[a-z0-9_]{8}\b")


def replay(rows: Iterable[Row], *, model: bool | None = None, fake: bool = False) -> list[Result]:
    """Replay rows, each in a fresh directory below the system's for temporary files; return one result for each.

    `model` says whether the Windows model answers; by default it does everywhere but on Windows. Without it,
    elsewhere, nobody holds anything but this process, and the host answers. With `fake` the directory is one of
    a fake Windows; rows that it cannot have are left out.
    """
    wanted = [row for row in rows if not (fake and lacking(row))]
    groups: dict[str, list[int]] = {}
    for index, row in enumerate(wanted):
        groups.setdefault(row.state, []).append(index)
    got: dict[int, dict[str, Any]] = {}
    modelled = (fake or os.name != "nt") if model is None else model
    with _fake() if fake else _real() as ground:
        # One session for each state: nothing is left over from one to the next.
        for state, indices in groups.items():
            with _company(ground, find_state(state).beside, modelled) as company:
                for index in indices:
                    got[index] = _answer(wanted[index], f"{index:06d}", ground, *company)
                    ground.clear(f"{index:06d}")
    return [Result(row, got[index]) for index, row in enumerate(wanted)]


@contextmanager
def _company(ground: Ground, beside: bool, model: bool) -> Iterator[tuple[Others, Neighbour]]:
    neighbour = Neighbour()
    if beside:
        neighbour.start()
    try:
        with _others(ground.top, model) as others:
            yield others, neighbour
    finally:
        neighbour.close()


@contextmanager
def _others(top: str, model: bool) -> Iterator[Others]:
    if model:
        from pytest_fsfault._session.inject import inject  # noqa: PLC0415  # only the model needs it

        with inject(windows="11", roots=[top], strict=False, clock="real") as fsfault:
            yield fsfault.windows()
    elif os.name == "nt":
        from pytest_fsfault._commands.conformance.real_holders import OnWindows, kernel32  # noqa: PLC0415  # as its name says

        yield OnWindows(kernel32())
    else:
        yield Nobody()


def _answer(row: Row, name: str, ground: Ground, others: Others, neighbour: Neighbour) -> dict[str, Any]:
    home, descriptors = ground.native.getcwd(), set(ground.open_descriptors())
    directory = f"{ground.top}{ground.separator}{name}"
    stage = Stage(directory, ground, others, neighbour)
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
        ground.native.chdir(home)
        stage.close()
        stage.names.clear()
        _close_others(ground, descriptors, directory)


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
    if type(value).__name__ == "DirEntry":  # a fake has its own
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


def _close_others(ground: Ground, before: set[int], directory: str) -> None:
    """Close what an operation has left open below `directory`; objects that own a descriptor close it first."""
    if not ground.open_descriptors().keys() - before:
        return
    gc.collect()
    below = directory.replace(ground.separator, "/")
    for number, path in ground.open_descriptors().items():
        if number not in before and (path is None or path.startswith(below)):
            ground.native.close(number)
