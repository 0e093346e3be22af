"""The retry policies that installers publish, each as a `tenacity.Retrying` to use in code of one's own.

Each function returns a fresh one, which calls a function until it succeeds, ``uv_rename()(os.replace, new, old)``,
or runs a block, ``for attempt in uv_rename(): ...``. Once a policy gives up, or meets an error that it does not
retry, the error itself is raised. `POLICIES` lists them all, with their sources; which of them outlast a scanner
is printed by ``python -m pytest_fsfault policies``.

All take `sleep`, a function that waits for the seconds it is given; by default tenacity's, which calls
`time.sleep`. Where chance plays a part, `luck` returns numbers from 0 to 1, as `random.random` does by default.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from errno import EACCES, EBUSY, EMFILE, ENFILE, ENOENT, EPERM
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pytest_fsfault._core.language.mistakes import FsFaultError

try:
    import tenacity
except ImportError as error:
    raise ImportError(
        'pytest_fsfault.policies needs tenacity; install it with: pip install "pytest-fsfault[tenacity]"'
    ) from error

if TYPE_CHECKING:
    from tenacity import RetryCallState
    from tenacity.stop import StopBaseT
    from tenacity.wait import WaitBaseT

Sleep = Callable[[float], None]
Luck = Callable[[], float]
_Retries = Callable[[BaseException], bool]
_Factory = TypeVar("_Factory", bound=Callable[..., tenacity.Retrying])


class Source(NamedTuple):
    """Where a policy is published."""

    project: str
    function: str
    url: str


@dataclass(frozen=True)
class Policy:
    """A published policy: how to make it, where it comes from, which errors it retries, and for how long.

    `retries` names Windows errors by their codes and, in brackets, what counts where an error has none.
    `budget` is what it waits at most, and how often it calls. With `jitter` its factory takes `luck`.
    """

    name: str
    factory: Callable[..., tenacity.Retrying]
    source: Source
    retries: str
    budget: str
    jitter: bool = False

    def __call__(self, **options: Any) -> tenacity.Retrying:
        """Return a fresh one, as `factory` does."""
        return self.factory(**options)


_published: dict[str, Policy] = {}

#: The published policies, by their names.
POLICIES: Mapping[str, Policy] = MappingProxyType(_published)


def _policy(
    project: str, function: str, url: str, *, retries: str, budget: str, jitter: bool = False
) -> Callable[[_Factory], _Factory]:
    """Enter the decorated factory in `POLICIES`."""

    def enter(factory: _Factory) -> _Factory:
        name, source = factory.__name__, Source(project, function, url)
        _published[name] = Policy(name, factory, source, retries, budget, jitter)
        return factory

    return enter


def _retrying(retries: _Retries, stop: StopBaseT, wait: WaitBaseT, sleep: Sleep | None) -> tenacity.Retrying:
    if sleep is not None and not callable(sleep):
        raise FsFaultError(
            f"sleep={sleep!r} is not a function; write one that waits for the seconds it is given"
        )
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(retries),
        stop=stop,
        wait=wait,
        sleep=tenacity.sleep if sleep is None else sleep,
        reraise=True,
    )


def _waiting(*seconds: float) -> tuple[StopBaseT, WaitBaseT]:
    """Return when to stop and what to wait: a try, and one more after each of `seconds`."""
    return (
        tenacity.stop_after_attempt(1 + len(seconds)),
        tenacity.wait_chain(*map(tenacity.wait_fixed, seconds)),
    )


def _chance(luck: Luck) -> Luck:
    if not callable(luck):
        raise FsFaultError(
            f"luck={luck!r} is not a function; write one that returns numbers from 0 to 1, "
            "such as random.Random(7).random"
        )
    return luck


def _errors(*winerrors: int, errnos: tuple[int, ...] = ()) -> _Retries:
    """Return what tells errors with one of `winerrors`; with one of `errnos` where there is no Windows code."""

    def retries(error: BaseException) -> bool:
        if not isinstance(error, OSError):
            return False
        code = getattr(error, "winerror", None)
        return error.errno in errnos if code is None else code in winerrors

    return retries


def _is_exception(error: BaseException) -> bool:
    return isinstance(error, Exception)


def _is_os_error(error: BaseException) -> bool:
    return isinstance(error, OSError)


# What Rust's standard library calls `ErrorKind::PermissionDenied`: a sharing violation (32) is not among it.
# https://github.com/rust-lang/rust/tree/master/library/std/src/sys `decode_error_kind`
_is_denied_for_rust = _errors(5, errnos=(EACCES, EPERM))

# Node sees what libuv makes of a Windows code: of 5 and 1314 EPERM, of 32 and 33 EBUSY, of 740 and 1920 EACCES,
# of 4 EMFILE. https://github.com/libuv/libuv/blob/v1.x/src/win/error.c `uv_translate_sys_error`
_is_busy_for_graceful_fs = _errors(5, 32, 33, 740, 1314, 1920, errnos=(EACCES, EPERM, EBUSY))
_is_busy_for_pnpm = _errors(5, 32, 33, 1314, errnos=(EPERM, EBUSY))
_is_busy_for_rimraf = _errors(4, 32, 33, errnos=(EMFILE, ENFILE, EBUSY))

# https://github.com/llvm/llvm-project/blob/main/llvm/lib/Support/ErrorHandling.cpp `mapWindowsError`
_is_denied_for_llvm = _errors(5, 32, errnos=(EACCES,))


@_policy(
    "pip", "filesystem.replace", "https://github.com/pypa/pip/blob/26.3/src/pip/_internal/utils/filesystem.py",
    retries="any exception", budget="1 s, 5 calls",
)  # fmt: skip
def pip_replace(*, sleep: Sleep | None = None) -> tenacity.Retrying:
    """Retry as pip moves a file into place: any exception, every 0.25 s, until a second has passed."""
    # pip gives up once more than that has passed; by its fifth call, its clock has moved on a little.
    return _retrying(_is_exception, tenacity.stop_after_delay(1), tenacity.wait_fixed(0.25), sleep)


@_policy(
    "pip", "misc.rmtree", "https://github.com/pypa/pip/blob/26.3/src/pip/_internal/utils/misc.py",
    retries="any exception", budget="3 s, 7 calls",
)  # fmt: skip
def pip_rmtree(*, sleep: Sleep | None = None) -> tenacity.Retrying:
    """Retry as pip removes a tree: any exception, every 0.5 s, until three seconds have passed."""
    return _retrying(_is_exception, tenacity.stop_after_delay(3), tenacity.wait_fixed(0.5), sleep)


@_policy(
    "uv", "rename_with_retry", "https://github.com/astral-sh/uv/blob/main/crates/uv-fs/src/lib.rs",
    retries="5", budget="10.23 s, 11 calls",
)  # fmt: skip
def uv_rename(*, sleep: Sleep | None = None) -> tenacity.Retrying:
    """Retry as uv renames on Windows: WinError 5 only, 10 ms doubling, ten times."""
    wait = tenacity.wait_exponential(multiplier=0.01)
    return _retrying(_errors(5), tenacity.stop_after_attempt(11), wait, sleep)


@_policy(
    "graceful-fs", "rename", "https://github.com/isaacs/node-graceful-fs/blob/main/polyfills.js",
    retries="5, 32, 33 (EACCES, EPERM, EBUSY), if no target", budget="60 s, about 600 calls",
)  # fmt: skip
def graceful_fs_rename(*, sleep: Sleep | None = None) -> tenacity.Retrying:
    """Retry as npm's graceful-fs renames: while no target exists, 0, 10, 20, ... 100 ms, for a minute.

    The target is the second file name of the error; an error without one is retried whatever exists.
    """
    return _retrying(_is_retried_by_graceful_fs, *_up_to_100_ms_for_a_minute(), sleep)


def _up_to_100_ms_for_a_minute() -> tuple[StopBaseT, WaitBaseT]:
    return tenacity.stop_after_delay(60), tenacity.wait_incrementing(start=0, increment=0.01, max=0.1)


def _is_retried_by_graceful_fs(error: BaseException) -> bool:
    return _is_busy_for_graceful_fs(error) and _is_missing(getattr(error, "filename2", None))


def _is_missing(target: Any) -> bool:
    if target is None:
        return True
    try:
        os.stat(target)
    except OSError as error:
        return error.errno == ENOENT  # after any other error it may be there
    return False


@_policy(
    "rustup", "rename", "https://github.com/rust-lang/rustup/blob/master/src/utils/mod.rs",
    retries="5 (EACCES, EPERM)", budget="up to 318 s, 27 calls", jitter=True,
)  # fmt: skip
def rustup_rename(*, sleep: Sleep | None = None, luck: Luck = random.random) -> tenacity.Retrying:
    """Retry as rustup renames: WinError 5 only, 26 waits of up to 1, 1, 2, 3, 5, ... ms."""
    chance, most = _chance(luck), _fibonacci(26)

    def wait(state: RetryCallState) -> float:
        # https://github.com/jimmycuadra/retry/blob/master/src/delay/random.rs `jitter` rounds whole seconds up.
        part = chance()
        seconds = most[min(state.attempt_number, len(most)) - 1]
        return math.ceil(int(seconds) * part) + seconds % 1 * part

    return _retrying(_is_denied_for_rust, tenacity.stop_after_attempt(1 + len(most)), wait, sleep)


@_policy(
    "rustup", "rename, its comment", "https://github.com/rust-lang/rustup/blob/master/src/utils/mod.rs",
    retries="5 (EACCES, EPERM)", budget="28.656 s, 22 calls",
)  # fmt: skip
def rustup_rename_as_commented(*, sleep: Sleep | None = None) -> tenacity.Retrying:
    """Retry as rustup's comment says that it renames: "21 fib steps from 1 sums to ~28 seconds"."""
    return _retrying(_is_denied_for_rust, *_waiting(*_fibonacci(21)), sleep)


