"""What must hold when no session exists."""

import builtins

from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.calls.installation import _MODULES
from pytest_fsfault._intercept.calls.wrapper import WRAPPERS


def displaced():
    """Return the patched names that are not the original."""
    return [
        f"{module}.{name}"
        for (module, name), original in ORIGINALS.items()
        if (module, name) in WRAPPERS and vars(_MODULES.get(module, builtins)).get(name) is not original
    ]
