"""A log is read row by row, however it was saved."""

from __future__ import annotations

import io
import sys

import pytest

from pytest_fsfault._commands.procmon.csv_log import CsvLog
from pytest_fsfault._commands.procmon.pml_log import PmlLog
from pytest_fsfault._commands.procmon.progress import Progress
from pytest_fsfault._commands.procmon.rows import COLUMNS
from pytest_fsfault._commands.procmon.xml_log import XmlLog
from pytest_fsfault._core.language.mistakes import FsFaultError

from .logs import row, sample_pml, write_csv, write_xml

ROWS = [
    row("7:19:37.0147934 AM", "uv.exe", "CreateFile", r"C:\ü, a\"b"),
    row("7:19:37.0147935 AM", "uv.exe", "RegSetValue", r"HKLM\x", detail="Data: one\n;two <&>"),
    row("7:19:37.0147936 AM", "uv.exe", "CloseFile", r"C:\日本"),
]
DETAIL = (
    "Desired Access: Read Attributes, Disposition: Open, Options: Open Reparse Point, Attributes: n/a, "
    "ShareMode: Read, Write, Delete, AllocationSize: n/a, OpenResult: Opened"
)
WIDE = (*COLUMNS[3:], "Date & Time", *COLUMNS[:3])
NEEDED = ", ".join(COLUMNS)


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"columns": WIDE},
        {"encoding": "utf-8"},
        {"encoding": "utf-16"},
        {"delimiter": ";"},
        {"delimiter": "\t"},
    ],
    ids=str,
)
def test_csv(tmp_path, written):
    """Columns in any order, with or without others; a spreadsheet's encodings and separators."""
    log = CsvLog(write_csv(tmp_path / "log.csv", ROWS, **written))
    assert ROWS == list(log.rows()) == list(log.rows())


def test_a_csv_line_that_was_cut_short(tmp_path):
    """The last line of a log that was cut off is passed over."""
    path = tmp_path / "log.csv"
    write_csv(path, ROWS)
    path.write_bytes(path.read_bytes() + b'"7:19:38.0 AM","uv.exe"\r\n\r\n')
    assert ROWS == list(CsvLog(str(path)).rows())


def test_xml(tmp_path):
    """Fields of an event, and not what its stack has of the same name."""
    log = XmlLog(write_xml(tmp_path / "log.xml", ROWS))
    assert ROWS == list(log.rows()) == list(log.rows())


def test_pml(tmp_path):
    """A log that Windows 10 has saved: the events of files, as its CSV shows them."""
    pytest.importorskip("procmon_parser")
    log = PmlLog(sample_pml(tmp_path / "log.pml"))
    rows = list(log.rows())
    assert 700 == len(rows) == log.position()
    assert (
        "1:18:10.8939738 AM",
        "Explorer.EXE",
        "3596",
        "CreateFile",
        r"C:\Users\test\AppData\Local\Temp\Procmon64.exe",
        "SUCCESS",
        DETAIL,
    ) == rows[0]
    assert {"Explorer.EXE", "NOTEPAD.EXE"} == {each.process for each in rows}


def test_a_pml_file_without_its_library(tmp_path, monkeypatch):
    """The sentence names the extra."""
    path = sample_pml(tmp_path / "log.pml")
    monkeypatch.setitem(sys.modules, "procmon_parser", None)
    with pytest.raises(FsFaultError) as mistake:
        PmlLog(path)
    assert (
        f"{path!r} is a PML file, which needs procmon-parser; install it with: "
        'pip install "pytest-fsfault[procmon]", or save the log as CSV'
    ) == str(mistake.value)


@pytest.mark.parametrize("length", [4, 100, 0x3A8, 5000, 100_000, 153_000])
def test_a_damaged_pml_file(tmp_path, length):
    """One sentence, wherever the file was cut."""
    pytest.importorskip("procmon_parser")
    path = tmp_path / "log.pml"
    sample_pml(path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(
        FsFaultError, match=r"is not readable as PML: .*; open it in Process Monitor and save it as CSV"
    ):
        list(PmlLog(str(path)).rows())


@pytest.mark.parametrize(("write", "log"), [(write_csv, CsvLog), (write_xml, XmlLog)])
def test_missing_columns(tmp_path, write, log):
    """The sentence names those that are missing, all that are needed, and where to choose them."""
    path = write(tmp_path / "log", ROWS, columns=COLUMNS[:5])
    with pytest.raises(FsFaultError) as mistake:
        list(log(path).rows())
    assert (
        f"{path!r} lacks the columns Result, Detail; needed are {NEEDED}: choose them under Options > Select "
        "Columns and save the log again"
    ) == str(mistake.value)


def test_xml_that_is_not_well_formed(tmp_path):
    """The sentence says where it ends."""
    path = tmp_path / "log.xml"
    write_xml(path, ROWS)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(
        FsFaultError, match=r"is not well-formed XML: .* line \d+, column \d+; save the log again"
    ):
        list(XmlLog(str(path)).rows())


def test_xml_with_entities(tmp_path):
    """A document type is refused before any of its entities grows."""
    path = tmp_path / "log.xml"
    path.write_text('<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><procmon>&b;</procmon>')
    with pytest.raises(FsFaultError, match="has a document type, which a log of Process Monitor has not"):
        list(XmlLog(str(path)).rows())


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "drawn"), [(_Terminal, True), (io.StringIO, False)])
def test_progress(tmp_path, monkeypatch, stream, drawn):
    """A bar on a terminal, which is gone at the end; nothing in a file."""
    monkeypatch.setattr("pytest_fsfault._commands.procmon.progress._SECONDS", -1)
    log, written = CsvLog(write_csv(tmp_path / "log.csv", ROWS)), stream()
    with Progress(2, written) as progress:
        assert ROWS == list(progress.over(log))
        assert ROWS == list(progress.over(log))
    if not drawn:
        assert "" == written.getvalue()
        return
    first, second, last = written.getvalue().split("\r")[1:]
    assert first.startswith("reading [")
    assert "50%" in first  # a short log is read ahead as a whole
    assert "100%" in second
    assert "\x1b[K" == last
