"""`open`, and the layers of what it returns."""

from __future__ import annotations

import io
import stat
import sys
import warnings
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.execution import tell_winerror
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.descriptors import path_of_descriptor
from pytest_fsfault._host.originals import stat as original_stat
from pytest_fsfault._host.package import PACKAGE
from pytest_fsfault._intercept.calls.arguments import Ends
from pytest_fsfault._intercept.calls.one_path import PathWrapper
from pytest_fsfault._intercept.calls.open_files import STATE, FileIO, FlushedRandom, FlushedWriter
from pytest_fsfault._intercept.calls.paths import resolve
from pytest_fsfault._intercept.calls.short_writes import buffer_size
from pytest_fsfault._intercept.calls.state import UNANNOUNCED
from pytest_fsfault._intercept.patching.tracebacks import hide_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.interfaces import FastPath
    from pytest_fsfault._intercept.calls.functions import InterceptedFunction
    from pytest_fsfault._intercept.calls.state import InterceptState


class OpenWrapper(PathWrapper):
    """`open`: below a root it composes what the original returns over a raw file of ours."""

    __slots__ = ("through",)

    def __init__(
        self, state: InterceptState, function: InterceptedFunction, real: Callable[..., Any]
    ) -> None:
        super().__init__(state, function, real)
        # Where calls go that are none of our business.
        self.through = _with_warnings_of_the_caller(real) if sys.flags.warn_default_encoding else real

    def _template(self, function: InterceptedFunction) -> Callable[..., Any]:
        del function
        return OpenWrapper._open

    # Hot: the way of a call that no rule concerns, in one function so that nothing is called.
    def _open(
        self,
        file: Any,
        mode: Any = "r",
        buffering: Any = -1,
        encoding: Any = None,
        errors: Any = None,
        newline: Any = None,
        closefd: Any = True,
        opener: Any = None,
    ) -> Any:
        if not self.state.live:
            return self.through(file, mode, buffering, encoding, errors, newline, closefd, opener)
        if type(file) is not str:
            file, _ = self.of_object(file)
        watched = self.undecided.get(file) if type(file) is str and opener is None else None
        if watched is None and opener is None:
            watched = self.classify(file)
        if watched is False or (watched and (self.fast_path is None or mode in READING)):
            self.state.announced = file
            try:
                if not watched:
                    return self.through(file, mode, buffering, encoding, errors, newline, closefd, opener)
                self.calls += 1
                return self.compose(file, file, mode, buffering, encoding, errors, newline, closefd, opener)
            except Exception as error:
                if not self.failed(error, watched):
                    raise
                watched = None
        args = (file, mode, buffering, encoding, errors, newline, closefd, opener)
        try:
            return self._open_fast(self.fast_path, file, args) if watched else self.slow(args, {})
        except BaseException as error:
            hide_frames(error)
            raise

    def _open_fast(self, fast_path: FastPath | None, file: str, args: tuple[Any, ...]) -> Any:
        """Open a file for writing under a model that may have nothing to say."""
        if fast_path is not None and type(args[1]) is str and fast_path.before(file, args[1]):
            self.state.announced = file
            try:
                result = self.compose(file, *args)
            except Exception as error:
                if not self.failed(error, True):
                    raise
            else:
                self.calls += 1
                fast_path.after(file)
                return result
        return self.slow(args, {})

    # Hot: the whole way of a call that a rule may concern, in one function.
    def slow(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: C901  # as said above
        """Resolve the path; ask the engines if a rule may concern it."""
        file, mode, opener = args[0], args[1], args[-1]
        if type(file) is str and opener is None and file in self.concerned_paths and _is_mode(mode):
            found = self.describe(Ends(file, file), args, kwargs)
            return self._by_itself(file, args, kwargs) if found is None else self.execute(found, args, kwargs)
        try:
            where, shown = resolve(file)
        except TypeError:
            where = shown = None
        if shown is None or not _is_mode(mode):
            return self._through(args)
        args = (file if isinstance(file, int) else shown, *args[1:])
        if self.guarded and where is not None and opener is None and not isinstance(file, int):
            self.refuse_outside(Ends(where, shown), args, kwargs)
        if where is None or not self.state.watched(where):
            if where is not None:
                self.pass_by(where, file if opener is None else None)
                if self.guarded and isinstance(file, int) and mode not in READING:
                    return self._composed(where, args, watched=False)  # whose writes are refused
            if opener is None:
                return self._through(args)
        # A descriptor is open already, and an opener that gets a directory opens the file itself, by
        # `os.open`: tempfile does so.
        opens = not isinstance(file, int) and (opener is None or not _is_directory(shown))
        test = self.tests()[0]
        concerned = self.state.model is not None or (test is not None and where is not None and test(where))
        operation = None
        if opens and where is not None and concerned:
            operation = self.describe(Ends(where, shown), args, kwargs)
        if operation is None:
            self.calls += opens
            self.note_path(where or "")
            return self._composed(where or "", args, watched=where is not None)
        return self.execute(operation, args, kwargs)

    def direct(self, args: tuple[Any, ...], kwargs: dict[str, Any], watched: bool = True) -> Any:
        """Open the file that a call has asked for, or a model has found."""
        del kwargs
        file = args[0]
        plain = type(file) is str and file in self.concerned_paths
        return self._composed(file if plain else resolve(file)[0] or "", args, watched)

    def _composed(self, path: str, args: tuple[Any, ...], watched: bool) -> Any:
        return self._made(self.compose, (path, *args), args[0], watched)

    def _through(self, args: tuple[Any, ...]) -> Any:
        return self._made(self.through, args, args[0], False)

    def _made(self, make: Callable[..., Any], args: tuple[Any, ...], file: Any, watched: bool) -> Any:
        # No event tells that a descriptor gets a file object.
        self.state.announced = UNANNOUNCED if isinstance(file, int) else file
        try:
            return make(*args)
        except Exception as error:
            self.state.announced = UNANNOUNCED
            if watched and isinstance(error, OSError):
                tell_winerror(self.state.engines, self.operation, error)
            raise

    # Hot: builds the file of each opening below a root, as `open` does, in one function.
    def compose(
        self, path: str, file: Any, mode: Any, buffering: Any, encoding: Any, errors: Any, newline: Any,
        closefd: Any, opener: Any,
    ) -> Any:  # fmt: skip
        """Open `file` as the original does, layer by layer, over a raw file that knows its `path`."""
        layers = (_known.get(mode) or _layers(mode)) if type(mode) is str else None
        if layers is None or not (
            (encoding is None and errors is None and newline is None and buffering == -1)
            or _go_together(layers, buffering, (encoding, errors, newline))
        ):
            # The original says what is wrong.
            return self.through(file, mode, buffering, encoding, errors, newline, closefd, opener)
        if layers.binary and buffering == 1:
            message = "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used"
            warnings.warn(message, RuntimeWarning, stacklevel=_outside())
            buffering = -1
        if type(file) is not int:
            self.state.announced = file  # again: another thread may have come between
        result: Any
        raw = result = FileIO(file, layers.raw, closefd, opener)
        try:
            raw._path = path if opener is None else path_of_descriptor(raw.fileno()) or path
            raw._engines = self.state.engines
            lines = buffering == 1 or (buffering < 0 and raw.isatty())
            if buffering == 0:
                raw._bare = True
                return raw
            buffer = layers.flushed if STATE.flushes else layers.buffer
            result = buffer(raw, buffer_size(raw) if lines or buffering < 0 else _chosen(raw, buffering))
            if layers.binary:
                return result
            if encoding is None and sys.flags.warn_default_encoding:
                encoding = io.text_encoding(None, _outside())
            result = io.TextIOWrapper(result, encoding, errors, newline, lines)
            result.mode = mode
        except BaseException:
            result.close()
            raise
        return result


# Modes that neither create nor change anything.
READING = frozenset({"r", "rb", "br", "rt", "tr"})


class _Layers(Row):
    raw: str
    binary: bool
    buffer: Callable[..., Any]
    flushed: Callable[..., Any]  # the same, for when a rule speaks of flushes


_BUFFERS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "r": (io.BufferedReader, io.BufferedReader),
    "w": (io.BufferedWriter, FlushedWriter),
    "+": (io.BufferedRandom, FlushedRandom),
}
_known: dict[str, _Layers] = {}


