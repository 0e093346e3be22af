"""Let `shutil.rmtree` go by path where it has chosen descriptors as it was loaded.

From CPython 3.14 on that choice is a name of its own, and `_use_fd_functions` is not asked again. Source: CPython
Lib/shutil.py, `_rmtree_impl`.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def patches() -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Yield what exchanges the choice; nothing before CPython 3.14."""
    space = shutil.__dict__
    if "_rmtree_impl" in space:
        yield space, "_rmtree_impl", space["_rmtree_unsafe"]
