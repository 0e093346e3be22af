"""What a session does with the model that its user holds: nothing of it is for users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.descriptors import are_listed
from pytest_fsfault._windows.holders import scanners
from pytest_fsfault._windows.holders.holds import latest
from pytest_fsfault._windows.versions import version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_fsfault._windows.holders.holds import Hold
    from pytest_fsfault._windows.windows import Windows

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_EVER = float("inf")
_BLIND = (
    "this system does not tell which files are open (Linux does so in /proc), so that the model has refused nothing "
    "on their account; declare them by windows().hold(), or pass strict=False"
)


class Checkpoint(Row):
    """What the model knew at one moment: the latest hold, those that waited, and the state."""

    number: int
    waiting: tuple[Hold, ...]
    state: Any


def add_scanner(windows: Windows, **keywords: Any) -> None:
    """Let a scanner of a profile act, which need not open any file."""
    windows._model.reactions.add(scanners.scanner(**keywords), declared=False)


def follow_links(windows: Windows, roots: Iterable[str]) -> None:
    """Have the watched directories followed, of which some may be links to others."""
    windows._state.roots.follow(roots)


def must_be(windows: Windows, wanted: str | None, options: dict[str, bool]) -> None:
    """Refuse to be another Windows than this one."""
    there = windows._state.version
    if version(there.name if wanted is None else wanted, options) != there:
        raise FsFaultError(
            f"windows({wanted or there.name!r}) is not possible: this session emulates {there.name!r} with other "
            "options already; say what it is once"
        )


def findings(windows: Windows) -> list[str]:
    """Return what a green test must not hide: holds and scanners without effect, names that no module had."""
    missed = [hold for state in windows._model.states for hold in state.holds.declared if not hold.met]
    return [
        *(f"a hold was never hit: {hold.explain(_EVER)}" for hold in missed),
        *windows._model.reactions.silent(),
        *([] if are_listed() or all(state.is_fake for state in windows._model.states) else [_BLIND]),
        *(
            f"pretend({pattern!r}) matched no module"
            for pretence in windows._pretences
            for pattern in pretence.unmatched
        ),
    ]


def mark(windows: Windows) -> Checkpoint:
    """Return what `rewind` goes back to."""
    state = windows._state
    return Checkpoint(latest(), tuple(state.holds.waiting), state.mark())


def rewind(windows: Windows, checkpoint: Checkpoint | None) -> None:
    """Undo what was declared and found out since a checkpoint, or ever: the files that it was about are gone."""
    number, waiting, state = checkpoint or Checkpoint(-1, (), None)
    windows._state.holds.rewind(number, waiting)
    windows._state.rewind(state)
    windows._model.reset()
