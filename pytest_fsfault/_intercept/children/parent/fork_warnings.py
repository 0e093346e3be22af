"""Let Python not warn of our thread where the program forks.

From 3.12 on it warns of a fork in a process with threads. Ours has ended before the fork; but CPython 3.13.0 counts
them when the hooks after the fork have run, in one of which ours begins anew (3.12.1 and 3.14 do so before: tried).
Threads of the program are worth the warning.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

from pytest_fsfault._host.own_threads import are_alone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


class _Pattern:
    """What the filter has in the place of a pattern: it matches that one warning, and the filter is gone."""

    def match(self, text: str) -> bool:
        """Return whether `text` is what Python says of a fork beside other threads."""
        found = "is multi-threaded, use of fork" in text
        if found:
            _withdraw()
        return found


_FILTER: Any = ("ignore", _Pattern(), DeprecationWarning, None, 0)
_lists: list[Any] = []  # in which it stands


def unwarned(restart: Callable[[], None], own_threads: Collection[int]) -> None:
    """Call `restart`, which begins our thread after a fork."""
    if sys.version_info[:2] == (3, 13) and are_alone(own_threads):
        _withdraw()
        _lists.append(warnings.filters)
        _lists[0].insert(0, _FILTER)
    restart()


def _withdraw() -> None:
    while _lists:
        there = _lists.pop()
        there[:] = [one for one in there if one is not _FILTER]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_withdraw)  # no warning has come of the last fork
