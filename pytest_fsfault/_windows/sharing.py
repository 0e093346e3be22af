"""Say when two openings of one file stand in each other's way.

Sources: Wine dlls/kernel32/tests/file.c test_file_sharing, WinFsp
create_share_test, secfs.test base/09; MS-FSA 2.1.5.1.2.2.
"""

from __future__ import annotations

from pytest_fsfault._core.language.rows import Row

#: A file or directory, whatever its name: device and inode.
Identity = tuple[int, int]

#: Bits of an access and of a share mode. Executing and traversing count as reading, appending as writing.
READ, WRITE, DELETE = 1, 2, 4
ALL = READ | WRITE | DELETE

_LETTERS = {"r": READ, "w": WRITE, "d": DELETE}
_WORDS = {READ: "read", WRITE: "write", DELETE: "delete"}


class Opening(Row):
    """One way in which a file or directory is open.

    `access` and `share` are sets of bits; an `access` of 0 is attributes only and takes no part in sharing.
    `kind` is ``"handle"``, ``"section"`` (mapped data without a handle), ``"image"`` (a running program or
    loaded library without a handle), ``"directory"`` (a listing), ``"cwd"`` or ``"watch"``. `who` explains it
    as one would on a whiteboard. `path` is where the file was at the last look, if that is known.
    """

    access: int
    share: int
    kind: str
    who: str
    path: str = ""


def conflict(access: int, share: int, there: Opening) -> bool:
    """Return whether an opening with `access` and `share` conflicts with one that is there, in either direction."""
    if not access or not there.access:
        return False
    return bool(access & ~there.share or there.access & ~share)


def bits(letters: str) -> int:
    """Return the set of bits for letters such as ``"rw"``; raise KeyError for one that is none."""
    found = 0
    for letter in letters:
        found |= _LETTERS[letter]
    return found


def letters(share: int) -> str:
    """Return the letters of a set of bits."""
    return "".join(letter for letter, bit in _LETTERS.items() if share & bit)


def words(share: int) -> str:
    """Return a share mode as a reader says it: ``read and write``, or ``nothing``."""
    names = [word for bit, word in _WORDS.items() if share & bit]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names) or "nothing"
