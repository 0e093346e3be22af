"""Let the calls of programs go ahead that outlive their test: run as a program of its own, until they have ended.

Without a listener each of their calls that is asked about would fail. The arguments are the descriptors
of the listeners. It loads next to nothing, and knows nothing of this package.
"""

import fcntl
import os
import select
import struct
import sys

_RECEIVE, _SEND, _CONTINUE = 0xC0502100, 0xC0182101, 1


def hold(listeners: list[int]) -> None:
    """Answer until no process is left that could ask."""
    poll = select.poll()
    for one in listeners:
        poll.register(one, select.POLLIN)
    left = len(listeners)
    while left:
        for one, event in poll.poll():
            if event & select.POLLIN:
                _proceed(one)
            else:
                poll.unregister(one)
                left -= 1


def _proceed(listener: int) -> None:
    request = bytearray(80)
    try:
        fcntl.ioctl(listener, _RECEIVE, request)
        ident = struct.unpack_from("=Q", request)[0]
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
    hold([int(argument) for argument in sys.argv[1:]])
