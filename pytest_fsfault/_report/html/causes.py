"""Why tests failed: equal causes have equal words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._report.html.answers import checked, first_line, last_chain, trials
from pytest_fsfault._report.html.drawing import hold_of, known_holds, short_error
from pytest_fsfault._report.html.templates import Markup, filled, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# So many call sites of a sweep are named.
_FEW = 3


class FailureCause(Row):
    """Why a test failed, and where in the code; tests with equal ones belong together."""

    text: Markup
    site: str


def cause(test: Mapping[str, Any]) -> FailureCause:
    """Return why a failed test failed."""
    red = [row for row in trials(test) if row["verdicts"]]
    if red:
        return _swept(red)
    chain = [] if checked(test) else last_chain(test)
    return _refused(test, chain[-1]) if chain else _otherwise(test)


def _swept(red: Sequence[Mapping[str, Any]]) -> FailureCause:
    reasons = {row["verdicts"][0]["check"] for row in red}
    sites = list(dict.fromkeys(row["site"] for row in red if row["site"]))
    text = filled("A sweep failed: <b>{}</b>", ", ".join(sorted(reasons)))
    return FailureCause(text, ", ".join(sites[:_FEW]) + (" …" if len(sites) > _FEW else ""))


def _refused(test: Mapping[str, Any], call: Mapping[str, Any]) -> FailureCause:
    hold = hold_of(call, known_holds(test))
    error = short_error(call["error"]) if call["error"] else call["outcome"]
    operation = filled("<b>{}</b>", shown(call["operation"]))
    if call["outcome"] == "failed":
        text = filled("{} failed by itself with {}", operation, error)
    elif hold is not None:
        text = filled("A file was held by {}: {} refused with {}", shown(hold.who), operation, error)
    else:
        text = filled("A rule refused {} with {}", operation, error)
    return FailureCause(text, call["site"] or "")


def _otherwise(test: Mapping[str, Any]) -> FailureCause:
    kind = "A check failed" if checked(test) else "It failed without a fault"
    kind = "A check of a tolerance failed" if test["tolerances"] else kind
    kind = (
        "The baseline is not up to date" if checked(test) and test["failure"]["check"] == "baseline" else kind
    )
    line = re.sub(r"\d+(\.\d+)?", "…", first_line(test))
    return FailureCause(filled("{}: <b>{}</b>", kind, shown(line[:160])), "")
