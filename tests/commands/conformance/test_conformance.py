"""The record of Windows CPython, replayed: how much of it the model tells, and that the replayer notices the rest."""

from __future__ import annotations

import json
import os
import pathlib
import random
import sys
import tempfile
from functools import cache

import pytest

from pytest_fsfault._commands.conformance import (
    PARTS,
    Listed,
    Result,
    read_exceptions,
    read_rows,
    replay,
    score,
)
from pytest_fsfault._commands.conformance.real_holders import RealHolders
from pytest_fsfault._commands.conformance.rows import RecordedRow, recorded_with
from pytest_fsfault._commands.conformance.states import find_state
from pytest_fsfault._commands.conformance.workspace import effect

DATA = pathlib.Path(__file__).parents[2] / "data"
RECORD = DATA / f"conformance-{recorded_with()}.jsonl"
#: The least percentage that has to agree in each part.
# Each row collects what it has left.
pytestmark = pytest.mark.usefixtures("light_collections")

LEAST = {"outcome": 99.5, "text": 99.0, "effect": 99.0}

modelled = pytest.mark.skipif(
    os.name == "nt", reason="left to Windows: the command replays the record against it"
)


@cache
def record():
    """Return the rows for this Python."""
    return read_rows(str(RECORD))


@cache
def listed():
    """Return what may disagree."""
    return read_exceptions(str(DATA / "conformance-exceptions.toml"))


@cache
def results():
    """Replay the whole record once, in the call of whichever test asks first: only there do faults act."""
    return replay(record())


def states():
    """Return the states of the record, each once."""
    return list(dict.fromkeys(row.state for row in record()))


def told(some):
    """Return what a failure has to show of some results."""
    return ["\n".join(result.lines()) for result in some]


@modelled
@pytest.mark.parametrize("part", PARTS)
def test_score(part):
    """So much of the record agrees with the model."""
    assert score(results(), part).percent >= LEAST[part], str(score(results(), part))


@modelled
@pytest.mark.parametrize("state", states())
def test_state(state):
    """Every row of a state agrees, or is listed with a reason; what is listed does not agree."""
    some = [result for result in results() if result.row.state == state]
    assert [] == told(listed().unlisted(some))
    assert [] == told(listed().needless(some))


def test_what_is_listed_is_recorded():
    """Each exception is a row of the record."""
    assert [] == listed().unknown(record())


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_record_is_whole(version):
    """A record names each pair of state and operation once, and its states can all be prepared."""
    rows = read_rows(str(DATA / f"conformance-{version}.jsonl"))
    assert len(rows) == len({(row.state, row.op) for row in rows})
    assert 53 == len({row.state for row in rows})


# What the README of the record names beyond the states that its rows have.
@pytest.mark.parametrize(
    ("state", "tree"),
    [
        ("mmap alive, file object open", {"f.txt": 17}),
        ("mmap (ACCESS_COPY) alive, file object closed", {"f.txt": 17}),
        ("read-only and open(rb)", {"f.txt": 17}),
        ("system", {"f.txt": 17}),
        ("handle W/none", {"f.txt": 17}),
        ("delete-pending", {}),
        ("hard link of p (os.link) open(rb)", {"f.txt": 17, "hl.txt": 17}),
        ("dir with a file open(rb) two levels inside", {"f.txt/": 0, "f.txt/s/": 0, "f.txt/s/b": 4}),
        ("dir that is the parent of the cwd", {"f.txt/": 0, "f.txt/s/": 0}),
        ("dir that is the parent of the cwd of another process", {"f.txt/": 0, "f.txt/s/": 0}),
        ("empty dir with handle LIST/rw", {"f.txt/": 0}),
        ("dir containing a loaded dll", {"f.txt/": 0, "f.txt/f.dll": 12288}),
        ("name 'nul'", {}),
        ("name b'x'", {}),
    ],
)
@modelled
def test_other_states(state, tree):
    """A state that no shared row has is prepared as described."""
    (result,) = replay([RecordedRow(1, state, "sorted((r, *f) for r, s, f in os.walk(D) if 0)", "test", {})])
    assert {"ok": True, "result": [], "effect": []} == result.got
    seen = "[x + '/' for r, s, f in os.walk(D) for x in s] + [x for r, s, f in os.walk(D) for x in f]"
    (result,) = replay([RecordedRow(1, state, seen, "test", {})])
    names = [os.path.basename(name.rstrip("/")) + "/" * name.endswith("/") for name in tree]
    assert sorted(["dir/", "other.txt", *names]) == sorted(result.got["result"])