def _layers(mode: str) -> _Layers | None:
    """Return what `open` builds for a mode; None if the mode is not valid."""
    letters = set(mode)
    kinds = letters & set("rwax")
    if len(letters) != len(mode) or letters - set("rwaxbt+") or len(kinds) != 1 or {"b", "t"} <= letters:
        return None
    kind = "+" if "+" in letters else "r" if "r" in letters else "w"
    made = _Layers(kinds.pop() + ("+" if kind == "+" else ""), "b" in letters, *_BUFFERS[kind])
    return _known.setdefault(mode, made)


def _is_mode(mode: Any) -> bool:
    return isinstance(mode, str) and (mode in _known or _layers(mode) is not None)


def _go_together(layers: _Layers, buffering: int, text: tuple[Any, Any, Any]) -> bool:
    if not isinstance(buffering, int):
        return False
    if layers.binary:
        return text == (None, None, None)
    return buffering != 0 and all(type(one) in _TEXT for one in text)


_TEXT = frozenset({str, type(None)})


def _chosen(raw: FileIO, size: int) -> int:
    raw._room = size
    return size


def _is_directory(path: Any) -> bool:
    try:
        return stat.S_ISDIR(original_stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _with_warnings_of_the_caller(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return `real`, which is `open`, with its EncodingWarning at the caller's line instead of at ours."""

    def opened(file: Any, mode: Any, buffering: Any, encoding: Any, *rest: Any) -> Any:
        if encoding is not None or type(mode) is not str or "b" in mode:
            return real(file, mode, buffering, encoding, *rest)
        result = real(file, mode, buffering, "utf-8" if sys.flags.utf8_mode else "locale", *rest)
        try:
            io.text_encoding(None, _outside())
        except BaseException:
            result.close()
            raise
        return result

    return opened


def _outside() -> int:
    """Return the stack level, for a warning raised by our caller, of the first frame that is not ours."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    return level
