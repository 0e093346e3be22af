"""What holds around a session: under pytest its settings, elsewhere the defaults."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.frozen import dataclass, field, replace
from pytest_fsfault._session.profiles import built_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_fsfault._core.engine.replay import Recording
    from pytest_fsfault._core.language.rules import Rule
    from pytest_fsfault._session.keywords import ClockName, Outside, Strict
    from pytest_fsfault._session.profile import Profile, ScannerChoice
    from pytest_fsfault._session.windows_choice import WindowsChoice


@dataclass(frozen=True)
class Ambient:
    """The settings around a session; each is the default of what the session itself may ask for."""

    roots: tuple[str, ...] = ()
    profiles: Mapping[str, Profile] = field(default_factory=built_in)
    profile: str = "off"
    rules: tuple[Rule, ...] = ()
    strict: Strict = True
    clock: ClockName | None = None
    children: bool | None = None
    native: bool | None = None
    outside: Outside | None = None
    windows: WindowsChoice | None = None
    scanners: tuple[ScannerChoice, ...] = ()
    #: Globs of modules that the run itself lets see Windows, so that no session has to.
    pretend: tuple[str, ...] = ()
    seed: int = 0
    #: Those of the roots in which directories are counted anew by each run, as pytest does.
    numbered: tuple[str, ...] = ()
    #: Whether calls are numbered, for a file from which another run replays them.
    numbering: bool = False
    #: What is replayed, by the ID of a test.
    recordings: Mapping[str, Recording] = field(default_factory=dict)
    #: The one trial of a sweep that is to run.
    trial: str | None = None
    #: Returns the directory of the test that runs, if there is one.
    directory: Callable[[], str | None] = lambda: None
    #: Returns how to run one trial alone.
    rerun: Callable[[str], str] = "sweep(..., only={!r})".format
    #: Tells how far a sweep is, to whom waits at a terminal; an empty text ends it.
    progress: Callable[[str], None] = lambda _text: None

    @cached_property
    def bare(self) -> Ambient:
        """What of it holds for an `inject`, which says itself what it wants: rules are added to tests as a whole."""
        return replace(
            self, profile="off", rules=(), windows=None, scanners=(), seed=0, numbering=False, recordings={}
        )
