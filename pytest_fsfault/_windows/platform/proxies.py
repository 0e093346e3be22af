"""Let some modules see `sys`, `os` and `platform` of a Windows, however and whenever they import them.

The values: CPython PC/pyconfig.h (`sys.platform`), Lib/os.py (`os.name`), Lib/platform.py (`system`). What `os` has
on other systems alone is missing there, so that code that asks by `hasattr` behaves as on Windows.
"""

from __future__ import annotations

import builtins
import os
import platform
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from pytest_fsfault._windows.platform.absent import ABSENT
from pytest_fsfault._windows.platform.modes import FLAGS

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec

_MISSING: Any = object()
# What a view has in the place of a name that is not there.
_ABSENT: Any = object()


class _Kind(type):
    """The type of a proxy: `isinstance(json, type(sys))` must hold where `sys` has a proxy."""

    real: Any
    view: dict[str, Any]

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, ModuleType)


class _ModuleProxy(ModuleType, metaclass=_Kind):
    def __new__(cls, *args: Any, **kwargs: Any) -> ModuleType:  # type: ignore[misc]
        return ModuleType(*args, **kwargs)  # `type(sys)("name")` is how some make a module

    def __dir__(self) -> list[str]:
        view = type(self).view
        return [name for name in dir(unwrap(self)) if view.get(name) is not _ABSENT]

    def __repr__(self) -> str:
        return repr(unwrap(self))


def proxy_of(real: Any, view: dict[str, Any]) -> ModuleType:
    """Return a module that is `real` in everything but the names of `view`; an empty `view` ends that.

    What is set or deleted goes to `real`, so that patches reach everybody. A name of `view` never does: it
    is set for those who look through this proxy, and an undo that comes after the end is dropped.
    """
    names = frozenset(view)
    originals = {name: getattr(real, name, _MISSING) for name in view if view[name] is _ABSENT}

    class Proxied(_ModuleProxy):
        def __getattribute__(self, name: str) -> Any:
            found = view.get(name, _MISSING)
            if found is _MISSING:
                return getattr(real, name)
            if found is _ABSENT:
                return _patched(real, name, originals[name])
            # A patching tool looks into the dictionary for the value to put back.
            return _together(vars(real), view) if name == "__dict__" else found

        def __setattr__(self, name: str, value: Any) -> None:
            if name not in names:
                setattr(real, name, value)
            elif view:
                view[name] = value

        def __delattr__(self, name: str) -> None:
            if name not in view:
                delattr(real, name)
            elif name in originals and view[name] is not _ABSENT:
                view[name] = _ABSENT  # the end of a patch
            else:
                raise AttributeError(f"{name!r} stays while a module pretends to be on Windows")

    Proxied.real, Proxied.view = real, view
    view["__dict__"] = None  # so that the way of all other names is short
    made: ModuleType = ModuleType.__new__(Proxied)
    return made


def _patched(real: Any, name: str, original: Any) -> Any:
    """Return what a test has put in the place of a name that Windows does not have; else it is missing."""
    now = getattr(real, name, original)
    if now is original or _owner(now).startswith("pytest_fsfault."):
        raise AttributeError(f"module {real.__name__!r} has no attribute {name!r}", name=name, obj=real)
    return now


def _owner(function: Any) -> str:
    """Return the module of who made a function: our wrappers are methods that look like what they stand for."""
    kind = type(getattr(function, "__self__", None))
    return kind.__module__ if kind is not ModuleType else str(getattr(function, "__module__", ""))


def _together(real: dict[str, Any], view: dict[str, Any]) -> dict[str, Any]:
    seen = {**real, **view}
    return {name: value for name, value in seen.items() if value is not _ABSENT and name != "__dict__"}


def unwrap(found: Any) -> Any:
    """Return the module behind a proxy, or `found` itself."""
    kind = type(found)
    return kind.real if type(kind) is _Kind else found


def enlist(found: Any) -> Any:
    """Return the module behind a proxy that has ended, or `found` itself."""
    kind = type(found)
    return kind.real if type(kind) is _Kind and not kind.view else found


class ModuleProxies:
    """One set of proxies, from its making to `end`; afterwards a proxy that is still held shows the real values."""

    def __init__(self) -> None:
        self._proxies: list[dict[str, Any]] = []
        self._instead: dict[int, Any] = {}
        self._behind: dict[int, Any] = {}
        system = self._system
        for name, real, seen in (
            ("sys", sys, {"platform": "win32"}),
            ("os", os, {**dict.fromkeys(ABSENT, _ABSENT), "name": "nt", "__all__": _named(), **FLAGS}),
            ("platform", platform, {"system": system}),
        ):
            # Something else may stand for the module, such as a fake file system's `os`.
            for module in (real, sys.modules.get(name, real)):
                if id(module) not in self._instead:
                    view: dict[str, Any] = dict(seen)
                    self._add(module, proxy_of(module, view))
                    self._proxies.append(view)
        self._add(platform.system, system)

    def _system(self) -> str:
        return "Windows" if self._instead else platform.system()

    def _add(self, real: Any, instead: Any) -> None:
        self._instead[id(real)] = instead
        self._behind[id(instead)] = real

    def instead(self, found: Any) -> Any:
        """Return what stands for a module or function, seen or not through other proxies; or itself."""
        return self._instead.get(id(unwrap(found)), found)

    def behind(self, found: Any) -> Any:
        """Return what is behind one of these proxies, or `found` itself."""
        return self._behind.get(id(found), found)

    def end(self) -> None:
        """Show the truth from now on."""
        self._instead.clear()
        self._behind.clear()
        for view in self._proxies:
            view.clear()


