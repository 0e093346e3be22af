"""The record of Windows CPython, replayed on a fake Windows: it agrees as on the real file system."""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from functools import cache
from importlib.metadata import version

import pytest

from pytest_fsfault.__main__ import main
from pytest_fsfault._commands.conformance import PARTS, read_exceptions, read_rows, replay, score
from pytest_fsfault._commands.conformance.filesystems import lacking

from .test_conformance import DATA, RECORD, told

RELEASE = tuple(map(int, version("pyfakefs").split(".")[:2]))
pytestmark = [
    pytest.mark.usefixtures("light_collections"),
    pytest.mark.skipif(os.name == "nt", reason="left to Windows: the rows are replayed against it"),
    pytest.mark.skipif(RELEASE < (6, 3), reason="before 6.3 `os.path` of a fake Windows is POSIX's in part"),
]

SAMPLE = 16  # one row of so many; all of them take a minute or two


@cache
def record():
    """Return the rows for this Python that a fake can have."""
    return [row for row in read_rows(str(RECORD)) if not lacking(row.state, row.op)]


@cache
def listed():
    """Return what may disagree."""
    return read_exceptions(str(DATA / "conformance-fake-exceptions.toml"))


@cache
def sample():
    """Replay a sample of rows of all states, always the same one."""
    rows = sorted(record(), key=lambda row: random.Random(f"{row.state}|{row.op}").random())
    states = {row.state: row for row in rows}
    chosen = {row.line: row for row in (*states.values(), *rows[::SAMPLE])}
    return replay(chosen.values(), fake=True)


@pytest.mark.parametrize("part", PARTS)
def test_score_of_a_sample(part):
    """All of it agrees in outcome and text, and nearly all in the effect on the tree."""
    assert score(sample(), part).percent >= (99.0 if part == "effect" else 100.0), str(score(sample(), part))


def test_each_row_of_a_sample_agrees():
    """Or is listed with a reason."""
    assert [] == told(listed().unlisted(sample()))


@pytest.mark.slow
def test_all_rows():
    """Every row agrees, or is listed with a reason; what is listed does not agree."""
    results = replay(record(), fake=True)
    assert [] == told(listed().unlisted(results))
    assert [] == told(listed().needless(results))


def test_what_is_listed_is_recorded():
    """Each exception is a row of the record."""
    assert [] == listed().unknown(record())


def test_what_a_fake_lacks_is_counted():
    """One row in ten: mappings, other processes, and raw files made by hand."""
    found = Counter(lacking(row.state, row.op) for row in read_rows(str(RECORD)))
    assert {
        "",
        "io.FileIO goes past the fake",
        "nothing of a fake can be mapped",
        "no other process sees a fake",
    } == {*found}
    assert 0.88 < found[""] / found.total() < 0.92


def test_the_command_prints_the_score(capsys):
    """With what was left out, and why."""
    assert 0 == main(["conformance", str(RECORD), "--fake", "--state", "hidden"])
    lines = capsys.readouterr().out.splitlines()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"{RECORD.name}: Python {python} and the Windows model on a fake Windows" == lines[0]
    assert [line for line in lines if line.startswith("all ") and line.count("100.00 %") == len(PARTS)]
    assert [line for line in lines if line.endswith("rows left out: io.FileIO goes past the fake")]
    assert lines[-1].startswith("0 of ")


def test_nothing_is_left_behind():
    """Neither in the real file system nor in this process."""
    before = sorted(os.listdir()), os.getcwd()
    replay(record()[:3], fake=True)
    assert before == (sorted(os.listdir()), os.getcwd())