ROWS = {
    "open(p,'rb') kept open": ["os.remove(p)", "os.rename(p,n)", "os.path.getsize(p)"],
    "dir that is the cwd": ["os.rmdir(p)", "os.rename(p,n)", "os.listdir(p)"],
    "dir that is the cwd of another process": ["os.rmdir(p)", "os.chdir(p)"],
    "held open(rb) by another process": ["os.remove(p)", "os.open(p,os.O_RDWR)"],
    "closed file": [
        "mmap.mmap(os.open(p,os.O_RDWR),0)",
        "tempfile.mkstemp(dir=d)",
        "logging.FileHandler(n)",
        "os.chdir(d)",
        "os.rename(D,D+'_m')",
        "shutil.rmtree(D)",
    ],
    "read-only (chmod 0o444)": ["os.remove(p)", "os.chmod(d,0o444)", "open(p,'w')"],
}


def chosen():
    """Return the rows that leave most behind."""
    return [RecordedRow(1, state, op, "test", {}) for state, ops in ROWS.items() for op in ops]


def surroundings():
    """Return what a replay must not change."""
    numbers = [number for number in range(64) if is_open(number)]
    return (
        os.getcwd(),
        numbers,
        [name for name in os.listdir(tempfile.gettempdir()) if "conformance-" in name],
    )


def is_open(number):
    """Return whether a descriptor is open."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("model", [False, True])
@modelled
def test_nothing_is_left(model, tmp_path, monkeypatch):
    """A replay leaves the current directory, the descriptors and the temporary directory as they were."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = surroundings()
    assert len(chosen()) == len(replay(chosen(), model=model))
    assert before == surroundings()
    assert [] == list(tmp_path.iterdir())


@modelled
def test_rows_are_independent():
    """A row gives the same in whatever company and order it is replayed."""
    rows = record()[::40]
    shuffled = random.Random(1).sample(rows, len(rows))
    together = {result.row.line: result.got for result in replay(rows)}
    assert together == {result.row.line: result.got for result in replay(shuffled)}


@modelled
def test_without_the_model_the_host_answers():
    """Without the model a POSIX system removes what is open: the replayer tells who answers."""
    row = RecordedRow(1, "open(p,'rb') kept open", "os.remove(p)", "test", {"ok": False, "winerror": 32})
    assert {"ok": True, "effect": ["-f.txt"]} == replay([row], model=False)[0].got
    assert 32 == replay([row], model=True)[0].got["winerror"]


def test_a_state_that_cannot_be_had():
    """A row whose state cannot be prepared here disagrees, says why, and the next row is replayed."""
    rows = [
        RecordedRow(1, "open(p,'no mode') kept open", "os.remove(p)", "test", {"ok": True}),
        RecordedRow(2, "closed file", "os.path.getsize(p)", "test", {"ok": True, "result": 17}),
    ]
    first, second = replay(rows, model=False)
    assert ["outcome"] == first.wrong
    assert "not prepared" == first.got["exc"]
    assert [] == second.wrong


REFUSED = {
    "ok": False, "exc": "PermissionError", "errno": "EACCES", "winerror": 32, "filename": "<D>/f.txt",
    "filename2": "<D>/new.txt", "str": "[WinError 32] text: '<D>/f.txt'", "effect": ["-f.txt"],
}  # fmt: skip
ANSWERED = {"ok": True, "effect": [], "result": ["a", "b"]}


@pytest.mark.parametrize(
    ("recorded", "key", "value", "part"),
    [
        (REFUSED, "ok", True, "outcome"),
        (REFUSED, "exc", "OSError", "outcome"),
        (REFUSED, "errno", "EPERM", "outcome"),
        (REFUSED, "winerror", None, "outcome"),
        (REFUSED, "filename", None, "text"),
        (REFUSED, "filename2", "<D>/other.txt", "text"),
        (REFUSED, "str", "[WinError 5] text: '<D>/f.txt'", "text"),
        (REFUSED, "effect", [], "effect"),
        (ANSWERED, "result", ["b", "a"], "effect"),
        (ANSWERED, "effect", ["+f.txt(0)"], "effect"),
    ],
)
def test_each_difference_is_noticed(recorded, key, value, part):
    """A difference in any recorded value makes its part disagree, and no other."""
    row = RecordedRow(1, "missing", "os.remove(p)", "test", recorded)
    assert [] == Result(row, recorded).wrong
    assert [part] == Result(row, recorded | {key: value}).wrong
    without = {name: one for name, one in recorded.items() if name != key}
    assert [part] == Result(row, without).wrong
    assert [] == Result(row._replace(recorded=without), recorded).wrong


@pytest.mark.parametrize(
    ("recorded", "got"),
    [
        ("[Errno 41] x: '<D>/f'", "[Errno 39] x: '<D>/f'"),
        ("[WinError 2] x: '<D>/a\\tb'", "[WinError 2] x: '<D>\\\\a\\tb'"),
        ("into itself '<D>/f/inside'", "into itself '<D>\\f\\inside'"),
    ],
)
def test_what_makes_no_difference(recorded, got):
    """Separators and the host's number of an errno do not count; its name does, with the outcome."""
    assert [] == Result(RecordedRow(1, "missing", "x", "test", {"str": recorded}), {"str": got}).wrong


