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
from pytest_fsfault._commands.conformance.null_holders import NullHolders
from pytest_fsfault._commands.conformance.other_process import OtherProcess
from pytest_fsfault._commands.conformance.rows import compiled
from pytest_fsfault._commands.conformance.score import Result
from pytest_fsfault._commands.conformance.states import find_state
from pytest_fsfault._commands.conformance.workspace import RowWorkspace, effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_fsfault._commands.conformance.filesystems import FileSystem
    from pytest_fsfault._commands.conformance.rows import RecordedRow
    from pytest_fsfault._commands.conformance.workspace import Others

_RANDOM = re.compile(r"tmp[a-z0-9_]{8}\b")


def _by_state(rows: Iterable[RecordedRow]) -> dict[str, list[int]]:
    """Return the indices of the rows of each state."""
    groups: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        groups.setdefault(row.state, []).append(index)
    return groups


def replay(rows: Iterable[RecordedRow], *, model: bool | None = None, fake: bool = False) -> list[Result]:
    """Replay rows, each in a fresh directory below the system's for temporary files; return one result for each.

    `model` says whether the Windows model answers; by default it does everywhere but on Windows. Without it,
    elsewhere, only this process holds files, and the host answers. With `fake` the directory is one of
    a fake Windows; rows that it cannot have are left out.
    """
    wanted = [row for row in rows if not (fake and lacking(row.state, row.op))]
    groups = _by_state(wanted)
    got: dict[int, dict[str, Any]] = {}
    modelled = (fake or os.name != "nt") if model is None else model
    with _fake() if fake else _real() as filesystem:
        # One session for each state: nothing is left over from one to the next.
        for state, indices in groups.items():
            with _company(filesystem, find_state(state).beside, modelled) as company:
                for index in indices:
                    got[index] = _answer(wanted[index], f"{index:06d}", filesystem, *company)
                    filesystem.clear(f"{index:06d}")
    return [Result(row, got[index]) for index, row in enumerate(wanted)]


@contextmanager
def _company(filesystem: FileSystem, beside: bool, model: bool) -> Iterator[tuple[Others, OtherProcess]]:
    other = OtherProcess()
    if beside:
        other.start()
    try:
        with _others(filesystem.top, model) as others:
            yield others, other
    finally:
        other.close()


@contextmanager
def _others(top: str, model: bool) -> Iterator[Others]:
    if model:
        from pytest_fsfault._session.inject import inject  # noqa: PLC0415  # only the model needs it

        with inject(windows="11", roots=[top], strict=False, clock="real") as fsfault:
            yield fsfault.windows()
    elif os.name == "nt":
        from pytest_fsfault._commands.conformance.real_holders import RealHolders, kernel32  # noqa: PLC0415  # as its name says

        yield RealHolders(kernel32())
    else:
        yield NullHolders()


def _answer(
    row: RecordedRow, name: str, filesystem: FileSystem, others: Others, other: OtherProcess
) -> dict[str, Any]:
    home, descriptors = filesystem.native.getcwd(), set(filesystem.open_descriptors())
    directory = f"{filesystem.top}{filesystem.separator}{name}"
    workspace = RowWorkspace(directory, filesystem, others, other)
    try:
        find_state(row.state).prepare(workspace)
        before = workspace.tree()
        got = _evaluate(row.op, workspace)
        if not workspace.listable:
            workspace.close()
        return got | {"effect": _plain(effect(before, workspace.tree()), workspace)}
    except Exception as error:  # noqa: BLE001  # one state that cannot be had here must not end the rest
        return {"exc": "not prepared", "str": f"{type(error).__name__}: {error}"}
    finally:
        filesystem.native.chdir(home)
        workspace.close()
        workspace.names.clear()
        _close_others(filesystem, descriptors, directory)


def _evaluate(op: str, workspace: RowWorkspace) -> dict[str, Any]:
    try:
        result = eval(compiled(op), workspace.names)  # noqa: S307  # a record is code: its README says so
        got = {"ok": True}
        shown = _shown(result)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # whatever an operation raises is its answer
        return _error(error, workspace)
    if shown is not None:
        got["result"] = _plain(shown, workspace)
    if hasattr(result, "close"):
        workspace.names["_result"] = result
        with suppress(Exception):  # as at the end of an object without references
            workspace.do("_result.close()")
    return got


def _error(error: BaseException, workspace: RowWorkspace) -> dict[str, Any]:
    number = getattr(error, "errno", None)
    found = {
        "exc": type(error).__name__,
        "errno": errno.errorcode.get(number, str(number)) if isinstance(number, int) else None,
        "winerror": getattr(error, "winerror", None),
        "filename": _shown(getattr(error, "filename", None)),
        "filename2": _shown(getattr(error, "filename2", None)),
        "str": str(error),
    }
    return {"ok": False, **{key: _plain(value, workspace) for key, value in found.items()}}


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


def _plain(value: Any, workspace: RowWorkspace) -> Any:
    """Return a value without what differs from one recording to the next."""
    if isinstance(value, list):
        return [_plain(one, workspace) for one in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return workspace.sizes.get(value, value)
    if not isinstance(value, str):
        return value
    directory = workspace.directory
    for form in (directory.replace("\\", "\\\\"), directory):
        value = value.replace(form, "<D>")
    return _RANDOM.sub("tmp????????", value)


def _close_others(filesystem: FileSystem, before: set[int], directory: str) -> None:
    """Close what an operation has left open below `directory`; objects that own a descriptor close it first."""
    if not filesystem.open_descriptors().keys() - before:
        return
    gc.collect()
    below = directory.replace(filesystem.separator, "/")
    for number, path in filesystem.open_descriptors().items():
        if number not in before and (path is None or path.startswith(below)):
            filesystem.native.close(number)
