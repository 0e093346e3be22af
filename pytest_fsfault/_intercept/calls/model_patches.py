"""What is patched beside the file functions: by a model of Windows, and by a guard, in place while it acts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.calls.descriptors import status_of_descriptor

if TYPE_CHECKING:
    from pytest_fsfault._core.engine.interfaces import ModelView
    from pytest_fsfault._intercept.calls.state import InterceptState


class ModelPatches:
    """The patches of the model that acts now, and those of a session that refuses changes outside the roots."""

    def __init__(self, state: InterceptState) -> None:
        self._state = state
        self._model: ModelView | None = None
        self._guarded = False
        self._before: list[tuple[dict[str, Any], str, Any]] = []
        self._fstat = status_of_descriptor(state)

    def follow(self) -> None:
        """Put in place what belongs to those that act now, and take away what belonged to others."""
        model, guarded = self._state.model, bool(self._state.guarded)
        if model is self._model and guarded is self._guarded:
            return
        for space, name, value in reversed(self._before):
            space[name] = value
        self._before, self._model, self._guarded = [], model, guarded
        found = [] if model is None else list(model.patches())
        if model is not None and model.view() is not None:
            found.append((os.__dict__, "fstat", self._fstat))
        if guarded:
            from pytest_fsfault._intercept.calls.beside import patches  # noqa: PLC0415  # for who asks for it

            found += patches(self._state)
        for space, name, value in found:
            if name in space:
                self._before.append((space, name, space[name]))
                space[name] = value
