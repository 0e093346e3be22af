"""Let the calls of programs go ahead that outlive their test: run as a program of its own, until they have ended.

Without a listener each of their calls that is asked about would fail. The arguments are the descriptors of the
listeners, and of those among them that belong to crashed trees: whatever is left of these is killed instead, once it
wants to change something. It loads next to nothing, and knows nothing of this package.
"""

import fcntl
import os
import select
import signal
import struct
import sys

_RECEIVE, _SEND, _CONTINUE = 0xC0502100, 0xC0182101, 1


def hold(listeners: list[int], dead: list[int]) -> None:
    """Answer until no process is left that could ask."""
    poll = select.poll()
    for one in listeners:
        poll.register(one, select.POLLIN)
    left = len(listeners)
    while left:
        for one, event in poll.poll():
            if event & select.POLLIN:
                _answer(one, kill=one in dead)
            else:
                poll.unregister(one)
                left -= 1


def _answer(listener: int, *, kill: bool) -> None:
    request = bytearray(80)
    try:
        fcntl.ioctl(listener, _RECEIVE, request)
        ident, task = struct.unpack_from("=QI", request)
        if kill:
            os.kill(task, signal.SIGKILL)
            return
        fcntl.ioctl(listener, _SEND, struct.pack("=QqiI", ident, 0, 0, _CONTINUE))
    except OSError:
        return  # it has died, or was answered


if __name__ == "__main__":
    holder = os.fork()
    if holder:
        os.write(1, b"%d" % holder)
        os._exit(0)
    os.setsid()
    os.dup2(0, 1)  # the reader of the number does not wait for our end
    hold(*([int(one) for one in argument.split(",") if one] for argument in sys.argv[1:]))
