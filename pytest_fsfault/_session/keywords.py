"""The keywords of the marker and of `inject`: written once, for both of them and for type checkers."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from typing import Literal, TypedDict

    Strict = Literal[True, False, "all"]
    ClockName = Literal["virtual", "real"]
    Outside = Literal["allow", "refuse"]
else:

    class TypedDict:
        """Stands for that of `typing`, which compiles the annotation of each key, in every run."""

        def __init_subclass__(cls, *, total: bool) -> None:
            """Take what that takes."""


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
