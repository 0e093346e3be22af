"""The column Detail: which access was asked for, what was shared, and the rest of what a call was given.

The names of accesses, options and share modes are those that Process Monitor prints; procmon-parser's tables of
them (`consts.py`) were made from its output.
"""

from __future__ import annotations

import re

from pytest_fsfault._windows.sharing import ALL, DELETE, READ, WRITE

# A value may itself hold commas, so it ends where the next of these names begins.
_NAMES = (
    "Desired Access", "Disposition", "Options", "Attributes", "ShareMode", "AllocationSize", "Impersonating",
    "OpenResult", "ReplaceIfExists", "Delete", "Flags", "EndOfFile", "Offset", "Length", "SyncType",
)  # fmt: skip
_FIELD = re.compile(rf"(?:\A|, )({'|'.join(_NAMES)}): ")
# A name of a file may hold anything, also commas and colons: it is the last field.
_FILE_NAME = re.compile(r"(?:\A|, )FileName: ", re.DOTALL)

# Whole words of an access, and what they count as. Executing and traversing count as reading.
_EVERYTHING = frozenset({"all access", "generic all", "maximum allowed"})
_GENERIC = (("read", "execute"), ("write",))
_SPECIFIC = (
    ("read data", "list directory", "execute", "traverse"),
    ("write data", "append data", "add file"),
)
_SHARES = {"read": READ, "write": WRITE, "delete": DELETE}


def fields(detail: str) -> dict[str, str]:
    """Return the fields of a detail by name, each once: the first one counts."""
    rest, found = detail, {}
    if (name := _FILE_NAME.search(detail)) is not None:
        rest, found["FileName"] = detail[: name.start()], detail[name.end() :]
    parts = _FIELD.split(rest)
    for field, value in zip(parts[1::2], parts[2::2], strict=True):
        found.setdefault(field, value.strip())
    return found


def access_of(text: str) -> int:
    """Return the bits of an access such as ``Generic Read, Delete``; 0 for attributes only."""
    bits = 0
    for part in text.lower().split(","):
        bits |= _access(part.strip())
    return bits


def _access(word: str) -> int:
    if word in _EVERYTHING:
        return ALL
    if word == "delete":
        return DELETE
    reading, writing = _GENERIC if word.startswith("generic") else _SPECIFIC
    reads = READ if any(name in word for name in reading) else 0
    return reads | (WRITE if any(name in word for name in writing) else 0)


def share_of(text: str) -> int:
    """Return the bits of a share mode such as ``Read, Write``; 0 for ``None``."""
    bits = 0
    for word in text.lower().split(","):
        bits |= _SHARES.get(word.strip(), 0)
    return bits
