"""Rename files and directories, as MoveFileExW does, with and without replacing.

Sources: Wine dlls/kernel32/tests/file.c test_MoveFileA, dlls/ntdll/tests/file.c test_file_rename_information; WinFsp
tst/winfsp-tests rename_test, rename_mmap_test, exec_rename_test, exec_rename_dir_test; MS-FSA 2.1.5.15.11;
MicrosoftDocs/sdk-api#845 (what replaces what); python/cpython#120883 (directories that somebody holds).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._windows.names import fold
from pytest_fsfault._windows.sharing import ALL, DELETE
from pytest_fsfault._windows.state import Denial, HostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.lookup import Location
    from pytest_fsfault._windows.state import WindowsState


def judge_rename(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.rename` and `os.replace`."""
    source = state.existing(operation)
    assert operation.target is not None  # noqa: S101  # an operation of two paths
    target = state.locate(operation.target, operation.shown_target)
    state.check_sharing(source, DELETE, ALL)
    if state.other_volume(source.path, target.path):
        raise Denial(17, f"{target.path} is on another volume than {source.path}", declared=True)
    if target.parent:
        raise HostError(target.parent, f"the directory of {target.name} does not exist")
    _check_directories(state, source, target)
    path = _spelling(source, target, operation.target)
    same = target.exists and target.identity == source.identity
    if same and _same_name(source.path, target.path):
        _check_descendants(state, source)
        return Answer(source.path, path, about=(source, target))
    if source.is_directory and target.path.startswith(f"{source.path}/"):
        raise Denial(state.version.move_into_itself, f"{source.name} cannot be moved below itself")
    if target.exists:
        _check_target(state, operation, target)
    _check_descendants(state, source)
    return Answer(
        source.path, path, perform=_overwrite(state, source, target, same=same), about=(source, target)
    )


def _check_directories(state: WindowsState, source: Location, target: Location) -> None:
    """Refuse a rename while somebody has one of the two directories open for deletion."""
    if not state.holds:
        return
    for above in dict.fromkeys(location.path.rpartition("/")[0] for location in (source, target)):
        directory = state.lookup.find(above)
        for hold in state.holds.of(directory.identity) if directory.exists else ():
            if hold.opening.access & DELETE:
                state.refuse(32, directory, hold.opening, hold)


def _check_target(state: WindowsState, operation: Operation, target: Location) -> None:
    if operation.name == "os.rename" and not operation.doubtful:
        raise Denial(183, f"{target.name} exists")
    state.must_live(target)
    if target.is_directory:
        raise Denial(5, f"{target.name} is a directory, which nothing can replace")
    if state.readonly(target) and not target.is_link:
        raise Denial(5, f"{target.name} is read-only")
    for opening, hold in state.openings(target.identity):
        if opening.access or opening.kind in {"image", "library"}:
            state.refuse(5, target, opening, hold)


def _check_descendants(state: WindowsState, source: Location) -> None:
    """Refuse to rename a directory below which anything is open, whatever it shares; images do not count."""
    if not source.is_directory:
        return
    for opening, hold in state.below(source.path):
        if opening.kind in {"image", "library", "section"}:
            continue
        why = state.explain(opening.path.rpartition("/")[2], opening, hold)
        raise Denial(
            5,
            f"{_tail(source.path)} holds an open {_noun(opening.kind)} below: {why}",
            declared=hold is not None,
        )


def _noun(kind: str) -> str:
    return "file" if kind == "handle" else "directory"


def _tail(path: str) -> str:
    return "/".join(path.split("/")[-2:])


def _overwrite(
    state: WindowsState, source: Location, target: Location, *, same: bool
) -> Callable[[], Any] | None:
    """Return how a rename is done that the host's own would not do, or would do otherwise."""
    if not target.exists:
        return None
    if same:  # two names of one file: the host leaves both
        return partial(state.native.unlink, source.path)
    if source.is_directory:  # Windows lets a directory replace a file
        return partial(_replace_by_directory, state, source.path, target.path)
    return None


def _replace_by_directory(state: WindowsState, source: str, target: str) -> None:
    aside = f"{target}.fsfault-aside"
    state.native.rename(target, aside)
    try:
        state.native.rename(source, target)
    except OSError:
        state.native.rename(aside, target)
        raise
    state.native.unlink(aside)


def _same_name(one: str, other: str) -> bool:
    return one.rpartition("/")[0] == other.rpartition("/")[0] and fold(one) == fold(other)


def _spelling(source: Location, target: Location, wished: str) -> str:
    """Return the target as the disk gets it: a new name as written, an old one as it stands there.

    A change of case alone takes the new spelling.
    """
    if target.exists and source.exists and target.identity == source.identity:
        above = target.path.rpartition("/")[0]
        return f"{above}/{wished.rpartition('/')[2].rstrip('. ') or target.name}"
    return target.path
