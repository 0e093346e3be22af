"""Which processes were started under faults, and which of them no fault has reached."""

from __future__ import annotations

import os
import shutil
import sys
from _thread import get_ident
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.command_lines import listed
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._host.paths import IGNORES_CASE
from pytest_fsfault._intercept.children.rendezvous import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import FrameType

_which = shutil.which
_FLAGS_OF_OWN = "cmWX"  # the flags of an interpreter that end its flags, or take an argument
_HEAD = 128
#: Why no fault reaches most programs; what they change is noticed by itself.
NATIVE = "not a Python program"
_SHOWN = 100  # characters of a command at most


class StartedProcess(Row):
    """One process that was started: its arguments, why no fault can reach it, and the line that started it."""

    arguments: tuple[str, ...]
    reason: str
    call_site: str

    def __str__(self) -> str:
        shown = " ".join(" ".join(self.arguments).split())
        shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 4]} ..."
        return f"no fault reached `{shown}`, started at {self.call_site}: {self.reason}"


def start(
    executable: Any, arguments: Sequence[Any], environment: Mapping[Any, Any] | None, site: str
) -> StartedProcess:
    """Return what is known of a process before it starts."""
    given = tuple(os.fsdecode(one) for one in arguments)
    program = os.fsdecode(executable if executable is not None else arguments[0])
    return StartedProcess(given, _why_not(program, given, environment), site)


# Program, arguments and environment of a process, as the events tell them: CPython, Lib/subprocess.py, Modules/posixmodule.c
# and _winapi.c. What a document is started with, `os.startfile` gets as one line without the program.
_READ: dict[str, Callable[[tuple[Any, ...]], tuple[Any, Sequence[Any], Mapping[Any, Any] | None]]] = {
    "subprocess.Popen": lambda args: (args[0], listed(args[1]), args[3]),
    "os.spawn": lambda args: (args[1], args[2], args[3]),
    "os.posix_spawn": lambda args: (args[0], args[1], args[2]),
    "_winapi.CreateProcess": lambda args: (args[0], listed(args[1] or args[0]), None),
    "os.startfile/2": lambda args: (
        args[0],
        [args[0], *listed(f"x {os.fsdecode(args[2] or '')}")[1:]],
        None,
    ),
}
_BY_SUBPROCESS = frozenset(["os.posix_spawn", "_winapi.CreateProcess"])  # which has told of it


def started(event: str, args: tuple[Any, ...], site: str, frame: FrameType | None) -> StartedProcess | None:
    """Return what an audit event tells of a process; None if it tells nothing, or nothing will start."""
    read = _READ.get(event)
    if read is None or (event in _BY_SUBPROCESS and _is_of(frame, "subprocess")):
        return None
    with suppress(TypeError, ValueError, IndexError):
        executable, arguments, environment = read(args)
        return start(executable, arguments, environment, site)
    return None


def _is_of(frame: FrameType | None, module: str) -> bool:
    return frame is not None and frame.f_globals.get("__name__") == module


def _why_not(program: str, arguments: tuple[str, ...], environment: Mapping[Any, Any] | None) -> str:
    """Return why no fault reaches a process; nothing where one does, as far as can be seen from outside."""
    python, flags = _interpreter(program, arguments)
    lacks = _lacks(environment)
    if not python:
        return f"{NATIVE}, nor is Python reached that it starts: {lacks}" if lacks else NATIVE
    if lacks:
        return lacks
    if "S" in flags:
        return "with -S Python loads nothing of ours"
    if flags & {"E", "I"} and not _is_this(python):
        return f"with -{min(flags & {'E', 'I'})} another environment sees nothing of ours"
    return ""


def _lacks(environment: Mapping[Any, Any] | None) -> str:
    """Return what to do about an environment in which Python does not find this process; nothing where it does."""
    if environment is None:
        told = f"{KEY} was taken out of os.environ; let it be there when a process starts"
        return "" if KEY in os.environ else told
    there = KEY in environment or os.fsencode(KEY) in environment
    return "" if there else f"its environment lacks {KEY}; build it from a copy of os.environ"


