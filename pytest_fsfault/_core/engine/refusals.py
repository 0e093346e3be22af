"""What a refusal consists of: the decision that a model's answer comes to, and the error of a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.records import Decision
from pytest_fsfault._core.language.errors import build, parse_error
from pytest_fsfault._core.language.faults import Fault
from pytest_fsfault._core.language.operations import OPERATIONS
from pytest_fsfault._core.language.winerrors import error_name

if TYPE_CHECKING:
    from pytest_fsfault._core.engine.interfaces import Answer
    from pytest_fsfault._core.language.operations import Operation

# Truncating a mapped file that is open gives EACCES, although the runtime maps 1224 to EINVAL elsewhere: UCRT
# lowio/chsize.cpp.
_MAPPED = 1224


def decision_of(answer: Answer) -> Decision:
    """Return the decision of a model that refuses."""
    fault = Fault("error", parse_error(error_name(answer.code)))
    return Decision(fault, answer.reason, note=answer.reason, hold=answer.hold)


def error_of(decision: Decision, operation: Operation) -> OSError:
    """Return the error of a decision, as CPython raises it on Windows from an operation."""
    kind = OPERATIONS[operation.name]
    name = decision.fault.error
    assert name is not None  # noqa: S101  # only faults that carry an error come here
    shown = None if kind.names == "none" else operation.shown
    target = operation.shown_target if kind.names == "both" else None
    by_descriptor = kind.name == "os.truncate" and not isinstance(shown, (str, bytes))
    if name.winerror == _MAPPED and (by_descriptor or kind.name == "file.truncate"):
        name = parse_error("ERROR_ACCESS_DENIED")
    return build(name, kind.family, shown, target)
