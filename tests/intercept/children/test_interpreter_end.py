"""A Python child whose interpreter ends: what is finalised then meets no function of ours that is half gone."""

from __future__ import annotations

import subprocess
import sys

import pytest
from skips import linux_fact

from pytest_fsfault import inject

# An object that a library keeps is finalised when the module is emptied.
KEPT = """
import os, shutil, sys
class Kept:
    def __init__(self, path):
        self.path = path
        os.mkdir(path) if {first} else None
    def __del__(self, os=os, makedirs=os.makedirs):
        makedirs(self.path + "/made")
        os.listdir(self.path)
        os.stat(self.path)
        os.rename(self.path + "/made", self.path + "/renamed")
shutil.kept = Kept(sys.argv[1] + "/d")
"""
#: Scripts, and what is below the root when they have ended.
SCRIPTS = {
    "of a module": (KEPT.format(first=True), ["d", "d/renamed"]),
    "of a module, the first call": (KEPT.format(first=False), ["d", "d/renamed"]),
    "of a temporary file": (
        "import shutil, sys, tempfile; shutil.kept = tempfile.NamedTemporaryFile(dir=sys.argv[1])",
        [],
    ),
    "of fileinput": (
        "import fileinput, sys\nopen(path := sys.argv[1] + '/f', 'w').write('1')\nfor _ in fileinput.input(path, True): break",
        ["f"],
    ),
    "of a file with data": (
        "import json, sys\njson.kept = open(sys.argv[1] + '/f', 'w')\njson.kept.write('1')",
        ["f"],
    ),
}


@pytest.mark.parametrize("keywords", [{"profile": "observe"}, {}], ids=str)
@pytest.mark.parametrize("which", SCRIPTS)
def test_finalisers_at_the_end_of_a_child(which, keywords, tmp_path):
    """They do what they do without faults, and the child says nothing."""
    script, left = SCRIPTS[which]
    rules = () if keywords else ("any -> delay 0ms or never",)
    with inject(*rules, roots=[tmp_path], **keywords):
        line = [sys.executable, "-c", script, tmp_path]
        result = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (0, "", "") == (result.returncode, result.stdout, result.stderr)
    assert left == sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))


# A module that a script imports, and what is finalised with it by a function of its own.
LIBRARY = """
class Kept:
    def __del__(self):
        report("finalised")
def report(what): print(what, flush=True)
kept = Kept()
"""
CALL = "os.stat(sys.argv[1])"
SESSION = "from pytest_fsfault import inject\nwith inject(roots=[sys.argv[1]]): "


@pytest.mark.parametrize("profile", [None, "observe", "windows"])
@pytest.mark.parametrize("late", [False, True], ids=["imported before", "imported after"])
def test_a_module_ends_with_all_that_it_has(profile, late, tmp_path):
    """Its finalisers find its functions, as without faults: nothing of ours keeps it until its names are emptied."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "sample.py").write_text(LIBRARY)
    root = tmp_path / "root"
    root.mkdir()
    steps = [CALL, "import sample"] if late else ["import sample", CALL]
    script = "\n".join(["import os, sys", "sys.path.append(sys.argv[2])", *steps, CALL])
    rules = () if profile else ("any -> delay 0ms or never",)
    with inject(*rules, roots=[root], profile=profile):
        line = [sys.executable, "-c", script, root, library]
        result = subprocess.run(line, capture_output=True, text=True, check=False)
    assert ("finalised\n", "") == (result.stdout, result.stderr)


def test_a_module_ends_so_in_the_process_of_the_tests_too(tmp_path):
    """Sessions that were there before have let go of it."""
    (tmp_path / "sample.py").write_text(LIBRARY)
    script = f"import os, sys\nsys.path.append(sys.argv[1])\nimport sample\n{SESSION}{CALL}"
    line = [sys.executable, "-c", script, tmp_path]
    result = subprocess.run(line, capture_output=True, text=True, check=False)
    assert ("finalised\n", "") == (result.stdout, result.stderr)


@linux_fact("a kernel that tells of what no frame of Python writes")
def test_a_rule_meets_what_is_written_when_a_script_ends(tmp_path):
    """The file of a script that closes nothing is flushed when no code runs any more: the kernel tells of that."""
    script = "import sys; file = open(sys.argv[1], 'w'); file.write('data')"
    with inject("file.write, os.write f -> ENOSPC", roots=[tmp_path]) as fsfault:
        line = [sys.executable, "-c", script, tmp_path / "f"]
        subprocess.run(line, capture_output=True, check=False)
        entry = fsfault.journal.faults[0]
    assert "raised" == entry.outcome
    assert not (tmp_path / "f").read_bytes()
