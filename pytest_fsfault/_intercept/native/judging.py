"""Decide about the calls of native programs: the same question as for any other call, and an answer to a kernel."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from pytest_fsfault._core.engine.records import Handling
from pytest_fsfault._core.language.operations import EITHER, Operation
from pytest_fsfault._core.language.roots import within, within_test
from pytest_fsfault._host.processes import process_of
from pytest_fsfault._intercept.native import memory
from pytest_fsfault._intercept.native.acting import AskedCall
from pytest_fsfault._intercept.native.bpf import WRITING
from pytest_fsfault._intercept.native.making import Maker, is_written
from pytest_fsfault._intercept.native.numbers import GUARDED
from pytest_fsfault._intercept.native.outside import stray_of
from pytest_fsfault._intercept.native.replies import PROCEED, Asker, Origin, Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.guard import Guard
    from pytest_fsfault._intercept.calls.state import InterceptState
    from pytest_fsfault._intercept.native.calls import Call
    from pytest_fsfault._intercept.native.memory import Memory


class PythonChildren(Protocol):
    """What is known of the Python children, whose calls are decided about before they are made."""

    def knows(self, task: int, operation: str, path: str) -> bool:
        """Return whether it is decided about the call that a thread makes now, or the call is ours."""
        ...

    def is_attached(self, task: int) -> bool:
        """Return whether a thread belongs to a process that decides by itself what needs no decision."""
        ...

    def may_know(self, path: str) -> bool:
        """Return whether `knows` or `is_attached` can hold for a call on this path."""
        ...


class Judge:
    """Answer for the sessions of this process; one thread alone may use an instance."""

    def __init__(
        self,
        state: InterceptState,
        engines: Callable[[], tuple[Engine, ...]],
        python: PythonChildren,
        looks: Memory,
    ) -> None:
        self._state = state
        self._engines = engines
        self._python = python
        self._memory = looks
        self._maker = Maker(looks)
        self._quick: _Quick | None = None
        #: What `passes` returns, and quicker; None if sessions, rules or roots are others than at the last call of that.
        self.quick: Callable[[str, str, str | None, int], bool | None] = _unknown

    def passes(self, operation: str, path: str, target: str | None, flags: int) -> bool:
        """Return whether a call goes ahead, since it only counts, as far as its names tell that; count it, if so."""
        found = self.quick(operation, path, target, flags)
        if found is None:
            self._quick = _Quick(self._state, self._engines(), self._python)
            self.quick = self._quick.passes
            found = self.quick(operation, path, target, flags)
        return found is True

    def judge(self, call: Call, origin: Origin, ident: int) -> Reply:
        """Return what becomes of a call that may be of concern, the question `ident` of its tree."""
        engines = self._quick.engines if self._quick is not None and self._state.live else self._engines()
        for engine in engines:
            if engine.guard is not None and (stray := stray_of(engine.guard, engines, call)):
                return self._refuse_outside(engine, engine.guard, call, stray, origin)
        if not engines or call.syscall in GUARDED or not self._is_watched(call):
            return PROCEED
        return self._judge_watched(call, origin, ident, engines)

    def _is_watched(self, call: Call) -> bool:
        watched = self._state.watched
        return watched(call.path) or (call.target is not None and watched(call.target))

    def _judge_watched(self, call: Call, origin: Origin, ident: int, engines: tuple[Engine, ...]) -> Reply:
        executable = self._memory.executable(call.task)
        program = executable.rpartition("/")[2]
        if self._is_pythons(call, program):
            return PROCEED
        operation = _operation(call, program, origin.site)
        if operation.name == "os.close" and not operation.detail:
            return PROCEED
        engines = tuple([engine for engine in engines if engine.covers(operation)])
        if not any([_concerned(engine, operation) for engine in engines]):  # noqa: C419  # no generator: it is hot
            if not self._python.is_attached(call.task):
                _count(engines, operation)
            return PROCEED
        asked = AskedCall(
            self._maker,
            self._state.callers,
            call,
            operation,
            origin,
            self._asker(call, origin, executable),
            ident,
        )
        return asked.reply(engines)

    def _is_pythons(self, call: Call, program: str) -> bool:
        """Return whether Python makes a call that it has asked about, or that no fault is to meet."""
        exempt = program.startswith("python") and _may_be_exempt(
            call.operation, call.target or call.path, call.flags
        )
        if exempt or not self._python.may_know(call.path):
            return exempt
        return self._python.knows(call.task, call.operation, call.path)

    def _asker(self, call: Call, origin: Origin, executable: str) -> Asker:
        # What is known of a thread holds as long as it runs that program, and no process of its tree changes rights.
        key = call.task, executable, os.geteuid(), os.getegid()
        known = origin.known.get(key)
        if known is None:
            known = Asker(process_of(call.task), memory.is_like_us(call.task))
            if origin.constant:
                origin.known[key] = known
        return known

    def _refuse_outside(self, engine: Engine, guard: Guard, call: Call, stray: str, origin: Origin) -> Reply:
        """Refuse a change outside the roots, and write it down."""
        operation = _operation(call, self._memory.executable(call.task).rpartition("/")[2], origin.site)
        reason = guard.refuse(stray, operation.call_site)
        error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), call.path, None, call.target)
        who = call.task, process_of(call.task)
        engine.journal.note(operation, Handling("EACCES", reason, engine.clock.now), "raised", error, who)
        return Reply("refuse", errno.EACCES)


def _unknown(_operation: str, _path: str, _target: str | None, _flags: int) -> None:
    """Stand for the quick way before it is known."""


class _Quick:
    """The way out for a call that only counts, as far as that is known without a look at the caller.

    An instance is about the sessions, rules and roots of one moment.
    """

    __slots__ = (
        "_counting",
        "_guarded",
        "_inside",
        "_may_know",
        "_roots",
        "_rules",
        "_sessions",
        "_size",
        "_state",
        "_tests",
        "_watched",
        "engines",
    )

    def __init__(self, state: InterceptState, engines: tuple[Engine, ...], python: PythonChildren) -> None:
        self.engines = engines  # that hold for native programs, as long as a gate is open
        self._state = state
        self._may_know = python.may_know
        self._sessions, self._roots = state.engines, state.top_roots
        self._guarded = any(engine.guard is not None for engine in engines)
        asks_always = self._guarded or any(_wants_all(engine) for engine in engines)
        self._rules = () if asks_always else [(engine, engine.plan, engine.plan.armed) for engine in engines]
        self._watched = within_test(state.top_roots)
        # One root is the most frequent case, and a comparison is quicker than an expression.
        self._inside = f"{min(state.top_roots, default='')}/".replace("//", "/")
        self._size = len(self._inside)
        self._tests: dict[str, tuple[_Test | None, _Test | None]] = {}
        # A session that has all roots itself need not be asked whether it is concerned.
        self._counting = [
            (engine.counter, engine.roots, state.top_roots <= {*engine.roots}) for engine in engines
        ]

    # Hot: it stands before nearly every answer.
    def passes(self, name: str, path: str, target: str | None, flags: int) -> bool | None:  # noqa: C901, PLR0911, PLR0912  # so its steps stand in one function
        """Return whether a call goes ahead, and count it, if so; None once sessions, rules or roots are others."""
        state = self._state
        if state.engines is not self._sessions or state.top_roots is not self._roots:
            return None
        for engine, plan, armed in self._rules:
            if plan.armed is not armed or engine.plan is not plan or engine.ended is not None:
                return None
        if self._guarded or not state.live:
            return False
        if (
            path[: self._size] != self._inside
            and not self._watched(path)
            and (target is None or not self._watched(target))
        ):
            return True
        try:
            means_path, means_target = self._tests[name]
        except KeyError:
            if not self._rules:
                return False
            means_path, means_target = self._tests[name] = _tests([one for one, *_ in self._rules], name)
        if means_path is not None and means_path(path):
            return False
        if means_target is not None and target is not None and means_target(target):
            return False
        end = target or path
        if (name == "os.open" or ".py" in end or "__py" in end or "/.cov" in end) and _may_be_exempt(
            name, end, flags
        ):
            return False
        if name == "os.close" or self._may_know(path):
            return False
        for count, roots, everywhere in self._counting:
            if everywhere or within(path, roots) or (target and within(target, roots)):
                count(name, path)
        return True


_Test = Callable[[str], object]


def _tests(engines: Sequence[Engine], name: str) -> tuple[_Test | None, _Test | None]:
    """Return quick tests that hold for each path, and each target, that any rule means; None if none means any.

    They are for an operation by whichever of its names a rule speaks of it.
    """
    found: tuple[list[_Test], ...] = [], []
    for engine in engines:
        for one in EITHER.get(name, (name,)):
            for target, tests in enumerate(found):
                test = engine.plan.superset(one, engine.roots, target=bool(target))
                if test is not None and test not in tests:
                    tests.append(test)
    paths, targets = map(_any, found)
    return paths, targets


def _any(tests: list[_Test]) -> _Test | None:
    if len(tests) < 2:  # noqa: PLR2004  # as nearly always
        return tests[0] if tests else None
    return lambda path: any(test(path) for test in tests)


def _operation(call: Call, program: str, site: str) -> Operation:
    detail: object = None
    if call.operation == "os.open":
        detail = call.flags
    elif call.operation == "os.chmod":
        detail = call.mode
    elif call.operation == "os.close":
        detail = is_written(call.task, call.arguments[0])
    return Operation(
        call.operation, call.path, call.target, call.groups, call.path, call.target,
        f"{site} {program}: {call.syscall}", detail=detail, program=program,
    )  # fmt: skip


# What Python and what measures it write for themselves, beside the code under test.
_FOR_ITSELF = re.compile(r"/__pycache__(/|\Z)|\.pyc(\.\d+)?\Z|/\.coverage[^/]*\Z|/\.pytest_cache(/|\Z)")


def _may_be_exempt(operation: str, path: str, flags: int) -> bool:
    """Return whether no fault is to meet a call if it is Python that makes it; `path` is the target, if there is one."""
    # What it imports it opens for reading, and whatever else it reads that way it asks about by itself.
    if operation == "os.open" and not flags & WRITING:
        return True
    return _FOR_ITSELF.search(path) is not None


def _wants_all(engine: Engine) -> bool:
    replaying = engine.replay is not None and engine.replay.recording.native
    return engine.records_all or replaying or engine.ended is not None or engine.model is not None


def _concerned(engine: Engine, operation: Operation) -> bool:
    return _wants_all(engine) or bool(engine.plan.matching(operation, engine.roots))


def _count(engines: Iterable[Engine], operation: Operation) -> None:
    for engine in engines:
        engine.count(operation.name, 1, [operation.path])
