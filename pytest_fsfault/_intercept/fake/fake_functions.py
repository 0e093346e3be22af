"""The functions of a fake by the names of the real ones, for our own work in it: no fault meets them."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.originals import NATIVE
from pytest_fsfault._intercept.fake.filesystem import in_force

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_fsfault._core.engine.interfaces import NativeFunctions
    from pytest_fsfault._intercept.fake.filesystem import FakeFileSystem

_latest: list[FakeNative] = []


class OpenFile(Row):
    """A file or directory of a fake that this process has open; `identity` is device and inode."""

    descriptor: int
    path: str
    identity: tuple[int, int]
    is_directory: bool
    reads: bool
    writes: bool


def native_of(filesystem: FakeFileSystem) -> FakeNative:
    """Return the functions of a fake, the same object as long as it is the same fake."""
    found = _latest[0] if _latest else None
    if found is None or found._fake is not filesystem:
        found = FakeNative(filesystem)
        _latest[:] = [found]
    return found


def native() -> NativeFunctions:
    """Return the functions of the file system that the code under test has now, for our own work in it."""
    there = in_force()
    return NATIVE if there is None else native_of(there)


class FakeNative:
    """What `originals.NATIVE` is for the real file system; paths are absolute and separated by ``/``, or its own."""

    def __init__(self, fake: FakeFileSystem) -> None:
        self._fake = fake

    def __getattr__(self, name: str) -> Callable[..., Any]:
        fake = self._fake
        function = getattr(type(fake.os), name, None)
        if function is None:
            return getattr(NATIVE, name)  # type: ignore[no-any-return]
        real = getattr(function, "__wrapped__", function)

        @wraps(real)
        def call(*args: Any, **kwargs: Any) -> Any:
            with fake.inside():
                return real(fake.os, *map(self._spelled, args), **kwargs)

        vars(self)[name] = call
        return call

    def _spelled(self, value: Any) -> Any:
        return self._fake.native_path(value) if isinstance(value, str) else value

    def open(self, path: str, flags: int, mode: int = 0o777) -> Any:
        """Open a file, as `os.open` does; pyfakefs's gives a file that is there another mode."""
        fake = self._fake
        try:
            before = self.stat(path).st_mode
        except OSError:
            before = None
        function = type(fake.os).open
        with fake.inside():
            found = getattr(function, "__wrapped__", function)(fake.os, self._spelled(path), flags, mode)
            if before is not None:
                fake.filesystem.get_open_file(found).get_object().st_mode = before
        return found

    def open_file(self, path: str, *args: Any, **kwargs: Any) -> Any:
        """Open a file, as `io.open` does."""
        with self._fake.inside():
            return self._fake.modules["io"].open(self._spelled(path), *args, **kwargs)

    def stat(self, path: str, **kwargs: Any) -> Any:
        """Return the status of what is at a path."""
        fake = self._fake
        if path == fake.filesystem.devnull:
            return fake.filesystem.dev_null.stat_result.copy()
        function = type(fake.os).stat
        with fake.inside():
            return getattr(function, "__wrapped__", function)(fake.os, self._spelled(path), **kwargs)

    def lstat(self, path: str) -> Any:
        """Return the status of what stands at a path, not of what a link leads to."""
        return self.stat(path, follow_symlinks=False)

    def getcwd(self) -> str:
        """Return the current directory."""
        return self._fake.cwd

    def absolute(self, path: str) -> str:
        """Return a path as seen from the current directory."""
        return self._fake.absolute(path)

    def realpath(self, path: str) -> str:
        """Return the real path of an absolute one."""
        return self._fake.real(path)

    def null(self) -> str:
        """Return the name of the device that swallows everything."""
        return str(self._fake.filesystem.devnull)

    def gettempdir(self) -> str:
        """Return a directory for temporary files, which is there."""
        found = self._fake.absolute(self._fake.filesystem._tempdir_name())
        with self._fake.inside():
            if not self._fake.filesystem.exists(self._spelled(found)):
                self._fake.filesystem.create_dir(self._spelled(found))
        return found

    def path(self, *parts: str) -> Any:
        """Return a `Path`, as the code under test makes one."""
        return self._fake.modules["pathlib"].Path(*map(self._spelled, parts))

    def sizes(self, path: str) -> dict[str, int]:
        """Return each name below a directory with its size; a directory's ends in ``/`` and has none.

        By pyfakefs's own objects, since that takes a hundredth of the time. Raise FileNotFoundError for what is
        not there.
        """
        found: dict[str, int] = {}
        with self._fake.inside():
            below = [(self._fake.filesystem.get_object(self._spelled(path)), "")]
        while below:
            directory, prefix = below.pop()
            for name, one in directory.entries.items():
                if hasattr(one, "entries"):
                    found[f"{prefix}{name}/"] = 0
                    below.append((one, f"{prefix}{name}/"))
                else:
                    found[prefix + name] = one.st_size
        return found

    def drop(self, path: str) -> None:
        """Take a directory away with all that is in it, whatever is open there."""
        above, name = self._fake.filesystem.splitpath(self._spelled(path))
        with self._fake.inside():
            self._fake.filesystem.get_object(above).entries.pop(name, None)

    def open_files(self) -> Iterator[OpenFile]:
        """Yield what this process has open."""
        for number, one in self._fake.open_files():
            found = one.get_object()
            path = self._fake.path_of(number)
            if path is None or not self._stands(path, found):
                path = ""
            modes = getattr(one, "open_modes", None)
            yield OpenFile(
                number,
                path,
                (found.st_dev, found.st_ino),
                modes is None,
                modes is None or bool(modes.can_read),
                modes is not None and bool(modes.can_write),
            )

    def _stands(self, path: str, found: Any) -> bool:
        """Return whether an object still has the name by which it was opened."""
        try:
            there = self.lstat(path)
        except OSError:
            return False
        return bool((there.st_dev, there.st_ino) == (found.st_dev, found.st_ino))
