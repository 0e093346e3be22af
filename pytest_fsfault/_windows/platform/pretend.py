"""Make the modules under test see Windows, and no others.

In a module that is meant, `sys.platform` is ``"win32"``, `os.name` ``"nt"`` and `platform.system()`
``"Windows"``, however it imported them: under any name, early (`from sys import platform`), inside a
function, or after the start. Everything else about these modules stays real, under the same interception.
The truth values that a module holds under the names of `constants` are True.

A module that is first imported meanwhile is executed on this "Windows": what it computes from `sys.platform`
comes out as there, and `import winreg` fails. So it is forgotten at the end, with whatever was first
imported of the same package: the next import loads it anew.

Not reached: class attributes, defaults and closures that were computed before; a constant that is not a bool;
a name bound early by way of a third module, or in a module without source; `importlib.import_module("os")`
and `sys.modules["os"]`, which give the real one.
"""

from __future__ import annotations

import ast
import os
import sys
import warnings
from contextlib import ExitStack
from fnmatch import fnmatchcase
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._windows.platform.constants import CONSTANTS
from pytest_fsfault._windows.platform.proxies import IMPORTS, ModuleProxies, enlist

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

# To change these would change the answer for everybody, the test run included.
_HARNESS = frozenset({"pytest", "_pytest", "pluggy", "pytest_fsfault"})
_PROTECTED = _HARNESS | sys.stdlib_module_names
# The characters of dotted names, and of globs.
_GLOB = deferred(r"[\w.*?\[\]!-]+")
_ELSE = "name the modules under test, such as 'mypkg' and 'mypkg.*'"


def pretend(*modules: str, constants: Iterable[str] = CONSTANTS) -> Pretence:
    """Return a pretence, not yet started, for the modules that the globs mean.

    ``"mypkg.*"`` means everything below `mypkg`, but not `mypkg` itself. Raise FsFaultError for a glob
    that means pytest or the standard library too, and for constants that are no names.
    """
    if not modules:
        raise FsFaultError(f"pretend() says for no module that it is on Windows; {_ELSE}")
    for pattern in modules:
        _check_pattern(pattern)
    return Pretence(modules, _checked_constants(constants))


def _check_pattern(pattern: Any) -> None:
    if not isinstance(pattern, str):
        hint = f"; did you mean {pattern.__name__!r}?" if isinstance(pattern, ModuleType) else ""
        raise FsFaultError(f"pretend({pattern!r}) is not text; {_ELSE}{hint}")
    if not pattern.strip():
        raise FsFaultError(f"pretend({pattern!r}) is empty; {_ELSE}")
    if not _GLOB.fullmatch(pattern):
        raise FsFaultError(f"pretend({pattern!r}) matches no name of a module; {_ELSE}")
    top = pattern.partition(".")[0]
    taken = next((name for name in ("os", "sys", *sorted(_PROTECTED)) if fnmatchcase(name, top)), None)
    if taken:
        owner = "pytest's own run" if taken in _HARNESS else "the standard library"
        raise FsFaultError(f"pretend({pattern!r}) also means {taken!r}, which belongs to {owner}; {_ELSE}")


def _checked_constants(constants: Any) -> tuple[str, ...]:
    if isinstance(constants, str) or not hasattr(constants, "__iter__"):
        instead = constants if isinstance(constants, str) and constants.isidentifier() else CONSTANTS[0]
        raise FsFaultError(f"constants={constants!r} is not a tuple of names; write constants=({instead!r},)")
    names = tuple(constants)
    for name in names:
        if not isinstance(name, str) or not name.isidentifier():
            hint = nearest(name, CONSTANTS) if isinstance(name, str) else ""
            raise FsFaultError(
                f"constants={names!r} holds {name!r}, which is not the name of a variable; "
                f"write names such as {CONSTANTS[0]!r}{hint}"
            )
    return names


_said: list[bool] = []


def _say_once() -> None:
    """Say that there is nothing to pretend, once, in the first test that asks for it."""
    if not _said:
        _said.append(True)
        sys.stderr.write("pytest-fsfault: pretend has nothing to do here: this is Windows\n")