def _command_of(first: str) -> list[str]:
    """Return what a first line starts, without `env` and its options."""
    words = first[2:].split()
    if words and os.path.basename(words[0]) == "env":
        return [word for word in words[1:] if word[:1] != "-" and "=" not in word]
    return words


def _interpreter(program: str, arguments: Sequence[str]) -> tuple[str, frozenset[str]]:
    """Return the Python that a program is or names in its first line, and its flags."""
    if _is_python(program):
        return program, _flags(arguments[1:])
    path = program if os.path.dirname(program) else _which(program) or ""
    first = _first_line(path)
    if first.startswith("#!"):
        words = _command_of(first)
        if words and _is_python(words[0]):
            return words[0], _flags(words[1:])
    # Scripts whose interpreter has a long path, or one with blanks, start as a program of the shell.
    if "python" in first:
        return first, frozenset()
    return "", frozenset()


def _is_python(program: str) -> bool:
    return program == sys.executable or os.path.basename(program).lower().startswith(("python", "pypy"))


def _is_this(python: str) -> bool:
    """Return whether a Python belongs to the environment of this process."""
    return os.path.dirname(_which(python) or python) == os.path.dirname(sys.executable)


def _flags(arguments: Iterable[str]) -> frozenset[str]:
    found: set[str] = set()
    for one in arguments:
        if one[:1] != "-" or one.startswith("--"):
            break
        found |= set(one[1:])
        if one[1:2] in _FLAGS_OF_OWN:
            break
    return frozenset(found)


def _first_line(path: str) -> str:
    with suppress(OSError), ORIGINALS["io", "open"](path, "rb") as file:
        head: bytes = file.read(_HEAD)
        lines = head.split(b"\n")[:2]
        # A shell script that hands itself on to Python says so in its second line.
        return os.fsdecode(lines[0] if b"/sh" not in lines[0] else b" ".join(lines))
    return ""


class Report(Row):
    """What a new interpreter has reported: who it is, who has started it, and by which arguments."""

    process: int
    parent: int
    arguments: tuple[str, ...]


class _Start(Row):
    started: StartedProcess
    starter: int  # the process that has started it
    process: int | None = None  # its own number, if that is known


class ProcessRow(Row):
    """One process that was started: its number, if known, who started it, and whether faults reach it."""

    pid: int | None
    parent: int
    program: str
    native: bool
    reached: bool
    reason: str


