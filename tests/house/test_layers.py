"""Imports point one way, and nothing but the plugin knows pytest."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_fsfault

PACKAGE = Path(pytest_fsfault.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = ("_core", "_intercept", "_windows", "_report", "_prove", "_policies")
ALLOWED = {
    "_core": {"_core"},
    "_intercept": {"_intercept", "_core"},
    "_windows": {"_windows", "_core"},
    "_report": {"_report", "_core"},
    "_prove": {"_prove", "_core"},
    # A command, not a part of the session: of the Windows model it uses the scanners alone.
    "_policies": {"_policies", "_core", "_windows", "policies"},
}
# The only module that may import each of these.
SINGLE = {"hypothesis": "strategies.py", "tenacity": "policies.py", "pluggy": "hookspecs.py"}
ON_TOP = {"plugin.py", "hookspecs.py", "_runner.py"}


def imports(path):
    """Yield the modules that a file imports anywhere, in functions too, as absolute names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert 0 == node.level, f"{path}: imports are absolute here"
            yield node.module
            # `from pytest_fsfault._intercept import hook` imports a module, too.
            yield from (
                f"{node.module}.{alias.name}" for alias in node.names if node.module.endswith("fsfault")
            )


def names(paths):
    """Return paths as they are called below the package."""
    return [path.relative_to(PACKAGE).as_posix() for path in paths]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_those_below_it(room):
    """`_core` knows nobody; the others know `_core` only."""
    foreign = {
        f"{path.name}: {name}"
        for path in (PACKAGE / room).rglob("*.py")
        for name in imports(path)
        if name.startswith("pytest_fsfault")
        and name.split(".")[1:2]
        and name.split(".")[1] not in ALLOWED[room]
    }
    assert set() == foreign


def test_policies_stand_beside_the_session():
    """The policies know the vocabulary, their command the scanners as well: neither needs a session."""
    windows = {
        name
        for path in (PACKAGE / "_policies").rglob("*.py")
        for name in imports(path)
        if name.startswith("pytest_fsfault._windows")
    }
    assert {"pytest_fsfault._windows.holders.scanners"} == windows
    ours = {name for name in imports(PACKAGE / "policies.py") if name.startswith("pytest_fsfault")}
    assert {"pytest_fsfault._core.language.mistakes"} == ours


def test_core_is_standard_library_only():
    """The vocabulary and the decisions run anywhere."""
    top = {name.partition(".")[0] for path in (PACKAGE / "_core").rglob("*.py") for name in imports(path)}
    assert set() == top - set(sys.stdlib_module_names) - {"pytest_fsfault", "__future__"}


def test_rooms_are_standard_library_only():
    """Child processes load them, where nothing else need be installed."""
    top = {
        name.partition(".")[0]
        for room in ROOMS
        for p in (PACKAGE / room).rglob("*.py")
        for name in imports(p)
    }
    assert set() == top - set(sys.stdlib_module_names) - {"pytest_fsfault", "__future__", "psutil"}


def test_only_the_top_imports_pytest():
    """The session works in unittest and in scripts."""
    users = [
        path
        for path in FILES
        if any(name.partition(".")[0] in {"pytest", "_pytest"} for name in imports(path))
    ]
    assert set() == set(names(users)) - ON_TOP
    assert "plugin.py" in names(users)


@pytest.mark.parametrize(("library", "module"), SINGLE.items())
def test_an_optional_library_is_imported_in_one_module(library, module):
    """Who lacks it loses that module alone."""
    users = [path for path in FILES if any(name.partition(".")[0] == library for name in imports(path))]
    assert set() == set(names(users)) - {module}


@pytest.mark.parametrize("module", ["__init__.py", "_session.py"])
def test_the_session_does_not_know_what_is_above_it(module):
    """It wires the rooms; the plugin is on top of it."""
    above = {"pytest_fsfault.plugin", "pytest_fsfault._plugin.run", "pytest_fsfault.hookspecs"}
    assert set() == above & set(imports(PACKAGE / module))


@pytest.mark.parametrize("room", ["_core", "_intercept", "_windows"])
def test_a_room_runs_without_pytest(room):
    """Child processes load it: no module of it pulls in pytest, the session or the plugin."""
    modules = [
        f"pytest_fsfault.{'.'.join(path.relative_to(PACKAGE).with_suffix('').parts)}".removesuffix(
            ".__init__"
        )
        for path in (PACKAGE / room).rglob("*.py")
    ]
    # The façade imports the session: what is asked here is what the room itself needs.
    script = f"""
import importlib, sys, types
facade = types.ModuleType("pytest_fsfault")
facade.__path__ = [{str(PACKAGE)!r}]
sys.modules["pytest_fsfault"] = facade
for name in {modules!r}:
    importlib.import_module(name)
print(sorted({{name.partition(".")[0] for name in sys.modules}} & {{"pytest", "_pytest", "pluggy", "hypothesis"}}))
print(sorted(name for name in sys.modules if name.startswith("pytest_fsfault._") and name.count(".") == 1))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    libraries, rooms = map(ast.literal_eval, run.stdout.splitlines())
    assert [] == libraries
    assert set() == set(rooms) - {"pytest_fsfault._core", f"pytest_fsfault.{room}"}


def test_the_facade_runs_without_pytest():
    """`inject` needs no pytest."""
    script = "import sys, pytest_fsfault; print('pytest' in sys.modules, '_pytest' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "False False" == run.stdout.strip()
