"""Names that were bound early: find them in a caller's frame, exchange them in module dictionaries."""

from __future__ import annotations

import sys
from functools import partial
from sys import getrefcount
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.patching.instructions import called_attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import FrameType

    from pytest_fsfault._intercept.patching.callers import Callers

    _Pairs = Mapping[int, tuple[Any, Any]]
    # Where a name is, with its original and its wrapper: as a pair, for another reference would be counted.
    _Place = tuple[dict[str, Any], str, tuple[Any, Any]]


def reachable(frame: FrameType, function: object) -> bool:
    """Return whether the names that `frame` uses lead to `function`.

    Looked at: locals, defaults and closure cells, the globals that the code names, and one step further:
    attributes that the code names, partials, tables.
    """
    names = frame.f_code.co_names
    scope = frame.f_globals
    values = [*frame.f_locals.values(), *(scope[name] for name in names if name in scope)]
    return any(_leads_to(value, function, names) for value in values)


def which_of(frame: FrameType, functions: Mapping[str, object]) -> str | None:
    """Return which of some functions a frame is calling; None if that is not known.

    The names that the frame uses tell, and where these lead to none of them or to several, the instruction that calls:
    `functions` are known by their last names.
    """
    found = [name for name, function in functions.items() if reachable(frame, function)]
    if len(found) == 1:
        return found[0]
    called = called_attribute(frame)
    return next((name for name in functions if name.rpartition(".")[2] == called), None)


def _leads_to(value: Any, function: object, names: tuple[str, ...]) -> bool:
    if value is function:
        return True
    # By type, not by `isinstance`: that would wake a lazy object. Copies, since other threads may write.
    kind = type(value)
    if kind is partial:
        return value.func is function
    if kind in _SEQUENCES:
        return any(item is function for item in list(value))
    if issubclass(kind, dict):
        return any(item is function for item in list(dict.values(value)))
    return any(item is function for item in _attributes(value, names))


_SEQUENCES = frozenset({list, tuple, set, frozenset})


