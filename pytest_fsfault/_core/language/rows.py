"""Tuples with names for the modules that child processes load, written as `typing.NamedTuple` are.

That one compiles the annotation of each field, which made a tenth of what a child's first call takes.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
    from typing import NamedTuple as Row
else:

    class _Kind(type):
        """Make a class of tuples of what stands in the body of a class: its fields, their defaults, its methods."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body.get("__annotations__", {})
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])  # noqa: PYI024  # see above
            for attribute, value in body.items():
                setattr(made, attribute, value)
            return made

    class Row(metaclass=_Kind):
        """The base of such classes; they are tuples, and no subclasses of it."""


__all__ = ["Row"]
