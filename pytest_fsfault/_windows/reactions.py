"""Let others react to the files that the code under test writes: scanners, and holds that wait for their file."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pytest_fsfault._windows.holders.holds import Hold
from pytest_fsfault._windows.holders.scanners import Draws
from pytest_fsfault._windows.sharing import READ, Opening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_fsfault._windows.holders.scanners import Scanner
    from pytest_fsfault._windows.lookup import Location
    from pytest_fsfault._windows.state import WindowsState

# So many names of written files a message shows at most.
_SHOWN = 8


class Reactions:
    """What acts on the virtual clock by itself: scanners, and holds that wait for a file."""

    def __init__(
        self, state: WindowsState, seed: int | str, below: Callable[[str], str], changed: Callable[[], None]
    ) -> None:
        self.state = state
        self._below = below  # a path as seen from its root: the same in every run
        self._draws = Draws(seed)
        self.changed = changed
        self.scanners: list[Scanner] = []
        # Those that a test declares, with how many files each has opened; and the latest names that were written.
        self._declared: dict[Scanner, int] = {}
        self._written: deque[str] = deque(maxlen=_SHOWN)

    def add(self, scanner: Scanner, *, declared: bool) -> None:
        """Let a scanner act from now on; one that is `declared` has to open a file."""
        self.scanners.append(scanner)
        if declared:
            self._declared.setdefault(scanner, 0)
        self.changed()

    def silent(self) -> Iterator[str]:
        """Yield a sentence for each declared scanner that has opened no file."""
        names = ", ".join(dict.fromkeys(self._written))
        written = f"written: {names}" if names else "no file was written and closed, or renamed"
        for scanner, opened in self._declared.items():
            if not opened:
                patterns = ", ".join(scanner.on)
                yield f"the scanner {scanner.name!r} opened no file: it looks for {patterns}; {written}"

    def on_written(self, path: str) -> None:
        """Record that a file was written and closed, or renamed into place."""
        holds = self.state.holds
        if not self.scanners and not holds.waiting:
            return
        location = self.state.lookup.find(path)
        if not location.exists or location.is_directory or location.is_link:
            return
        self._written.append(location.name)
        self._seize(location)
        for scanner in self.scanners:
            if scanner.concerns(location.name):
                if scanner in self._declared:
                    self._declared[scanner] += 1
                self._scan(scanner, location)

    def _seize(self, location: Location) -> None:
        holds, now = self.state.holds, self.state.now()
        for hold in list(holds.waiting):
            if hold.matches(location.name):
                hold.since = now
                holds.seize(hold, location.identity, self.state.real(location.path), now + hold.seconds)

    def _scan(self, scanner: Scanner, location: Location) -> None:
        where = self._below(location.path)
        since = self.state.now() + self._draws.waits(scanner, where)
        opening = Opening(READ, scanner.share, "handle", scanner.name, location.path)
        hold = Hold(
            self.state.holds,
            opening,
            since=since,
            until=since + self._draws.seconds(scanner, where),
            declared=False,
            by=scanner.process,
            scanner=scanner.name,
            drawn=scanner.drawn,
        )
        self.state.holds.add(hold, location.identity, self.state.real(location.path))
