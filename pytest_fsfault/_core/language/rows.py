"""Tuples with names, written as `typing.NamedTuple` are, whose making costs a fraction of that.

`typing` compiles the annotation of each field, `collections` a constructor for each class, used or not: together a
tenth of what the start of a run takes, and a child's first call. Here a constructor is compiled when it is needed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Self
    from typing import NamedTuple as Row
else:
    from _collections import _tuplegetter  # what namedtuple has for its fields: as fast as a slot

    class _Methods:
        """What all of these tuples can do, as those of `collections.namedtuple` can."""

        @classmethod
        def _make(cls, values: Iterable[Any]) -> Self:
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
            return made

        def _replace(self, /, **changes: Any) -> Self:
            made = self._make(map(changes.pop, self._fields, self))
            if changes:
                raise TypeError(f"Got unexpected field names: {list(changes)!r}")
            return made

        __replace__ = _replace

        def _asdict(self) -> dict[str, Any]:
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            fields = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
            return f"{type(self).__name__}({fields})"

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)

    # Each class has them as its own: its only base is the tuple.
    _SHARED = ("_make", "_replace", "__replace__", "_asdict", "__repr__", "__getnewargs__")
    _METHODS = {name: vars(_Methods)[name] for name in _SHARED}

    class _Kind(type):
        """Make a class of tuples of what stands in the body of a class: its fields, their defaults, its methods."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            defaults = {field: body[field] for field in fields if field in body}

            def first(kind: type, *values: Any, **named: Any) -> Any:
                made.__new__ = staticmethod(_constructor(f"{name}.__new__", fields, defaults))
                return made.__new__(kind, *values, **named)

            getters = {field: _tuplegetter(number, None) for number, field in enumerate(fields)}
            names = {"_fields": fields, "__match_args__": fields, "_field_defaults": defaults}
            made = type(
                name, (tuple,), {**_METHODS, **body, **getters, **names, "__slots__": (), "__new__": first}
            )
            return made

    def _constructor(name: str, fields: tuple[str, ...], defaults: dict[str, Any]) -> Callable[..., Any]:
        """Compile a function that takes the fields and makes the tuple: no other is as fast to call."""
        listed = "".join(f"{field}, " for field in fields)
        made = eval(f"lambda _kind, {listed}: _new(_kind, ({listed}))", {"_new": tuple.__new__})  # noqa: S307
        made.__name__, made.__qualname__, made.__defaults__ = "__new__", name, tuple(defaults.values())
        return made

    class Row(metaclass=_Kind):
        """The base of such classes; they are tuples, and no subclasses of it."""


__all__ = ["Row"]
