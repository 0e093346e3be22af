"""What an answer of the parent may consist of: each kind has a fixed shape, and nothing else is taken."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.operations import OPERATIONS
from pytest_fsfault._intercept.children.shapes import (
    is_number,
    is_row,
    is_text,
    is_text_or_none,
    is_texts,
    is_truth,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.language.faults import Fault
    from pytest_fsfault._intercept.children.protocol import Message

    Check = Callable[[Any], bool]

#: The models are asked by a message of its own, once a delay has passed.
LATER = "later"
_METHODS = frozenset(["match", "search", "fullmatch"])
_SPACES = frozenset(["shutil", "rmtree"])


@lru_cache(maxsize=64)
def parsed(text: str) -> Fault:
    """Return the fault that a text describes."""
    from pytest_fsfault._core.language.faults import Fault  # noqa: PLC0415  # for who meets one

    return Fault.parse(text)


def is_answer(answer: Message) -> bool:
    """Return whether an answer is one that a parent gives."""
    shape = _ANSWERS.get(answer[0]) if answer and type(answer[0]) is str else None
    return shape is not None and _is_shaped(answer[1:], shape)


def _is_shaped(values: Any, shape: tuple[Check, ...]) -> bool:
    if len(values) != len(shape):
        return False
    for fits, value in zip(shape, values, strict=True):  # noqa: SIM110  # no generator: it costs more
        if not fits(value):
            return False
    return True


def _list_of(*shape: Check) -> Check:
    return lambda value: type(value) is list and _is_shaped(value, shape)


def _many(fits: Check) -> Check:
    return lambda value: type(value) is list and all(map(fits, value))


def _or_none(fits: Check) -> Check:
    return lambda value: value is None or fits(value)


def _one_of(*values: str) -> Check:
    return lambda value: type(value) is str and value in values


def _anything(_value: object) -> bool:
    return True


def _is_real(value: object) -> bool:
    return type(value) in {float, int}


def _is_code(value: object) -> bool:
    return type(value) is bytes


def _is_whole(value: object) -> bool:
    return type(value) is int


def _is_fault(value: object) -> bool:
    try:
        return is_text(value) and bool(parsed(value))
    except ValueError:
        return False


def _is_pattern(value: Any) -> bool:
    if not _PATTERN(value):
        return False
    try:
        re.compile(value[1], value[2])
    except (re.error, ValueError, OverflowError, RecursionError, Warning):
        return False
    return True


_PATTERN = _list_of(lambda value: type(value) is str and value in _METHODS, is_text, is_number)


def _is_test(value: object) -> bool:
    return type(value) is bool or (type(value) is list and all(map(_is_pattern, value)))


def _is_tests(value: object) -> bool:
    return type(value) is dict and all(
        name in OPERATIONS and type(ends) is list and all(map(_is_test, ends)) for name, ends in value.items()
    )


def _is_epoch(value: object) -> bool:
    return value is None or (type(value) is dict and all(map(_is_whole, value.values())))


_ENDED = _list_of(_one_of("SimulatedCrash", "RetryStorm"), is_text)
_DECISION = _list_of(_is_fault, is_text, is_text, is_number, _or_none(_ENDED), is_truth)
_ALLOWED = (is_text, is_text_or_none, is_truth, is_truth, is_truth)
_REFUSED = (is_number, is_text)


_MODELS: dict[str, tuple[Check, ...]] = {LATER: (), "allowed": _ALLOWED, "refused": _REFUSED}


def _is_models(value: Any) -> bool:
    shape = _MODELS.get(value[0]) if is_row(value) and value and is_text(value[0]) else None
    return shape is not None and _is_shaped(value[1:], shape)


_ANSWERS: dict[str, tuple[Check, ...]] = {
    "done": (),
    "due": (),
    "notified": (),
    "stamps": (_many(_or_none(_is_whole)),),
    "alone": (),
    "welcome": (is_truth, _is_epoch, is_texts, is_number),
    "rules": (
        is_number,
        is_texts,
        _is_tests,
        is_truth,
        _or_none(_many(_list_of(_one_of(*_SPACES), is_text, is_truth))),
        _or_none(_ENDED),
        is_truth,
        is_truth,
        _or_none(is_texts),
    ),
    "read": (is_number, is_number),
    "decided": (is_number, _is_real, is_truth, _or_none(_DECISION), _or_none(_is_models)),
    "allowed": _ALLOWED,
    "refused": _REFUSED,
    "result": (_anything,),
    "failed": (is_row,),
    "filter": (_or_none(_is_code),),
    "ended": (_one_of("SimulatedCrash", "RetryStorm"), is_text),
}
