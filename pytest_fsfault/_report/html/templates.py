"""Fill the templates that stand beside this file; the one module that imports Jinja2.

Everything that a template shows is escaped for HTML, and made legible: a name may carry control characters, ones that
turn the direction of text, or bytes that are no text.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup, escape

from pytest_fsfault._core.language.legible import HIDDEN, legible, legible_lines
from pytest_fsfault._host.package import PACKAGE
from pytest_fsfault._report.html.axis import span

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Markup", "elements", "embedded", "filled", "legible", "options", "render", "shown"]

DIRECTORY = f"{PACKAGE}_report/html"
_ELEMENTS = re.compile(r"<[a-z]")


def render(template: str, **values: object) -> Markup:
    """Return a filled template."""
    return Markup(_environment().get_template(template).render(values))  # noqa: S704  # it is escaped


@cache
def _environment() -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(DIRECTORY),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_readable,
    )
    found.filters.update(shown=shown, number=number, options=options, pct=percent, span=span)
    return found


def _readable(value: object) -> object:
    """Return what a template prints: texts in one line that hides nothing, markup as it is."""
    return legible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def shown(text: str) -> Markup:
    """Return `text` as HTML; characters that would not be seen are written out, each in a frame."""
    if isinstance(text, Markup):
        return text
    if text.isascii() and text.isprintable():
        return escape(text)
    return Markup("\n").join(_framed(line) for line in text.split("\n"))


def _framed(line: str) -> Markup:
    parts, end = [], 0
    for found in HIDDEN.finditer(line):
        parts += [escape(line[end : found.start()]), Markup("<mark>{}</mark>").format(legible(found[0]))]
        end = found.end()
    return Markup().join([*parts, escape(line[end:])])


def filled(text: str, *values: object) -> Markup:
    """Return markup with values in the place of ``{}``, all of which become text that hides nothing."""
    return Markup(text).format(*(shown(value) if isinstance(value, str) else value for value in values))  # noqa: S704


def number(value: float) -> str:
    """Return a whole number with its thousands marked."""
    return f"{value:,}"


def percent(value: float) -> str:
    """Return a place in a drawing."""
    return f"{value:.2f}".rstrip("0").rstrip(".") + "%"


def options(line: str) -> Sequence[str]:
    """Return the parts of a command line that stay together at the end of a line: an option and its value."""
    return [part for part in re.split(r" (?=--?[a-z])", legible_lines(line)) if part]


def elements(markup: str) -> int:
    """Return how many elements there are in a piece of HTML."""
    return len(_ELEMENTS.findall(markup))


def embedded(value: object) -> Markup:
    """Return a value as JSON that may stand in a script element: no character in it can end that element."""
    text = json.dumps(value, separators=(",", ":"))
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(text)  # noqa: S704  # nothing in it has a meaning in HTML
