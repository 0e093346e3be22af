"""Rename files and directories, as MoveFileExW does, with and without replacing.

Sources: windows.md sections 5, 7, 8 and 14; WINE-K test_MoveFileA; WINE-N test_file_rename_information;
WFSP rename_test, exec_rename_test, exec_rename_dir_test; MicrosoftDocs/sdk-api#845; python/cpython#120883.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._windows.names import fold
from pytest_fsfault._windows.sharing import ALL, DELETE
from pytest_fsfault._windows.state import Ordinary, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.lookup import Place
    from pytest_fsfault._windows.state import Scene


def judge_rename(scene: Scene, operation: Operation) -> Answer:
    """Judge `os.rename` and `os.replace`."""
    source = scene.existing(operation)
    assert operation.target is not None  # noqa: S101  # an operation of two paths
    target = scene.place(operation.target, operation.shown_target)
    scene.check_sharing(source, DELETE, ALL)
    if scene.other_volume(source.path, target.path):
        raise Refusal(17, f"{target.path} is on another volume than {source.path}", declared=True)
    if target.parent:
        raise Ordinary(target.parent, f"the directory of {target.name} does not exist")
    _check_directories(scene, source, target)
    path = _spelling(source, target, operation.target)
    same = target.exists and target.identity == source.identity
    if same and _same_name(source.path, target.path):
        _check_descendants(scene, source)
        return Answer(source.path, path, about=(source, target))
    if source.is_directory and target.path.startswith(f"{source.path}/"):
        raise Refusal(scene.version.move_into_itself, f"{source.name} cannot be moved below itself")
    if target.exists:
        _check_target(scene, operation, target)
    _check_descendants(scene, source)
    return Answer(
        source.path, path, perform=_overwrite(scene, source, target, same=same), about=(source, target)
    )


def _check_directories(scene: Scene, source: Place, target: Place) -> None:
    """Refuse a rename while somebody has one of the two directories open for deletion."""
    if not scene.holds:
        return
    for above in dict.fromkeys(place.path.rpartition("/")[0] for place in (source, target)):
        directory = scene.lookup.find(above)
        for hold in scene.holds.of(directory.identity) if directory.exists else ():
            if hold.opening.access & DELETE:
                scene.refuse(32, directory, hold.opening, hold)


def _check_target(scene: Scene, operation: Operation, target: Place) -> None:
    if operation.name == "os.rename" and not operation.doubtful:
        raise Refusal(183, f"{target.name} exists")
    scene.must_live(target)
    if target.is_directory:
        raise Refusal(5, f"{target.name} is a directory, which nothing can replace")
    if scene.readonly(target) and not target.is_link:
        raise Refusal(5, f"{target.name} is read-only")
    for opening, hold in scene.openings(target.identity):
        if opening.access or opening.kind in {"image", "library"}:
            scene.refuse(5, target, opening, hold)


def _check_descendants(scene: Scene, source: Place) -> None:
    """Refuse to rename a directory below which anything is open, whatever it shares; images do not count."""
    if not source.is_directory:
        return
    for opening, hold in scene.below(source.path):
        if opening.kind in {"image", "library", "section"}:
            continue
        why = scene.explain(opening.path.rpartition("/")[2], opening, hold)
        raise Refusal(
            5,
            f"{_tail(source.path)} holds an open {_noun(opening.kind)} below: {why}",
            declared=hold is not None,
        )


def _noun(kind: str) -> str:
    return "file" if kind == "handle" else "directory"


def _tail(path: str) -> str:
    return "/".join(path.split("/")[-2:])


def _overwrite(scene: Scene, source: Place, target: Place, *, same: bool) -> Callable[[], Any] | None:
    """Return how a rename is done that the host's own would not do, or would do otherwise."""
    if not target.exists:
        return None
    if same:  # two names of one file: the host leaves both
        return partial(scene.native.unlink, source.path)
    if source.is_directory:  # Windows lets a directory replace a file
        return partial(_replace_by_directory, scene, source.path, target.path)
    return None


def _replace_by_directory(scene: Scene, source: str, target: str) -> None:
    aside = f"{target}.fsfault-aside"
    scene.native.rename(target, aside)
    try:
        scene.native.rename(source, target)
    except OSError:
        scene.native.rename(aside, target)
        raise
    scene.native.unlink(aside)


def _same_name(one: str, other: str) -> bool:
    return one.rpartition("/")[0] == other.rpartition("/")[0] and fold(one) == fold(other)


def _spelling(source: Place, target: Place, wished: str) -> str:
    """Return the target as the disk gets it: a new name as written, an old one as it stands there.

    A change of case alone takes the new spelling.
    """
    if target.exists and source.exists and target.identity == source.identity:
        above = target.path.rpartition("/")[0]
        return f"{above}/{wished.rpartition('/')[2].rstrip('. ') or target.name}"
    return target.path
