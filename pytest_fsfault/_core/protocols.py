"""What one room may expect of another."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Time as the code under test sees it, in seconds since the start."""

    @property
    def now(self) -> float:
        """Seconds since the start."""

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
