"""Say where Windows reads, or makes, another name than the host does, if that is why it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._core.language.folding import fold

if TYPE_CHECKING:
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.state import HostError, WindowsState


def spelled_otherwise(state: WindowsState, operation: Operation, refusal: HostError) -> str:
    """Return in which name Windows reads or makes another one than the host; or nothing."""
    there = refusal.location
    if there is None:
        return ""
    found = there.path.split("/")
    for path in (operation.path, operation.target):
        asked = (path or "").replace("\\", "/").split("/")
        if asked == found or len(asked) != len(found) or not all(map(_alike, asked, found)):
            continue
        differing = [place for place, name in enumerate(asked) if name != found[place]]
        first, end = differing[0], differing[-1] + 1
        return f"Windows reads {'/'.join(asked[first:end])!r} as {'/'.join(found[first:end])!r}"
    return "" if there.exists else _made_otherwise(state, there.path)


def _alike(asked: str, found: str) -> bool:
    """Return whether one is another spelling of the other."""
    return fold(asked.rstrip(". ")) == fold(found.rstrip(". "))


def _made_otherwise(state: WindowsState, path: str) -> str:
    """Return which directory of a missing path was made without the final dots of its name."""
    above = ""
    for part in path.split("/")[1:-1]:
        bare = part.rstrip(". ")
        if bare not in {"", part} and state.lookup.find(f"{above}/{bare}").exists:
            return f"Windows makes {part!r} as {bare!r}, but looks for it as it is written within a path"
        above = f"{above}/{part}"
    return ""
