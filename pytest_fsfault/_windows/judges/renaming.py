"""Rename files and directories, as MoveFileExW does, with and without replacing.

Sources: Wine dlls/kernel32/tests/file.c test_MoveFileA, dlls/ntdll/tests/file.c test_file_rename_information; WinFsp
tst/winfsp-tests rename_test, rename_mmap_test, exec_rename_test, exec_rename_dir_test; MS-FSA 2.1.5.15.11;
MicrosoftDocs/sdk-api#845 (what replaces what); python/cpython#120883 (directories that are held).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._core.language.folding import fold
from pytest_fsfault._windows.names import ends_with_separator
from pytest_fsfault._windows.open_files.runtimes import replaces_open, replaces_readonly
from pytest_fsfault._windows.sharing import ALL, DELETE
from pytest_fsfault._windows.state import Denial, HostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.lookup import Location
    from pytest_fsfault._windows.sharing import Opening
    from pytest_fsfault._windows.state import WindowsState
    from pytest_fsfault._windows.versions import Version


def judge_rename(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.rename` and `os.replace`."""
    assert operation.target is not None  # noqa: S101  # an operation of two paths
    source = state.locate_plain(operation.path, operation.shown)
    state.must_exist(source)
    state.check_ending(source, operation.shown)
    target = state.locate_plain(operation.target, operation.shown_target)
    state.check_sharing(source, DELETE, ALL)
    if state.other_volume(source.path, target.path):
        raise Denial(17, f"{target.path} is on another volume than {source.path}", declared=True)
    if target.parent:
        raise HostError(target.parent, f"the directory of {target.name} does not exist", target)
    path = _spelling(target, operation.target, state.version)
    same = target.exists and target.identity == source.identity
    if same and _same_name(state, source.path, target.path):
        state.check_parent(target)
        _check_descendants(state, source)
        return _respelled(state, operation, source, target, path)
    state.check_parent(target)
    _check_below(state, source, target)
    if target.exists:
        _check_target(state, operation, target)
    else:
        state.must_live(target)
    _check_descendants(state, source)
    perform = _overwrite(state, source, target, path, same=same)
    if perform is None and ends_with_separator(operation.shown_target):
        # A final separator of a new name goes, also of a file's: WinFsp tst/winfsp-tests rename_backslash_test.
        perform = partial(state.native.rename, source.path, path)
    return Answer(source.path, path, perform=perform, about=(source, target))


def _check_below(state: WindowsState, source: Location, target: Location) -> None:
    """Refuse to move a directory below itself.

    The system opens the directory of the new name, while the source is open for deletion. If it is the source
    itself, this conflicts, or, where deletion is shared, the file system finds out (87); any other one below is
    an open descendant. Source: python/cpython#120883.
    """
    if not source.is_directory or not target.path.startswith(f"{source.path}/"):
        return
    if target.path.rpartition("/")[0] != source.path:
        raise Denial(5, f"{source.name} would be moved below a directory of its own")
    shared = state.version.target_directory_share & DELETE
    raise Denial(87 if shared else 32, f"{source.name} would be moved below itself")


def _respelled(
    state: WindowsState, operation: Operation, source: Location, target: Location, path: str
) -> Answer:
    """Return the answer to a renaming that changes the spelling of a name alone."""
    above = source.path.rpartition("/")[0]
    led = above != path.rpartition("/")[0]  # to the same directory, by a link
    if led:
        path = f"{above}/{path.rpartition('/')[2]}"
    told = led or ends_with_separator(operation.shown)
    plain = partial(state.native.rename, source.path, path) if told else None
    return Answer(source.path, path, perform=plain, about=(source, target))


def _check_target(state: WindowsState, operation: Operation, target: Location) -> None:
    if operation.name == "os.rename" and not operation.doubtful:
        raise Denial(183, f"{target.name} exists")
    state.must_live(target)
    if target.is_directory or state.attributes.is_directory_link(target):
        kind = "a link to a directory" if target.is_link else "a directory"
        raise Denial(5, f"{target.name} is {kind}, which nothing can replace")
    if state.attributes.readonly(target) and not replaces_readonly(operation.program):
        raise Denial(5, f"{target.name} is read-only")
    share = DELETE if state.version.posix_rename and replaces_open(operation.program) else 0
    _check_nobody_has(state, target, share)


