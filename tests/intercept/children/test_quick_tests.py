"""What no rule concerns a child knows by itself: it gets the quick tests of the rules, and asks nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from pytest_fsfault import inject
from pytest_fsfault._core.language.globs import superset_regex
from pytest_fsfault._intercept.children.parent.decisions import Decisions
from pytest_fsfault._intercept.children.parent.quick_tests import materials

#: Globs as rules have them, alone and with others.
GLOBS = [
    ["*.exe"],
    ["*.exe", "*.dll", "uv.lock"],
    ["ruff.exe"],
    ["a?c*.txt"],
    ["*.[ch]"],
    ["bin/*"],
    ["**/bin/**"],
    ["/r/bin/a.exe"],
    ["/r/a+b (1).txt"],
    ["/r/**/x"],
    ["*.exe", "/r/bin/a.exe", "lib/*"],
    ["*.e+e", "(a"],
]
PATHS = [
    "/r/bin/a.exe",
    "/r/bin/a.exe\n",
    "/r/bin\n/a.exe",
    "/r/a.exe/b",
    "/r/ruff.exe",
    "/r/xruff.exe",
    "/r/uv.lock",
    "/r/uv.lock/x",
    "/r/abcd.txt",
    "/r/lib/x.c",
    "/r/lib/x",
    "/r/a+b (1).txt",
    "/r/a.e+e",
    "/r/(a",
    "/r/b\udc80.exe",
    "/r",
]


@pytest.mark.parametrize("ignore_case", [False, True], ids=["", "ignoring case"])
@pytest.mark.parametrize("globs", GLOBS, ids=str)
def test_a_child_gets_the_tests_of_its_parent(globs, ignore_case):
    """They say the same of each path."""
    test = superset_regex(globs, ["/r"], ignore_case).match
    ((method, pattern, flags),) = materials([test])
    assert int is type(flags)
    there = getattr(re.compile(pattern, flags), method)
    paths = [path.upper() for path in PATHS] if ignore_case else PATHS
    assert [bool(test(path)) for path in paths] == [bool(there(path)) for path in paths]
    assert any(map(test, paths)), "a table in which nothing is meant tells nothing"


LOOP = """
import os, sys
for _ in range(20):
    os.rename(sys.argv[1] + "/f", sys.argv[1] + "/g")
    os.rename(sys.argv[1] + "/g", sys.argv[1] + "/f")
"""


@pytest.mark.parametrize(
    ("rule", "asks"),
    [
        ("os.rename *.exe -> EACCES or never", 0),
        ("os.rename ruff.exe -> EACCES or never", 0),
        ("os.rename bin/* -> EACCES or never", 0),
        ("os.rename {root}/h -> EACCES or never", 0),
        ("os.rename to h.txt -> EACCES or never", 0),
        ("os.rename f -> EACCES when nth 99 or never", 20),
        ("os.rename -> EACCES when nth 99 or never", 40),
    ],
)
def test_a_child_asks_about_what_a_rule_may_concern(tmp_path, monkeypatch, rule, asks):
    """The rest it decides, and counts, by itself."""
    asked = []
    real = Decisions._ask

    def ask(self, connection, *told):
        asked.append(told)
        return real(self, connection, *told)

    monkeypatch.setattr(Decisions, "_ask", ask)
    (tmp_path / "f").touch()
    root = tmp_path.as_posix()
    with inject(rule.format(root=root), roots=[tmp_path], native=False):
        subprocess.run([sys.executable, "-c", LOOP, root], check=True)
    assert asks == len(asked)
    assert ["f"] == os.listdir(tmp_path)