def _attributes(value: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """Yield the named attributes of an object, of its class, and of the classes above, without side effects."""
    kind = type(value)
    own = None if issubclass(kind, type) else _dictionary(value)
    spaces: list[Any] = [] if own is None else [own]
    spaces += [vars(cls) for cls in (value if issubclass(kind, type) else kind).__mro__]
    for space in spaces:
        for name in names:
            found = space.get(name)
            yield found.__func__ if type(found) in {staticmethod, MethodType} else found


def _dictionary(value: Any) -> dict[str, Any] | None:
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return found if type(found) is dict else None


class EarlyBound:
    """Exchange functions for their wrappers wherever a module's dictionary holds them, and put them back.

    What a scan found is remembered with the size of each dictionary, and with how often each original is referred
    to: unless that has changed, a module is new, or a known name leads elsewhere, no other name leads to one. So a
    warm start counts references; a start after a change compares the sizes, and looks at what differs in size.
    The counts see what sizes do not: a name that leads to something else now. They also save a quarter of a session's
    start and end: with 1,000 modules 0.205 ms instead of 0.264 ms (medians of 15 interleaved rounds).
    """

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._modules: list[Any] = []
        self._spaces: list[dict[str, Any]] = []
        self._sizes: list[int] = []
        self._places: dict[int, list[_Place]] = {}
        self._active: list[_Place] = []
        self._pairs: dict[int, tuple[Any, Any]] = {}
        self._functions: dict[Any, tuple[Any, Any]] = {}  # those of them that are found by what they are
        self._kinds: frozenset[type] = frozenset()
        self._times: frozenset[int] = frozenset()
        self._wrappers: list[Any] = []
        self._references: list[int] = []
        self._originals: list[Any] = []
        # How often the originals were referred to when they were last looked for.
        self._seen: list[int] | None = None
        self._ends = False  # whether the interpreter does: nothing is remembered any more

    def register(self, files: _Pairs, times: _Pairs) -> None:
        """Register replacements, and take the baseline of their reference counts.

        Both maps go from the original's id to (original, wrapper). Names of `times` are left alone in the
        standard library, whose own waits are real.
        """
        self._pairs = {**files, **times}
        self._times = frozenset(times)
        self._wrappers = [wrapper for _, wrapper in self._pairs.values()]
        self._originals = [original for original, _ in self._pairs.values()]
        self._kinds = frozenset(map(type, self._originals))
        self._functions = {
            original: pair for pair in self._pairs.values() if type(original := pair[0]) in _BY_IDENTITY
        }
        self._references = self._count()

    def _count(self) -> list[int]:
        return list(map(getrefcount, self._wrappers))

    def replace(self) -> None:
        """Put wrappers in the place of early-bound originals."""
        seen = list(map(getrefcount, self._originals))
        modules = list(sys.modules.values())
        if seen != self._seen or not _same(modules, self._modules) or not self._stand():
            self._scan(modules)
            self._seen = seen
        for places in self._places.values():
            for place in places:
                space, name, (original, wrapper) = place
                if space.get(name) is original:
                    self._active.append(place)
                    space[name] = wrapper

    def _stand(self) -> bool:
        """Return whether all known names still lead to originals: what one lets go, another may take."""
        for places in self._places.values():
            for space, name, (original, _) in places:
                if space.get(name) is not original:
                    return False
        return True

    def restore(self) -> None:
        """Put the originals back, also in modules that were imported in between.

        To be called last, when we ourselves have taken the wrappers from everywhere.
        """
        self._put_back()
        # A name that leads to a wrapper is a reference: if there are no more of them than before one could be
        # take one, no module has one, and there is nothing to look for.
        if self._count() == self._references:
            return
        self._seen = None
        self._scan(list(sys.modules.values()), self._take_wrappers)
        if self._ends:
            self.forget()

    def _scan(
        self, modules: list[Any], treat: Callable[[dict[str, Any]], object] = lambda _space: None
    ) -> None:
        """Look at what has changed, `treat` it, and remember where originals are."""
        try:
            changed = self._changed(modules)
            for space in changed:
                treat(space)
            self._note(changed)
        except BaseException:
            self._forget_sizes()  # what was interrupted has not seen all that it has taken note of
            raise

    def forget(self) -> None:
        """Let go of all modules, since the interpreter ends: each is freed as it would be without us.

        Of one that is still referred to then the names are emptied one by one, before what it has is finalised.
        """
        self._ends = True
        self._forget_sizes()
        self._places = {}

    def _forget_sizes(self) -> None:
        self._modules, self._spaces, self._sizes, self._seen = [], [], [], None

    def _take_wrappers(self, space: dict[str, Any]) -> None:
        by_wrapper = {id(wrapper): original for original, wrapper in self._pairs.values()}
        kinds = frozenset(map(type, self._wrappers))
        for name, value in list(space.items()):
            if type(value) in kinds and id(value) in by_wrapper:
                space[name] = by_wrapper[id(value)]

    def _put_back(self) -> None:
        for space, name, (original, wrapper) in reversed(self._active):
            if space.get(name) is wrapper:
                space[name] = original
        self._active.clear()

    def _note(self, spaces: Iterable[dict[str, Any]]) -> None:
        """Remember where these dictionaries hold originals; they are not looked at again until they change."""
        for space in spaces:
            found = self._found_in(space)
            number = _identity(space)
            self._places.pop(number, None)
            if found:
                left = self._times if _is_stdlib(space) else ()
                self._places[number] = [
                    (space, name, pair) for name, pair in found if not left or id(pair[0]) not in left
                ]

    def _found_in(self, space: dict[str, Any]) -> list[tuple[str, tuple[Any, Any]]]:
        """Return the names that lead to originals, with these and their wrappers."""
        # A scan meets each name of each module, so that this calls nothing of ours for one.
        kinds, by_identity, by_number = self._kinds, self._functions.get, self._pairs.get
        return [
            (name, pair)
            for name, value in list(space.items())
            if (kind := type(value)) in kinds
            and (pair := by_identity(value) if kind in _BY_IDENTITY else by_number(id(value))) is not None
            and pair[0] is value
        ]

    def _is_unchanged(self, modules: list[Any]) -> bool:
        return _same(modules, self._modules) and list(map(len, self._spaces)) == self._sizes

    def _changed(self, modules: list[Any]) -> list[dict[str, Any]]:
        """Return the dictionaries that are new or have changed their size since the last call."""
        if self._is_unchanged(modules):
            return []
        before = {_identity(space): size for space, size in zip(self._spaces, self._sizes, strict=True)}
        self._modules = modules
        self._spaces = [space for module in modules if (space := self._space(module)) is not None]
        self._sizes = list(map(len, self._spaces))
        known = set(map(_identity, self._spaces))
        self._places = {key: places for key, places in self._places.items() if key in known}
        return [
            space
            for space, size in zip(self._spaces, self._sizes, strict=True)
            if before.get(_identity(space)) != size
        ]

    def _space(self, module: Any) -> dict[str, Any] | None:
        """Return a module's dictionary if its names may be exchanged; do not wake a lazy module."""
        try:
            space = object.__getattribute__(module, "__dict__")
        except AttributeError:
            return None
        name = space.get("__name__") if isinstance(space, dict) else None
        if not isinstance(name, str) or name in _LEFT_ALONE or name.partition(".")[0] in _PACKAGES_LEFT_ALONE:
            return None
        return None if self._callers.is_machinery(name) else space


# Tells dictionaries apart as `id` does, of whose calls audit hooks are told: ours, too, which takes longer than the rest.
_identity = object.__hash__

# Their hash is their identity. `id` tells audit hooks of each call, ours among them: that took most of a scan.
_BY_IDENTITY = frozenset({BuiltinFunctionType, FunctionType})


def _same(modules: list[Any], others: list[Any]) -> bool:
    try:
        return modules == others  # by identity first: the fastest way through a thousand modules
    except Exception:  # noqa: BLE001  # whatever stands in sys.modules may refuse to be compared
        return False


# The modules that are patched by name, those that the import system works with, and this package.
_LEFT_ALONE = frozenset(
    [
        "os",
        "io",
        "builtins",
        "shutil",
        "time",
        "posix",
        "nt",
        "_io",
        "threading",
        "queue",
        "linecache",
        "tokenize",
    ]
)
_PACKAGES_LEFT_ALONE = frozenset(
    {"pytest_fsfault", "importlib", "_frozen_importlib", "_frozen_importlib_external"}
)


def _is_stdlib(space: Mapping[str, Any]) -> bool:
    return str(space.get("__name__", "")).partition(".")[0] in sys.stdlib_module_names
