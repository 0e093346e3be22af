"""Messages between a parent and its children: rows of plain values, framed by their length.

A message is data and nothing else: it is written as JSON, which every Python reads alike and which cannot make
anything but numbers, texts, lists and dictionaries. No length in it is trusted.
"""

from __future__ import annotations

import _json
import builtins
import sys
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.language.operations import OPERATIONS, Operation, Temporary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HEAD = 4
#: Whether a child says when it has attached itself. It waits for the disk meanwhile, which the others' clock must not take
#: for idleness: Linux tells of that, Windows shows a thread that waits.
SAYS_WHEN_ATTACHED = sys.platform == "win32"
#: A longer message is none of ours: a listing of a million names takes less.
LIMIT = 1 << 26
_ENDINGS: dict[str, type[BaseException]] = {"SimulatedCrash": SimulatedCrash, "RetryStorm": RetryStorm}
# What JSON does not know is a dictionary with one of these keys.
_BYTES, _SET = "\0b", "\0s"

_PLAIN: tuple[Any, ...] = (bool, int, str, bytes, frozenset)

Message = tuple[Any, ...]


class Malformed(Exception):  # noqa: N818  # what was received, no mistake of ours
    """What was received is not a message."""


def _as_json(value: object) -> dict[str, Any]:
    if isinstance(value, bytes):
        return {_BYTES: value.decode("latin-1")}
    if isinstance(value, frozenset):
        return {_SET: sorted(value)}
    raise TypeError(type(value).__name__)


def _from_json(found: dict[str, Any]) -> Any:
    if len(found) == 1:
        text, names = found.get(_BYTES), found.get(_SET)
        if isinstance(text, str):
            return text.encode("latin-1")
        if isinstance(names, list):
            return frozenset(names)
    return found


# The encoder and the scanner of C: `json.dumps` makes one anew for each message, and `json` takes long to import.
_encode: Any = _json.make_encoder(
    None, _as_json, _json.encode_basestring_ascii, None, ":", ",", False, False, True
)  # as in `json.encoder`


class _Reading:
    """How the scanner reads: as it does for `json.loads`, but for dictionaries."""

    strict = True
    object_hook = staticmethod(_from_json)
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


_reading: Any = _Reading
_read: Callable[[str, int], tuple[Any, int]] = _json.make_scanner(_reading)


def _write(message: Message) -> str:
    return "".join(_encode(message, 0))


def write(message: Message) -> bytes:
    """Return a message as bytes."""
    return _write(message).encode("ascii")


def pack(message: Message) -> bytes:
    """Return a message as bytes, its length first."""
    body = _write(message).encode("ascii")
    return len(body).to_bytes(_HEAD, "big") + body


def unpack(body: bytes) -> list[Any]:
    """Return the message that a frame contains.

    Raises:
        Malformed: if it contains none.

    """
    try:
        text = body.decode("ascii")
        message, end = _read(text, 0)
    except (ValueError, StopIteration, TypeError, RecursionError):
        raise Malformed from None
    if type(message) is not list or end != len(text):
        raise Malformed
    return message


class Frames:
    """Collect bytes as they come, and give the messages that are complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __bool__(self) -> bool:
        """Return whether a message has begun."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[list[Any]]:
        """Yield the messages that are complete with `data`.

        Raises:
            Malformed: if what comes is not a message.

        """
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _HEAD:
            length = int.from_bytes(buffer[:_HEAD], "big")
            if length > LIMIT:
                raise Malformed
            end = _HEAD + length
            if len(buffer) < end:
                return
            body = bytes(buffer[_HEAD:end])
            del buffer[:end]
            yield unpack(body)


def encode_operation(operation: Operation) -> Message:
    """Return an operation as plain values."""
    detail = operation.detail
    kind = type(detail).__name__ if isinstance(detail, Temporary) else ""
    # As nearly always: all are of the classes that travel.
    row = [value if type(value) in _EXACT else _plain(value) for value in operation[:-1]]
    known = OPERATIONS.get(operation.name)
    if known is not None and row[_GROUPS] == known.groups:
        row[_GROUPS] = None
    # What is written may be long, and says nothing to the rules.
    return (*row, kind, None if isinstance(detail, bytes) else _plain(detail))


