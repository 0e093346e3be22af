"""Rows are what `typing.NamedTuple` makes of the same class, and compile no annotation."""

from __future__ import annotations

import pickle
from typing import NamedTuple

import pytest

from pytest_fsfault._core.language.rows import Row


class Made(Row):
    """A file and its size."""

    name: str
    size: int = 3
    seen: NoSuchName | None = None  # noqa: F821  # never looked up

    @property
    def text(self) -> str:
        """Return both as one text."""
        return f"{self.name} {self.size}"


class Model(NamedTuple):
    """A file and its size."""

    name: str
    size: int = 3
    seen: NoSuchName | None = None  # noqa: F821

    @property
    def text(self) -> str:
        """Return both as one text."""
        return f"{self.name} {self.size}"


FACTS = {
    "bases": lambda kind: kind.__mro__[1:],
    "fields": lambda kind: kind._fields,
    "defaults": lambda kind: kind._field_defaults,
    "documentation": lambda kind: kind.__doc__,
    "module": lambda kind: kind.__module__,
    "a property": lambda kind: kind("a").text,
    "values": lambda kind: tuple(kind("a", 1)),
    "a copy": lambda kind: tuple(kind("a")._replace(size=4)),
    "a dictionary": lambda kind: kind("a")._asdict(),
    "from a list": lambda kind: tuple(kind._make(["a", 1, None])),
    "pickled": lambda kind: pickle.loads(pickle.dumps(kind("a"))) == kind("a"),
    "how it prints": lambda kind: repr(kind("a")).partition("(")[2],
}


@pytest.mark.parametrize("fact", FACTS)
def test_a_row_is_a_named_tuple(fact):
    """Whatever is asked of it, the answer is that of the model."""
    assert FACTS[fact](Model) == FACTS[fact](Made)


def test_a_row_takes_what_it_has_fields_for():
    """A missing value is refused by Python's own words, with the name of the field."""
    with pytest.raises(TypeError, match="'name'"):
        Made()
