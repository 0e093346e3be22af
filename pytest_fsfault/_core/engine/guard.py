"""Refuse what a test must not change: whatever is neither below its roots nor made for passing things."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.roots import within

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

# The target alone is changed; of a rename both ends are.
_TARGET = frozenset({"os.link", "os.symlink", "os.sendfile", "os.copy_file_range", "shutil.copyfile"})
_BOTH = frozenset({"os.rename", "os.replace"})
# Devices and processes, and the shared memory of `multiprocessing`, by its names; what an interpreter, a coverage
# measurement and pytest keep beside the code; where the child processes of this package find it.
_PASSING = (
    r"/pytest-fsfault-\d+-[0-9a-f]+(/|\Z)|\A/dev/(?!shm(/|\Z))|\A/dev/shm/(psm_|pym-|sem\.)[^/]*\Z|\A/proc/|/__pycache__(/|\Z)|\.pyc(\.\d+)?\Z|/\.coverage[^/]*\Z|/\.pytest_cache(/|\Z)"
    # The devices that Windows has by name, in whatever directory; others lead to files.
    r"|\A//\./(?i:nul|con|conin\$|conout\$|aux|prn|(?:com|lpt)[1-9\u00b9\u00b2\u00b3]|pipe/.*)\Z"
)
# A descriptor by its path, but for the standard streams: the file behind it is opened anew.
_DESCRIPTOR = deferred(r"/(?:proc/(?:self|thread-self|\d+)(?:/task/\d+)?|dev)/fd/(?![0-2]\Z)\d+\Z")

#: What changes the file that a link leads to, not the link.
FOLLOWING = frozenset({"open", "os.chmod", "os.open", "os.truncate", "os.utime"})
#: What changes a file under all of its names.
OF_FILES = frozenset(
    {
        "open",
        "os.chmod",
        "os.open",
        "os.truncate",
        "os.utime",
        "shutil.copyfile",
        "os.copy_file_range",
        "os.sendfile",
        "os.write",
    }
)
_EXCLUSIVE = os.O_CREAT | os.O_EXCL
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)  # POSIX alone has it
_MOST_LINKS = 40  # path_resolution(7)


def follows_links(name: str, how: object) -> bool:
    """Return whether an operation changes what a link leads to; `how` is the mode or the flags of one that opens."""
    if name == "os.open" and isinstance(how, int):
        return not (how & _NO_FOLLOW or how & _EXCLUSIVE == _EXCLUSIVE)
    return name in FOLLOWING and not (name == "open" and isinstance(how, str) and "x" in how)


def landing(path: str, stand: Callable[[str], str], readlink: Callable[[str], str]) -> str:
    """Return the file that an absolute path leads to, through links, or would make.

    `stand` returns where the last component of a path really stands. What may always be changed is not looked behind:
    `/dev/stdout` is a link to wherever the output goes.
    """
    for _ in range(_MOST_LINKS):
        path = stand(path)
        descriptor = _DESCRIPTOR.match(path) is not None
        if re.search(_PASSING, path) is not None and not descriptor:
            break
        try:
            text = readlink(path)
        except (OSError, ValueError):
            break
        if descriptor and (not text.startswith("/") or text.endswith(" (deleted)")):
            break  # a pipe, or a file that has no name any more
        path = text if text.startswith("/") else f"{path.rpartition('/')[0]}/{text}"
    return path


class Guard:
    """What may be changed beside the roots, and what was refused so far.

    `allowed` returns absolute directories, such as those for temporary files; it is called once, when it matters.
    """

    def __init__(self, allowed: Callable[[], Iterable[str]]) -> None:
        self._find = allowed
        self.refused: dict[str, None] = {}  # sentences
        self.linked: set[tuple[int, int]] = (
            set()
        )  # files outside that a program gave names inside: device and inode

    @cached_property
    def allowed(self) -> tuple[str, ...]:
        """The directories."""
        return tuple(dict.fromkeys(self._find()))

    def stray(
        self, name: str, groups: Collection[str], ends: Sequence[str | None], roots: Sequence[str]
    ) -> str | None:
        """Return the path that an operation would change although it must not; `ends` are its path and target."""
        if "mutate" not in groups:
            return None
        path, target = ends
        changed = [path, target] if name in _BOTH else [target if name in _TARGET else path]
        for one in changed:
            if one is not None and not self._may_change(one, roots):
                return one
        return None

    def _may_change(self, path: str, roots: Sequence[str]) -> bool:
        return within(path, roots) or within(path, self.allowed) or re.search(_PASSING, path) is not None

    def refuse(self, path: str, site: str) -> str:
        """Note that a change was refused; return the reason."""
        self.refused[f"{path} is outside the roots, and was not changed, at {site}"] = None
        return f"{path} is outside the roots"
