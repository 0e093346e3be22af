"""The lines of a report in the colours of pytest's terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._core.language.deferred import deferred

if TYPE_CHECKING:
    from collections.abc import Callable

    #: Returns a text with the escape sequences for some markup, as `pytest.TerminalReporter` has it.
    Markup = Callable[..., str]

_ENTRY = deferred(r"(#\d+ +[\d.]+ s  )(.*  )(\w+)(, at )(.*)")
_ERROR = deferred(r" {8}\w+: .*")
_REPRODUCE = deferred(r"(to reproduce: )(.*)")
_COUNT = deferred(r"( +)(\d+)(  \S+ +)(\S.*)")
_RED = frozenset(["raised", "failed", "crashed"])


def painted(line: str, markup: Markup) -> str:
    """Return a line of a red test's section: what failed is red, as in pytest's tracebacks."""
    found = _ENTRY.fullmatch(line)
    if found is not None:
        outcome = markup(found[3], **({"red": True, "bold": True} if found[3] in _RED else {"green": True}))
        return f"{markup(found[1], light=True)}{found[2]}{outcome}{found[4]}{markup(found[5], bold=True)}"
    if _ERROR.fullmatch(line):
        return markup(line, red=True)
    found = _REPRODUCE.fullmatch(line)
    if found is not None:
        return f"{found[1]}{markup(found[2], bold=True)}"
    return line


def painted_text(text: str, markup: Markup) -> str:
    """Return a section of a red test, line by line."""
    return "\n".join(painted(line, markup) for line in text.split("\n"))


def painted_summary(line: str, markup: Markup) -> str:
    """Return a line of the summary: what needs a look is yellow, as pytest's warnings are."""
    if line == "never fired:" or line.startswith(("no call was refused", "not skipped:")):
        return markup(line, yellow=True)
    found = _COUNT.fullmatch(line)
    if found is not None:
        return f"{found[1]}{markup(found[2], bold=True)}{found[3]}{markup(found[4], red=True)}"
    return painted(line, markup)
