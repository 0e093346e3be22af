"""Meet the processes of `multiprocessing`, of which no audit event tells."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._host.processes import may_have_children
from pytest_fsfault._intercept.native.launch import Launch
from pytest_fsfault._intercept.patching.late import LatePatches, loaded
from pytest_fsfault._intercept.patching.patches import Patch, bind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    Starting = Callable[[str, tuple[Any, ...], Any], object]
    _Row = tuple[str, Callable[[Callable[..., Any]], Callable[..., Any]]]
    Launching = Callable[[Launch, FrameType | None], Any]


# What `fork_exec` gets at its end: the user, the mask for new files, what is to run in the child, and, up to Python 3.13,
# whether it may use vfork(2). From 3.14 on it does if the child's user is not changed and nothing is to run in it.
_TOLD = sys.version_info < (3, 14)
_USER, _PREEXEC = (-4, -2) if _TOLD else (-3, -1)
# By which `subprocess` may be told to do without posix_spawn(3), which it takes for most programs from 3.13 on. That
# holds the interpreter's lock until the program has begun: the answering thread would wait for it.
_SWITCH = "_USE_POSIX_SPAWN"
_OPENS = getattr(os, "POSIX_SPAWN_OPEN", None)


class ForkHooks:
    """The functions of `multiprocessing` that start processes, each met once its module is loaded."""

    def __init__(self, starting: Starting, launch: Launching) -> None:
        self._starting = starting
        self._launch = launch
        self._rows: dict[str, tuple[_Row, ...]] = {
            "_posixsubprocess": (("fork_exec", self._fork_exec),),
            "subprocess": (("_fork_exec", self._fork_exec),),
            "os": (("posix_spawn", self._spawn), ("posix_spawnp", self._spawn), ("system", self._system)),
            "multiprocessing.forkserver": (("connect_to_new_process", self._fork_by_server),),
        }
        self._late = LatePatches(self._rows, self._make)
        self._servers: set[int] = set()  # the fork servers that were started under faults

    def forget_servers(self) -> None:
        """Record that the rendezvous is another one from now on, of which the fork servers do not know."""
        self._servers.clear()

    def cover(self, put: Callable[[list[Patch]], object]) -> None:
        """Let `put` take the patches for modules that were loaded since the last call."""
        self._late.cover(put)

    def _make(self, name: str) -> list[Patch] | None:
        module = loaded(name)
        if module is None:
            return None
        found = []
        for function, make in self._rows[name]:
            real = getattr(module, function, None)
            if real is not None:
                found.append(Patch(module, function, real, bind(name, real, make(real))))
        if sys.platform == "linux" and getattr(module, _SWITCH, None) is True:
            found.append(Patch(module, _SWITCH, True, False))
        return found

    def _fork_exec(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def fork_exec(_home: object, *args: Any) -> Any:
            frame = sys._getframe().f_back
            if args[_PREEXEC] is not None or _is_helper(args[0]):
                # Python code runs in the child before its program: a fork like any other.
                self._starting("fork_exec", args, frame)
                return real(*args)
            program = next(filter(_exists, args[1]), None)
            launch = Launch(
                "fork_exec", args, program, lambda calm: real(*(args if calm else _without_vfork(args)))
            )
            return self._launch(launch, frame)

        return fork_exec

    def _spawn(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def spawn(_home: object, *args: Any, **kwargs: Any) -> Any:
            actions = kwargs.get("file_actions") or ()
            opens = any(action and action[0] == _OPENS for action in actions)
            launch = Launch(
                "os.posix_spawn", args, args[0] if args else None, lambda _calm: real(*args, **kwargs), locks=True,
                unfit="it opens files before its program begins" if opens else "",
            )  # fmt: skip
            return self._launch(launch, sys._getframe().f_back)

        return spawn

    def _system(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def system(_home: object, *args: Any, **kwargs: Any) -> Any:
            launch = Launch("os.system", args, None, lambda _calm: real(*args, **kwargs))
            return self._launch(launch, sys._getframe().f_back)

        return system

    def _fork_by_server(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def connect_to_new_process(_home: object, fds: Any) -> Any:
            server = sys.modules["multiprocessing.forkserver"]._forkserver
            if self._starting("forkserver", (), sys._getframe(1)):
                number = server._forkserver_pid
                if number is not None and number not in self._servers and not may_have_children(number):
                    server._stop()  # it was started without faults, and so would be all that it forks
                answer = real(fds)
                self._servers.add(server._forkserver_pid)
                return answer
            return real(fds)

        return connect_to_new_process


def _exists(path: bytes) -> bool:
    try:
        ORIGINALS["os", "stat"](path)
    except (OSError, ValueError):
        return False
    return True


def _is_helper(arguments: Sequence[Any]) -> bool:
    """Return whether a process is one of the helpers of `multiprocessing`, which outlive those that start them."""
    return any(b"from multiprocessing." in one for one in arguments if isinstance(one, bytes)) and not any(
        b"spawn_main" in one for one in arguments if isinstance(one, bytes)
    )


def _without_vfork(arguments: Sequence[Any]) -> tuple[Any, ...]:
    """Return the arguments of `fork_exec` for a child that does not run in the memory of this process."""
    if _TOLD:
        return (*arguments[:-1], False)
    if sys.platform == "win32" or arguments[_USER] is not None or os.getuid() != os.geteuid():
        return tuple(arguments)
    # To become the user that it is changes nothing, and rules out vfork(2).
    return (*arguments[:_USER], os.getuid(), *arguments[_USER + 1 :])
