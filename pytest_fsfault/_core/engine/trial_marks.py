"""Mark an error with the trial of a sweep that injects it."""

from __future__ import annotations

#: How an entry says that the fault of a sweep's trial acted.
REASON = "the fault of this trial"
_TRIAL = "_fsfault_trial"


def belongs_to(error: OSError, trial: int) -> OSError:
    """Return the error, which remembers the trial of a sweep that injects it; so do copies of it."""
    setattr(error, _TRIAL, trial)
    return error


def trial_of(error: BaseException) -> int | None:
    """Return the trial that has injected an error, None for any other error."""
    found: int | None = getattr(error, _TRIAL, None)
    return found
