"""Read what `--fsfault-json` has written, for another run that replays it."""

from __future__ import annotations

import errno
import gzip
import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.numbering import CallKey, call_key
from pytest_fsfault._core.engine.replay import Recording, ReplayedCall
from pytest_fsfault._core.language.faults import Fault
from pytest_fsfault._core.language.legible import legible
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.operations import OPERATIONS
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.language.winerrors import HIGHEST_CODE
from pytest_fsfault._report.summary import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

_GZIP = b"\x1f\x8b"
# Outcomes that act again; a wait or delay is not replayed.
_INJECTED = frozenset(["raised", "short", "crashed"])
# An errno by its number, where a file does not name it: up to 34 all systems agree but for 11.
# Linux: include/uapi/asm-generic/errno.h; macOS: bsd/sys/errno.h; Windows: errno.h of the Universal C Runtime.
_COMMON = 34
_NUMBERS = {
    "win32": {11: "EAGAIN", 36: "EDEADLK", 38: "ENAMETOOLONG", 39: "ENOLCK", 40: "ENOSYS", 41: "ENOTEMPTY"},
    "linux": {
        11: "EAGAIN", 35: "EDEADLK", 36: "ENAMETOOLONG", 37: "ENOLCK", 38: "ENOSYS", 39: "ENOTEMPTY", 40: "ELOOP", 122: "EDQUOT",
    },
    "darwin": {
        11: "EDEADLK", 35: "EAGAIN", 62: "ELOOP", 63: "ENAMETOOLONG", 66: "ENOTEMPTY", 69: "EDQUOT", 77: "ENOLCK", 78: "ENOSYS",
    },
}  # fmt: skip
_CLASSES = {
    "PermissionError": "EACCES",
    "FileNotFoundError": "ENOENT",
    "FileExistsError": "EEXIST",
    "NotADirectoryError": "ENOTDIR",
    "IsADirectoryError": "EISDIR",
}


class Recordings(Row):
    """What is replayed: where it was read, and what each test did, by its ID."""

    source: str
    tests: Mapping[str, Recording]


def read_recordings(raw: bytes, source: str) -> Recordings:
    """Return what a file says that `--fsfault-json` has written, as it is or compressed by gzip.

    Unknown fields are ignored, and what a file of an earlier version lacks is taken as unknown. `source` is the
    file's name. Raise FsFaultError for anything else, with what is wrong.
    """
    found = _parsed(raw)
    if not isinstance(found, dict) or "schema" not in found:
        raise FsFaultError("was not written by --fsfault-json: it has no 'schema'")
    schema = found["schema"]
    if type(schema) is not int or schema < 1:
        raise FsFaultError(f"was not written by --fsfault-json: its 'schema' is {schema!r}")
    if schema > SCHEMA:
        raise FsFaultError(
            f"has schema {schema}, and this version of pytest-fsfault reads up to {SCHEMA}: install a newer one"
        )
    run = found.get("run")
    platform = str(run.get("platform", sys.platform)) if isinstance(run, dict) else sys.platform
    tests = {}
    for place, test in enumerate(_list(found, "tests", "")):
        name = f"tests[{place}]"
        known = _text(test, "id", name)
        tests[known] = _recording(test, name, platform)
    return Recordings(source, tests)


def _parsed(raw: bytes) -> Any:
    if raw.startswith(_GZIP):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError) as error:
            raise FsFaultError(f"is not a valid gzip file: {error}") from None
    try:
        return json.loads(raw)
    except RecursionError:
        raise FsFaultError("is not JSON that --fsfault-json has written: it is nested too deeply") from None
    except ValueError as error:
        raise FsFaultError(f"is not JSON: {error}") from None


def _list(table: Mapping[str, Any], key: str, place: str) -> list[Any]:
    found = table.get(key)
    if not isinstance(found, list):
        raise _lacks(key, place, "list")
    return found


