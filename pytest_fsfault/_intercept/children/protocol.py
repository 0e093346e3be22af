"""Messages between a parent and its children: tuples of plain values, framed by their length.

They are marshalled in a version that every Python reads alike: a child may run another one than its parent.
"""

from __future__ import annotations

import marshal
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.language.errors import error_from_row, error_row
from pytest_fsfault._core.language.operations import Operation, Temporary

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERSION = 2
_HEAD = 4
_ENDINGS: dict[str, type[BaseException]] = {"SimulatedCrash": SimulatedCrash, "RetryStorm": RetryStorm}

_PLAIN: tuple[Any, ...] = (bool, int, str, bytes, frozenset)

Message = tuple[Any, ...]


def pack(message: Message) -> bytes:
    """Return a message as bytes, its length first."""
    body = marshal.dumps(message, _VERSION)
    return len(body).to_bytes(_HEAD, "big") + body


class Frames:
    """Take in bytes as they come, and give the messages that are complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield the messages that are complete with `data`."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _HEAD:
            end = _HEAD + int.from_bytes(buffer[:_HEAD], "big")
            if len(buffer) < end:
                return
            body = bytes(buffer[_HEAD:end])
            del buffer[:end]
            yield marshal.loads(body)  # noqa: S302  # from a socket in a directory that is the user's alone


def encode_operation(operation: Operation) -> Message:
    """Return an operation as plain values."""
    detail = operation.detail
    kind = type(detail).__name__ if isinstance(detail, Temporary) else ""
    row = [_plain(value) for value in operation._replace(detail=None)]
    # What is written may be long, and says nothing to the rules.
    return (*row[:-1], kind, None if isinstance(detail, bytes) else _plain(detail))


def decode_operation(row: Message) -> Operation:
    """Return the operation that a row describes."""
    *fields, kind, detail = row
    return Operation._make((*fields, Temporary(detail) if kind else detail))


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
    return encode_ending(error) if isinstance(error, tuple(_ENDINGS.values())) else error_row(error)


def decode_failure(row: Message | None) -> BaseException | None:
    """Return the error that a row describes."""
    if row is None:
        return None
    return decode_ending(row) if row[0] in _ENDINGS else error_from_row(row)


def decode_ending(row: Message) -> BaseException:
    """Return what ended the session."""
    name, text = row
    return _ENDINGS[name](text)
