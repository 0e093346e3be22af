"""What others have seen on Windows: rows of their own test suites, documents and measurements, tried on the model.

Each line of the data is one call in one state, with the versions of Windows that it is about and its source: the
tables of smbtorture, the tests of Wine, CPython, pyfakefs, .NET, Rust, libuv, Go and WinFsp that run on Windows,
Microsoft's documents, and measurements in public threads. None of them stands in the record. Those of the second
file and the later ones were written after the model, from such sources alone, before it was asked.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import glob
import io
import json
import mmap
import operator
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile

import pytest

from pytest_fsfault import inject

DATA = pathlib.Path(__file__).parents[1] / "data"


def read(name):
    """Return the rows of a file."""
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


ROWS = read("examination.jsonl")
LATER = {number: read(f"examination-{number}.jsonl") for number in ("second", "third", "fourth")}
TOPICS = sorted({(number, row["topic"]) for number, rows in LATER.items() for row in rows})
MODULES = (contextlib, errno, glob, io, mmap, os, shutil, stat, subprocess, sys, tempfile, zipfile)
COMPARE = {">=": operator.ge, "<": operator.lt}

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="left to Windows: it knows by itself"),
    pytest.mark.usefixtures("light_collections"),
    # Rows leave files to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def applies(condition):
    """Return whether a condition such as ``">= (3, 12)"`` holds for this Python."""
    sign, *numbers = re.findall(r">=|<|\d+", condition)
    return COMPARE[sign](sys.version_info, tuple(map(int, numbers)))


def make(path, content=b"0123456789"):
    """Make a file and the directories above it; return its path."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    return path


class Candidate:
    """One row under one version, in a directory of its own, and what came of it."""

    def __init__(self, row, version, root):
        self.row, self.version, self.root = row, version, str(root)
        self.kept = []
        self.value = self.error = None
        self.trees = {}

    def keep(self, held):
        """Keep something open until the call is over."""
        self.kept.append(held)
        return held

    def names(self, fsfault):
        """Return what a row may use."""
        root = self.root
        paths = {"D": root, "p": f"{root}/f.txt", "t": f"{root}/t.txt", "n": f"{root}/new.txt"}
        paths |= {"d": f"{root}/dir", "e": f"{root}/prog.exe"}
        modules = {module.__name__: module for module in MODULES}
        helpers = {"mk": make, "keep": self.keep, "J": lambda *parts: os.path.join(root, *parts)}
        return {**modules, **paths, **helpers, "Path": pathlib.Path, "free": fsfault.paused, "ff": fsfault}

    def run(self):
        """Prepare the state, make the call, and look at the tree while the state lasts and afterwards."""
        row, home, candidates = self.row, os.getcwd(), tempfile._get_candidate_names
        os.mkdir(self.root)
        with inject(roots=[self.root], strict=False) as fsfault:
            names = self.names(fsfault)
            try:
                exec(row.get("before", ""), names)
                names["w"] = fsfault.windows(self.version, **row.get("options", {}))
                exec(row.get("state", ""), names)
                self.call(names)
                self.look("after", fsfault)
            finally:
                os.chdir(home)
                tempfile._get_candidate_names = candidates
                self.let_go(names)
            self.look("later", fsfault)
        return self

    def call(self, names):
        """Make the call, which is an expression or statements."""
        try:
            try:
                code = compile(self.row["call"], "<row>", "eval")
            except SyntaxError:
                exec(compile(self.row["call"], "<row>", "exec"), names)
            else:
                self.value = eval(code, names)
                if hasattr(self.value, "close"):
                    self.keep(self.value)
        except Exception as error:  # noqa: BLE001  # whatever a call raises is its answer
            self.error = error.with_traceback(None)

    def let_go(self, names):
        """Close what the row has opened."""
        for held in reversed(self.kept):
            with contextlib.suppress(Exception):
                held.close()
        self.kept.clear()
        names.clear()
        gc.collect()

    def look(self, when, fsfault):
        """Take down the tree as it really is."""
        with fsfault.paused():
            os.path.exists(self.root)
            found = {}
            for path in pathlib.Path(self.root).rglob("*"):
                folder = path.is_dir() and not path.is_symlink()
                name = path.relative_to(self.root).as_posix()
                content = path.read_bytes()[:64].decode("latin-1") if path.is_file() else None
                found[f"{name}/" if folder or path.is_dir() else name] = content
            self.trees[when] = found

    def wrong(self):
        """Return what is otherwise than the row says."""
        expected = [self.differs(one) for one in self.row["expect"]]
        found = [] if "" in expected else expected[:1]
        for when in ("after", "later"):
            told, there = self.row.get(when, {}), self.trees[when]
            found += [f"{when}: no {name}" for name in told.get("exists", ()) if name not in there]
            found += [f"{when}: still {name}" for name in told.get("gone", ()) if name in there]
            contents = told.get("content", {}).items()
            found += [
                f"{when}: {name} holds {there.get(name)}"
                for name, text in contents
                if there.get(name) != text
            ]
        return found

    def differs(self, expected):
        """Return how the call's outcome differs from an expected one; a key that is not there says nothing."""
        if expected.get("ok"):
            if self.error is not None:
                return f"succeeds, not {self.error!r}"
            value = expected.get("value", repr(self.value))
            return "" if repr(self.value) == value else f"{value}, not {self.value!r}"
        if self.error is None:
            return f"{expected}, not success with {self.value!r}"
        classes = {kind.__name__ for kind in type(self.error).__mro__}
        got = {
            "exc": classes,
            "errno": errno.errorcode.get(getattr(self.error, "errno", None)),
            "winerror": getattr(self.error, "winerror", "none at all"),
        }
        for key, value in got.items():
            allowed = expected.get(key, value)
            allowed = set(allowed) if isinstance(allowed, list) else {allowed} if key != "exc" else allowed
            allowed = {allowed} if isinstance(allowed, str) else allowed
            if not (allowed & value if key == "exc" else value in allowed):
                return f"{expected}, not {self.error!r} (winerror {got['winerror']})"
        return ""


