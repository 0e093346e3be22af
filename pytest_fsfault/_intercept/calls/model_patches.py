"""What a model of Windows patches beside the file functions, in place while it acts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.calls.descriptors import status_of_descriptor

if TYPE_CHECKING:
    from pytest_fsfault._core.engine.interfaces import ModelView
    from pytest_fsfault._intercept.calls.state import InterceptState


class ModelPatches:
    """The patches of the model that acts now."""

    def __init__(self, state: InterceptState) -> None:
        self._state = state
        self._model: ModelView | None = None
        self._before: list[tuple[dict[str, Any], str, Any]] = []
        self._fstat = status_of_descriptor(state)

    def follow(self) -> None:
        """Put in place what belongs to the model that acts now, and take away what belonged to another."""
        model = self._state.model
        if model is self._model:
            return
        for space, name, value in reversed(self._before):
            space[name] = value
        self._before, self._model = [], model
        found = [] if model is None else list(model.patches())
        if model is not None and model.view() is not None:
            found.append((os.__dict__, "fstat", self._fstat))
        for space, name, value in found:
            if name in space:
                self._before.append((space, name, space[name]))
                space[name] = value
