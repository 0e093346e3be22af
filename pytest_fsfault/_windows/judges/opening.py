"""Open files as the C runtime does: with which access, sharing what, creating or emptying.

Sources: UCRT lowio/open.cpp (access, sharing and disposition by mode) and lowio/chsize.cpp; MS-FSA 2.1.5.1.2 (the
order of the questions: name, path, pending deletion, kind, attributes, image, sharing, mapping); Wine
dlls/kernel32/tests/file.c test_file_sharing and test_CreateFileA; Microsoft, "CreateFileW" (hidden and system files),
which TRUNCATE_EXISTING opens all the same (rust-lang/rust#116438, BetaRavener/uPyLoader#29).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._core.language.operations import Temporary
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._windows.names import INVALID_NAME, NOT_A_DIRECTORY, ends_with_separator
from pytest_fsfault._windows.sharing import ALL, DELETE, READ, WRITE
from pytest_fsfault._windows.state import Denial, HostError

if TYPE_CHECKING:
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.lookup import Location
    from pytest_fsfault._windows.state import WindowsState

_TMPFILE = getattr(os, "O_TMPFILE", 0)
_MOST_LINKS = 40
_NO_PROGRAM, _RUN = 193, 0o111  # ERROR_BAD_EXE_FORMAT
_HEADS = (b"#!", b"\x7fELF", b"MZ")


class Wish(Row):
    """What one way to open a file asks for."""

    access: int
    share: int = READ | WRITE  # the runtime never shares deletion
    creates: bool = False
    exclusive: bool = False
    empties: bool = False


def by_mode(mode: str) -> Wish:
    """Return what `open` asks for with a mode such as ``"w+"``."""
    both = "+" in mode
    if "r" in mode:
        return Wish(READ | WRITE if both else READ)
    access = READ | WRITE if both else WRITE
    return Wish(access, creates=True, exclusive="x" in mode, empties="w" in mode)


def by_flags(flags: int) -> Wish:
    """Return what `os.open` asks for with these flags."""
    way = flags & (os.O_WRONLY | os.O_RDWR)
    access = READ | WRITE if way == os.O_RDWR else WRITE if way == os.O_WRONLY else READ
    return Wish(
        access,
        creates=bool(flags & os.O_CREAT),
        exclusive=bool(flags & os.O_CREAT and flags & os.O_EXCL),
        empties=bool(flags & os.O_TRUNC),
    )


def judge_open(state: WindowsState, operation: Operation) -> Answer:
    """Judge `open` and `os.open`."""
    if isinstance(operation.shown, int):
        return Answer(operation.path)
    wish = _wish(operation)
    return Answer(operation.path) if wish is None else _judge_path(state, operation, wish)


def _locate(state: WindowsState, operation: Operation, wish: Wish) -> Location:
    """Return where an opening leads, which must be able to exist."""
    if wish.creates and ":" in operation.path and not state.on_windows:
        state.make_room_for_stream(operation)
    location = state.locate(operation.path, operation.shown)
    if not location.exists and (location.parent or not wish.creates):
        state.must_exist(location)
    state.must_live(location)
    return location


def _judge_path(state: WindowsState, operation: Operation, wish: Wish) -> Answer:
    if operation.program is not None:
        wish = wish._replace(share=state.open_files.sharing.of(operation.program, wish.access))
    location = _locate(state, operation, wish)
    if ends_with_separator(operation.shown):
        code = 3 if location.is_directory else 123
        raise Denial(code, f"{location.name} is written with a separator at its end")
    if location.exists:
        there = state.lookup.follow(location)
        if there.is_directory and operation.program is not None:
            return Answer(operation.path)  # its build for Windows lists a directory in another way
        if location.is_link and not there.exists:
            return _lead_on(state, location, wish)
        _check_existing(state, there, wish, state.owner(operation, there))
    elif state.streams:
        state.check_streams(location, wish.access, wish.share)
    return Answer(location.path, about=(location, wish))


def _wish(operation: Operation) -> Wish | None:
    detail: Any = operation.detail
    if isinstance(detail, str):
        return by_mode(detail)
    if not isinstance(detail, int) or (_TMPFILE and detail & _TMPFILE == _TMPFILE):
        return None
    wish = by_flags(detail)
    if isinstance(detail, Temporary):
        return wish._replace(access=wish.access | DELETE, share=ALL)
    return wish


def _lead_on(state: WindowsState, link: Location, wish: Wish) -> Answer:
    """Judge opening a link that leads nowhere: a file that must be new is made where it leads, as any other.

    Sources: pyfakefs test_open_exclusive_if_symlink_exists_works_in_windows; Rust library/std/src/sys/fs/windows.rs,
    which asks for FILE_FLAG_OPEN_REPARSE_POINT against it.
    """
    _check_leading(state, link)
    path = link.path
    for _ in range(_MOST_LINKS if wish.exclusive else 0):
        try:
            path = os.path.normpath(os.path.join(os.path.dirname(path), state.native.readlink(path)))
        except OSError:
            return Answer(path, about=(link, wish))
    return Answer(link.path, about=(link, wish))


def _check_leading(state: WindowsState, location: Location) -> None:
    """Refuse a link whose text ends with a separator, and which leads nowhere: pyfakefs's test on Windows."""
    if ends_with_separator(state.native.readlink(location.path)):
        raise Denial(INVALID_NAME, f"{location.name} leads to a name that ends with a separator")