class StartedProcesses:
    """The processes that were started, those that have reported, and what went wrong on our side."""

    def __init__(self) -> None:
        self._starts: list[_Start] = []
        self._reports: list[Report] = []
        self._latest: dict[int, int] = {}  # the last start of each thread, by its place
        self._native: set[int] = set()  # those that are met as native programs
        self._connected: set[int] = set()  # the processes that have asked something
        self._troubles: list[tuple[int, str]] = []

    def add(self, started: StartedProcess, starter: int = 0) -> None:
        """Record that a process is about to start, by default one of this process."""
        self._latest[get_ident()] = len(self._starts)
        self._starts.append(_Start(started, starter or os.getpid()))

    def identify(self, thread: int, process: int) -> None:
        """Record the number of the process that a thread has announced last."""
        place = self._latest.get(thread)
        if place is not None:
            self._starts[place] = self._starts[place]._replace(process=process)

    def forget(self, thread: int) -> None:
        """Record that the process that a thread has announced last has started."""
        self._latest.pop(thread, None)

    def reached(self, thread: int, reason: str) -> None:
        """Record that a native program is under the rules from its start, or the `reason` why it is not."""
        # The one that this thread has announced last.
        place = self._latest.pop(thread, None)
        if place is None:
            return
        start = self._starts[place]
        if not reason:
            self._native.add(place)
        elif start.started.reason == NATIVE:
            told = start.started._replace(reason=f"{NATIVE}, and {reason}")
            self._starts[place] = start._replace(started=told)

    def report_alive(self, words: Sequence[str]) -> None:
        """Record the report of an interpreter: its number, that of its parent, and its arguments."""
        with suppress(ValueError):
            process, parent, *arguments = words
            self._reports.append(Report(int(process), int(parent), tuple(arguments)))

    def connected(self, process: int) -> None:
        """Record that a process is attached, whatever has become of its report."""
        self._connected.add(process)

    def trouble(self, told: str) -> None:
        """Record, as a sentence, that something went wrong on our side; each is said once."""
        if told not in (other for _, other in self._troubles):
            self._troubles.append((len(self._starts), told))

    def unreached(self, first: int = 0) -> Iterator[str]:
        """Yield what went wrong, and a sentence for each process, from the `first` on, that no fault has reached."""
        yield from (told for place, told in self._troubles if place >= first)
        if len(self._starts) == first:
            return
        reached = self._reached(first)
        for place, start in enumerate(self._starts[first:], first):
            if place not in reached:
                yield str(start.started._replace(reason=start.started.reason or _SILENT))

    def rows(self, first: int = 0) -> Iterator[ProcessRow]:
        """Yield what is known of each process, from the `first` on."""
        if len(self._starts) == first:
            return
        reached = self._reached(first)
        for place, start in enumerate(self._starts[first:], first):
            program = " ".join(start.started.arguments[:1])
            reason = "" if place in reached else start.started.reason or _SILENT
            native = place in self._native or start.started.reason.startswith(NATIVE)
            yield ProcessRow(start.process, start.starter, program, native, place in reached, reason)

    def _reached(self, first: int) -> set[int]:
        """Return which processes faults have reached, by their place."""
        reports = list(self._reports)
        left = {
            place: self._starts[place]
            for place in range(first, len(self._starts))
            if place not in self._native
        }
        for fits in (_by_number, _by_arguments, _by_launcher, _by_parent):
            for place, start in tuple(left.items()):
                report = next((report for report in reports if fits(start, report)), None)
                if report is not None:
                    reports.remove(report)
                    del left[place]
        unknown = {place for place, start in left.items() if start.process not in self._connected}
        return set(range(first, len(self._starts))) - unknown

    def __len__(self) -> int:
        return len(self._starts)

    def __bool__(self) -> bool:
        """Return whether anything was recorded."""
        return bool(self._starts or self._reports or self._connected or self._troubles)


# How a report is known to be that of a start, the surest way first.


def _by_number(start: _Start, report: Report) -> bool:
    """Tell by its number: a launcher may have become Python since."""
    return start.process == report.process


def _by_arguments(start: _Start, report: Report) -> bool:
    """Tell by its arguments: for a script, its own come after those of Python."""
    started, met = start.started.arguments, report.arguments
    if not started:
        return False
    if met[-len(started) :] == started:
        return True
    tail = started[1:]
    here = len(met) - len(tail) - 1
    return here >= 0 and met[len(met) - len(tail) :] == tail and _script(met[here]) == _script(started[0])


def _script(path: str) -> str:
    """Return the name of a script: on Windows `pip` starts `pip.exe`, which Python then gets as its script."""
    name = os.path.basename(path)
    return name.lower().removesuffix(".exe") if IGNORES_CASE else name


def _by_launcher(start: _Start, report: Report) -> bool:
    """Tell by the end of a command: a launcher, such as `env` or `uv run`, is given the arguments of Python."""
    started, met = start.started.arguments, report.arguments
    here = len(started) - len(met)
    return here > 0 and bool(met) and started[here + 1 :] == met[1:] and _is_python(started[here])


def _by_parent(start: _Start, report: Report) -> bool:
    """Tell by its parent, if something in its command is the same: a shell may have become Python."""
    words = {word for one in report.arguments for word in (one, os.path.basename(one)) if word}
    return (
        start.process is None
        and start.starter == report.parent
        and any(word in argument for word in words for argument in start.started.arguments)
    )


_SILENT = "it did not report; it ended too early, or is a Python before 3.11"