def _fibonacci(count: int) -> list[float]:
    """Return 1, 1, 2, 3, 5 ms and so on, in seconds."""
    numbers = [1, 1]
    while len(numbers) < count:
        numbers.append(numbers[-2] + numbers[-1])
    return [number / 1000 for number in numbers]


@_policy(
    "pnpm", "renameOverwrite", "https://github.com/zkochan/packages/blob/main/rename-overwrite/index.js",
    retries="5, 32, 33 (EPERM, EBUSY)", budget="60 s, about 600 calls",
)  # fmt: skip
def pnpm_rename(*, sleep: Sleep | None = None) -> tenacity.Retrying:
    """Retry as pnpm renames over a target, which it removes first: 0, 10, 20, ... 100 ms, for a minute.

    EACCES is not retried: the source asks for "EACCESS". To Node a denied access (5) is EPERM.
    """
    return _retrying(_is_busy_for_pnpm, *_up_to_100_ms_for_a_minute(), sleep)


@_policy(
    "rimraf", "retryBusy", "https://github.com/isaacs/rimraf/blob/main/src/retry-busy.ts",
    retries="4, 32, 33 (EMFILE, ENFILE, EBUSY)", budget="0.165 s, 24 calls",
)  # fmt: skip
def rimraf(*, sleep: Sleep | None = None) -> tenacity.Retrying:
    """Retry as rimraf removes: after 2, 3, 4, 5, 6, 8, ... 33 ms, then ten times without a wait."""
    wait, waits = math.ceil(1.2), list[int]()
    while sum(waits) + wait < 200:  # noqa: PLR2004  # MAXBACKOFF
        waits.append(wait)
        wait = math.ceil(wait * 1.2)
    return _retrying(_is_busy_for_rimraf, *_waiting(*(wait / 1000 for wait in waits), *[0.0] * 10), sleep)


