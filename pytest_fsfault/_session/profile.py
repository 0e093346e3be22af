"""Profile, a named set of rules and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.frozen import dataclass
from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_fsfault._core.language.rules import Rule
    from pytest_fsfault._session.keywords import ClockName, Outside
    from pytest_fsfault._session.windows_choice import WindowsChoice


class ScannerChoice(Row):
    """A scanner that a profile declares: the arguments of `Windows.scanner`."""

    arguments: tuple[tuple[str, Any], ...]

    @property
    def keywords(self) -> dict[str, Any]:
        """The arguments as keywords."""
        return dict(self.arguments)


@dataclass(frozen=True)
class Profile:
    """What a profile switches on; None means: as around it."""

    name: str
    about: str = ""
    rules: tuple[Rule, ...] = ()
    clock: ClockName | None = None
    children: bool | None = None
    native: bool | None = None
    outside: Outside | None = None
    seed: int | None = None
    observe: bool = False
    windows: WindowsChoice | None = None
    scanners: tuple[ScannerChoice, ...] = ()
    pretend: tuple[str, ...] = ()
    baseline: str | None = None  # the file that lists what is known to fail


def listed(names: Iterable[str]) -> str:
    """Return names as one chooses among them: ``a, b or c``."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
