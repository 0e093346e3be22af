"""`python -m pytest_fsfault conformance`: what it prints, and what it says to mistakes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from pytest_fsfault.__main__ import main
from pytest_fsfault._commands.conformance.rows import recorded_with

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
GOOD = {
    "state": "closed file", "op": "os.path.getsize(p)", "ok": True, "result": 17, "effect": [],
    "source": "agrees",
}  # fmt: skip
BAD = {
    "state": "open(p,'rb') kept open", "op": "os.remove(p)", "ok": False, "exc": "PermissionError",
    "errno": "EACCES", "winerror": 5, "str": "[WinError 5] Access is denied: '<D>/f.txt'", "effect": [],
    "source": "plausible",
}  # fmt: skip
FORM = 'write rows such as {"state": "missing", "op": "os.remove(p)", "ok": false, ...}, one a line'
KEYS = "write [[exception]] with states, ops, reason and, where it is not for all, python"
LISTED = """
[[exception]]
states = ["open(p,'rb') kept open"]
ops = ["os.remove(p)"]
reason = "a slip of the recorder"
"""
TEXT = "The process cannot access the file because it is being used by another process"

modelled = pytest.mark.skipif(os.name == "nt", reason="left to Windows: it answers, not the model")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Name files without their directory."""
    monkeypatch.chdir(tmp_path)


def write(name, *rows):
    """Write rows to a file."""
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    with open(name, "w", encoding="utf-8") as file:
        file.write(text + "\n")


@modelled
def test_output(capsys):
    """The score comes by source and for all, then the rows that disagree; the exit code says that some do."""
    write("rows.jsonl", GOOD, BAD)
    assert 1 == main(["conformance", "rows.jsonl"])
    assert [
        f"rows.jsonl: Python {VERSION} and the Windows model",
        "              rows               outcome                  text                effect",
        "agrees           1          1/1 100.00 %                     -          1/1 100.00 %",
        "plausible        1            0/1 0.00 %            0/1 0.00 %          1/1 100.00 %",
        "all              2           1/2 50.00 %            0/1 0.00 %          2/2 100.00 %",
        "1 of 2 rows disagree, 0 of them for a listed reason",
        "",
        "open(p,'rb') kept open | os.remove(p)  (line 2, plausible)",
        "    recorded: PermissionError  EACCES  [WinError 5] Access is denied: '<D>/f.txt'",
        f"    happened: PermissionError  EACCES  [WinError 32] {TEXT}: '<D>/f.txt'",
    ] == capsys.readouterr().out.splitlines()


@modelled
def test_show_fewer(capsys):
    """--show 0 prints no row, and says how to see them."""
    write("rows.jsonl", BAD)
    assert 1 == main(["conformance", "rows.jsonl", "--show", "0"])
    assert ["", "... and 1 more; --show 1 prints them all"] == capsys.readouterr().out.splitlines()[-2:]


@modelled
def test_exceptions(capsys):
    """A listed row is counted, not shown, and does not fail the command."""
    write("rows.jsonl", GOOD, BAD)
    write("listed.toml", LISTED)
    assert 0 == main(["conformance", "rows.jsonl", "--exceptions", "listed.toml"])
    last = capsys.readouterr().out.splitlines()[-1]
    assert "1 of 2 rows disagree, 1 of them for a listed reason" == last


@modelled
def test_needless_exception(capsys):
    """A listed row that agrees fails the command."""
    write("rows.jsonl", BAD | {"winerror": 32, "str": f"[WinError 32] {TEXT}: '<D>/f.txt'"})
    write("listed.toml", LISTED)
    assert 1 == main(["conformance", "rows.jsonl", "--exceptions", "listed.toml"])
    last = capsys.readouterr().out.splitlines()[-1]
    assert "listed, but agrees: open(p,'rb') kept open | os.remove(p)" == last


@modelled
def test_exception_for_another_python(capsys):
    """An exception for other versions of Python does not count for this one."""
    write("rows.jsonl", BAD)
    write("listed.toml", LISTED + 'python = ["3.7"]')
    assert 1 == main(["conformance", "rows.jsonl", "--exceptions", "listed.toml"])
    assert "0 of them for a listed reason" in capsys.readouterr().out


@modelled
@pytest.mark.parametrize(
    "choice", [["--state", "closed"], ["--op", "getsize"], ["--state", "c", "--op", "size"]]
)
def test_filters(choice, capsys):
    """--state and --op choose rows by a part of their text."""
    write("rows.jsonl", GOOD, BAD)
    assert 0 == main(["conformance", "rows.jsonl", *choice])
    assert "0 of 1 rows disagree, 0 of them for a listed reason" in capsys.readouterr().out


@modelled
@pytest.mark.parametrize(
    ("name", "said"), [("cpython-3.7.jsonl", True), (f"r-{recorded_with()}.jsonl", False)]
)
def test_record_of_another_python(name, said, capsys):
    """A file named after another Python is replayed, and the difference told."""
    write(name, GOOD)
    assert 0 == main(["conformance", name])
    note = f"note: the file is named after 3.7; the record for this Python is that of {recorded_with()}"
    assert said == (note in capsys.readouterr().out.splitlines())


