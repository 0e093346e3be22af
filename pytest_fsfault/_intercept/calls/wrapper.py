"""One wrapper for each intercepted function: cheap, and inert while no session exists.

A wrapper is a bound method that is made once per process: hashable, picklable, the same object everywhere,
and, unlike a plain function, not bound again when it becomes a class attribute.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from importlib import import_module
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.counts import ends_text
from pytest_fsfault._core.engine.execution import execute, tell_winerror
from pytest_fsfault._core.engine.pending import Action
from pytest_fsfault._core.language.operations import OPERATIONS
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.calls.arguments import (
    cut_short,
    discard,
    operation_on,
    relocated,
)
from pytest_fsfault._intercept.calls.outside import (
    changed_descriptor,
    directories_of,
    does_follow,
    refuse_outside,
)
from pytest_fsfault._intercept.calls.paths import REAL_PATHS
from pytest_fsfault._intercept.calls.refusals import HANDLING, handled
from pytest_fsfault._intercept.calls.state import STATUSES, UNANNOUNCED
from pytest_fsfault._intercept.patching.callers import is_py_path
from pytest_fsfault._intercept.patching.tracebacks import hide_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.interfaces import FastPath
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._intercept.calls.arguments import Ends
    from pytest_fsfault._intercept.calls.functions import InterceptedFunction
    from pytest_fsfault._intercept.calls.state import InterceptState

# So many paths are remembered per function before the memory starts anew.
MEMORY = 50_000
# How a path begins that is visibly absolute. On Windows none is: `/a` is on the drive of the current directory.
_PLAIN_START = "/" if os.sep == "/" else None
UNKNOWN: Any = object()
NOTHING = (None, None)


def _as_text(kept: str | tuple[str, str | None]) -> str:
    """Return a path, or a pair of them, as tallies keep it; of many the last few are kept, so not before.

    A path may be of a class of its own, as those of the `path` library are: a text stays.
    """
    text = ends_text(*kept) if isinstance(kept, tuple) else kept
    return text if type(text) is str else str.__str__(text)


class Wrapper:
    """Stand in front of one function.

    `undecided` remembers paths that need no decision: True for a path below a root that no rule concerns, False
    for one that is not watched; with its target, where there is one. A path that is missing there is looked
    at in full. `concerned_paths` are those, or pairs, that a rule may concern, and that are absolute and normalised.
    """

    __slots__ = (
        "__dict__",
        "_tests",
        "call",
        "calls",
        "concerned_paths",
        "event",
        "fast_path",
        "function",
        "guarded",
        "kind",
        "note_path",
        "operation",
        "outside_path",
        "paths",
        "real",
        "show",
        "state",
        "undecided",
    )  # fmt: skip

    def __init__(
        self, state: InterceptState, function: InterceptedFunction, real: Callable[..., Any]
    ) -> None:
        self.state = state
        self.function = function
        self.event = function.event
        self.operation = function.operation
        self.kind = OPERATIONS[function.operation]
        self.real = real
        self.undecided: dict[str, Any] = {}
        self.concerned_paths: set[Any] = set()
        self.calls = 0
        self.paths: deque[Any] = deque(maxlen=8)
        self.note_path = self.paths.append
        self.outside_path: str | None = None
        self._tests: Any = UNKNOWN
        self.fast_path: FastPath | None = None
        self.guarded = False  # a session refuses changes outside the roots
        self.show: Callable[[Any, object], Any] | None = None  # what the caller gets for a status
        self.call = _bind(self._template(function), self, real)
        vars(self)[function.function] = self.call  # `copy` asks the owner of a method for the method's name
        state.interceptors.append(self)

    def _template(self, function: InterceptedFunction) -> Callable[..., Any]:
        raise NotImplementedError

    def forget(self) -> None:
        self.undecided.clear()
        self.concerned_paths.clear()
        self.outside_path = None
        self._tests = UNKNOWN
        state = self.state
        self.fast_path = state.fast_paths.get(self.operation)
        self.guarded = bool(state.guarded) and "mutate" in self.kind.groups
        self.show = state.show if self.operation in STATUSES else None

    def drain_counts(self) -> tuple[int, list[str]]:
        if not (self.calls or self.paths):
            return 0, []
        calls, self.calls = self.calls, 0
        paths = list(map(_as_text, list(self.paths)))
        self.paths.clear()
        return calls, paths

    def tests(self) -> tuple[Callable[[str], object] | None, Callable[[str], object] | None]:
        """Return the quick tests for path and target, made anew after each change of the rules."""
        if self._tests is UNKNOWN:
            self.state.used.add(self)
            superset = self.state.superset
            target = superset(self.operation, target=True) if self.kind.two_paths else None
            source = superset(self.operation, target=False)
            self._tests = (source, target) if source or target else NOTHING
        return self._tests  # type: ignore[no-any-return]

    def of_object(self, path: Any) -> tuple[Any, Any]:
        """Return the text of a path object, which is what the function makes of it, and what is remembered of that.

        Composite functions hand the object on. What is wrong with one the long way finds out.
        """
        if self.kind.composite or getattr(type(path), "__fspath__", None) is None:
            return path, None
        try:
            text = os.fspath(path)
        except Exception:  # noqa: BLE001  # the long way raises it again
            return path, None
        return (text, self.undecided.get(text)) if type(text) is str else (path, None)

    def remember(self, path: str, watched: bool, target: str | None = None) -> bool:
        """Remember that `path`, or the pair of it and `target`, needs no decision."""
        if watched:
            self.note_path(path if target is None else ends_text(path, target))
        else:
            self.note_outside(path)
        if len(self.undecided) >= MEMORY:
            self.undecided.clear()
        self.undecided[path] = watched if target is None else (target, watched)
        return watched

    def keep_concerned(self, ends: Any, *paths: str) -> None:
        """Remember a path, or a pair, that is plain and that a rule may concern: nothing has to be resolved."""
        if not any("\0" in path for path in paths):
            if len(self.concerned_paths) >= MEMORY:
                self.concerned_paths.clear()
            self.concerned_paths.add(ends)

    def note_outside(self, path: str | None) -> None:
        """Keep a path outside the roots, for the message of a rule that waited for this operation."""
        if (
            self.outside_path is None
            and self.tests() is not NOTHING
            and self.state.callers.locate(sys._getframe(1))
        ):
            self.outside_path = path

    def is_plain(self, path: str) -> bool | None:
        """Return whether a visibly absolute and normal path is watched; None if it needs a closer look."""
        if path[:1] != _PLAIN_START or "/." in path or "//" in path or path[-1] == "/" or self.guarded:
            return None
        state = self.state
        if "\\" in path and state.show is not None:
            return None  # a separator, where the path passes for one of Windows
        return path.startswith(state.root_prefixes) or path in state.top_roots

    def refuse_outside(self, ends: Ends, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Refuse a call that would change something outside the roots."""
        operation = self.describe(ends, args, kwargs) if ends.path is not None else None
        if operation is not None:
            changed = changed_descriptor(self.function, args)
            refuse_outside(
                self.state,
                operation,
                changed,
                links=does_follow(self.function, kwargs),
                directories=directories_of(kwargs),
            )

    def failed(self, error: Exception, watched: bool | None) -> bool:
        """Look at an error that the real call raised; return whether the call has to go the long way after all.

        A call that failed has changed nothing, so that a model of Windows may still find the file under
        another spelling, or say what Windows would have said.
        """
        state = self.state
        state.announced = UNANNOUNCED
        hide_frames(error)
        if not watched or not isinstance(error, OSError):
            return False
        tell_winerror(state.engines, self.operation, error)
        # A composite one may have done half of its work.
        return state.model is not None and not self.kind.composite

    def direct(self, args: tuple[Any, ...], kwargs: dict[str, Any], watched: bool = True) -> Any:
        """Make the real call, in a way that leaves the hot path aside."""
        if self.event is not None:
            self.state.announced = args[0] if args else None
        try:
            return self.real(*args, **kwargs) if kwargs else self.real(*args)
        except OSError as error:
            self.state.announced = UNANNOUNCED
            if watched:
                tell_winerror(self.state.engines, self.operation, error)
            raise
        except Exception:
            self.state.announced = UNANNOUNCED
            raise

    def describe(self, ends: Ends, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operation | None:
        """Return the operation that is asked for; None if the caller belongs to the machinery."""
        # A look at the code of a frame is an audit event: those of ours, which are three at least, are passed over.
        site = self.state.callers.locate(sys._getframe(2).f_back)
        if site is None and is_py_path(sys._getframe(1)):
            for observed in tuple(self.state.observed.values()):
                observed.exempt.setdefault(self.operation, ends.path or "")
        return None if site is None else operation_on(self.function, ends, args, kwargs, REAL_PATHS, site)

    def execute(self, operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Hand a call to the engines of all open sessions."""
        action = WrappedCall(self, operation, args, kwargs)
        if self.operation not in HANDLING:
            return execute(self.state.engines, operation, action)

        def ask(perform: Callable[[], Any]) -> Any:
            return execute(self.state.engines, operation, Action(perform, at=action.at))

        return handled(self.operation, ask, action.perform, args, kwargs)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        # A bound method pickles as (its owner, its name), and comes back as what the module has by that name.
        return import_module, (self.function.module,)

    def __deepcopy__(self, _memo: object) -> Wrapper:
        return self

    def __repr__(self) -> str:
        return f"<fsfault wrapper of {self.real!r}>"


class WrappedCall:
    """How one call of a wrapped function is made, whole or in part; `Doing`, of which most calls need the first alone."""

    __slots__ = ("_args", "_asked", "_kwargs", "_wrapper")

    def __init__(
        self, wrapper: Wrapper, asked: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._wrapper = wrapper
        self._asked = asked
        self._args = args
        self._kwargs = kwargs

    def perform(self) -> Any:
        return self._wrapper.direct(self._args, self._kwargs)

    def discard(self, result: Any) -> None:
        discard(self._wrapper.operation, result, ORIGINALS["os", "close"])

    @property
    def short(self) -> Callable[[int], Any] | None:
        return self._transfer if self._wrapper.kind.transfers else None

    def _transfer(self, size: int) -> Any:
        args, kwargs = cut_short(self._wrapper.function.function, self._args, self._kwargs, size)
        return self._wrapper.real(*args, **kwargs)

    @property
    def at(self) -> Callable[[str, str | None], Any] | None:
        return None if self._asked.shown is None else self._elsewhere

    def _elsewhere(self, path: str, target: str | None) -> Any:
        args, kwargs = relocated(self._asked, self._args, self._kwargs, path, target)
        return self._wrapper.direct(args, kwargs, watched=False)

    def passed(self) -> None:
        """Do nothing: the call is made here, or not at all."""


#: The wrapper of each function, by its module and name; made when first needed.
WRAPPERS: dict[tuple[str, str], Wrapper] = {}


def _bind(template: Callable[..., Any], owner: Wrapper, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return `template` as a method of `owner` that looks like `real`, down to the names of its arguments."""
    code = template.__code__
    names = _parameters(owner, real)
    made = FunctionType(
        code.replace(
            co_name=real.__name__,
            co_qualname=real.__qualname__,
            co_varnames=("self", *names, *code.co_varnames[1 + len(names) :]),
        ),
        template.__globals__,
        real.__name__,
        template.__defaults__,
    )
    made.__kwdefaults__ = template.__kwdefaults__
    made.__dict__.update(getattr(real, "__dict__", {}))
    if "inspect" in sys.modules:  # who asks for signatures, such as an autospec, has loaded it
        from pytest_fsfault._intercept.patching.signatures import MethodSignature  # noqa: PLC0415

        made.__signature__ = MethodSignature(real)  # type: ignore[attr-defined]
    made.__doc__ = real.__doc__
    made.__module__ = real.__module__
    made.__qualname__ = real.__qualname__
    return MethodType(made, owner)


_PARAMETERS = {"path": ("path",), "two paths": ("src", "dst"), "descriptor": ("fd",), "open": ()}


def _parameters(owner: Wrapper, real: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names under which callers may pass the arguments that a wrapper reads."""
    if owner.function.function == "sendfile":
        return "out_fd", "in_fd"
    names = _PARAMETERS.get(owner.function.shape, ("src", "dst"))
    code = getattr(real, "__code__", None)
    return code.co_varnames[: len(names)] if code else names
