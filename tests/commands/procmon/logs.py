"""Logs for the tests: rows, written as Process Monitor saves them."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from xml.sax.saxutils import escape

from pytest_fsfault._commands.procmon.rows import COLUMNS, Row

DATA = Path(__file__).parents[2] / "data" / "procmon"
READS = "Desired Access: Generic Read, Disposition: Open, Options: Non-Directory File, Attributes: n/a, ShareMode: {}, AllocationSize: n/a, OpenResult: Opened"
DELETES = "Desired Access: Read Attributes, Delete, Disposition: Open, Options: Non-Directory File, Open Reparse Point, Attributes: n/a, ShareMode: Read, Write, Delete, AllocationSize: n/a"


def row(time, process, operation, path, result="SUCCESS", detail="", pid=None):
    """Return one row; a process has one number unless another is given."""
    return Row(time, process, pid or str(1000 + sum(map(ord, process))), operation, path, result, detail)


def write_csv(path, rows, columns=COLUMNS, encoding="utf-8-sig", delimiter=","):
    """Write rows as CSV, with columns in this order; return the path as text."""
    with open(path, "w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, delimiter=delimiter)
        writer.writerow(columns)
        for each in rows:
            named = dict(zip(COLUMNS, each, strict=True))
            writer.writerow([named.get(column, "n/a") for column in columns])
    return str(path)


def write_xml(path, rows, columns=COLUMNS):
    """Write rows as XML; return the path as text."""
    tags = [column.replace(" ", "_") for column in columns]
    events = []
    for each in rows:
        fields = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in zip(tags, each, strict=False))
        events.append(
            f"<event><ProcessIndex>1</ProcessIndex>{fields}<stack><frame><Path>x</Path></frame></stack></event>"
        )
    text = f"<procmon><processlist/><eventlist>{''.join(events)}</eventlist></procmon>"
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n', "utf-8")
    return str(path)


def sample_pml(path):
    """Write the sample in PML; return the path as text."""
    path.write_bytes(gzip.decompress((DATA / "windows-10.pml.gz").read_bytes()))
    return str(path)
