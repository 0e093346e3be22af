"""Meet the processes of `multiprocessing`, of which no audit event tells."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pytest_fsfault._host.processes import may_have_children
from pytest_fsfault._intercept.patching.patches import Patch, bind

if TYPE_CHECKING:
    from collections.abc import Callable

    Starting = Callable[[str, tuple[Any, ...], Any], object]


class ForkHooks:
    """The functions of `multiprocessing` that start processes, each met once its module is loaded."""

    def __init__(self, starting: Starting) -> None:
        self._starting = starting
        self._waiting = {
            "_posixsubprocess": ("fork_exec", self._fork_exec),
            "multiprocessing.forkserver": ("connect_to_new_process", self._fork_by_server),
        }
        self._servers: set[int] = set()  # the fork servers that were started under faults

    def loaded(self) -> list[Patch]:
        """Return the patches for modules that were loaded since the last call."""
        found = []
        for name in tuple(self._waiting):
            module = sys.modules.get(name)
            if module is not None:
                function, make = self._waiting.pop(name)
                real = getattr(module, function)
                found.append(Patch(module, function, real, bind(name, real, make(real))))
        return found

    def _fork_exec(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def fork_exec(_home: object, *args: Any) -> Any:
            self._starting("fork_exec", args, sys._getframe(1))
            return real(*args)

        return fork_exec

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
