"""Objects that are known as long as others keep them, and whose end runs no code.

The sets of the standard library call a function in Python when a member ends: what a signal handler raises there is
printed and lost, so that a time limit or an interruption of the program under test would never arrive.
"""

from __future__ import annotations

from typing import Generic, TypeVar
from weakref import ref

T = TypeVar("T")

# Tells objects apart as `id` does, of whose calls audit hooks are told: ours, too, which takes longer than the rest.
_identity = object.__hash__
# With so many entries those of ended objects are removed, at the first.
_MOST = 16


class WeakObjects(Generic[T]):
    """The objects that were added and still exist, each once."""

    def __init__(self) -> None:
        self._known: dict[int, ref[T]] = {}  # by the object's identity, which another may have after its end
        self._most = _MOST

    def add(self, member: T) -> None:
        """Add an object."""
        self._known[_identity(member)] = ref(member)
        if len(self._known) > self._most:
            for key, found in tuple(self._known.items()):
                if found() is None and self._known.get(key) is found:
                    del self._known[key]
            self._most = max(_MOST, 2 * len(self._known))

    def discard(self, member: T) -> None:
        """Forget an object, if it is there."""
        self._known.pop(_identity(member), None)

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()

    def alive(self) -> list[T]:
        """Return those that exist."""
        return [member for found in tuple(self._known.values()) if (member := found()) is not None]
