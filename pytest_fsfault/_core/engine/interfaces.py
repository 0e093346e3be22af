"""What one room may expect of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_fsfault._core.engine.journal import Handling, Outcome
    from pytest_fsfault._core.language.operations import Operation


class ClockView(Protocol):
    """Time as the code under test sees it, in seconds since the start."""

    @property
    def now(self) -> float:
        """Seconds since the start."""

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""


class Notes(Protocol):
    """Where entries are written."""

    def note(
        self,
        operation: Operation,
        handling: Handling,
        outcome: Outcome,
        error: BaseException | None,
        who: tuple[int, int] | None = None,
    ) -> None:
        """Add one entry."""


class Witness(Protocol):
    """Whoever wants to know what becomes of a call."""

    @property
    def journal(self) -> Notes:
        """Where the entry goes."""

    @property
    def clock(self) -> ClockView:
        """What tells the time of the entry."""

    def watch_for_storm(self, operation: Operation, outcome: Outcome) -> None:
        """Take in an outcome; raise RetryStorm once there is no progress."""


class NativeFunctions(Protocol):
    """The real functions of `os` and `io`, whatever stands in front of them."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a function of `os` by its name; `open_file` is `io.open`."""


class Answer(NamedTuple):
    """What a model says about one operation.

    `code` is the Windows error that refuses it, 0 if it is allowed. `path` and `target` are where the real
    call goes, which may be spelled otherwise than what was asked; `perform`, if there is one, takes its place,
    and with `fails` it raises what the real call would raise by another name. `about` is the model's own.
    """

    path: str
    target: str | None = None
    code: int = 0
    reason: str = ""
    perform: Callable[[], Any] | None = None
    about: Any = None
    fails: bool = False


class FastPath(NamedTuple):
    """Two quick steps around a plain call of one operation, for paths that are absolute and normalised.

    `before` returns whether the call may be made as it is; in doubt it says no, and the operation is judged.
    `after` takes in that it has succeeded.
    """

    before: Callable[..., bool]
    after: Callable[..., object]


class SystemModel(Protocol):
    """A second opinion besides the rules: what the emulated system would refuse by itself."""

    def concerns(self, name: str, *, target: bool) -> Callable[[str], object] | None:
        """Return a quick test whether `name` needs an answer on a path (or target); never a wrong no."""

    def fast_path(self, name: str) -> FastPath | None:
        """Return what lets the plain calls of one operation pass without a judgement; None if all pass."""

    def judge(self, operation: Operation) -> Answer:
        """Say whether the operation is allowed, and how it is done."""

    def done(self, operation: Operation, answer: Answer, result: Any) -> Any:
        """Take in that an operation has succeeded; return what the caller gets."""

    def passed(self, operation: Operation, answer: Answer) -> None:
        """Take in that an operation goes ahead whose result nobody will tell."""

    def translated(self, operation: Operation, error: OSError) -> OSError:
        """Return the error that the emulated system gives where the real one gave `error`."""

    def view(self) -> Callable[[Any, object], Any] | None:
        """Return what shows the status of a file, found at a path, as the emulated system does; None: it is right."""

    def mapped(self) -> None:
        """Take in that a file may have been mapped into memory."""

    def forked(self) -> None:
        """Take in that a child may have been started."""

    def patches(self) -> Iterable[tuple[dict[str, Any], str, Any]]:
        """Yield what else is to be put in place while the model acts: a module's dictionary, a name, a value."""

    def wants_closes(self) -> bool:
        """Return whether anybody waits for files to be closed."""
