"""Tell whether native programs can be reached here, and the sentence that says why not."""

from __future__ import annotations

import errno
import os
import platform
import re
import sys
from functools import cache

_MACHINES = ("x86_64", "aarch64")
_FIRST = (5, 5)  # SECCOMP_USER_NOTIF_FLAG_CONTINUE
KILLABLE = (5, 19)
#: How the sentence begins that says what is not exact; it is no failure, not even under ``strict="all"``.
RESERVED = "a signal may count a call of a native program twice"
_HEAD = "native programs are not reached"


@cache
def why_not() -> str:
    """Return why no native program can be reached here; nothing where it can."""
    if sys.platform != "linux":
        return f"{_HEAD}: that is for Linux alone"
    return _machine(platform.machine()) or _kernel(kernel()) or _attempt()


@cache
def reservation() -> str:
    """Return what is not exact here, though native programs are reached; nothing where all is."""
    if why_not() or kernel() >= KILLABLE:
        return ""
    return (
        f"{RESERVED}, and none is made in its place: "
        f"Linux {_shown(kernel())} is older than {_shown(KILLABLE)}"
    )


def can_take(process: int) -> bool:
    """Return whether a descriptor of another process can be had: Linux 5.6, and the right to look into it, ptrace(2)."""
    from pytest_fsfault._intercept.native.notify import take  # noqa: PLC0415  # for Linux alone

    try:
        os.close(take(process, 2))
    except OSError as error:
        return error.errno == errno.EBADF  # as far as rights go
    return True


def sentence(number: int) -> str:
    """Return what it means that no filter could be installed, by the `errno` of the attempt."""
    reasons = {
        errno.EPERM: "this container forbids seccomp(2)",
        errno.EACCES: "this container forbids seccomp(2)",
        errno.EBUSY: "another program listens to the system calls of this process already",
        errno.EINVAL: "this kernel has no user notification of seccomp(2)",
        errno.ENOSYS: "this kernel has no seccomp(2)",
    }
    return f"{_HEAD}: {reasons.get(number, f'seccomp(2) gives {os.strerror(number)}')}"


def kernel() -> tuple[int, int]:
    """Return the version of the kernel."""
    found = re.match(r"(\d+)\.(\d+)", platform.release())
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _machine(name: str) -> str:
    if name not in _MACHINES or sys.maxsize < 2**32:
        return f"{_HEAD}: that is for {' and '.join(_MACHINES)} alone, and this is {name}"
    return ""


def _kernel(version: tuple[int, int]) -> str:
    if version < _FIRST:
        return f"{_HEAD}: Linux {_shown(version)} is older than {_shown(_FIRST)}"
    return ""


def _shown(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _attempt() -> str:
    """Try it, in a thread of its own, with a filter that allows everything."""
    from pytest_fsfault._intercept.native.bpf import allow_all  # noqa: PLC0415  # for Linux alone
    from pytest_fsfault._intercept.native.starting import Start  # noqa: PLC0415

    attempt = Start(allow_all(), lambda: None)
    attempt.run()
    if attempt.failure is not None:
        return sentence(attempt.failure)
    os.close(attempt.listener)
    return ""
