"""A host without the model, where only this process holds files."""

from __future__ import annotations


class NullHolders:
    """Stands for the holders of a host: there are none, so that the host's own answer is seen."""

    def hold(self, path: str, access: str = "r", share: str = "rw") -> NullHolders:  # noqa: ARG002  # as in the model
        """Hold nothing."""
        return self

    def run(self, path: str) -> NullHolders:  # noqa: ARG002  # as in the model
        """Run nothing."""
        return self

    def load(self, path: str) -> NullHolders:
        """Load nothing."""
        return self.run(path)

    def map(self, path: str, access: str = "rw") -> NullHolders:
        """Map nothing."""
        return self.hold(path, access)

    def set_attributes(
        self, path: str, readonly: bool | None = None, hidden: bool | None = None, system: bool | None = None
    ) -> None:
        """Set nothing."""

    def close(self) -> None:
        """Close nothing."""
