"""`python -m pytest_fsfault COMMAND`: tools that need no test run."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._host.package import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

# Each command is a module with SUMMARY, add_arguments(parser) and run(arguments) -> exit code.
_COMMANDS = {
    "conformance": "pytest_fsfault._commands.conformance.command",
    "policies": "pytest_fsfault._commands.policies.command",
    "procmon": "pytest_fsfault._commands.procmon.command",
    "schema": "pytest_fsfault._commands.schema.command",
}
_PROGRAM = "python -m pytest_fsfault"


class _Parser(argparse.ArgumentParser):
    """Say what is wrong in one sentence, as everywhere else."""

    def error(self, message: str) -> NoReturn:
        raise FsFaultError(f"{message}; see {self.prog} --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code, 2 for a mistake of the user."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(words)
    except FsFaultError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _run(words: list[str]) -> int:
    if words and words[0] in {"-h", "--help"}:
        sys.stdout.write(_overview())
        return 0
    if words and words[0] in {"-V", "--version"}:
        sys.stdout.write(f"pytest-fsfault {__version__}\n")
        return 0
    name = words[0] if words else ""
    if name not in _COMMANDS:
        what = f"unknown command {name!r}" if words else "a command is missing"
        raise FsFaultError(f"{what}{nearest(name, _COMMANDS) or '; write one of: ' + ', '.join(_COMMANDS)}")
    command = import_module(_COMMANDS[name])
    parser = _Parser(prog=f"{_PROGRAM} {name}", allow_abbrev=False)
    command.add_arguments(parser)
    return int(command.run(parser.parse_args(words[1:])))


def _overview() -> str:
    lines = [f"{name:<16}{import_module(module).SUMMARY}" for name, module in _COMMANDS.items()]
    usage = f"usage: {_PROGRAM} COMMAND ...  or  {_PROGRAM} --version"
    return "\n".join([usage, "", *lines, ""])


if __name__ == "__main__":
    sys.exit(main())
