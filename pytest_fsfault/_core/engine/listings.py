"""Give directory listings in the order of their names, so that two runs see the same."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The operations that list a directory.
LISTINGS = frozenset({"os.listdir", "os.scandir"})


def in_order(listing: Any) -> Any:
    """Return what `os.listdir` or `os.scandir` has returned, sorted by name."""
    return sorted(listing) if isinstance(listing, list) else Entries(listing)


class Entries:
    """What `os.scandir` returns; the real iterator is exhausted, and its descriptor closed."""

    def __init__(self, real: Any) -> None:
        with real:
            self._entries = iter(sorted(real, key=attrgetter("name")))

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, entries: list[Any]) -> None:
        """Give these entries, in this order."""
        self._entries = iter(entries)

    def close(self) -> None:
        """Let go of the entries that are left."""
        self._entries = iter(())
