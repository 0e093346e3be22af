"""Notice what `unittest.mock` puts in the place of a function: it is gone again before the test is judged.

A mock that is to look like the function (`autospec`, `spec`) looks like the real one, not like our wrapper.
"""

from __future__ import annotations

import functools
import os
import sys
from types import MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_MODULES = frozenset(["os", "io", "shutil", "time", "builtins"])
_LIKENESSES = ("autospec", "spec", "spec_set")
_PACKAGE = __name__.partition(".")[0] + "."


class MockWatch:
    """Tell of each function that `mock.patch` replaces: `note` gets its module, its name, and what stands there.

    The one method that all forms of `mock.patch` go through is exchanged until `stop`. A test that imports
    `unittest.mock` only while it runs is not watched.
    """

    def __init__(self, note: Callable[[str, str, str], None]) -> None:
        self._note = note
        self._owner: Any = None
        self._original: Callable[[Any], Any] | None = None
        self._entered: Callable[[Any], Any] | None = None

    def start(self) -> None:
        """Watch, if `unittest.mock` is loaded."""
        owner = getattr(sys.modules.get("unittest.mock"), "_patch", None)
        original = getattr(owner, "__enter__", None)
        if self._owner is not None or original is None:
            return
        note = self._note

        @functools.wraps(original)
        def entered(patcher: Any) -> Any:
            asked = [one for one in _LIKENESSES if getattr(patcher, one, None) is True]
            real = _real_function(patcher) if asked else None
            try:
                if real is not None:
                    vars(patcher).update(dict.fromkeys(asked, real))
                result = original(patcher)
            finally:
                if real is not None:
                    vars(patcher).update(dict.fromkeys(asked, True))
            target, name = getattr(patcher, "target", None), getattr(patcher, "attribute", None)
            module = getattr(target, "__name__", None)
            if module in _MODULES and isinstance(name, str):
                note(module, name, f"{module}.{name} was {described(vars(target).get(name))}")
            return result

        self._owner, self._original, self._entered = owner, original, entered
        setattr(owner, "__enter__", entered)  # noqa: B010  # of a class that only mock knows

    def stop(self) -> None:
        """Put the method back."""
        owner, self._owner = self._owner, None
        if owner is not None and vars(owner).get("__enter__") is self._entered:
            owner.__enter__ = self._original


def _real_function(patcher: Any) -> Any:
    """Return the function behind a wrapper of ours that `patcher` is about to replace; None if there is none."""
    target = patcher.getter()
    found = getattr(target, "__dict__", {}).get(patcher.attribute)
    owner = found.__self__ if isinstance(found, MethodType) else None
    return getattr(owner, "real", None) if type(owner).__module__.startswith(_PACKAGE) else None


def described(there: Any) -> str:
    """Return what stands in the place of a function: a function with its line, or an object of some class."""
    code = getattr(there, "__code__", None)
    if code is None:
        return f"a {type(there).__name__}"
    return f"{code.co_qualname} at {os.path.basename(code.co_filename)}:{code.co_firstlineno}"
