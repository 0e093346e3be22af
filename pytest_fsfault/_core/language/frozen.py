"""Frozen data classes, written as those of `dataclasses` are, which compiles six functions for each.

That was a twentieth of what the start of a run takes. Here nothing is compiled: an object takes longer to make, and no longer
to compare. `dataclasses.fields`, `replace` and their like take these classes for what they look like.
"""

from __future__ import annotations

from operator import attrgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass, field, replace
    from typing import Any
else:

    class _Field:
        """The options of a field, by the names that `dataclasses.field` has for them."""

        def __init__(self, **options: Any) -> None:
            self.options = options

    field = _Field

    class _Fields:
        """The fields of a class as `dataclasses` describes them; it is loaded when they are asked for."""

        def __init__(self, options: dict[str, dict[str, Any]]) -> None:
            self._options = options

        def __get__(self, _: object, kind: type) -> dict[str, Any]:
            from dataclasses import field, make_dataclass  # noqa: PLC0415

            rows = [
                (name, kind.__annotations__[name], field(**options))
                for name, options in self._options.items()
            ]
            return make_dataclass(kind.__name__, rows).__dataclass_fields__

    def dataclass(*, frozen: bool, **_: bool) -> Callable[[type], type]:
        """Return a decorator that adds to a class of frozen objects the methods that it does not have itself."""
        assert frozen  # noqa: S101
        return _completed

    def _completed(kind: type) -> type:
        options = {name: _options(kind, name) for name in kind.__annotations__}
        methods = {
            "__init__": _initialiser(options),
            "__repr__": _representation([name for name, how in options.items() if how.get("repr", True)]),
            **_comparison([name for name, how in options.items() if how.get("compare", True)]),
            "__setattr__": _refuse,
            "__delattr__": _refuse,
            "__match_args__": tuple(name for name, how in options.items() if how.get("init", True)),
            "__dataclass_fields__": _Fields(options),
        }
        for name in methods.keys() - vars(kind).keys():
            setattr(kind, name, methods[name])
        return kind

    def _options(kind: type, name: str) -> dict[str, Any]:
        """Return the options of a field; a default stays the attribute of the class that it is."""
        if name not in vars(kind):
            return {}
        value = vars(kind)[name]
        if isinstance(value, _Field):
            delattr(kind, name)
            return value.options
        return {"default": value}

    def _initialiser(options: dict[str, dict[str, Any]]) -> Callable[..., None]:
        names = [name for name, how in options.items() if how.get("init", True)]
        defaults = {name: options[name]["default"] for name in names if "default" in options[name]}
        factories = {
            name: options[name]["default_factory"] for name in names if "default_factory" in options[name]
        }

        def __init__(self: Any, *values: Any, **named: Any) -> None:  # noqa: N807
            facts = {**dict(zip(names, values, strict=False)), **named}
            made = {name: make() for name, make in factories.items() if name not in facts}
            if len(values) + len(named) > len(facts) or (defaults | made | facts).keys() != set(names):
                raise TypeError(f"{type(self).__name__}() takes {', '.join(names)}, each once")
            vars(self).update(defaults | made | facts)
            if hasattr(self, "__post_init__"):
                self.__post_init__()

        return __init__

    def _representation(shown: list[str]) -> Callable[[Any], str]:
        def __repr__(self: Any) -> str:  # noqa: N807
            return (
                f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"
            )

        return __repr__

    def _comparison(compared: list[str]) -> dict[str, Callable[..., Any]]:
        facts = attrgetter(*compared)

        def __eq__(self: Any, other: object) -> bool:  # noqa: N807
            return facts(self) == facts(other) if type(other) is type(self) else NotImplemented

        def __hash__(self: Any) -> int:  # noqa: N807
            return hash(facts(self))

        return {"__eq__": __eq__, "__hash__": __hash__}

    def _refuse(self: Any, name: str, *_: object) -> None:
        from dataclasses import FrozenInstanceError  # noqa: PLC0415

        raise FrozenInstanceError(f"cannot change field {name!r} of {type(self).__name__}")

    def replace(one: Any, /, **changes: Any) -> Any:
        """Return a copy with other values in some fields."""
        return type(one)(**{name: vars(one)[name] for name in one.__match_args__} | changes)


__all__ = ["dataclass", "field", "replace"]
