"""Read names as Windows does: what it cannot hold, what it drops, what it takes for a device.

Sources: Microsoft, "Naming Files, Paths, and Namespaces"; WinFsp tst/winfsp-tests create_test; secfs.test
winfstest/t/base 00 and streams; python/cpython#95486 (devices) and #130542 (long components); MS-FSCC 2.1.5.3 and
btrfs src/tests/streams.cpp on NTFS (streams, which may hold any character); Wine dlls/ntdll/tests/path.c (devices).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.globs import has_drive
from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from pytest_fsfault._windows.versions import Version

INVALID_NAME, PATH_NOT_FOUND, NAME_TOO_LONG, NOT_A_DIRECTORY = 123, 3, 206, 267
_UNITS = 255  # UTF-16 units of one component
_PATH, _DIRECTORY = 260, 248  # characters of a path, of a directory's that is made, with the final NUL

_FORBIDDEN = deferred(r'[<>"|?*\x01-\x1f]')
_DEVICES = deferred(
    r"(?i)(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[1-9\u00b9\u00b2\u00b3])\s*", re.ASCII
)
#: Paths that need a closer look; anything else means what it says, as far as its spelling goes.
# It begins with a set, since the engine skips to one of its characters faster than it tries several beginnings.
ODD = deferred(
    r'[<>"|?*\\:\x01-\x1f./ ](?:'
    r"(?<=/)(?:(?=[acnplACNPL])(?i:(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[1-9\u00b9\u00b2\u00b3])\s*(?:\.[^/]*)?(?:/|\Z))"
    r"|[^/]{128})|(?<=[. ])(?:/|\Z)|(?<![./ ]))"
)


class Name(Row):
    """A path as Windows reads it: `problem` is an error code, 0 if there is none."""

    path: str
    problem: int = 0
    why: str = ""
    device: str = ""
    stream: str = ""


def read(
    path: str, shown: object, version: Version, *, searching: bool = False, making: bool = False
) -> Name:
    """Return what an absolute, normalised path means.

    `shown` is how the caller wrote it; with `searching` its directory is listed, with `making` it becomes one.
    """
    if not version.long_paths and not _is_verbatim(shown) and len(path) >= (_DIRECTORY if making else _PATH):
        code = NAME_TOO_LONG if making else PATH_NOT_FOUND
        return Name(path, code, f"{len(path)} characters are more than a path may have without long paths")
    if has_drive(f"{path}/"):
        found = _read(path[2:], shown, version, searching=searching)
        return found if found.device else found._replace(path=path[:2] + found.path)
    return _read(path, shown, version, searching=searching)


def _why_invalid(part: str) -> str:
    found = _FORBIDDEN.search(part)
    if found:
        return f"a name on Windows cannot hold {found[0]!r}"
    return _why_too_long(part)


def _why_too_long(part: str) -> str:
    if len(part.encode("utf-16-le", "surrogatepass")) // 2 > _UNITS:
        return f"a name on Windows has at most {_UNITS} characters"
    return ""


def _read(path: str, shown: object, version: Version, *, searching: bool) -> Name:
    if ODD.search(path) is None:
        return Name(path)
    parts = path.replace("\\", "/").split("/")
    kept = parts if _is_verbatim(shown) else [*map(_middle, parts[:-1]), _last(parts[-1], searching)]
    path = "/".join(part for index, part in enumerate(kept) if part or index == 0) or "/"
    reason = _why_none(kept)
    if reason:
        return Name(path, INVALID_NAME, reason)
    device = "" if _is_verbatim(shown) else _device(kept[-1], shown, version)
    if device:
        return Name(path, device=device)
    return _stream(path, kept)


def _why_none(parts: list[str]) -> str:
    """Return why a path names nothing on Windows: a stream may hold any character, and be as long as a file's name."""
    file, *stream = parts[-1].split(":", 2)
    found = [*map(_why_invalid, [*parts[:-1], file]), *map(_why_too_long, stream)]
    return next(filter(None, found), "")


def _is_verbatim(shown: object) -> bool:
    """Return whether a path has the prefix that takes it as it is written, however long it is."""
    text = os.fsdecode(shown) if isinstance(shown, (str, bytes)) else ""
    return text.startswith("\\\\?\\")


def _middle(part: str) -> str:
    # Within a path one final dot goes, never a blank.
    return part[:-1] if part.endswith(".") and not part.endswith("..") and part != "." else part


def _last(part: str, searching: bool) -> str:
    if searching and part.endswith(" "):
        return part  # what is searched is `part\*.*`, so that it stands within the path
    return part.rstrip(". ")


def _device(name: str, shown: object, version: Version) -> str:
    stem, dot, _ = name.partition(".")
    if _DEVICES.fullmatch(stem) is None:
        return ""
    if version.bare_devices and (dot or (isinstance(shown, (str, bytes)) and len(shown) > len(name))):
        return ""
    return stem.strip().lower()


def _stream(path: str, parts: list[str]) -> Name:
    """Split an alternate data stream off the last component."""
    if any(":" in part for part in parts[:-1]):
        return Name(path, INVALID_NAME, "a name on Windows cannot hold ':'")
    name, colon, rest = parts[-1].partition(":")
    if not colon:
        return Name(path)
    stream, typed, kind = rest.partition(":")
    if not name or not rest or (typed and kind.upper() != "$DATA"):
        return Name(path, INVALID_NAME, f"{parts[-1]!r} names no stream of a file")
    # With its type, and without a name, it is the content of the file itself.
    return Name(path[: -len(rest) - 1], stream=stream)


def is_empty(shown: object) -> bool:
    """Return whether a path, as the caller wrote it, is empty."""
    return isinstance(shown, (str, bytes)) and not shown


def ends_with_separator(shown: object) -> bool:
    """Return whether a path, as the caller wrote it, ends with a separator."""
    text = os.fsdecode(shown) if isinstance(shown, (str, bytes)) else ""
    return len(text) > 1 and text[-1] in "/\\"