def _check_writing(state: WindowsState, location: Location, wish: Wish, owner: Location) -> None:
    if state.attributes.readonly(owner):
        raise Denial(5, f"{location.name} is read-only")
    if wish.creates and wish.empties and (found := state.attributes.of(location) & {"hidden", "system"}):
        raise Denial(5, f"{location.name} is {min(found)}, and would have to be created anew as such")
    state.check_images(location, 32)


def _check_existing(state: WindowsState, location: Location, wish: Wish, owner: Location) -> None:
    if location.is_directory:
        raise Denial(5, f"{location.name} is a directory")
    if wish.exclusive:
        raise HostError(80, f"{location.name} exists", location)
    if wish.access & WRITE or wish.empties:
        _check_writing(state, location, wish, owner)
    # What plain opens share is enough for other plain opens: the real ones need no look.
    real = bool(wish.access & DELETE) or location.identity in state.temporaries or bool(wish.access & WRITE)
    # Emptying a file asks for writing, whatever else is asked for.
    state.check_sharing(location, wish.access | (WRITE if wish.empties else 0), wish.share, real=real)
    if wish.empties:
        _check_mapped(state, location)


def _check_mapped(state: WindowsState, location: Location) -> None:
    for opening, hold in state.openings(location.identity):
        if opening.kind == "section":
            state.refuse(1224, location, opening, hold)


def judge_truncate(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.truncate` and `os.ftruncate`: an open for writing, then a new end of the file."""
    if not isinstance(operation.shown, (str, bytes)):
        return judge_file_truncate(state, operation)
    location = state.existing(operation)
    if ends_with_separator(operation.shown) and not location.is_directory:  # as `open` has it
        raise Denial(INVALID_NAME, f"{location.name} is written with a separator at its end")
    followed = state.must_lead(location, 2)
    _check_existing(state, followed, Wish(READ | WRITE), state.owner(operation, followed))
    if _cuts_mapped(state, followed, operation.detail):
        # The runtime's failure is a positive number, and CPython tests for a negative one: nothing is told.
        return Answer(location.path, perform=_nothing)
    return Answer(location.path)


def judge_file_truncate(state: WindowsState, operation: Operation) -> Answer:
    """Judge cutting an open file: not while it is mapped."""
    location = state.lookup.find(operation.path)
    if location.exists and _cuts_mapped(state, location, operation.detail):
        for opening, hold in state.openings(location.identity):
            if opening.kind == "section":
                state.refuse(1224, location, opening, hold)
    return Answer(operation.path)


def _cuts_mapped(state: WindowsState, location: Location, size: object) -> bool:
    assert location.status is not None  # noqa: S101  # asked of what exists
    shorter = not isinstance(size, int) or size < location.status.st_size
    return shorter and any(opening.kind == "section" for opening, _ in state.openings(location.identity))


def _nothing() -> None:
    """Change nothing, and say nothing."""


def judge_close(_state: WindowsState, operation: Operation) -> Answer:
    """Let every close happen, and remember whether something may have been written."""
    return Answer(operation.path, about=operation.detail)


def judge_fsync(_state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.fsync`: FlushFileBuffers wants a handle for writing, and the runtime reports a bad descriptor.

    Sources: UCRT lowio/commit.cpp; pyfakefs's test_fsync_pass_windows.
    """
    if operation.detail is False:
        raise Denial(
            6, f"{operation.path.rpartition('/')[2]} is open for reading only, so that nothing can be flushed"
        )
    return Answer(operation.path)


def _is_program(state: WindowsState, found: Location) -> bool:
    """Return whether a file can be started: by the host, by Windows, or were it not for the host's right to run it."""
    assert found.status is not None  # noqa: S101  # asked of what exists
    if found.status.st_mode & _RUN or found.path.lower().endswith((".bat", ".cmd")):
        return True
    with state.native.open_file(found.path, "rb") as file:
        return bool(file.read(4).startswith(_HEADS))


def judge_program(state: WindowsState, operation: Operation) -> Answer:
    """Judge starting a program: its file is opened for execution, sharing reading and deletion."""
    location = state.lookup.find(operation.path)
    if ends_with_separator(operation.shown):  # the directory in which it is to start, which is none
        raise HostError(NOT_A_DIRECTORY, f"{location.name} is not a directory in which a program can start")
    program = state.lookup.follow(location)
    if not program.exists:
        raise HostError(2, f"{location.name} does not exist")
    if program.is_directory:
        raise HostError(5, f"{location.name} is a directory")
    state.must_live(location)
    state.check_sharing(program, READ, READ | DELETE)
    if not _is_program(state, program):
        raise HostError(_NO_PROGRAM, f"{location.name} is not a program")
    return Answer(operation.path)
