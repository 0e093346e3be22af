"""What `shutil` and others see of `os` and `stat` where the host is to pass for Windows.

Sources: CPython Lib/os.py (which functions are in `os.supports_*`), Lib/shutil.py.
"""

from __future__ import annotations

import os
import stat
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.status import ProgramMode
from pytest_fsfault._core.language.operations import O_TEMPORARY
from pytest_fsfault._host.originals import ORIGINALS

if TYPE_CHECKING:
    from collections.abc import Callable

#: Flags of `os.open` that only Windows has. Most mean nothing to the host, which passes over bits that it does
#: not know, as their own values would be other flags of its own.
FLAGS = {
    "O_BINARY": 1 << 29,
    "O_NOINHERIT": getattr(os, "O_CLOEXEC", 0),
    "O_RANDOM": 1 << 27,
    "O_SEQUENTIAL": 1 << 26,
    "O_SHORT_LIVED": 1 << 25,
    "O_TEMPORARY": O_TEMPORARY,
    "O_TEXT": 1 << 28,
}


def _imode(mode: int) -> int:
    bits = stat.S_IMODE(mode)
    return ProgramMode(bits) if type(mode) is ProgramMode else bits


def _stat_module() -> ModuleType:
    made = ModuleType("stat")
    vars(made).update({**vars(stat), "S_IMODE": _imode})
    return made


#: `stat` for `shutil`, which hands the right to run on to the copy of a program.
STAT = _stat_module()

_CHMOD = ("chmod",) if sys.version_info >= (3, 13) else ()


def supported() -> dict[str, set[Callable[..., Any]]]:
    """Return the sets of `os` that say which function takes a descriptor, or does not follow links.

    Both the real functions are in them and whatever stands in front of them now.
    """
    return {
        "supports_dir_fd": set(),
        "supports_effective_ids": set(),
        "supports_fd": _functions("stat", "truncate", *_CHMOD),
        "supports_follow_symlinks": _functions("stat", *_CHMOD),
    }


def _functions(*names: str) -> set[Callable[..., Any]]:
    return {one for name in names for one in (getattr(os, name), ORIGINALS["os", name])}
