"""Files and functions stay small enough to be read at once, and words of one's own stay out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import pytest_fsfault

PACKAGE = Path(pytest_fsfault.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION, MOST_BRANCHES = 350, 40, 10
# A table, not a text to read.
TABLES = {"_core/language/winerrors.py"}
# Files of hot paths, whose steps stand in one function so that nothing is called; a comment above each says why.
HOT = {
    "_core/engine/engine.py",
    "_core/engine/status.py",
    "_core/language/rules.py",
    "_intercept/bootstrap/dormant.py",
    "_intercept/calls/arguments.py",
    "_intercept/calls/audit_hook.py",
    "_intercept/calls/descriptors.py",
    "_intercept/calls/one_path.py",
    "_intercept/calls/opening.py",
    "_intercept/calls/paths.py",
    "_intercept/calls/state.py",
    "_intercept/calls/two_paths.py",
    "_intercept/native/calls.py",
    "_intercept/native/judging.py",
    "_intercept/native/tree.py",
    "_intercept/virtual_time/external_waits.py",
    "_intercept/virtual_time/file_stamps.py",
    "_windows/open_files/this_process.py",
}
_BRANCHES = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.Assert)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def below(path):
    """Return a path as it is called below the package."""
    return path.relative_to(PACKAGE).as_posix()


def branches(function):
    """Return McCabe's number of a function, without those that are defined in it: ways through it, plus one."""
    count, waiting = 1, list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, _FUNCTIONS):
            continue
        if isinstance(node, (*_BRANCHES, ast.match_case)):
            count += 1
        elif isinstance(node, ast.BoolOp):
            count += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            count += 1 + len(node.ifs)
        waiting.extend(ast.iter_child_nodes(node))
    return count


def functions():
    """Yield file and function of the whole package."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, _FUNCTIONS):
                yield below(path), node


def test_no_file_is_too_long():
    """A file fits into one reading."""
    lengths = {below(path): path.read_text("utf-8").count("\n") for path in FILES}
    assert {} == {name: n for name, n in lengths.items() if n > LONGEST_FILE and name not in TABLES}


def test_no_function_is_too_long():
    """A function fits on one screen."""
    found = [(file, one.name, one.end_lineno - one.lineno) for file, one in functions()]
    assert [] == [row for row in found if row[2] > LONGEST_FUNCTION]


def is_said_to_be_hot(file, function):
    """Return whether a comment above a function of a hot file says why its steps stand in one."""
    if file not in HOT:
        return False
    first = min([function.lineno, *(one.lineno for one in function.decorator_list)])
    return "# Hot: " in (PACKAGE / file).read_text("utf-8").split("\n")[first - 2]


def test_no_function_has_too_many_ways():
    """A function has ten ways at most, but for those of hot paths, each with its reason."""
    found = [(file, one.name, branches(one)) for file, one in functions() if not is_said_to_be_hot(file, one)]
    assert [] == sorted((row for row in found if row[2] > MOST_BRANCHES), key=lambda row: -row[2])


def test_each_hot_file_has_a_hot_path():
    """No file is exempt that need not be."""
    assert HOT == {file for file, one in functions() if branches(one) > MOST_BRANCHES}


def test_no_public_class_has_a_namesake():
    """One name, one class."""
    seen = {}
    for path in FILES:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                seen.setdefault(node.name, []).append(below(path))
    assert {} == {name: files for name, files in seen.items() if len(files) > 1}


@pytest.mark.parametrize(
    "word", ["kin", "kinship", "desk", "board", "tempo", "far_clock", "peer", "relatives"]
)
def test_no_word_is_this_project_s_alone(word):
    """Names and comments use the field's terms."""
    assert [] == [below(path) for path in FILES if re.search(rf"\b{word}\b", path.read_text("utf-8"))]