def test_score_counts_what_is_recorded():
    """A part is scored among the rows that say something about it; of none, all agree."""
    rows = [
        RecordedRow(1, "s", "o", "t", {"ok": True}),
        RecordedRow(2, "s", "o", "t", {"ok": False, "str": "x"}),
    ]
    found = [Result(row, {"ok": True}) for row in rows]
    assert ["1/2 50.00 %", "0/1 0.00 %", "-"] == [str(score(found, part)) for part in PARTS]
    assert 100.0 == score(found, "effect").percent


def test_a_share_is_never_rounded_up():
    """99.999 percent are not printed as all."""
    rows = [RecordedRow(1, "s", "o", "t", {"ok": index > 0}) for index in range(100_000)]
    assert "99999/100000 99.99 %" == str(score([Result(row, {"ok": True}) for row in rows], "outcome"))


def test_listed_and_agreeing():
    """A listed row that agrees is needless, one that disagrees unlisted is told, one that is no row is unknown."""
    rows = [RecordedRow(number, "s", f"op{number}", "t", {"ok": number < 3}) for number in range(1, 5)]
    found = [Result(row, {"ok": True}) for row in rows]
    some = Listed({("s", "op1"): "why", ("s", "op3"): "why", ("s", "op9"): "why"})
    assert [found[3]] == some.unlisted(found)
    assert [found[0]] == some.needless(found)
    assert [("s", "op9")] == some.unknown(rows)


def test_effect():
    """An effect tells what went, what came, and what has another size; a directory has none."""
    before = {"a": 1, "b/": 0, "b/c": 2, "same": 3}
    after = {"a": 5, "d/": 0, "same": 3}
    assert ["-b/", "-b/c", "+d/(0)", "~a(1->5)"] == effect(before, after)


class Kernel:
    """Stand in for kernel32, and write down what is called."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        def function(*arguments):
            self.calls.append((name, *arguments))
            return {"GetFileAttributesW": 32}.get(name, 77)

        return function


@pytest.mark.parametrize(
    ("access", "share", "bits", "sharing"),
    [("r", "rw", 0x80000000, 3), ("rw", "rwd", 0xC0000000, 7), ("d", "r", 0x10000, 1), ("", "", 0x80, 0)],
)
def test_real_handles(access, share, bits, sharing):
    """On Windows a declared handle is a real one, with the same access and sharing, closed at the end."""
    kernel = Kernel()
    RealHolders(kernel).hold("f", access, share).close()
    opened = ("CreateFileW", "f", bits, sharing, None, 3, 0x02000000, None)
    assert [opened, ("CloseHandle", 77)] == kernel.calls


def test_real_mapping():
    """On Windows a mapping outlives its handles, until it is let go of."""
    kernel = Kernel()
    held = RealHolders(kernel).map("f")
    calls = ["CreateFileW", "CreateFileMappingW", "MapViewOfFile", "CloseHandle", "CloseHandle"]
    assert calls == [name for name, *_ in kernel.calls]
    held.close()
    assert ("UnmapViewOfFile", 77) == kernel.calls[-1]


def test_real_library(tmp_path, monkeypatch):
    """On Windows a real library takes the place of the file; its size counts as the recorded one."""
    system = tmp_path / "System32"
    system.mkdir()
    (system / "version.dll").write_bytes(bytes(30_000))
    path = tmp_path / "f.dll"
    path.write_bytes(bytes(12_288))
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    kernel = Kernel()
    others = RealHolders(kernel)
    others.load(str(path)).close()
    assert [("LoadLibraryW", str(path)), ("FreeLibrary", 77)] == kernel.calls
    assert 30_000 == path.stat().st_size
    assert {30_000: 12_288} == others.sizes


def test_real_attributes():
    """On Windows attributes are added to those that are there, or taken from them."""
    kernel = Kernel()
    RealHolders(kernel).set_attributes("f", readonly=True, hidden=True, system=False)
    assert ("SetFileAttributesW", "f", 32 | 1 | 2) == kernel.calls[-1]


def test_states_beside():
    """Another process is started for the states that need one, and for no other."""
    assert {state for state in states() if "another process" in state} == {
        state for state in states() if find_state(state).beside
    }


def test_the_record_of_this_python():
    """Each Python is held against its own record, those after 3.13 against that of 3.13."""
    assert f"3.{min(sys.version_info.minor, 13)}" == recorded_with()
    assert json.loads(RECORD.read_text("utf-8").partition("\n")[0])["state"] == "missing"
