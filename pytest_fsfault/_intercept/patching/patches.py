"""Put wrappers into modules and classes, and take them out again."""

from __future__ import annotations

from importlib import import_module
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

#: Stands for an attribute that a class only inherits.
MISSING: Any = object()


def is_again(value: object, original: object) -> bool:
    """Return whether `value` is the function `original` once more, of a module that was loaded again."""
    return (
        isinstance(value, FunctionType)
        and isinstance(original, FunctionType)
        and value.__globals__ is original.__globals__
        and value.__code__ == original.__code__
    )


class Patch(Row):
    """One attribute of a module or class, what belongs there, and what stands there under faults."""

    owner: Any
    name: str
    original: Any
    wrapper: Any


# Hot: runs for each patched module when a session starts and ends. A loop is faster here than `all` over `map`.
def _stands(space: dict[str, Any], values: dict[str, Any]) -> bool:
    """Return whether each of these names has this very value there."""
    try:
        for name, value in values.items():
            if space[name] is not value:
                return False
    except KeyError:
        return False
    return True


class _Module:
    """What is patched in the dictionary of one module."""

    def __init__(self, space: dict[str, Any]) -> None:
        self.space = space
        self.originals: dict[str, Any] = {}
        self.wrappers: dict[str, Any] = {}

    def add(self, name: str, original: Any, wrapper: Any) -> None:
        """Append a name."""
        self.originals[name] = original
        self.wrappers[name] = wrapper  # the last step: what has no wrapper is not exchanged

    def exchange(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Put each of `new` in the place of its `old`; a value that other code has put there stays.

        What `importlib.reload` has put there counts as the original from now on.
        """
        space = self.space
        if _stands(space, old):  # as nearly always
            space.update(new)
            return
        if _stands(space, new):
            return
        for name, there in old.items():
            present = space.get(name)
            if present is there:
                space[name] = new[name]
            elif is_again(present, there):
                old[name], space[name] = present, new[name]


class Patches:
    """A list of patches, laid out so that putting them in place is quick."""

    def __init__(self, patches: Iterable[Patch] = ()) -> None:
        self._modules: dict[int, _Module] = {}
        self._classes: list[tuple[Mapping[str, Any], Patch]] = []  # with the names of the class, as they are
        self.extend(patches)

    def extend(self, patches: Iterable[Patch]) -> None:
        """Append `patches`; those that are there already stay as they are."""
        for patch in patches:
            if isinstance(patch.owner, type):
                if all(patch != other for _, other in self._classes):
                    self._classes.append((vars(patch.owner), patch))
            else:
                space = vars(patch.owner)
                self._modules.setdefault(id(space), _Module(space)).add(*patch[1:])

    def install(self) -> None:
        """Put the wrappers in place; a name that other code has replaced is left alone."""
        for module in self._modules.values():
            module.exchange(module.originals, module.wrappers)
        for space, (owner, name, original, wrapper) in self._classes:
            if space.get(name, MISSING) is original:
                setattr(owner, name, wrapper)

    def uninstall(self) -> None:
        """Put the originals back where a wrapper stands."""
        for module in self._modules.values():
            module.exchange(module.wrappers, module.originals)
        for space, (owner, name, original, wrapper) in self._classes:
            if space.get(name, MISSING) is not wrapper:
                continue
            if original is MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, original)


class _Home:
    """What the wrappers of one module are bound to; pickled, they become that module's function."""

    def __init__(self, module: str, real: Callable[..., Any]) -> None:
        self._module = module
        self.real = real

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
    home = _Home(module, real)
    method = MethodType(call, home)
    setattr(home, real.__name__, method)  # where copy looks for it
    return method