@modelled
def test_as_a_module():
    """The command runs as `python -m pytest_fsfault`, and a narrow terminal encoding does not end it."""
    write("rows.jsonl", {"state": "name 'caf\u00e9'", "op": "os.remove(p)", "ok": True, "source": "test"})
    told = subprocess.run(
        [sys.executable, "-m", "pytest_fsfault", "conformance", "rows.jsonl"],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (1, "") == (told.returncode, told.stderr)
    assert r"name 'caf\xe9' | os.remove(p)  (line 1, test)" in told.stdout.splitlines()


def mistake(arguments, capsys):
    """Run the command, and return the one line that it says."""
    assert 2 == main(arguments)
    said = capsys.readouterr()
    assert "" == said.out
    assert 1 == said.err.count("\n")
    return said.err.rstrip("\n")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "{",
            f"it is not valid JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)); {FORM}",
        ),
        ("[1]", f"'[1]' is not a JSON object; {FORM}"),
        ({"op": "p", "ok": True}, f"'state' is None, which is not a str; {FORM}"),
        ({"state": "missing", "ok": True}, f"'op' is None, which is not a str; {FORM}"),
        ({"state": "missing", "op": "p", "ok": 1}, f"'ok' is 1, which is not a bool; {FORM}"),
        (GOOD | {"effect": "none"}, f"'effect' is 'none', which is not a list of strings; {FORM}"),
        (GOOD | {"state": "clsed file"}, "the state 'clsed file' is unknown; did you mean 'closed file'?"),
        (
            GOOD | {"state": "name 'x"},
            'the state "name \'x" is unknown; did you mean "name \'nul\'"?',
        ),
        (
            GOOD | {"state": "42"},
            "the state '42' is unknown; write one of the record's own, such as 'closed file'",
        ),
        (
            GOOD | {"op": "os.remove(p"},
            "the operation 'os.remove(p' is not a Python expression; write one such as 'os.remove(p)'",
        ),
    ],
)
def test_wrong_line(line, message, capsys):
    """A wrong line is named, before any row is replayed."""
    write("rows.jsonl", GOOD, "", line)
    assert f"'rows.jsonl', line 3: {message}" == mistake(["conformance", "rows.jsonl"], capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a command is missing; write one of: conformance, policies, procmon, schema"),
        (["conformence"], "unknown command 'conformence'; did you mean 'conformance'?"),
        (["x"], "unknown command 'x'; write one of: conformance, policies, procmon, schema"),
        (
            ["conformance"],
            "the following arguments are required: FILE; see python -m pytest_fsfault conformance --help",
        ),
        (
            ["conformance", "rows.jsonl", "--shw", "1"],
            "unrecognized arguments: --shw 1; see python -m pytest_fsfault conformance --help",
        ),
        (
            ["conformance", "rows.jsonl", "--show", "-1"],
            "--show '-1' is not a number of rows; write 0 or more",
        ),
        (
            ["conformance", "rows.jsonl", "--show", "few"],
            "--show 'few' is not a number of rows; write 0 or more",
        ),
        (
            ["conformance", "none.jsonl"],
            "'none.jsonl' is not readable: No such file or directory; name a file of recorded rows",
        ),
        (
            ["conformance", "rows.jsonl", "--exceptions", "none.toml"],
            "'none.toml' is not readable: No such file or directory; name a file of exceptions",
        ),
        (["conformance", "blob"], "'blob' is not text in UTF-8; name a file of recorded rows"),
        (["conformance", "empty.jsonl"], f"'empty.jsonl' has no rows; {FORM}"),
        (
            ["conformance", "rows.jsonl", "--state", "no", "--op", "zip"],
            "no row of 'rows.jsonl' has 'no' in its state and 'zip' in its operation; write less",
        ),
    ],
)
def test_mistakes(arguments, message, capsys):
    """A mistake on the command line is one sentence and exit code 2."""
    write("rows.jsonl", GOOD)
    write("empty.jsonl", "", " ")
    with open("blob", "wb") as file:
        file.write(b"\xff\xfe")
    assert message == mistake(arguments, capsys)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[exception]", f"' is not valid TOML: Expected ']]' at the end of an array declaration (at line 1, column 12); {KEYS}"),
        ("[[exceptions]]", f"' has ['exceptions'], which is not a list of exceptions; {KEYS}"),
        ("exception = 1", f"' has 'exception', which is not a list of exceptions; {KEYS}"),
        ("exception = [1]", f"', exception 1: 1 is not a table; {KEYS}"),
        (LISTED + "reasons = 'x'", "', exception 1: unknown key 'reasons'; did you mean 'reason'?"),
        (LISTED + "because = 'x'", f"', exception 1: unknown key 'because'; {KEYS}"),
        (LISTED + "python = '3.11'", f"', exception 1: 'python' is '3.11', which is not a list of strings; {KEYS}"),
        (LISTED.replace("states", "python"), f"', exception 1: 'states' is None, which is not a list of strings; {KEYS}"),
        (LISTED.replace('["os.remove(p)"]', "[]"), f"', exception 1: 'ops' is [], which is not a list of strings; {KEYS}"),
        (LISTED.replace("a slip of the recorder", " "), f"', exception 1: 'reason' is ' ', which says nothing; {KEYS}"),
        (
            LISTED + LISTED,
            "', exception 2: 'os.remove(p)' in the state \"open(p,'rb') kept open\" is listed twice; list it once",
        ),
    ],
)  # fmt: skip
def test_wrong_exceptions(text, message, capsys):
    """A mistake in the list of exceptions is told with its number."""
    write("rows.jsonl", GOOD)
    write("listed.toml", text)
    assert f"'listed.toml{message}" == mistake(
        ["conformance", "rows.jsonl", "--exceptions", "listed.toml"], capsys
    )


def test_help(capsys):
    """--help lists the commands, and each command its options."""
    assert 0 == main(["--help"])
    assert "conformance     replay recorded outcomes of CPython on Windows" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["conformance", "--help"])
    assert 0 == ended.value.code
    assert "--exceptions FILE" in capsys.readouterr().out
