"""What the rooms of the package expect of each other: protocols and the records that they exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from pytest_fsfault._core.engine.counts import Tally
    from pytest_fsfault._core.engine.guard import Guard
    from pytest_fsfault._core.engine.records import Decision, Handling, Outcome
    from pytest_fsfault._core.language.operations import Operation


class ClockView(Protocol):
    """Time as the code under test sees it, in seconds since the start."""

    @property
    def now(self) -> float:
        """Seconds since the start."""
        ...

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
    """A session that wants to know what becomes of a call."""

    @property
    def journal(self) -> Notes:
        """Where the entry goes."""
        ...

    @property
    def clock(self) -> ClockView:
        """What tells the time of the entry."""
        ...

    def watch_for_storm(self, operation: Operation, outcome: Outcome) -> None:
        """Record an outcome; raise RetryStorm once there is no progress."""


class NativeFunctions(Protocol):
    """The real functions of `os` and `io`, whatever is patched."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a function of `os` by its name; `open_file` is `io.open`."""
        ...


class Doing(Protocol):
    """How the interceptor does what was asked, whole or in part; `Action`, or what makes its parts when asked."""

    @property
    def perform(self) -> Callable[[], Any]:
        """Make the real call."""
        ...

    @property
    def discard(self) -> Callable[[Any], object]:
        """Give back a result that the caller never sees."""
        ...

    @property
    def short(self) -> Callable[[int], Any] | None:
        """Transfer so many bytes at the most; None where nothing is transferred."""
        ...

    @property
    def at(self) -> Callable[[str, str | None], Any] | None:
        """Make the same call on other paths; None where it has one place."""
        ...

    @property
    def passed(self) -> Callable[[], object]:
        """Take note of a call that goes ahead, and whose result is not seen."""
        ...


class Answer(Row):
    """What a model says about one operation.

    `code` is the Windows error that refuses it, 0 if it is allowed. `path` and `target` are where the real
    call goes, which may be spelled otherwise than what was asked; `perform`, if there is one, takes its place,
    and with `fails` it raises what the real call would raise by another name. `about` is the model's own,
    `hold` the number of the hold that refuses, if one does.
    """

    path: str
    target: str | None = None
    code: int = 0
    reason: str = ""
    perform: Callable[[], Any] | None = None
    about: Any = None
    fails: bool = False
    hold: int | None = None


class FastPath(Row):
    """Two quick steps around a plain call of one operation, for paths that are absolute and normalised.

    `before` returns whether the call may be made as it is; in doubt it is false, and the operation is judged.
    `after` takes in that it has succeeded.
    """

    before: Callable[..., bool]
    after: Callable[..., object]


class ModelView(Protocol):
    """A model of an emulated system, which refuses by itself what that system would; as interception sees it."""

    def concerns(self, name: str, *, target: bool) -> Callable[[str], object] | None:
        """Return a quick test whether `name` needs an answer on a path (or target); never a wrong no."""
        ...

    def fast_paths(self) -> Mapping[str, FastPath]:
        """Return by operation what lets its plain calls pass without a judgement; those of others all pass."""
        ...

    def spelled(self, operation: Operation) -> Operation:
        """Return the operation on the paths that the emulated system would find, to be compared with rules."""
        ...

    def done(self, operation: Operation, answer: Answer, result: Any) -> Any:
        """Record that an operation has succeeded; return what the caller gets."""
        ...

    def passed(self, operation: Operation, answer: Answer) -> None:
        """Record that an operation goes ahead whose result is not seen."""

    def translated(self, operation: Operation, error: OSError) -> OSError:
        """Return the error that the emulated system gives where the real one gave `error`."""
        ...

    def view(self) -> Callable[[Any, object], Any] | None:
        """Return what shows the status of a file, found at a path, as the emulated system does; None: it is right."""
        ...

    def mapped(self) -> None:
        """Record that a file may have been mapped into memory."""

    def forked(self) -> None:
        """Record that a child may have been started."""

    def patches(self) -> Iterable[tuple[dict[str, Any], str, Any]]:
        """Yield what else is to be put in place while the model acts: a module's dictionary, a name, a value."""
        ...

    def wants_closes(self) -> bool:
        """Return whether a scanner or a hold waits for files to be closed."""
        ...