def _named() -> list[str]:
    """Return what `from os import *` takes there."""
    return [name for name in os.__all__ if name not in ABSENT]


class ImportListener(Protocol):
    """Who wants to take part in imports."""

    def owns(self, name: str) -> bool:
        """Return whether the module of this name is meant."""
        ...

    def see(self, found: Any) -> Any:
        """Return what such a module gets when it imports `found`."""
        ...

    def dress(self, name: str, module: Any) -> None:
        """Change a module that was loaded just now."""

    def dress_all(self) -> None:
        """Change all modules that are loaded."""


class _Imports:
    """The one import hook of the process, in place while it has listeners.

    The import statement inside a function takes `__import__` from the builtins, at every call, so nothing
    less than exchanging it reaches `def f(): import sys`. It costs 0.1 to 0.2 µs for each such import.
    """

    def __init__(self) -> None:
        self._listeners: tuple[ImportListener, ...] = ()  # the latest first
        self._plain: Callable[..., Any] = builtins.__import__
        self._wrapper: Callable[..., Any] | None = None

    def enter(self, listener: ImportListener) -> None:
        """Let `listener` take part from now on."""
        if not self._listeners:
            self._plain = builtins.__import__
            builtins.__import__ = self._wrapper = _wrap(self._plain, self.see)
            sys.meta_path.insert(0, self)
        self._listeners = (listener, *self._listeners)

    def leave(self, listener: ImportListener) -> tuple[ImportListener, ...]:
        """Let `listener` take part no more; return those who came after it and still do."""
        later = self._listeners[: self._listeners.index(listener)]
        self._listeners = tuple(other for other in self._listeners if other is not listener)
        if not self._listeners:
            if builtins.__import__ is self._wrapper:  # or else ours is wrapped, and inert now
                builtins.__import__ = self._plain
            sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
        return later

    def see(self, found: Any, namespace: Any) -> Any:
        """Return what the module with these globals gets when it imports `found`."""
        name = namespace.get("__name__") if isinstance(namespace, dict) else None
        if isinstance(name, str):
            for listener in self._listeners:
                if listener.owns(name):
                    return listener.see(found)
        return found

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find a module of a listener as the finders behind this one do, and watch it being loaded."""
        if not any(listener.owns(name) for listener in self._listeners):
            return None
        behind = sys.meta_path[sys.meta_path.index(self) + 1 :]
        finds = (finder.find_spec(name, path, target) for finder in behind if hasattr(finder, "find_spec"))
        spec = next((spec for spec in finds if spec is not None), None)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(spec.loader, self.loaded)  # type: ignore[assignment]
        return spec

    def loaded(self, name: str, module: Any) -> None:
        """Tell the listeners of a module that it has been executed, the latest one last."""
        for listener in reversed(self._listeners):
            if listener.owns(name):
                listener.dress(name, module)


def _unseen(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a frame of `function` pass for one of the import system's.

    Python passes over those when a module's body warns with `stacklevel=2`: the importing line is meant.
    """
    function.__code__ = function.__code__.replace(co_filename="<frozen importlib._bootstrap>")
    return function


def _wrap(plain: Callable[..., Any], see: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    @_unseen
    def __import__(  # noqa: A001, N807
        name: str,
        globals: Any = None,  # noqa: A002
        locals: Any = None,  # noqa: A002
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        __tracebackhide__ = True
        found = plain(name, globals, locals, fromlist, level)
        return see(found, globals) if name in _IMPORTED and not level else found

    return __import__


_IMPORTED = frozenset({"os", "os.path", "sys", "platform"})


class _Loader:
    """A loader that says when it is done; the module shows the real loader from its first line on."""

    def __init__(self, real: Any, loaded: Callable[[str, Any], None]) -> None:
        self._real = real
        self._loaded = loaded

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def create_module(self, spec: ModuleSpec) -> Any:
        """Create the module as the real loader does."""
        create = getattr(self._real, "create_module", None)
        return create(spec) if create else None

    @_unseen
    def exec_module(self, module: Any) -> None:
        """Execute the module as the real loader does, and say so."""
        module.__loader__ = module.__spec__.loader = self._real
        self._real.exec_module(module)
        self._loaded(module.__spec__.name, module)


IMPORTS = _Imports()
