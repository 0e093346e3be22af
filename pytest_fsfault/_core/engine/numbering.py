"""Number the calls of a test, so that another run knows each of them again."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.globs import has_drive
from pytest_fsfault._core.language.random_names import RANDOM, blanked
from pytest_fsfault._core.language.roots import ROOT, below_root, uncounted
from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_fsfault._core.language.operations import Operation


_WHOLE = deferred(r"(?:[A-Za-z]:)?/?")
# So many keys are remembered at a time.
_MOST = 10_000


class CallKey(Row):
    """What calls have in common that are numbered together: the operation, and where it goes, in any run."""

    operation: str
    path: str
    target: str | None


@lru_cache(maxsize=8192)
def stable_path(path: str, *, numbered: bool) -> str:
    """Return a path as any run names it; `path` is seen from its root, or absolute if it lies outside the roots.

    Of what lies outside only the name counts, since directories there belong to one system. With `numbered` the
    first directory ends in a counter of pytest's. Case does not count: one of the systems may not tell it.
    The root itself is ``.``.
    """
    if path.startswith("/") or has_drive(path):
        return "/" + _blanked(path.rpartition("/")[2])
    return _blanked(uncounted(path) if numbered else path)


# The directories by the first digits of a hash in which a cache keeps files.
_SHARDS = deferred(r"(?:/[0-9a-f]{1,3})+(?=/\*)")


def _blanked(path: str) -> str:
    return _SHARDS.sub("", blanked(RANDOM.sub("*", f"/{path}")))[1:].lower()


def call_key(operation: str, path: str, target: str | None, *, numbered: bool) -> CallKey:
    """Return what a call is known by; its paths are as `stable_path` takes them."""
    end = None if target is None else stable_path(target, numbered=numbered)
    return CallKey(operation, stable_path(path, numbered=numbered), end)


class CallNumbers:
    """Count the calls of one session by their keys."""

    def __init__(self, *, numbered: bool, ignore_case: bool) -> None:
        self._numbered = numbered
        self._ignore_case = ignore_case
        self._counts: dict[CallKey, int] = {}
        self._roots: Sequence[str] | None = None
        self._tops: Sequence[str] = ()
        self._keys: dict[tuple[str, str, str | None], CallKey] = {}

    def count(self, operation: Operation, roots: Sequence[str]) -> tuple[CallKey, int]:
        """Return the key of a call, and which of its calls this is, from 1."""
        asked = operation.name, operation.path, operation.target
        if roots is not self._roots or len(self._keys) > _MOST:
            self._roots = roots
            # On a fake file system all of it is watched, and paths are told in full.
            self._tops = [root for root in roots if not _WHOLE.fullmatch(root)]
            self._keys.clear()
        key = self._keys.get(asked)
        if key is None:
            key = self._keys[asked] = self._key(*asked)
        nth = self._counts[key] = self._counts.get(key, 0) + 1
        return key, nth

    def _key(self, name: str, path: str, target: str | None) -> CallKey:
        end = None if target is None else self._seen(target)
        return call_key(name, self._seen(path), end, numbered=self._numbered)

    def _seen(self, path: str) -> str:
        below = below_root(path, self._tops, self._ignore_case) if self._tops else None
        return path if below is None else below or ROOT
