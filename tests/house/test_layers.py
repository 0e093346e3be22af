"""The rooms of the package stand in one order: each imports those below it only, and no module imports in a circle."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import pytest_fsfault

PACKAGE = Path(pytest_fsfault.__file__).parent
NAME = "pytest_fsfault"

# The order, the lowest first. What stands in one row does not know the others of that row.
# A name means the module, or all modules of the folder that no other row names.
ORDER = (
    ("_core.language",),
    ("_core",),
    ("_core.engine",),
    ("_host",),
    ("_report", "_prove", "_windows", "_intercept.patching"),
    ("_intercept.virtual_time",),
    ("_intercept.calls",),
    ("_intercept.fake",),
    ("_intercept.native",),
    ("_intercept.children",),
    ("_intercept.interceptor",),
    ("_intercept.bootstrap", "_intercept"),
    ("_session",),
    ("_plugin",),
    ("hookspecs", "policies", "strategies"),
    ("_commands", "plugin"),
    # The façade: what users import. Nothing of ours imports from it; `python -m` ends in the commands.
    ("", "__main__"),
)
# Rooms that child processes load, where nothing but the standard library need be installed.
BARE = ("_core", "_host", "_intercept", "_windows", "_report", "_prove", "_session")
OPTIONAL = {"psutil", "jinja2", "markupsafe"}
# The only module that may import each of these.
SINGLE = {
    "hypothesis": "strategies.py",
    "jinja2": "_report/html/templates.py",
    "markupsafe": "_report/html/templates.py",
    "pluggy": "hookspecs.py",
    "procmon_parser": "_commands/procmon/pml_log.py",
    "tenacity": "policies.py",
}


def module_of(path, package):
    """Return the name of a module below the package; that of the package itself is empty."""
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def level(module):
    """Return how high a module stands, and the room of the row; None if no row names it."""
    rows = [(row, room) for row, rooms in enumerate(ORDER) for room in rooms]
    meant = [(room, row) for row, room in rows if module == room or (room and module.startswith(f"{room}."))]
    room, row = max(meant, key=lambda one: len(one[0]), default=("", None))
    return row, room


@cache
def imports(path):
    """Return the statements of a file that import something, wherever they stand."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def imported(path, modules, package):
    """Yield the modules of the package that a file imports anywhere: lazily or for types only, too."""
    for node in imports(path):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert 0 == node.level, f"{path}: imports are absolute here"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix(f"{NAME}.") in modules else node.module for name in inner]
        for name in names:
            if name == NAME or name.startswith(f"{NAME}."):
                yield name.removeprefix(NAME).removeprefix(".")


def graph(package):
    """Return for each module of a package those that it imports."""
    files = {module_of(path, package): path for path in package.rglob("*.py") if "on_path" not in path.parts}
    return {module: set(imported(path, files, package)) - {module} for module, path in files.items()}


def on_no_list(found):
    """Return the modules that no row names."""
    return sorted(module for module in found if level(module)[0] is None)


def upwards(found):
    """Return the imports that lead up, or to a neighbour in the same row."""
    wrong = []
    for module, targets in found.items():
        for target in targets:
            (here, room), (there, other) = level(module), level(target)
            if there is None or here is None or there > here or (there == here and room != other):
                wrong.append(f"{module} -> {target}")
    return sorted(wrong)


def circles(found):
    """Return the sets of modules that import each other in a circle (Tarjan)."""
    index, low, stack, result = {}, {}, [], []

    def visit(module):
        index[module] = low[module] = len(index)
        stack.append(module)
        for target in found.get(module, ()):
            if target not in index:
                visit(target)
                low[module] = min(low[module], low[target])
            elif target in stack:
                low[module] = min(low[module], index[target])
        if low[module] == index[module]:
            end = stack.index(module)
            if len(stack) - end > 1:
                result.append(sorted(stack[end:]))
            del stack[end:]

    for module in found:
        if module not in index:
            visit(module)
    return result


