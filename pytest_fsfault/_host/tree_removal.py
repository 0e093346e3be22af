"""Know the loops of the standard library that walk and remove trees, and let `shutil.rmtree` go by path.

Where the system has them `shutil` chooses descriptors as it is loaded. From CPython 3.14 on that choice is a name of its
own, and `_use_fd_functions` is not asked again. Source: CPython Lib/shutil.py, `_rmtree_impl`.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

#: The code of the loop by path, which deletes the files of one directory after the other.
LOOP: Any = getattr(getattr(shutil, "_rmtree_unsafe", None), "__code__", None)
# Those that list directories, and ask each entry for its name and kind alone.
_WALKS: Any = (LOOP, *[getattr(getattr(os, name, None), "__code__", None) for name in ("walk", "_walk")])


def asks_for_kinds(frame: FrameType | None) -> bool:
    """Return whether who lists a directory asks its entries for no status, and hands none on."""
    return frame is not None and any([frame.f_code is code for code in _WALKS])  # noqa: C419  # of three


def patches() -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Yield what exchanges the choice; nothing before CPython 3.14."""
    space = shutil.__dict__
    if "_rmtree_impl" in space:
        yield space, "_rmtree_impl", space["_rmtree_unsafe"]
