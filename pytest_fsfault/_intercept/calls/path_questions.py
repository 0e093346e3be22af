"""Ask by `os.stat` what `os.path` asks Windows by functions of its own, so that rules meet it as elsewhere.

`os.path.exists` and its like are in C there from Python 3.12 on (CPython Lib/ntpath.py, Modules/posixmodule.c), of which
no other function and no audit event tells.
"""

from __future__ import annotations

import os
from stat import S_ISDIR, S_ISLNK, S_ISREG
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any

from pytest_fsfault._host.links import is_junction
from pytest_fsfault._intercept.calls.wrapper import WRAPPERS
from pytest_fsfault._intercept.patching.patches import Patch, bind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _is_there(_status: os.stat_result) -> bool:
    return True


#: By the name of a question: the function of `os` that answers it, and how.
QUESTIONS: dict[str, tuple[str, Callable[[os.stat_result], bool]]] = {
    "exists": ("stat", _is_there),
    "lexists": ("lstat", _is_there),
    "isdir": ("stat", lambda status: S_ISDIR(status.st_mode)),
    "isfile": ("stat", lambda status: S_ISREG(status.st_mode)),
    "islink": ("lstat", lambda status: S_ISLNK(status.st_mode)),
    "isjunction": ("lstat", is_junction),
}


def patches(space: Any = os.path) -> Iterator[Patch]:
    """Yield what replaces the questions of `os.path` that are in C."""
    for name, (function, tells) in QUESTIONS.items():
        real = getattr(space, name, None)
        if isinstance(real, BuiltinFunctionType):
            yield Patch(space, name, real, bind("nt", real, _question(real, function, tells)))


def _question(
    real: Callable[..., Any], function: str, tells: Callable[[os.stat_result], bool]
) -> Callable[..., Any]:
    def question(_home: object, *args: Any, **kwargs: Any) -> Any:
        if len(args) != 1 or kwargs:
            return real(*args, **kwargs)
        try:
            return tells(WRAPPERS["os", function].call(args[0]))
        except (OSError, ValueError):
            return False

    return question