@pytest.mark.parametrize("row", ROWS, ids=[f"{index}-{row['topic']}" for index, row in enumerate(ROWS, 1)])
def test_row(row, tmp_path):
    """The model gives what Windows gave, for each version that the row is about."""
    if not applies(row.get("python", ">= (3, 11)")):
        pytest.skip(f"about Python {row['python']}")
    wrong = {
        version: found
        for version in row["windows"]
        if (found := Candidate(row, version, tmp_path / version).run().wrong())
    }
    assert {} == wrong, row["source"]


def failing(rows, root):
    """Return what is wrong with rows, each with the versions under which it is to be tried."""
    found = {}
    for index, (row, versions) in enumerate(rows):
        for version in versions:
            if applies(row.get("python", ">= (3, 11)")):
                wrong = Candidate(row, version, root / f"{index}-{version}").run().wrong()
                if wrong:
                    found[row["call"], row.get("state", ""), row["source"], version] = wrong
    return found


@pytest.mark.filterwarnings("ignore:codecs.open:DeprecationWarning")  # from Python 3.14 on
@pytest.mark.parametrize(("number", "topic"), TOPICS)
def test_later_examinations(number, topic, tmp_path):
    """Each row under one of its versions, in turn."""
    rows = [row for row in LATER[number] if row["topic"] == topic]
    tried = [
        (row, [row["windows"][index % len(row["windows"])]]) for index, row in enumerate(rows, len(topic))
    ]
    assert {} == failing(tried, tmp_path)


@pytest.mark.filterwarnings("ignore:codecs.open:DeprecationWarning")
@pytest.mark.slow
@pytest.mark.parametrize(("number", "topic"), TOPICS)
def test_later_examinations_whole(number, topic, tmp_path):
    """Each row under each of its versions."""
    rows = [(row, row["windows"]) for row in LATER[number] if row["topic"] == topic]
    assert {} == failing(rows, tmp_path)


def test_every_row_has_a_source():
    """A row says who has seen it, and is there once."""
    rows = [*ROWS, *(row for later in LATER.values() for row in later)]
    assert [] == [row for row in rows if not row["source"].strip()]
    told = [json.dumps({**row, "source": "", "topic": ""}, sort_keys=True) for row in rows]
    assert len(told) == len(set(told))


OK = {"topic": "x", "windows": ["11"], "call": "mk(p)", "expect": [{"ok": True}], "source": "here"}
REFUSED = {**OK, "state": "keep(open(mk(p)))", "call": "os.remove(p)"}


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        (OK, 0),
        ({**OK, "expect": [{"exc": "OSError"}]}, 1),
        ({**OK, "call": "1", "expect": [{"ok": True, "value": "2"}]}, 1),
        ({**OK, "after": {"exists": ["new.txt"], "gone": ["f.txt"], "content": {"f.txt": "x"}}}, 3),
        ({**REFUSED, "expect": [{"exc": "PermissionError", "errno": "EACCES", "winerror": 32}]}, 0),
        ({**REFUSED, "expect": [{"exc": ["KeyError", "OSError"], "winerror": [5, 32]}]}, 0),
        ({**REFUSED, "expect": [{"winerror": 5}, {"winerror": 32}]}, 0),
        ({**REFUSED, "expect": [{"winerror": 5}]}, 1),
        ({**REFUSED, "expect": [{"winerror": None}]}, 1),
        ({**REFUSED, "expect": [{"errno": "ENOENT"}]}, 1),
        ({**REFUSED, "expect": [{"exc": "FileNotFoundError"}]}, 1),
        ({**REFUSED, "expect": [{"ok": True}]}, 1),
        ({**REFUSED, "expect": [{"exc": "OSError"}], "later": {"gone": ["f.txt"]}}, 1),
    ],
)
def test_a_wrong_row_is_noticed(row, wrong, tmp_path):
    """What a row expects is compared with what happened: class, numbers, value, and the tree."""
    assert wrong == len(Candidate(row, "11", tmp_path / "x").run().wrong())


def test_conditions():
    """A row for other versions of Python is known by its condition."""
    assert [True, False, True] == [applies(text) for text in (">= (3, 11)", ">= (4,)", "< (4, 0, 1)")]