def decode_operation(row: Any) -> Operation:
    """Return the operation that a row describes.

    Raises:
        Malformed: if it describes none.

    """
    if not _is_made_of(row, _FIELDS):
        raise Malformed
    *fields, kind, detail = row
    if fields[_GROUPS] is None:
        known = OPERATIONS.get(fields[0])
        if known is None:
            raise Malformed
        fields[_GROUPS] = known.groups
    if kind and type(detail) is not int:
        raise Malformed
    return Operation._make((*fields, Temporary(detail) if kind else detail))


def _is_made_of(row: Any, fields: tuple[tuple[type, ...], ...]) -> bool:
    """Return whether each value of a row is of one of the classes that are allowed in its place."""
    if type(row) is not list or len(row) != len(fields):
        return False
    for value, kinds in zip(row, fields, strict=True):  # noqa: SIM110  # no generator: it costs more
        if type(value) not in kinds:
            return False
    return True


_NONE = type(None)
_EXACT = frozenset([*_PLAIN, _NONE])
_GROUPS = Operation._fields.index("groups")  # left out where the operation alone tells them
_SHOWN = (_NONE, str, bytes, int)
# What an operation consists of in a message, then the class of its detail, and its detail.
_FIELDS: tuple[tuple[type, ...], ...] = (
    (str,), (str,), (_NONE, str), (_NONE, frozenset), _SHOWN, _SHOWN, (str,), (bool,), (bool,), (_NONE, str), (str,), (_NONE, bool, int, str),
)  # fmt: skip


def _plain(value: Any) -> Any:
    """Return a value without the class of its own that it may have."""
    for kind in _PLAIN:
        if isinstance(value, kind):
            return value if type(value) is kind else kind(value)
    return None


def encode_ending(error: BaseException) -> Message:
    """Return what ended the session as plain values."""
    return type(error).__name__, str(error)


def encode_failure(error: BaseException | None) -> Message | None:
    """Return an error that a call has met as plain values."""
    if error is None:
        return None
    if isinstance(error, tuple(_ENDINGS.values())):
        return encode_ending(error)
    from pytest_fsfault._core.language.error_rows import error_row  # noqa: PLC0415  # for calls that fail

    name, args, *rest = error_row(error)
    return (name, [_text(one) for one in args], *map(_plain, rest))


def _text(value: Any) -> Any:
    """Return a value of an error as it is, or as it prints, if it is none that travels."""
    return value if value is None else str(value) if (plain := _plain(value)) is None else plain


def decode_failure(row: Any) -> BaseException | None:
    """Return the error that a row describes.

    Raises:
        Malformed: if it describes none.

    """
    if row is None:
        return None
    if type(row) is not list or not row or type(row[0]) is not str:
        raise Malformed
    if row[0] in _ENDINGS:
        return decode_ending(row)
    if not _is_made_of(row, _ERROR) or row[0] not in _CLASSES:
        raise Malformed
    from pytest_fsfault._core.language.error_rows import error_from_row  # noqa: PLC0415  # for calls that fail

    name, args, *rest = row
    try:
        return error_from_row((name, tuple(args), *rest))
    except (TypeError, ValueError, LookupError, OverflowError):
        raise Malformed from None


_NAME = (_NONE, str, bytes, int)
# What an error consists of in a message: the class under Windows, arguments, file names, the attribute `winerror`.
_ERROR: tuple[tuple[type, ...], ...] = ((str,), (list,), _NAME, _NAME, (_NONE, int, str))
_CLASSES = frozenset(
    [
        "",
        *(
            name
            for name, kind in vars(builtins).items()
            if isinstance(kind, type) and issubclass(kind, OSError)
        ),
    ]
)


def decode_ending(row: Any) -> BaseException:
    """Return what ended the session.

    Raises:
        Malformed: if a row describes none.

    """
    if type(row) is not list or [str, str] != list(map(type, row)) or row[0] not in _ENDINGS:
        raise Malformed
    name, text = row
    return _ENDINGS[name](text)