class SystemModel(ModelView, Protocol):
    """A model in the process that judges."""

    def judge(self, operation: Operation) -> Answer:
        """Say whether the operation is allowed, and how it is done."""
        ...


class Answered(Row):
    """What a model has said about one operation, as it was asked."""

    model: ModelView
    asked: Operation
    answer: Answer


class Ruling(Row):
    """What one of the `Sessions` decided about a call by its rules.

    `at` is when, in virtual seconds since the start: schedules and the journal go by this one reading.
    `witness` wants to know what becomes of the call if `wanted`. `judge` asks the model, once the call is about
    to be made; it is None without a model, and returns None if the model has nothing to say. `nth` numbers the
    call, see `Entry`.
    """

    decision: Decision | None
    at: float
    wanted: bool
    witness: Witness
    judge: Callable[[Operation], Answered | None] | None = None
    nth: int = 0


class RulesView(Protocol):
    """What can be known of the rules in force without a call at hand."""

    @property
    def names(self) -> Collection[str]:
        """All operations that any rule in force can match."""
        ...

    @property
    def speaks_windows(self) -> bool:
        """Whether a rule in force raises a Windows error."""
        ...

    def superset(self, name: str, roots: Sequence[str], *, target: bool) -> Callable[[str], object] | None:
        """Return a quick test that fails only on paths (or targets) of `name` that no rule means."""
        ...


class Sessions(Protocol):
    """One session of this process, or all sessions of the parent process: who is asked about a call.

    While `gate` is shut they neither decide nor record; `roots` are absolute and normalised, `named` as a user
    wrote them (None for the default). While `ticking` the clock runs for the code under test.
    """

    roots: tuple[str, ...]
    named: tuple[str, ...] | None
    gate: bool
    ticking: bool
    ended: BaseException | None  # what ended the session: it is raised at every later call
    on_end: Callable[[], object]
    on_filesystem_change: Callable[
        [object], object
    ]  # of a fake file system that takes effect, None at its end

    @property
    def clock(self) -> ClockView:
        """The clock that decisions go by."""
        ...

    @property
    def children(self) -> bool:
        """Whether child processes are under it as well."""
        ...

    @property
    def native(self) -> bool:
        """Whether native programs are, where that is possible."""
        ...

    @property
    def observing(self) -> bool:
        """Whether every call below the roots is recorded."""
        ...

    @property
    def sorts(self) -> bool:
        """Whether directories are listed in the order of their names."""
        ...

    @property
    def model(self) -> ModelView | None:
        """The model that is asked after all rules."""
        ...

    @property
    def guard(self) -> Guard | None:
        """What refuses changes outside the roots."""
        ...

    @property
    def plan(self) -> RulesView:
        """The rules."""
        ...

    @property
    def tallies(self) -> Mapping[str, Tally]:
        """Calls below the roots by operation."""
        ...

    @property
    def counted(self) -> int:
        """How many calls there were below the roots, of all operations."""
        ...

    @property
    def outside(self) -> dict[str, str]:
        """A path outside the roots on which an operation was seen."""
        ...

    def covers(self, operation: Operation) -> bool:
        """Return whether the operation happens below a root while the gate is open."""
        ...

    def count(self, name: str, calls: int, paths: Iterable[str]) -> None:
        """Count calls that no rule concerned."""

    def decide(
        self, operation: Operation, now: float | None = None, *, already_decided: bool = False
    ) -> Ruling:
        """Count a call and decide about it; raise what ended the session.

        `now` is the reading of the clock, if it was taken for this call already. With `already_decided` an inner
        session has decided: the call counts, but no rule fires.
        """
        ...

    def hold_up(self, operation: Operation) -> None:
        """Let the model see a call that a delay holds up: a hold that it outlasts was met."""

    def escape(self, told: str) -> None:
        """Note that a call got past the rules."""

    def note_stray(self, operation: Operation, stray: str, reason: str, error: OSError) -> None:
        """Write down that the guard has refused an operation, which would have changed `stray`."""

    def raise_if_ended(self) -> None:
        """Raise again what ended the session."""

    def end(self, reason: BaseException) -> NoReturn:
        """Let nothing more happen, and raise `reason`, now and at every later call."""
        ...
