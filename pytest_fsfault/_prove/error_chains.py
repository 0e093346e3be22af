"""Tell the error that a trial has injected from those that the code under test makes of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.trial_marks import trial_of
from pytest_fsfault._host.package import PACKAGE, STDLIB

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it came from: causes, contexts, and the members of groups."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        members = found.exceptions if isinstance(found, BaseExceptionGroup) else ()
        waiting += [one for one in (found.__context__, found.__cause__, *members) if one is not None]


def is_injected(error: BaseException, trial: int) -> bool:
    """Return whether a fault of this trial has raised the error; a copy of it counts."""
    return trial_of(error) == trial


def comes_from_fault(error: BaseException, trial: int, texts: Collection[str]) -> bool:
    """Return whether an error of this trial is in the chain, or one that quotes the text of an injected one."""
    return any(is_injected(one, trial) or _quotes(one, texts) for one in chain(error))


def _quotes(error: BaseException, texts: Collection[str]) -> bool:
    said = str(
        error
    )  # of a list it shows the members as literals, in which backslashes and quotes are escaped
    return any(text in said or repr(text)[1:-1] in said for text in texts)


def is_collected(error: BaseException, texts: Collection[str]) -> bool:
    """Return whether `shutil.copytree` has put an injected error, as a text, into its list of errors."""
    return isinstance(error, shutil.Error) and _quotes(error, texts)


def is_wrapped(error: BaseException, trial: int) -> bool:
    """Return whether the error was deliberately raised from an injected one, or groups them."""
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    below = [one for one in (error.__cause__, *members) if one is not None]
    return any(is_injected(one, trial) or is_wrapped(one, trial) for one in below)


def ends_the_run(error: BaseException) -> bool:
    """Return whether an error is not the test's affair: it is to stop the whole run."""
    return isinstance(error, (KeyboardInterrupt, GeneratorExit)) or type(error).__qualname__ == "Exit"


def release(error: BaseException) -> str:
    """Let go of the frames of an error, which keep files open; return the project's line that raised it."""
    place = fallback = ""
    for one in chain(error):
        trace, one.__traceback__ = one.__traceback__, None
        while one is error and trace is not None:
            code = trace.tb_frame.f_code
            here = f"{code.co_filename}:{trace.tb_lineno} in {code.co_name}"
            if not code.co_filename.startswith(PACKAGE):
                fallback = here
                place = place if _is_library(code.co_filename) else here
            trace = trace.tb_next
    return place or fallback


def _is_library(file: str) -> bool:
    return file.startswith(("<frozen ", STDLIB)) and "-packages" not in file


def text(error: BaseException) -> str:
    """Return an error as Python prints it."""
    said = str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def shows_fault(error: BaseException, token: int, texts: Collection[str]) -> bool:
    """Return whether an error is the injected one, wraps it, or lists it among others."""
    return is_injected(error, token) or is_wrapped(error, token) or is_collected(error, texts)