class Pretence:
    """Some modules on Windows, from `start` to `stop`; pretences nest, and end in any order."""

    def __init__(self, modules: tuple[str, ...], constants: tuple[str, ...] = CONSTANTS) -> None:
        self._patterns = modules
        self._constants = frozenset(constants)
        self._owned: dict[str, bool] = {}
        self._met: set[str] = set()
        self._proxies: ModuleProxies | None = None
        self._places: list[tuple[dict[str, Any], str, Any, Any]] = []
        self._undo: ExitStack | None = None

    def start(self) -> None:
        """Change what the modules see; without effect if started already."""
        if self._undo is not None:
            return
        if sys.platform == "win32":
            self._undo = ExitStack()  # the modules see Windows as they are
            self._undo.callback(lambda: self._met.update(filter(self.owns, list(sys.modules))))
            _say_once()
            return
        with ExitStack() as undo:
            proxies = self._proxies = ModuleProxies()
            undo.callback(proxies.end)
            undo.callback(self._forget, dict(sys.modules))
            undo.callback(self._uncover, proxies)
            IMPORTS.enter(self)
            undo.callback(self._leave)
            self.dress_all()
            self._undo = undo.pop_all()

    def stop(self) -> None:
        """Put everything back; without effect if stopped already."""
        undo, self._undo = self._undo, None
        if undo is not None:
            undo.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if kind is None:
            self.verify()

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The globs that no module has matched since the first start."""
        if self._undo is not None:
            self._met.update(filter(self.owns, list(sys.modules)))
        return tuple(
            pattern for pattern in self._patterns if not any(fnmatchcase(name, pattern) for name in self._met)
        )

    def verify(self) -> None:
        """Raise FsFaultError if a glob has matched no module."""
        unmatched = self.unmatched
        if unmatched:
            names = ", ".join(map(repr, unmatched))
            known = (name for name in list(sys.modules) if name.partition(".")[0] not in _PROTECTED)
            hint = nearest(unmatched[0].rstrip(".*"), known)
            raise FsFaultError(f"pretend({names}) met no module that was imported by then; {_ELSE}{hint}")

    def owns(self, name: str) -> bool:
        """Return whether the module of this name is meant."""
        known = self._owned.get(name)
        if known is None:
            known = any(fnmatchcase(name, pattern) for pattern in self._patterns)
            known = self._owned[name] = known and name.partition(".")[0] not in _PROTECTED
        return known

    def see(self, found: Any) -> Any:
        """Return what the modules get when they import `found`."""
        return self._proxies.instead(found) if self._proxies else found

    def dress(self, name: str, module: Any) -> None:
        """Change a loaded module, and remember what was there."""
        self._met.add(name)
        space = _space(module)
        early: dict[str, str] | None = None
        for key, value in list(space.items()):
            put = True if value is False and key in self._constants else self.see(value)
            if type(value) is str and value in (sys.platform, os.name):
                early = _bound_early(name, space) if early is None else early
                put = early.get(key, value)
            if put is not value:
                space[key] = put
                self._places.append((space, key, put, value))

    def dress_all(self) -> None:
        """Change all modules that are loaded."""
        for name, module in list(sys.modules.items()):
            if self.owns(name):
                self.dress(name, module)

    def _leave(self) -> None:
        later = IMPORTS.leave(self)
        for space, key, put, before in reversed(self._places):
            if space.get(key) is put:
                unwrapped = enlist(before)
                # Behind the proxy of a pretence that has ended may be that of one that has not.
                space[key] = before if unwrapped is before else IMPORTS.see(unwrapped, space)
        self._places.clear()
        for other in reversed(later):
            other.dress_all()  # they had found their own changes made already

    def _uncover(self, proxies: ModuleProxies) -> None:
        """Take the proxies out of modules that have imported one meanwhile."""
        for name, module in list(sys.modules.items()):
            if self.owns(name):
                self._met.add(name)
                space = _space(module)
                for key, value in list(space.items()):
                    if (real := proxies.behind(value)) is not value:
                        space[key] = real

    def _forget(self, before: dict[str, Any]) -> None:
        """Let the next import load anew what was first imported meanwhile, package by package."""
        late = {name: each for name, each in list(sys.modules.items()) if before.get(name) is not each}
        packages = {name.partition(".")[0] for name in late if self.owns(name)}
        for name, module in late.items():
            if name.partition(".")[0] in packages:
                sys.modules.pop(name, None)
                parent, _, child = name.rpartition(".")
                space = _space(sys.modules.get(parent))
                if space.get(child) is module:
                    del space[child]


def _space(module: Any) -> dict[str, Any]:
    """Return a module's dictionary without waking a lazy one; an empty one for anything but a module."""
    try:
        found = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


_HINT = deferred(r"\bfrom\s+(os|sys)\s+import\b")
_SEEN = {("sys", "platform"): "win32", ("os", "name"): "nt"}


def _bound_early(name: str, space: dict[str, Any]) -> dict[str, str]:
    """Return the globals that a module's source imports from `os` and `sys`, and what they are on Windows.

    The value alone tells nothing: every ``"posix"`` of a process is one object.
    """
    try:
        source = space["__loader__"].get_source(name) or ""
        if not _HINT.search(source):
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            statements = ast.parse(source).body
    except Exception:  # noqa: BLE001  # no source, or a loader with ideas of its own: nothing to be seen
        return {}
    return dict(_imported(statements))


def _seen_in(node: ast.ImportFrom) -> Iterator[tuple[str, str]]:
    for alias in node.names:
        for (module, attribute), value in _SEEN.items():
            if node.module == module and alias.name in (attribute, "*"):
                yield alias.asname or attribute, value


def _imported(statements: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    for node in statements:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield from _seen_in(node)
        elif not isinstance(node, ast.expr):
            yield from _imported(ast.iter_child_nodes(node))
