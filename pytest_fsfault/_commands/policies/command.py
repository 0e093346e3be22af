"""`python -m pytest_fsfault policies`: which published retry policy outlasts which scanner."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from pytest_fsfault._commands.policies.survival import draw
from pytest_fsfault._commands.policies.table import against, sources
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._host.console import say
from pytest_fsfault._windows.holders.scanners import NAMES, scanner

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pytest_fsfault._windows.holders.scanners import Scanner
    from pytest_fsfault.policies import Policy

SUMMARY = "print how many holds of a scanner each published retry policy survives"
_MOST = 1_000_000
_ERRORS = ("32", "5")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command understands."""
    parser.description = (
        "Draw holds as a scanner has files open, and print for each published retry policy how many it survives: "
        "it tries once more at or after the end of the hold. The hold begins with the first try; time passes "
        "in the waits alone."
    )
    holders = parser.add_mutually_exclusive_group()
    holders.add_argument(
        "--scanner", metavar="NAME", action="append", help=f"{', '.join(NAMES)}; repeatable (defender)"
    )
    holders.add_argument("--hold", metavar="TIME", help="'31ms..800ms', 'lognormal(31ms, 265ms)' or '250ms'")
    parser.add_argument(
        "--error", metavar="CODE", default="32",
        help="what a try meets: 32 (an open file) or 5 (a running program, a directory) (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--holds", metavar="N", default="10000", help="draw N holds (%(default)s)")
    parser.add_argument("--seed", metavar="N", default="0", help="draw others (%(default)s)")
    parser.add_argument("--sources", action="store_true", help="print where each policy is published as well")


def run(arguments: argparse.Namespace) -> int:
    """Print the tables; return 0. Raise FsFaultError for a mistake, or if tenacity is missing."""
    scanners = [scanner(name) for name in arguments.scanner or ["defender"]]
    if arguments.hold is not None:
        scanners = [replace(scanner(hold=arguments.hold), name="hold")]
    error, count, seed = _error(arguments.error), _count(arguments.holds), _seed(arguments.seed)
    policies = _policies()
    lines = _lines(policies, scanners, error, count, seed, with_sources=arguments.sources)
    say("\n".join([*lines, ""]))
    return 0


def _lines(
    policies: list[Policy], scanners: list[Scanner], error: int, count: int, seed: int, *, with_sources: bool
) -> Iterator[str]:
    for number, each in enumerate(scanners):
        if number:
            yield ""
        yield from against(policies, each, draw(each, count, seed), error, seed)
    if with_sources:
        yield ""
        yield from sources(policies)


def _policies() -> list[Policy]:
    try:
        return list(import_module("pytest_fsfault.policies").POLICIES.values())
    except ImportError as error:
        raise FsFaultError(str(error)) from None


def _error(text: str) -> int:
    if text not in _ERRORS:
        raise FsFaultError(f"--error {text!r} is not what a hold raises; write 32 (an open file) or 5")
    return int(text)


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or not 0 < int(text) <= _MOST:
        raise FsFaultError(f"--holds {text!r} is not a number of holds; write 1 to {_MOST}")
    return int(text)


def _seed(text: str) -> int:
    if not re.fullmatch("-?[0-9]{1,18}", text):
        raise FsFaultError(f"--seed {text!r} is not a seed; write a whole number of at most 18 digits")
    return int(text)
