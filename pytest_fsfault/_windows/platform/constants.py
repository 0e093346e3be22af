"""What projects call their own "are we on Windows?"."""

from __future__ import annotations

CONSTANTS = ("WINDOWS", "IS_WINDOWS", "IS_WIN", "ON_WINDOWS")
