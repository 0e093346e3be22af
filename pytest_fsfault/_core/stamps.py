"""Which virtual time a real instant was: what a file's stamps show to code that reads the virtual clock."""

from __future__ import annotations

from bisect import bisect_right

# How many instants are remembered at the most.
_MOST = 1 << 14


class StampHistory:
    """Pairs of a real and a virtual instant, in nanoseconds; neither ever runs backwards.

    Between two of them time passed evenly. Where the clock has jumped there are two for one real instant: what was
    stamped then was written after the jump.
    """

    def __init__(self, real: int, virtual: int) -> None:
        self._real = [real]
        self._virtual = [virtual]
        #: What was looked up: files share the instants of their stamps. Only a jump at the latest one changes it.
        self.known: dict[int, int] = {}
        #: How what was looked up is shown: in seconds, whole and not, and in nanoseconds. It holds as long as `known`.
        self.shown: dict[int, tuple[int, float, int]] = {}
        #: By file: its times of access and change that were set.
        self.given: dict[str, tuple[int, int]] = {}

    @property
    def start(self) -> int:
        """The real instant from which on stamps are of virtual time."""
        return self._real[0]

    @property
    def latest(self) -> int:
        """The latest real instant that is known."""
        return self._real[-1]

    def give(self, file: str, times: tuple[int, int] | None) -> None:
        """Record the times that a file was given; None: those of the present."""
        if times is None:
            self.given.pop(file, None)
        else:
            self.given[file] = times

    def passed(self, real: int, virtual: int) -> None:
        """Record that the clock showed `virtual` at the instant `real`."""
        if real > self._real[-1]:
            self._real.append(real)
            self._virtual.append(max(virtual, self._virtual[-1]))

    def jumped(self, real: int, before: int, after: int) -> None:
        """Record that the clock has jumped at the instant `real`."""
        self.passed(real, before)
        if self._real[-2:] != [self._real[-1]] * 2:
            self._real.append(self._real[-1])
            self._virtual.append(self._virtual[-1])
        self._virtual[-1] = max(after, self._virtual[-1])
        self.known.pop(self._real[-1], None)
        self.shown.pop(self._real[-1], None)

    def virtual_at(self, real: int) -> int:
        """Return what the clock showed at the instant `real`, which lies between the start and the latest one.

        For the latest one no jump may come in between.
        """
        following = bisect_right(self._real, real)
        if following == len(self._real):
            found = self._virtual[-1]
        else:
            began, ends = self._real[following - 1 : following + 1]
            shown, then = self._virtual[following - 1 : following + 1]
            found = shown + (real - began) * (then - shown) // (ends - began)
        if len(self.known) >= _MOST:
            self.known.clear()
        self.known[real] = found
        return found
