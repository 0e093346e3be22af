"""Replay recorded outcomes of CPython on Windows, and say where this system, or the model, answers otherwise."""

from pytest_fsfault._conformance.exceptions import Listed, read_exceptions
from pytest_fsfault._conformance.replaying import replay
from pytest_fsfault._conformance.rows import Row, read_rows
from pytest_fsfault._conformance.score import PARTS, Result, score

__all__ = ["PARTS", "Listed", "Result", "Row", "read_exceptions", "read_rows", "replay", "score"]
