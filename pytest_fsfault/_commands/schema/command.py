"""`python -m pytest_fsfault schema`: print the JSON Schema of what `--fsfault-json` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._host.console import say
from pytest_fsfault._host.package import PACKAGE

if TYPE_CHECKING:
    import argparse

SUMMARY = "print the JSON Schema of what --fsfault-json writes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command takes no arguments."""
    parser.description = SUMMARY


def run(_arguments: argparse.Namespace) -> int:
    """Print the schema."""
    with open(f"{PACKAGE}_report/schema.json", encoding="utf-8") as file:
        say(file.read())
    return 0
