"""Delete files and directories, as DeleteFileW and RemoveDirectoryW do.

Sources: windows.md sections 4, 6, 7, 8 and 14; WINE-N test_file_disposition_information; WFSP delete_test,
delete_access_test, exec_delete_test; SECFS base/03 and 08; git 69ed0e35.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._windows.sharing import ALL, DELETE
from pytest_fsfault._windows.state import Ordinary, Refusal

if TYPE_CHECKING:
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.lookup import Place
    from pytest_fsfault._windows.state import Scene


def judge_remove(scene: Scene, operation: Operation) -> Answer:
    """Judge `os.remove`."""
    place = scene.existing(operation)
    if place.is_directory:
        raise Ordinary(5, f"{place.name} is a directory")
    scene.check_sharing(place, DELETE, ALL)
    if scene.readonly(place) and not place.is_link:
        raise Refusal(5, f"{place.name} is read-only")
    scene.check_images(place, 5, sections=not scene.version.posix_delete)
    return _deleted(scene, place)


def judge_rmdir(scene: Scene, operation: Operation) -> Answer:
    """Judge `os.rmdir`."""
    place = scene.existing(operation)
    if place.is_link and scene.lookup.follow(place).is_directory:
        return Answer(place.path, perform=partial(scene.native.unlink, place.path), about=place)
    if not place.is_directory:
        raise Ordinary(267, f"{place.name} is a file")
    scene.check_sharing(place, DELETE, ALL)
    if scene.readonly(place):
        raise Refusal(5, f"{place.name} is read-only")
    return _deleted(scene, place)


def _deleted(scene: Scene, place: Place) -> Answer:
    """Delete at once, or, on legacy systems, mark what somebody still has open."""
    if scene.version.posix_delete or not scene.is_open(place.identity):
        return Answer(place.path, about=place)
    if place.is_directory and scene.native.listdir(place.path):
        raise Refusal(145, f"{place.name} is not empty")
    return Answer(place.path, reason="pending", perform=partial(_mark, scene, place))


def _mark(scene: Scene, place: Place) -> None:
    scene.pending[place.identity] = place.path
    scene.changed()


def finish_pending(scene: Scene, *, everything: bool = False) -> None:
    """Remove those deleted files whose last handle is closed."""
    # Innermost first, so that a directory finds its own children gone.
    for identity, path in sorted(scene.pending.items(), key=lambda item: -len(item[1])):
        if everything or not scene.is_open(identity):
            del scene.pending[identity]
            _remove(scene, path)
            scene.forget(identity)


def _remove(scene: Scene, path: str) -> None:
    try:
        if scene.lookup.find(path).is_directory:
            scene.native.rmdir(path)
        else:
            scene.native.unlink(path)
    except OSError:
        pass  # somebody else was faster
    scene.lookup.removed(path)
