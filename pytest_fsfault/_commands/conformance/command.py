"""`python -m pytest_fsfault conformance FILE`: replay a record, and print how much of it holds here."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING

from pytest_fsfault._commands.conformance.exceptions import Listed, read_exceptions
from pytest_fsfault._commands.conformance.filesystems import lacking
from pytest_fsfault._commands.conformance.replay import replay
from pytest_fsfault._commands.conformance.rows import read_rows, recorded_with
from pytest_fsfault._commands.conformance.score import PARTS, score
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._host.console import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pytest_fsfault._commands.conformance.rows import RecordedRow
    from pytest_fsfault._commands.conformance.score import Result

SUMMARY = "replay recorded outcomes of CPython on Windows, and print the score"
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command understands."""
    parser.description = (
        "Replay recorded outcomes of CPython on Windows: under the Windows model, or, on Windows, against the "
        "system itself. The operations in FILE are Python code and are run, with --fake on a fake file system of "
        "pyfakefs."
    )
    parser.add_argument("file", metavar="FILE", help="the rows, one JSON object a line")
    parser.add_argument(
        "--show", metavar="N", default=str(_SHOWN), help="print N disagreeing rows (%(default)s)"
    )
    parser.add_argument("--exceptions", metavar="FILE", help="rows that may disagree, with reasons (TOML)")
    parser.add_argument(
        "--fake", action="store_true", help="on a fake Windows of pyfakefs, which takes longer"
    )
    parser.add_argument("--state", metavar="TEXT", default="", help="only rows with TEXT in their state")
    parser.add_argument("--op", metavar="TEXT", default="", help="only rows with TEXT in their operation")


def run(arguments: argparse.Namespace) -> int:
    """Replay and print; return 0 if every row agrees or is listed, 1 if not. Raise FsFaultError for a mistake."""
    shown = _number(arguments.show)
    listed = read_exceptions(arguments.exceptions) if arguments.exceptions is not None else Listed({})
    rows = _chosen(read_rows(arguments.file), arguments.state, arguments.op, arguments.file)
    results = replay(rows, fake=arguments.fake)
    left = _left_out(rows) if arguments.fake else ()
    for line in (
        *_head(arguments.file, arguments.fake),
        *_table(results),
        *left,
        *_rest(results, listed, shown),
    ):
        _write(line)
    return 1 if listed.unlisted(results) or listed.needless(results) else 0


def _number(text: str) -> int:
    if not re.fullmatch("[0-9]+", text):
        raise FsFaultError(f"--show {text!r} is not a number of rows; write 0 or more")
    return int(text)


def _chosen(rows: list[RecordedRow], state: str, op: str, file: str) -> list[RecordedRow]:
    chosen = [row for row in rows if state in row.state and op in row.op]
    if not chosen:
        raise FsFaultError(
            f"no row of {file!r} has {state!r} in its state and {op!r} in its operation; write less"
        )
    return chosen


def _head(file: str, fake: bool) -> Iterator[str]:
    """Yield what is replayed against what."""
    against = "this Windows" if os.name == "nt" else "the Windows model"
    if fake:
        against = "the Windows model on a fake Windows"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    yield f"{os.path.basename(file)}: Python {version} and {against}"
    other = re.search(r"3\.\d+", os.path.basename(file))
    if other and other[0] != recorded_with():
        yield f"note: the file is named after {other[0]}; the record for this Python is that of {recorded_with()}"


def _table(results: list[Result]) -> Iterator[str]:
    """Yield the score of each part, by the source of the rows and for all."""
    sources = sorted({result.row.source for result in results})
    yield f"{'':<12}{'rows':>6}" + "".join(f"{part:>22}" for part in PARTS)
    for source in (*sources, None):
        some = [result for result in results if source in {None, result.row.source}]
        shares = "".join(f"{score(some, part)!s:>22}" for part in PARTS)
        yield f"{source or 'all':<12}{len(some):>6}{shares}"


def _left_out(rows: list[RecordedRow]) -> Iterator[str]:
    """Yield how many rows a fake cannot have, by the reason."""
    for why, number in Counter(filter(None, (lacking(row.state, row.op) for row in rows))).items():
        yield f"{number} rows left out: {why}"


def _rest(results: list[Result], listed: Listed, shown: int) -> Iterator[str]:
    """Yield the rows that disagree, and what is wrong with the list of those that may."""
    unlisted, needless = listed.unlisted(results), listed.needless(results)
    wrong = sum(1 for result in results if result.wrong)
    yield f"{wrong} of {len(results)} rows disagree, {wrong - len(unlisted)} of them for a listed reason"
    for result in unlisted[:shown]:
        yield ""
        yield from result.lines()
    if len(unlisted) > shown:
        yield from ("", f"... and {len(unlisted) - shown} more; --show {len(unlisted)} prints them all")
    for result in needless:
        yield f"listed, but agrees: {result.row.state} | {result.row.op}"


def _write(line: str) -> None:
    """Print a line, in whatever the terminal can show."""
    say(f"{line}\n")
