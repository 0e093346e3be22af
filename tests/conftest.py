"""What holds for every test of the suite."""

from __future__ import annotations

import builtins
import io
import os
import queue
import shutil
import sys
import threading
import time

import pytest

pytest_plugins = ["pytester"]

_MODULES = (builtins, io, os, shutil, time, queue, threading)
_SETS = ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids")
_CLASSES = (threading.Condition, threading.Thread, io.FileIO)


def _patchable() -> dict[str, object]:
    names = {
        f"{module.__name__}.{name}": value
        for module in _MODULES
        for name, value in vars(module).items()
        if callable(value) or isinstance(value, bool)
    }
    names |= {f"{cls.__name__}.{name}": value for cls in _CLASSES for name, value in vars(cls).items()}
    names |= {f"os.{name}": frozenset(getattr(os, name)) for name in _SETS}
    names |= {f"{f.__name__}.defaults": f.__defaults__ for f in (shutil.copytree, shutil.move)}
    # What tests, and pytest itself, put there and take away.
    for passing in ("builtins._", "builtins.@py_assert", "threading.excepthook", "sys.unraisablehook"):
        names.pop(passing, None)
    return names


_ORIGINAL = _patchable()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """After every test, each patched name is the original again."""
    result = yield
    changed = [
        name
        for name, value in _patchable().items()
        if _ORIGINAL.get(name, value) is not value and _ORIGINAL[name] != value
    ]
    if changed:
        pytest.exit(f"{item.nodeid} left patched: {changed}", returncode=3)
    wrappers = _wrappers()
    modules = [name for name, module in list(sys.modules.items()) if _holds(module, wrappers)]
    if modules:
        pytest.exit(f"{item.nodeid} left wrappers in {modules}", returncode=3)
    return result


def _wrappers() -> set[int]:
    made = sys.modules.get("pytest_fsfault._intercept.wrappers")
    return {id(wrapper.call) for wrapper in made.WRAPPERS.values()} if made else set()


def _holds(module: object, wrappers: set[int]) -> bool:
    if not isinstance(getattr(module, "__dict__", None), dict) or module.__name__.startswith(
        "pytest_fsfault"
    ):
        return False
    return not wrappers.isdisjoint(map(id, list(vars(module).values())))
