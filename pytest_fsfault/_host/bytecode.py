"""Load the modules of this package from their bytecode without the general search.

A run's first test under faults loads more than a hundred of them, and so does an interpreter that attaches. For each,
the import system asks all finders (pytest's compares the name with its patterns of test files, which takes longer than
all the rest), lists directories and looks for extension modules; here the place is known, and one look at the source
says whether its bytecode is current. Whatever is unusual (no bytecode, another layout, an archive, bytecode that a hash confirms) is
left to the import system.
"""

from __future__ import annotations

import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import (  # type: ignore[attr-defined]  # typeshed lacks some
    MAGIC_NUMBER,
    SourceFileLoader,
    _compile_bytecode,  # pyright: ignore[reportAttributeAccessIssue]
    _path_stat,  # pyright: ignore[reportAttributeAccessIssue]
)
from os import sep
from stat import S_ISREG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import stat_result
    from types import CodeType, ModuleType

_INSIDE = f"{__name__.partition('.')[0]}."
_CACHE = f"{sep}__pycache__{sep}"
_BYTECODE = f".{sys.implementation.cache_tag}.pyc"
_BY_TIME = MAGIC_NUMBER + bytes(4)  # PEP 552: the time and the size of the source follow
_MASK = 0xFFFF_FFFF
_HEAD = 16


class _Loader(SourceFileLoader):
    """Take the bytecode beside a source, if it was made of this source."""

    def __init__(self, name: str, path: str, bytecode: str, status: stat_result) -> None:
        self.name, self.path = name, path
        self._bytecode, self._status = bytecode, status

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the code of a module; the import system is asked if there is no current bytecode."""
        changed, size = int(self._status.st_mtime) & _MASK, self._status.st_size & _MASK
        try:
            data = self.get_data(self._bytecode)
            if data[:_HEAD] == _BY_TIME + (size << 32 | changed).to_bytes(8, "little"):
                return _compile_bytecode(memoryview(data)[_HEAD:], fullname, self._bytecode, self.path)  # type: ignore[no-any-return]
        except (OSError, ImportError, EOFError, ValueError, TypeError):
            pass
        return super().get_code(fullname)


class BytecodeFinder:
    """Find the modules of this package, for a block."""

    def __init__(self) -> None:
        self._before = self._finders = sys.meta_path

    def __enter__(self) -> None:
        """Come before all other finders, if bytecode is where it is by default."""
        if sys.implementation.cache_tag and sys.pycache_prefix is None and not sys.flags.optimize:
            # A list of its own: another thread may be going through the other one, and would miss a finder.
            self._finders = [self, *self._before]
            sys.meta_path = self._finders

    def __exit__(self, *_: object) -> None:
        """Leave; what others have added or removed meanwhile stays so."""
        finders = [finder for finder in self._finders if finder is not self]
        if finders != self._before:
            self._before[:] = finders
        if sys.meta_path is self._finders:
            sys.meta_path = self._before

    def find_spec(
        self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of this package is; None if that is another's, or not where it is by default."""
        if path is None or not name.startswith(_INSIDE):
            return None
        last = name.rpartition(".")[2]
        inside = f"{path[0]}{sep}{last}"
        return _found(name, path[0], last) or _found(name, inside, "__init__", [inside])


# As most of what the import system would ask of a path is known, nothing else is asked.
def _found(name: str, directory: str, file: str, inside: list[str] | None = None) -> ModuleSpec | None:
    path, bytecode = f"{directory}{sep}{file}.py", f"{directory}{_CACHE}{file}{_BYTECODE}"
    try:
        status = _path_stat(path)
    except OSError:
        return None
    if not S_ISREG(status.st_mode):
        return None
    loader = _Loader(name, path, bytecode, status)
    spec = ModuleSpec(name, loader, origin=path, is_package=inside is not None)
    spec.has_location, spec.cached = True, bytecode
    if inside is not None:
        spec.submodule_search_locations = inside
    return spec
