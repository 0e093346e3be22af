"""Let `tempfile` leave the deletion of a file to the system, as it does on Windows.

There O_TEMPORARY has the system delete the file with its last handle, under whatever name it has then, and
`tempfile` never unlinks it by name. Source: CPython Lib/tempfile.py, `_TemporaryFileCloser`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The names under which files were opened that the system is to delete.
OPENED: set[str] = set()


class _Attributes(dict[str, Any]):
    """The attributes of a function that `vars` does not show, such as its defaults."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self._function = function

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and hasattr(self._function, name)

    def __getitem__(self, name: str) -> Any:
        return getattr(self._function, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self._function, name, value)


def patches() -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Yield what exchanges the function by which `tempfile` deletes; it is bound early, as a default."""
    import tempfile  # noqa: PLC0415  # only a model of Windows needs it

    closer: Any = getattr(tempfile, "_TemporaryFileCloser", None)
    for name in ("close", "cleanup"):
        function = getattr(closer, name, None)
        defaults = getattr(function, "__defaults__", None) or ()
        # By name: in a child `tempfile` may have been imported after the wrappers came, and hold one of them.
        after = tuple([_unlink if getattr(one, "__name__", "") in _UNLINKS else one for one in defaults])
        if after != defaults:
            yield _Attributes(function), "__defaults__", after


_UNLINKS = frozenset(["unlink", "remove"])


def _unlink(path: str) -> None:
    __tracebackhide__ = True
    if path in OPENED:
        OPENED.discard(path)
    else:
        os.unlink(path)  # as whoever asks for it now finds it: a file that others have open may be refused
