"""Write the filter: which system calls are asked about, which of them only with certain flags.

The kernel remembers which calls a filter always allows (Linux 5.11 and later): those cost nothing.
"""

from __future__ import annotations

import errno
import os
import platform
import struct
from functools import cache
from typing import TYPE_CHECKING

from pytest_fsfault._intercept.native.numbers import (
    CHANGES,
    ESTRANGING,
    FICLONE,
    FICLONERANGE,
    MACHINES,
    RIGHTS,
    X32_BIT,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_fsfault._intercept.native.numbers import Table

# include/uapi/linux/bpf_common.h: load a word, jump if equal, if at least, if any bit is set, and, return.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_FEW = 3  # numbers that are compared one by one
# include/uapi/linux/seccomp.h
_ALLOW, _NOTIFY, _ERRNO = 0x7FFF0000, 0x7FC00000, 0x00050000
# Where `struct seccomp_data` has the number, the architecture, and the low half of its first argument.
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16

#: An open with one of these changes something, or may.
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

#: What is asked about in any case.
ALWAYS = ESTRANGING | RIGHTS
#: All changes.
ALL = frozenset(CHANGES)


def program(tables: Sequence[Table], names: frozenset[str] = ALL, *, reads: bool = False) -> bytes:
    """Return the filter as `struct sock_filter`s: it asks about the calls in `names`.

    With `reads` opens for reading are asked about as well, but never those of directories.
    """
    code = [_step(_LOAD, _ARCH)]
    opening = frozenset(_FLAGS) if reads else frozenset()
    for table in tables:
        one = _table(table, ALWAYS | names | opening, reads=reads)
        code += [_step(_EQUAL, table.arch, 1, 0), _jump(len(one)), *one]
    return b"".join([*code, _step(_RETURN, _ALLOW)])


@cache
def for_this_machine(names: frozenset[str] = ALL, *, reads: bool = False) -> bytes:
    """Return the filter for the programs of this machine, as `program` says."""
    return program(MACHINES[platform.machine()], names, reads=reads)


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _jump(steps: int) -> bytes:
    return struct.pack("=HBBI", 0x05, 0, 0, steps)


def _table(table: Table, names: frozenset[str], *, reads: bool) -> list[bytes]:
    blocks = [(number, _block(name, reads=reads)) for name, number in table.wanted(names)]
    # Rings of requests would go past: a program does without them on an older kernel, too.
    blocks.append((table.numbers["io_uring_setup"], [_step(_RETURN, _ERRNO | errno.ENOSYS)]))
    code = [_step(_LOAD, _NUMBER), _step(_AND, ~X32_BIT & 0xFFFFFFFF)]
    return code + _search(sorted(blocks, key=lambda one: one[0]))


def _search(blocks: list[tuple[int, list[bytes]]]) -> list[bytes]:
    """Return what finds the block of a number by halves.

    At each start the kernel goes through the filter once for every number that there is: one by one, that takes as
    long as the start of a small program.
    """
    if len(blocks) <= _FEW:
        found = [step for number, block in blocks for step in (_step(_EQUAL, number, 0, len(block)), *block)]
        return [*found, _step(_RETURN, _ALLOW)]
    half = len(blocks) // 2
    lower = _search(blocks[:half])
    return [_step(_AT_LEAST, blocks[half][0], 0, 1), _jump(len(lower)), *lower, *_search(blocks[half:])]


def _block(name: str, *, reads: bool) -> list[bytes]:
    """Return what is done about one call, once it is that."""
    ask, allow = _step(_RETURN, _NOTIFY), _step(_RETURN, _ALLOW)
    if name in _FLAGS:
        flags = _step(_LOAD, _ARGUMENTS + 8 * _FLAGS[name])
        if reads:
            return [flags, _step(_ANY_BIT, WRITING, 2, 0), _step(_ANY_BIT, os.O_DIRECTORY, 0, 1), allow, ask]
        return [flags, _step(_ANY_BIT, WRITING, 0, 1), ask, allow]
    if name == "ioctl":
        request = _step(_LOAD, _ARGUMENTS + 8)
        return [request, _step(_EQUAL, FICLONE, 1, 0), _step(_EQUAL, FICLONERANGE, 0, 1), ask, allow]
    return [ask]


# Which argument has the flags of an open; those of openat2 are in memory.
_FLAGS = {"open": 1, "openat": 2}


def allow_all() -> bytes:
    """Return the filter that asks about nothing, to find out whether there may be one."""
    return _step(_RETURN, _ALLOW)
