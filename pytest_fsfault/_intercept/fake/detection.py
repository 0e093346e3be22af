"""Detect when pyfakefs replaces the real file system and when it restores it, before or after a session starts."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.fake.import_hook import Finder
from pytest_fsfault._intercept.fake.isolation import exempt_from, patcher, patcher_class, preload
from pytest_fsfault._intercept.patching.patches import Patch, Patches

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


class FakeDetection:
    """Report each start and end of a fake, while sessions are open.

    Args:
        aside: a context in which no wrapper stands before a real function; at its end they stand again where the
            file system then is.
        real_open: returns the function behind a wrapper of `open`.

    """

    def __init__(
        self, aside: Callable[[], AbstractContextManager[None]], real_open: Callable[[Any], Any]
    ) -> None:
        self._aside = aside
        self._real_open = real_open
        self._finder = Finder(aside, self._meet)
        self._patches: Patches | None = None

    @property
    def has_met(self) -> bool:
        """Whether pyfakefs is there, so that a fake may be."""
        return self._patches is not None

    def begin(self) -> None:
        """Begin to watch, unless that was done before."""
        if self._patches is not None:
            return
        if patcher_class() is None:
            self._finder.watch()
        else:
            self._meet()
            if patcher() is not None:
                preload()

    def end(self) -> None:
        """Watch no more."""
        self._finder.unwatch()
        if self._patches is not None:
            self._patches.uninstall()
            self._patches = None

    def _meet(self) -> None:
        """Stand before the methods with which a fake begins and ends."""
        self._finder.unwatch()
        found = patcher_class()
        made = {
            "setUp": self._set_up,
            "start_patching": self._start,
            "stop_patching": self._stop,
        }
        patches = Patches(
            Patch(found, name, vars(found)[name], wrap(vars(found)[name])) for name, wrap in made.items()
        )
        self._patches = patches
        patches.install()

    def _set_up(self, real: Callable[..., None]) -> Callable[..., None]:
        @wraps(real)
        def set_up(there: Any, *args: Any, **kwargs: Any) -> None:
            preload()
            there.original_open = self._real_open(there.original_open)
            with self._aside():
                real(there, *args, **kwargs)

        return set_up

    def _start(self, real: Callable[..., None]) -> Callable[..., None]:
        @wraps(real)
        def start_patching(there: Any, *args: Any, **kwargs: Any) -> None:
            with self._aside():
                exempt_from(there)
                real(there, *args, **kwargs)

        return start_patching

    def _stop(self, real: Callable[..., None]) -> Callable[..., None]:
        @wraps(real)
        def stop_patching(there: Any, *args: Any, **kwargs: Any) -> None:
            with self._aside():
                real(there, *args, **kwargs)

        return stop_patching
