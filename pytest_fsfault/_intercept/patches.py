"""Put wrappers into modules and classes, and take them out again."""

from __future__ import annotations

from importlib import import_module
from types import MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Stands for an attribute that a class only inherits.
MISSING: Any = object()


class Patch(NamedTuple):
    """One attribute of a module or class, what belongs there, and what stands there under faults."""

    owner: Any
    name: str
    original: Any
    wrapper: Any


class Patches:
    """A list of patches, laid out so that putting them in place is quick."""

    def __init__(self, patches: Iterable[Patch] = ()) -> None:
        self._modules: list[tuple[dict[str, Any], str, Any, Any]] = []
        self._classes: list[Patch] = []
        self.extend(patches)

    def extend(self, patches: Iterable[Patch]) -> None:
        """Append `patches`."""
        for patch in patches:
            if isinstance(patch.owner, type):
                self._classes.append(patch)
            else:
                self._modules.append((vars(patch.owner), *patch[1:]))

    def install(self) -> None:
        """Put the wrappers in place; what somebody else has replaced is left to him."""
        for space, name, original, wrapper in self._modules:
            if space.get(name) is original:
                space[name] = wrapper
        for owner, name, original, wrapper in self._classes:
            if owner.__dict__.get(name, MISSING) is original:
                setattr(owner, name, wrapper)

    def uninstall(self) -> None:
        """Put the originals back where a wrapper stands."""
        for space, name, original, wrapper in self._modules:
            if space.get(name) is wrapper:
                space[name] = original
        for owner, name, original, wrapper in self._classes:
            if owner.__dict__.get(name, MISSING) is not wrapper:
                continue
            if original is MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, original)


class _Home:
    """What the wrappers of one module are bound to; pickled, they become that module's function."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return import_module, (self._module,)

    def __deepcopy__(self, _memo: object) -> _Home:
        return self


def bind(module: str, real: Callable[..., Any], call: Callable[..., Any]) -> Any:
    """Return `call` as a bound method that looks like `real`, a function of `module`.

    A method, since a plain function would be bound again where it becomes a class attribute; `call` takes
    one argument more, to be ignored.
    """
    for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
        setattr(call, attribute, getattr(real, attribute, None))
    home = _Home(module)
    method = MethodType(call, home)
    setattr(home, real.__name__, method)  # where copy looks for it
    return method
