"""Let `inspect.signature` see in a wrapper what it sees in the original."""

from __future__ import annotations

import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class MethodSignature(inspect.Signature):
    """The signature of a function, as that of a method: `inspect` takes the first parameter away.

    It is computed when it is first read: for a builtin that takes 0.3 ms.
    """

    __slots__ = ("_real",)

    def __init__(self, real: Callable[..., Any]) -> None:
        self._real = real

    @property
    def parameters(self) -> MappingProxyType[str, inspect.Parameter]:
        """The parameters of the original after one for the owner."""
        owner = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        return MappingProxyType({"self": owner, **inspect.signature(self._real).parameters})

    def replace(self, **changes: Any) -> inspect.Signature:  # type: ignore[override]
        """Return the original's signature with other parameters."""
        return inspect.signature(self._real).replace(**changes)
