"""Find the path that a name stands for which a native program passes, and the name by which this process can pass it."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.roots import absolute
from pytest_fsfault._host.processes import process_of

if TYPE_CHECKING:
    from pytest_fsfault._intercept.native.memory import Memory

#: Names that mean something else to each process.
OF_ONE_PROCESS = (b"/proc/", b"/dev/")
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()


def given(link: bytes, raw: bytes) -> bytes | None:
    """Return the name by which this process passes a file that a program names from a directory with such a link."""
    if raw[:1] == b"/":
        return None if raw.startswith(OF_ONE_PROCESS) and not _is_shared(raw) else raw
    return link + b"/" + raw if raw else None


def _is_shared(raw: bytes) -> bool:
    """Return whether a path below ``/dev`` means the same to all processes."""
    return raw.startswith(b"/dev/shm/") and b"/.." not in raw


def given_ends(here: bytes, raw: bytes, there: bytes, other: bytes | None) -> tuple[bytes | None, ...]:
    """Return how this process can name the one end of a call, or both."""
    return (given(here, raw),) if other is None else (given(here, raw), given(there, other))


# What leads elsewhere for each process: where it stands, its root directory, a directory that it has open.
_OWN = re.compile(r"/proc/(self|thread-self|\d+)(/task/\d+)?/(cwd|root|fd/\d+(?=/))(/.*|\Z)", re.DOTALL)


# An open file by its number, but for the standard streams, which may go anywhere.
_FILE = re.compile(r"/proc/(self|thread-self|\d+)(/task/\d+)?/(fd/(?!0*[012]\Z)\d+)(\Z)")


def of_its_own(memory: Memory, task: int, path: str, *, follows: bool = False) -> str:
    """Return a path that begins in ``/proc`` as it is for a thread that names it.

    A call that `follows` its last link means the file that is open, and not that link.
    """
    found = _OWN.match(path) or (_FILE.match(path) if follows else None)
    if found is None:
        return path
    who, whose, link, rest = found.groups(default="")
    number = {"self": str(process_of(task)), "thread-self": str(task)}.get(who, who)
    place = ""
    with suppress(OSError):  # the call will fail by itself
        place = memory.place(f"/proc/{number}{whose}/{link}".encode())
    return absolute(f"{place}{rest}", "") if place.startswith("/") else path


def from_root(root: str, path: str) -> str:
    """Return an absolute path of a thread with such a root directory as this process sees it."""
    return path if root == "/" else absolute(f"{root}{path}", "")


def below(stand: str, raw: bytes) -> str:
    """Return a path as it is seen from a directory, absolute; empty if that directory has no path.

    `stand` is what `Memory.stand` returns. Without a name the directory itself is meant.
    """
    return absolute(stand + raw.decode(_ENCODING, _ERRORS), "") if stand else ""


def jailed(base: str, raw: bytes) -> str:
    """Return a path as openat2(2) resolves it in a directory that is its root: nothing leads out of it."""
    inside = absolute(f"/{raw.decode(_ENCODING, _ERRORS)}", "")
    return absolute(f"{base}{inside}", "") if base.startswith("/") else ""