def _check_nobody_has(state: WindowsState, target: Location, share: int) -> None:
    """Refuse to replace what is open, the file or one of its streams, unless the opening shares `share`.

    Source: MS-FSCC 2.4.42, FileRenameInformation: "the target file was open and ReplaceIfExists is nonzero".
    """
    streams = state.streams.others(target) if state.streams else ()
    identities = [target.identity, *(identity for identity, _ in streams)]
    found = (
        one
        for identity in identities
        for one in state.openings(identity)
        if _forbids_replacing(one[0]) and not one[0].share & share
    )
    for opening, hold in found:
        state.refuse(5, target, opening, hold, found)


def _forbids_replacing(opening: Opening) -> bool:
    return opening.kind in {"image", "library"} or bool(opening.access and opening.kind != "section")


def _check_descendants(state: WindowsState, source: Location) -> None:
    """Refuse to rename a directory below which anything is open, whatever it shares; images do not count."""
    if not source.is_directory:
        return
    found = (one for one in state.below(source.path) if one[0].kind not in {"image", "library", "section"})
    for opening, hold in found:
        why = state.explain(opening.path.rpartition("/")[2], opening, hold, found)
        raise Denial(
            5,
            f"{_tail(source.path)} holds an open {_noun(opening.kind)} below: {why}",
            hold=hold,
        )


def _noun(kind: str) -> str:
    return "file" if kind == "handle" else "directory"


def _tail(path: str) -> str:
    return "/".join(path.split("/")[-2:])


def _overwrite(
    state: WindowsState, source: Location, target: Location, path: str, *, same: bool
) -> Callable[[], Any] | None:
    """Return how a rename is done that the host's own would not do, or would do otherwise."""
    if not target.exists:
        return None
    if same:  # two names of one file: the host leaves both
        return partial(_drop_other_name, state, source.path, target.path, path)
    if source.is_directory:  # Windows lets a directory replace a file
        return partial(_replace_by_directory, state, source.path, target.path, path)
    if path != target.path:
        return partial(_replace_and_respell, state, source.path, target.path, path)
    return None


def _drop_other_name(state: WindowsState, source: str, target: str, path: str) -> None:
    state.native.unlink(source)
    if path != target:
        state.native.rename(target, path)


def _replace_and_respell(state: WindowsState, source: str, target: str, path: str) -> None:
    state.native.replace(source, target)
    state.native.rename(target, path)
    state.lookup.moved(target, path)


def _replace_by_directory(state: WindowsState, source: str, target: str, path: str) -> None:
    aside = f"{target}.fsfault-aside"
    state.native.rename(target, aside)
    try:
        state.native.rename(source, path)
    except OSError:
        state.native.rename(aside, target)
        raise
    state.native.unlink(aside)


def _same_name(state: WindowsState, one: str, other: str) -> bool:
    above, _, name = one.rpartition("/")
    other_above, _, other_name = other.rpartition("/")
    if fold(name) != fold(other_name):
        return False
    if above == other_above:
        return True
    there = [state.lookup.follow(state.lookup.find(path)) for path in (above or "/", other_above or "/")]
    return all(one.exists for one in there) and there[0].identity == there[1].identity


def _spelling(target: Location, wished: str, version: Version) -> str:
    """Return the target as the disk gets it: what is replaced takes the spelling of the new name.

    Source: Wine dlls/kernel32/tests/file.c test_MoveFileA.
    """
    if not target.exists or version.case_sensitive:
        return target.path
    name = wished.replace("\\", "/").rpartition("/")[2].rstrip(". ")
    if fold(name) != fold(target.name):
        return target.path
    return f"{target.path.rpartition('/')[0]}/{name}"
