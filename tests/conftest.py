"""What holds for every test of the suite."""

from __future__ import annotations

import builtins
import gc
import importlib
import io
import json
import os
import pkgutil
import queue
import re
import shutil
import sys
import tempfile
import threading
import time
from contextlib import suppress

import pytest
from released import Release

import pytest_fsfault
from pytest_fsfault._host import processes

pytest_plugins = ["pytester"]

with suppress(ImportError):
    # How long an example takes is a matter of load.
    from hypothesis import settings

    settings.register_profile("suite", settings(), deadline=None)
    settings.load_profile("suite")

# Hundreds of tests start a Python: it is not to compile everything anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_ROOMS = re.compile(
    r"pytest_fsfault\._(core|host|windows|intercept|prove|report|session|plugin)\b(?!.*on_path)"
)


def _import_rooms():
    """Import the package once: what only a run within a test has imported, pytester forgets after it."""
    for module in pkgutil.walk_packages(pytest_fsfault.__path__, "pytest_fsfault."):
        if _ROOMS.match(module.name):
            with suppress(ImportError):  # what is of another system
                importlib.import_module(module.name)


_import_rooms()

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
_TEMPORARY = tempfile.gettempdir()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """After every test, each patched name is the original again."""
    result = yield
    tempfile.tempdir = _TEMPORARY  # a test may have asked for it while it was another one
    _close_processes()
    changed = [
        name
        for name, value in _patchable().items()
        if _ORIGINAL.get(name, value) is not value and _ORIGINAL[name] != value
    ]
    if changed:
        pytest.exit(f"{item.nodeid} left patched: {changed}", returncode=3)
    modules = _holding_wrappers()
    if modules:
        pytest.exit(f"{item.nodeid} left wrappers in {modules}", returncode=3)
    return result


# How many objects `multiprocessing` was to clean up when they were looked at last.
_LEFT = [0]


def _close_processes() -> None:
    """Collect what a test has left of its processes: their descriptors are closed now, and not amid a fake file system."""
    left = getattr(sys.modules.get("multiprocessing.util"), "_finalizer_registry", ())
    if len(left) > _LEFT[0]:
        gc.collect()
    _LEFT[0] = len(left)
    # What it made where a test had its temporary files is too long a path for the sockets of later ones.
    config = sys.modules["multiprocessing.process"].current_process()._config if left else {}
    if os.path.dirname(config.get("tempdir", "")) != _TEMPORARY:
        config.pop("tempdir", None)


# How often each wrapper was referred to when no module was seen to hold one.
_CLEAN: list[int] = []


def _holding_wrappers() -> list[str]:
    """Return the modules that hold a wrapper; they are looked at when something refers to one that did not before."""
    made = sys.modules.get("pytest_fsfault._intercept.calls.wrapper")
    calls = [wrapper.call for wrapper in made.WRAPPERS.values()] if made else []
    references = list(map(sys.getrefcount, calls))
    if references == _CLEAN:
        return []
    wrappers = set(map(id, calls))
    found = [name for name, module in list(sys.modules.items()) if _holds(module, wrappers)]
    if not found:
        _CLEAN[:] = references
    return found


def _holds(module: object, wrappers: set[int]) -> bool:
    if not isinstance(getattr(module, "__dict__", None), dict) or module.__name__.startswith(
        "pytest_fsfault"
    ):
        return False
    return not wrappers.isdisjoint(map(id, list(vars(module).values())))


def pytest_collection_finish():
    """Spare what is there before the first test from all collections to come: a run within a test makes five."""
    with suppress(ImportError):
        import hypothesis  # it asks the collector about the random numbers of trio, if trio is there,

        # and at its first example about its own: unless it sees who holds them it warns, and ends in Flaky.
        hypothesis.find(hypothesis.strategies.none(), lambda _: True)
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def no_page_of_a_job():
    """Let the runs within tests write to no page of the job that runs these."""
    page = os.environ.pop("GITHUB_STEP_SUMMARY", None)
    yield
    if page is not None:
        os.environ["GITHUB_STEP_SUMMARY"] = page


@pytest.fixture(scope="module")
def light_collections():
    """Spare what is there by now, too, where each test collects what it has made."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def run(pytester, monkeypatch):
    """Return a function that runs pytest in this process over one module, whose text is given.

    Of the plugins that are installed only ours is loaded.
    """
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    for name in ("HOME", "USERPROFILE"):  # lest pytester's directory be no root
        monkeypatch.setenv(name, str(pytester.path.parent / "home"))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(source, *arguments):
        if source:
            pytester.makepyfile(test_it=source)
        ours = [] if "no:fsfault" in arguments else ["-p", "fsfault"]
        return pytester.runpytest_inprocess(*ours, *arguments, no_reraise_ctrlc=True)

    return run


@pytest.fixture
def apart(pytester, monkeypatch):
    """Return a function that runs pytest in a process of its own.

    Of the plugins that are installed only ours is loaded, and those that are named: loading all takes longer than
    most runs.
    """
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def apart(*arguments, plugins=()):
        loaded = [word for name in ("fsfault", *plugins) for word in ("-p", name)]
        return pytester.runpytest_subprocess(*loaded, "-p", "no:cacheprovider", *arguments)

    return apart


@pytest.fixture
def told(run, pytester):
    """Return a function that runs pytest, and returns what it wrote as JSON, and its result."""

    def told(source, *arguments):
        result = run(source, "--fsfault-json", "told.json", *arguments)
        return json.loads(pytester.path.joinpath("told.json").read_text("utf-8")), result

    return told


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    """Return a function that gives an environment with some releases, made once for each set of requirements."""
    made = {}

    def get(*requirements):
        if requirements not in made:
            made[requirements] = Release(tmp_path_factory.mktemp("release") / "venv", requirements)
        return made[requirements]

    return get


@pytest.fixture
def childless():
    """End and reap whatever process earlier tests have left to this one."""
    for module, helper in (("forkserver", "_forkserver"), ("resource_tracker", "_resource_tracker")):
        getattr(getattr(sys.modules.get(f"multiprocessing.{module}"), helper, None), "_stop", int)()
    processes.kill()
    until = time.monotonic() + 20
    with suppress(ChildProcessError):
        while hasattr(os, "WNOHANG") and (os.waitpid(-1, os.WNOHANG)[0] or time.monotonic() < until):
            time.sleep(0.001)
