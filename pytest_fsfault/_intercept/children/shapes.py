"""What a message of a child may consist of: each kind has a fixed shape, and nothing else is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.operations import OPERATIONS
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._intercept.children.protocol import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._intercept.children.protocol import Message

#: Nanoseconds that a message may speak of: two years.
_LONGEST = 1 << 56
_NUMBER = 1 << 63
# Calls of one process, each of which costs a moment of virtual time.
_MANY = 1 << 40
_OUTCOMES = frozenset(["ok", "raised", "failed", "short", "crashed", "passed"])


class Question(Row):
    """How one kind of message is answered, and the shape of its arguments."""

    answer: Callable[..., Message | None]
    shape: tuple[Callable[[Any], bool], ...] = ()


def check(question: Question, arguments: list[Any]) -> None:
    """Raise Malformed for arguments that are not of the shape of a question."""
    shape = question.shape
    if len(arguments) != len(shape):
        raise Malformed
    for fits, value in zip(shape, arguments, strict=True):
        if not fits(value):
            raise Malformed


def is_number(value: object) -> bool:
    """Return whether a value is a number of something, such as a process or a call."""
    return type(value) is int and 0 <= value < _NUMBER


def is_count(value: object) -> bool:
    """Return whether a value is a number of calls."""
    return type(value) is int and 0 <= value < _MANY


def is_span(value: object) -> bool:
    """Return whether a value is a time in nanoseconds."""
    return type(value) is int and 0 <= value < _LONGEST


def is_truth(value: object) -> bool:
    """Return whether a value is True or False."""
    return type(value) is bool


def is_text(value: object) -> bool:
    """Return whether a value is a text."""
    return type(value) is str


def is_text_or_none(value: object) -> bool:
    """Return whether a value is a text, or there is none."""
    return value is None or type(value) is str


def is_row(value: object) -> bool:
    """Return whether a value is a list, which is looked at when it is decoded."""
    return type(value) is list


def is_row_or_none(value: object) -> bool:
    """Return whether a value is a list, or there is none."""
    return value is None or type(value) is list


def is_texts(value: object) -> bool:
    """Return whether a value is a list of texts."""
    return type(value) is list and all(map(is_text, value))


def is_listing(value: object) -> bool:
    """Return whether a value is what a directory contains, or there is none."""
    return value is None or (
        type(value) is list
        and len(set(map(type, value))) <= 1
        and all(type(one) in {str, bytes} for one in value)
    )


def is_operation(value: object) -> bool:
    """Return whether a value is the name of an operation."""
    return type(value) is str and value in OPERATIONS


def is_outcome(value: object) -> bool:
    """Return whether a value says what became of a call."""
    return type(value) is str and value in _OUTCOMES


def is_stack(value: object) -> bool:
    """Return whether a value is a stack of lines, or there is none."""
    return value is None or (
        type(value) is list
        and all(
            type(line) is list and [str, int] == list(map(type, line)) and is_number(line[1])
            for line in value
        )
    )


def is_counts(value: object) -> bool:
    """Return whether a value tells of each operation how many calls there were in all, and the last paths."""
    return type(value) is dict and all(
        name in OPERATIONS
        and type(one) is list
        and len(one) == _PAIR
        and is_count(one[0])
        and is_texts(one[1])
        for name, one in value.items()
    )


def is_outside(value: object) -> bool:
    """Return whether a value tells of operations a path."""
    return type(value) is dict and all(name in OPERATIONS and is_text(path) for name, path in value.items())


_PAIR = 2
