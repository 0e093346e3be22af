"""`python -m pytest_fsfault procmon`: what a log of Process Monitor says about the refused calls of a program."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pytest_fsfault._commands.procmon.calls import CHANGING
from pytest_fsfault._commands.procmon.causes import Causes
from pytest_fsfault._commands.procmon.csv_log import CsvLog
from pytest_fsfault._commands.procmon.generated import text
from pytest_fsfault._commands.procmon.pml_log import SIGNATURE, PmlLog
from pytest_fsfault._commands.procmon.progress import Progress
from pytest_fsfault._commands.procmon.refusals import is_named, read
from pytest_fsfault._commands.procmon.timeline import counted, lines
from pytest_fsfault._commands.procmon.xml_log import XmlLog
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._host.console import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pytest_fsfault._commands.procmon.causes import Cause
    from pytest_fsfault._commands.procmon.refusals import Evidence, Refusal
    from pytest_fsfault._commands.procmon.rows import ProcmonLog

SUMMARY = "say what a log of Process Monitor shows of a program's refused calls, and write a test of them"
_STAGES = 2  # readings of the log
_MOST_TESTS = 25  # in one file
_MOST_NAMED = 8  # processes in a message
_ARCHIVE = b"PK\x03\x04"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command understands."""
    parser.description = (
        "Print which calls of a program were refused, and who had the files open then, from a log of Process "
        "Monitor (CSV, XML or PML). The exit code is 0 if there are some, 1 if there are none, 2 for a mistake."
    )
    parser.add_argument(
        "log", metavar="LOG", help="what File > Save of Process Monitor has written, of all events"
    )
    parser.add_argument("--process", metavar="NAME", required=True, help="the program, such as uv.exe")
    parser.add_argument("--below", metavar="PATH", default="", help="only calls on this path and below it")
    parser.add_argument("--test", metavar="FILE", help="write a pytest test of what was refused")
    parser.add_argument(
        "--html", metavar="FILE", help="write the time line as a page for a browser; needs Jinja2"
    )
    parser.add_argument("--force", action="store_true", help="write over files that are there")


def run(arguments: argparse.Namespace) -> int:
    """Print the time line and write what was asked for; return the exit code. Raise FsFaultError for a mistake."""
    _check_output(arguments.test, "--test", force=arguments.force)
    _check_output(arguments.html, "--html", force=arguments.force)
    if arguments.html is not None and find_spec("jinja2") is None:
        raise FsFaultError('--html needs Jinja2; install it with: pip install "pytest-fsfault[html]"')
    log = _opened(arguments.log)
    with Progress(_STAGES) as progress:
        evidence = _read(log, arguments, progress)
    found = _found(evidence, with_tests=bool(arguments.test or arguments.html))
    name = os.path.basename(arguments.log)
    say("\n".join([*lines(name, log.format, evidence, found, arguments.below), ""]))
    if arguments.test is not None and found:
        _write_tests(arguments.test, name, evidence, found)
    if arguments.html is not None and found:
        _write_page(arguments.html, name, log.format, evidence, found)
    return 0 if found else 1


def _opened(path: str) -> ProcmonLog:
    if os.path.isdir(path):
        raise FsFaultError(f"{path!r} is a directory; name a log of Process Monitor")
    try:
        with open(path, "rb") as file:
            head = file.read(512)
    except (OSError, ValueError) as error:
        raise FsFaultError(f"{path!r} is not readable: {getattr(error, 'strerror', None) or error}") from None
    if not head:
        raise FsFaultError(f"{path!r} is empty; save the log again")
    if head.startswith(_ARCHIVE):
        raise FsFaultError(f"{path!r} is an archive; unpack it and name the log that is in it")
    if head.startswith(SIGNATURE):
        return PmlLog(path)
    plain = head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return XmlLog(path) if plain.startswith(b"<") else CsvLog(path)


def _read(log: ProcmonLog, arguments: argparse.Namespace, progress: Progress) -> Evidence:
    try:
        evidence = read(log, arguments.process, arguments.below, progress)
    except OSError as error:
        raise FsFaultError(f"{arguments.log!r} is not readable: {error.strerror}") from None
    if any(is_named(name, arguments.process) for name in evidence.names):
        return evidence
    if not evidence.rows:
        raise FsFaultError(f"{arguments.log!r} has no rows; save the log with all events")
    names = sorted(filter(None, evidence.names), key=str.lower)
    shown = ", ".join(names[:_MOST_NAMED]) + (
        f" and {len(names) - _MOST_NAMED} more" if names[_MOST_NAMED:] else ""
    )
    hint = nearest(arguments.process, names) or f"; it has {shown}"
    raise FsFaultError(f"{arguments.log!r} has no process {arguments.process!r}{hint}")


def _check_output(path: str | None, option: str, *, force: bool) -> None:
    if path is None:
        return
    if os.path.isdir(path):
        raise FsFaultError(f"{option} {path!r} is a directory; name a file")
    if os.path.lexists(path) and not force:
        raise FsFaultError(f"{option} {path!r} is there already; add --force to write over it")
    if not os.path.isdir(os.path.dirname(path) or "."):
        raise FsFaultError(
            f"{option} {path!r}: there is no directory {os.path.dirname(path)!r}; make it first"
        )


def _found(evidence: Evidence, *, with_tests: bool) -> list[tuple[Refusal, Cause]]:
    """Return each refusal with its cause; with a test as well, for as many as go into one file."""
    causes = Causes(others=evidence.others)
    found = {refusal: causes.of(refusal) for refusal in evidence.refusals}
    if with_tests:
        # What changes the tree first: that is what programs fail by.
        order = sorted(found, key=lambda each: (each.call not in CHANGING, each.moments[0]))
        written = 0
        for refusal in order:
            if written == _MOST_TESTS:
                break
            found[refusal] = causes.staged(refusal, found[refusal])
            written += found[refusal].scenario is not None
    return list(found.items())


def _write_tests(path: str, name: str, evidence: Evidence, found: Sequence[tuple[Refusal, Cause]]) -> None:
    tests = [(refusal, cause.scenario, cause.why) for refusal, cause in found if cause.scenario is not None]
    if not tests:
        say(f"\n{path}: not written, since no refused call can be put into a test\n")
        return
    _write(path, text(name, evidence, tests), "--test")
    holds = sum(1 for _, scenario, _ in tests if scenario.holders)
    kinds = [
        f"{number} with {kind}"
        for number, kind in ((holds, "holds"), (len(tests) - holds, "a rule"))
        if number
    ]
    out = f"; {counted(len(found) - len(tests), 'refusal')} left out" if len(found) > len(tests) else ""
    say(f"\n{path}: {counted(len(tests), 'test')}, {', '.join(kinds)}{out}\n")


def _write_page(
    path: str, name: str, form: str, evidence: Evidence, found: Sequence[tuple[Refusal, Cause]]
) -> None:
    from pytest_fsfault._commands.procmon.page import page  # noqa: PLC0415  # Jinja2, for who asked for it

    _write(path, page(name, form, evidence, found), "--html")
    say(f"\n{path}: the time line for a browser\n")


def _write(path: str, content: str, option: str) -> None:
    try:
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(content)
    except OSError as error:
        raise FsFaultError(f"{option} {path!r} is not writable: {error.strerror}") from None
