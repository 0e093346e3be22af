"""A host without the model, where nobody but this process holds anything."""

from __future__ import annotations


class Nobody:
    """Let nobody hold anything: what the host itself says is of interest then."""

    def hold(self, _path: str, _access: str = "r", _share: str = "rw") -> Nobody:
        """Hold nothing."""
        return self

    def run(self, _path: str) -> Nobody:
        """Run nothing."""
        return self

    load = map = run

    def set_attributes(self, _path: str, **_attributes: bool | None) -> None:
        """Set nothing."""

    def close(self) -> None:
        """Let go of nothing."""
