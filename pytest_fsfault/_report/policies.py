"""Retry policies as data: where they are published, and when they try while a file is held."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from pytest_fsfault._core.language.errors import windows_error

if TYPE_CHECKING:
    from collections.abc import Iterable

# What an open file gives, and a running program or the directory of an open file.
_ERRORS = (32, 5)


class PolicySource(Protocol):
    """Where a policy is published."""

    @property
    def project(self) -> str:
        """Whose it is."""
        ...

    @property
    def function(self) -> str:
        """Which function has it."""
        ...

    @property
    def url(self) -> str:
        """Where that can be read."""
        ...


class RetryPolicy(Protocol):
    """A published policy, as `pytest_fsfault.policies.POLICIES` has them."""

    @property
    def name(self) -> str:
        """What it is called here."""
        ...

    @property
    def source(self) -> PolicySource:
        """Where it is published."""
        ...

    @property
    def retries(self) -> str:
        """Which errors it retries, in words."""
        ...

    @property
    def budget(self) -> str:
        """What it waits at most, in words."""
        ...

    @property
    def jitter(self) -> bool:
        """Whether chance plays a part."""
        ...

    def __call__(self, **options: Any) -> Any:
        """Return a fresh `tenacity.Retrying`."""
        ...


def policy_facts(policies: Iterable[RetryPolicy]) -> list[dict[str, Any]]:
    """Return the entries of `policies` in the schema; instants are seconds since the first try."""
    return [
        {
            "name": policy.name,
            "project": policy.source.project,
            "function": policy.source.function,
            "source": policy.source.url,
            "retries": policy.retries,
            "budget": policy.budget,
            "jitter": policy.jitter,
            "instants": {str(error): _of_one_run(policy, error) for error in _ERRORS},
        }
        for policy in policies
    ]


def _of_one_run(policy: RetryPolicy, error: int) -> list[float]:
    luck = {"luck": Random(policy.name).random} if policy.jitter else {}  # noqa: S311  # no secret
    return list(instants(policy, error, **luck))


class _Endless:
    """A hold that never ends, on a clock of its own that only the policy's waits move."""

    def __init__(self, error: OSError) -> None:
        self._error = error
        self._now = 0.0
        self.instants: list[float] = []

    def fail(self) -> None:
        self.instants.append(self._now)
        raise self._error.with_traceback(None)  # or each try would add to the last one's traceback

    def sleep(self, seconds: float) -> None:
        # Whole nanoseconds: a hundred waits of 10 ms are one second.
        self._now = round(self._now + seconds, 9)

    def stamp(self, state: Any) -> None:
        # After a try and before the decision to stop, which looks at these two.
        state.start_time, state.outcome_timestamp = 0.0, self._now


def instants(policy: RetryPolicy, error: int, **options: Any) -> tuple[float, ...]:
    """Return when `policy` tries while all that it gets is the Windows error `error`: seconds, the first is 0.

    The policy itself runs, once, on a clock of its own.
    """
    hold = _Endless(windows_error(error, "new"))
    run = policy(sleep=hold.sleep, **options).copy(after=hold.stamp)
    with suppress(OSError):
        run(hold.fail)
    return tuple(hold.instants)