def _text(table: Any, key: str, place: str) -> str:
    found = table.get(key) if isinstance(table, dict) else None
    if not isinstance(found, str):
        raise _lacks(key, place, "text")
    return found


def _lacks(key: str, place: str, kind: str) -> FsFaultError:
    where = f" in {place}" if place else ""
    return FsFaultError(
        f"is not complete: there is no {kind} {key!r}{where}; record it anew by --fsfault-json"
    )


def _recording(test: dict[str, Any], place: str, platform: str) -> Recording:
    """Return what one test did; the trials of a sweep are left out, which are tried by themselves."""
    numbered = test.get("numbered", True) is True
    counts: Counter[CallKey] = Counter()
    calls, native = [], False
    for number, call in enumerate(_list(test, "calls", place)):
        where = f"{place}.calls[{number}]"
        target = call.get("target") if isinstance(call, dict) else None
        path = _text(call, "path", where)
        end = target if isinstance(target, str) else None
        key = call_key(_text(call, "operation", where), path, end, numbered=numbered)
        counts[key] += 1
        nth = call.get("nth", counts[key])
        if type(nth) is int and nth > 0:
            calls.append(_call(call, key, nth, where, platform))
            native = native or isinstance(call.get("program"), str)
    observed = test.get("observed", test.get("profile") == "observe") is True
    return Recording(tuple(calls), observed, native)


def _call(call: dict[str, Any], key: CallKey, nth: int, where: str, platform: str) -> ReplayedCall:
    outcome = _text(call, "outcome", where)
    fault = _fault(call, outcome, where, platform)
    failed = outcome == "failed" and fault is not None
    reason = call.get("reason")
    told = reason if isinstance(reason, str) else ""
    if failed:
        told = f"failed so in a recorded run on {platform}" + (f": {told}" if told else "")
    # Another system asks for other files, and makes other calls, without an error.
    answer = fault is not None and fault.error is not None and fault.error.errno == errno.ENOENT
    vital = platform == sys.platform or (fault is not None and not (failed and answer))
    return ReplayedCall(key, nth, fault, failed, told, _told(call, outcome), vital)


def _told(call: dict[str, Any], outcome: str) -> str:
    target = call.get("target")
    end = f" -> {target}" if isinstance(target, str) else ""
    error = call.get("error")
    text = f", {error.get('text')}" if isinstance(error, dict) else ""
    return legible(f"{call['operation']} {call['path']}{end} ({outcome}{text})")


def _fault(call: dict[str, Any], outcome: str, where: str, platform: str) -> Fault | None:
    """Return the fault that makes happen again what happened, None if nothing did."""
    if outcome in _INJECTED:
        text = _text(call, "fault", where)
    elif outcome == "failed" and not _is_composite(call["operation"]):
        text = _error(call.get("error"), where, platform)
    else:
        return None
    try:
        return Fault.parse(text)
    except FsFaultError as error:
        raise FsFaultError(f"is not replayable: {where}: {error}") from None


def _is_composite(operation: str) -> bool:
    """Return whether an operation fails because one that it is made of does."""
    return operation in OPERATIONS and OPERATIONS[operation].composite


def _error(error: Any, where: str, platform: str) -> str:
    """Return the text of the fault that raises an error like the one that a system gave."""
    if not isinstance(error, dict):
        raise _lacks("error", where, "table")
    code = error.get("winerror")
    if type(code) is int and 0 < code <= HIGHEST_CODE and str(error.get("text")).startswith("[WinError"):
        return f"WinError {code}"
    number, name = error.get("errno"), error.get("name")
    if name is None and type(number) is int:
        common = errno.errorcode.get(number) if number <= _COMMON else None
        name = _NUMBERS.get(platform, {}).get(number, common)
    known = isinstance(name, str) and hasattr(errno, name)
    # What this system has no number for is at least an error of the same class.
    return str(name) if known else _CLASSES.get(str(error.get("class")), "EIO")
