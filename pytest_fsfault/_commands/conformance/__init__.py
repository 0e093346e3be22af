"""Replay recorded outcomes of CPython on Windows, and say where this system, or the model, answers otherwise."""

from pytest_fsfault._commands.conformance.exceptions import Listed, read_exceptions
from pytest_fsfault._commands.conformance.replay import replay
from pytest_fsfault._commands.conformance.rows import RecordedRow, read_rows
from pytest_fsfault._commands.conformance.score import PARTS, Result, score

__all__ = ["PARTS", "Listed", "RecordedRow", "Result", "read_exceptions", "read_rows", "replay", "score"]