@_policy(
    "git", "mingw_rename", "https://github.com/git/git/blob/master/compat/mingw.c",
    retries="5, 32", budget="0.071 s, 6 calls",
)  # fmt: skip
def git_for_windows(*, sleep: Sleep | None = None) -> tenacity.Retrying:
    """Retry as git renames and removes on Windows: 5 and 32, after 0, 1, 10, 20 and 40 ms.

    At a terminal git then asks whether to try again.
    """
    return _retrying(_errors(5, 32), *_waiting(0, 0.001, 0.01, 0.02, 0.04), sleep)


@_policy(
    "LLVM", "rename, rename_handle",
    "https://github.com/llvm/llvm-project/blob/main/llvm/lib/Support/Windows/Path.inc",
    retries="any but not found; then 5, 32 (EACCES)", budget="1.99 s, 400 calls",
)  # fmt: skip
def llvm_rename(*, sleep: Sleep | None = None) -> tenacity.Retrying:
    """Retry as LLVM renames: 200 tries every 10 ms, then 200 without a wait.

    The first 200 open the source, whatever the error, unless it is missing; the others rename, and go on only
    while permission is denied. One call of Python does both.
    """
    retrying = _retrying(_is_os_error, *_waiting(*[0.01] * 199, *[0.0] * 200), sleep)
    return retrying.copy(retry=_is_retried_by_llvm)


def _is_retried_by_llvm(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, OSError):
        return False
    opening = state.attempt_number < 200  # noqa: PLR2004  # tries
    return error.errno != ENOENT if opening else _is_denied_for_llvm(error)


@_policy(
    "conda", "exp_backoff_fn", "https://github.com/conda/conda/blob/main/conda/gateways/disk/__init__.py",
    retries="EACCES, EPERM, such as 5, 32, 33", budget="6.3 to 6.9 s, 7 calls", jitter=True,
)  # fmt: skip
def conda(*, sleep: Sleep | None = None, luck: Luck = random.random) -> tenacity.Retrying:
    """Retry as conda on Windows: EPERM and EACCES, six waits of (1, 2, 4, ... 32 + chance) tenths of a second."""
    chance = _chance(luck)

    def wait(state: RetryCallState) -> float:
        return float(2 ** (state.attempt_number - 1) + chance()) * 0.1

    def retries(error: BaseException) -> bool:
        return isinstance(error, OSError) and error.errno in {EPERM, EACCES}

    return _retrying(retries, tenacity.stop_after_attempt(7), wait, sleep)


@_policy(
    "hatch", "Path.wait_for_dir_removed", "https://github.com/pypa/hatch/blob/master/src/hatch/utils/fs.py",
    retries="any OSError", budget="5 s, 11 calls",
)  # fmt: skip
def hatch_wait(*, sleep: Sleep | None = None) -> tenacity.Retrying:
    """Retry as hatch removes a directory: any OSError, every 0.5 s, ten times.

    hatch waits after a try that succeeded as well.
    """
    return _retrying(_is_os_error, *_waiting(*[0.5] * 10), sleep)
