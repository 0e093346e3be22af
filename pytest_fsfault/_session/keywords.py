"""The keywords of the marker and of `inject`: written once, for both of them and for type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

Strict = Literal[True, False, "all"]
ClockName = Literal["virtual", "real"]
Outside = Literal["allow", "refuse"]


class Keywords(TypedDict, total=False):
    """What may be given beside rules; None, like a keyword that is left out, means: as around it."""

    profile: str | None
    windows: str | Mapping[str, str | bool] | None
    roots: Iterable[str | os.PathLike[str]] | None
    clock: ClockName | None
    seed: int | None
    strict: Strict | None
    children: bool | None
    native: bool | None
    outside: Outside | None


#: The names, in the order in which help and messages show them.
NAMES = tuple(Keywords.__annotations__)