def test_every_module_is_on_the_list():
    """A module that no row names has no room."""
    assert [] == on_no_list(graph(PACKAGE))


def test_imports_point_down():
    """No room imports one above it or beside it, not even lazily or for types."""
    assert [] == upwards(graph(PACKAGE))


def test_there_is_no_circle():
    """No module imports another that comes back to it, not even lazily or for types."""
    assert [] == circles(graph(PACKAGE))


PLANTED = {
    "upward": {"_core/clock.py": "from pytest_fsfault._session.session import Session\n"},
    "lazy": {"_core/clock.py": "def ask():\n    from pytest_fsfault._plugin import run\n"},
    "typing": {
        "_host/processes.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pytest_fsfault._windows.model\n"
    },
    "beside": {"_prove/tree.py": "from pytest_fsfault._report import lines\n"},
}


def plant(folder, files):
    """Make a package with these modules, and with those that they import."""
    package = folder / NAME
    for name, text in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in ("_session/session.py", "_plugin/run.py", "_windows/model.py", "_report/lines.py"):
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return graph(package)


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_import_is_found(tmp_path, kind):
    """The check sees an import that leads up, a lazy one, one for types, and one to a neighbour."""
    assert 1 == len(upwards(plant(tmp_path, PLANTED[kind])))


def test_a_planted_circle_is_found(tmp_path):
    """The check sees a circle within one room, a lazy import in it included."""
    files = {
        "_prove/a.py": "from pytest_fsfault._prove import b\n",
        "_prove/b.py": "def f():\n    import pytest_fsfault._prove.a\n",
    }
    assert [["_prove.a", "_prove.b"]] == circles(plant(tmp_path, files))


def test_a_module_on_no_list_is_found(tmp_path):
    """The check sees a module for which there is no room."""
    assert ["_attic.old"] == on_no_list(plant(tmp_path, {"_attic/old.py": ""}))


def loads_here(module):
    """Tell whether a module can be loaded on this system: what talks to the kernel about native programs on Linux alone."""
    return sys.platform == "linux" or not module.startswith("_intercept.native.")


def top_level(path):
    """Return the top-level packages that a file imports anywhere."""
    nodes = imports(path)
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return {name.partition(".")[0] for name in plain} | {
        node.module.partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)
    }


def users(library):
    """Return the modules that import a library, as paths below the package."""
    return {
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if library in top_level(path)
    }


@pytest.mark.parametrize("room", BARE)
def test_a_room_needs_the_standard_library_only(room):
    """Child processes and scripts load it, where nothing else need be installed."""
    top = {name for path in (PACKAGE / room).rglob("*.py") for name in top_level(path)}
    assert set() == top - set(sys.stdlib_module_names) - {NAME, "__future__"} - OPTIONAL


def test_only_the_side_of_pytest_imports_pytest():
    """The session works in unittest and in scripts."""
    found = users("pytest") | users("_pytest")
    assert {"plugin.py"} == {name for name in found if not name.startswith("_plugin/")} - {"hookspecs.py"}


@pytest.mark.parametrize(("library", "module"), SINGLE.items())
def test_an_optional_library_is_imported_in_one_module(library, module):
    """Who lacks it loses that module alone."""
    assert users(library) <= {module}


@pytest.mark.parametrize("room", ["_core", "_host", "_intercept", "_windows"])
def test_a_room_runs_without_pytest(room):
    """Child processes load it: no module of it pulls in pytest, the session or the plugin."""
    modules = [
        f"{NAME}.{module}" for module in graph(PACKAGE) if module.split(".")[0] == room and loads_here(module)
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
    assert set() == set(rooms) - {f"{NAME}._core", f"{NAME}._host", f"{NAME}.{room}"}


def test_the_facade_runs_without_pytest():
    """`inject` needs no pytest."""
    script = "import sys, pytest_fsfault; print('pytest' in sys.modules, '_pytest' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "False False" == run.stdout.strip()
