"""asyncio under the virtual clock: answers from outside are waited for."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time

import pytest

from .scene import real_time

pytestmark = pytest.mark.usefixtures("quick")

#: What turns of a loop and readings may add, in virtual seconds.
_NEARLY = {"abs": 0.05}


class _Pipe:
    """A pipe of which a loop can read: on Windows one whose reads can overlap, which `os.pipe` makes none of."""

    def __init__(self) -> None:
        if sys.platform == "win32":
            import msvcrt
            from asyncio import windows_utils

            reading, writing = windows_utils.pipe(overlapped=(True, False))
            self.reading = windows_utils.PipeHandle(reading)
            self.writing = msvcrt.open_osfhandle(writing, os.O_WRONLY)
        else:
            reading, self.writing = os.pipe()
            self.reading = os.fdopen(reading, "rb", 0)


async def _read_stream(left: socket.socket) -> bytes:
    reader, writer = await asyncio.open_connection(sock=left)
    got = await asyncio.wait_for(reader.read(1), 10)
    writer.close()
    return got


async def _read_socket(left: socket.socket) -> bytes:
    left.setblocking(False)
    async with asyncio.timeout(10):
        return await asyncio.get_running_loop().sock_recv(left, 1)


async def _read_waited(left: socket.socket) -> bytes:
    left.setblocking(False)
    task = asyncio.ensure_future(asyncio.get_running_loop().sock_recv(left, 1))
    done, _ = await asyncio.wait({task}, timeout=10)
    return next(iter(done)).result()


async def _read_callback(left: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    answer = loop.create_future()
    loop.add_reader(left, lambda: answer.done() or answer.set_result(left.recv(1)))
    timer = loop.call_later(10, answer.cancel)
    try:
        return await answer
    finally:
        timer.cancel()
        loop.remove_reader(left)


@pytest.mark.parametrize("read", [_read_stream, _read_socket, _read_waited, _read_callback])
def test_an_answer_from_outside_comes_before_the_limit(later, clock, read):
    """It takes 20 ms for real, and the limit is 10 s."""
    left, right = socket.socketpair()

    async def main() -> bytes:
        later(0.02, lambda: right.send(b"x"))
        return await read(left)

    # The loop that Windows has by default calls nobody back.
    loop_factory = asyncio.SelectorEventLoop if read is _read_callback else None
    with left, right, asyncio.Runner(loop_factory=loop_factory) as runner:
        assert b"x" == runner.run(main())
    assert clock.now < 10


def test_a_limit_on_an_answer_that_never_comes_is_met_in_real_time(clock):
    """As with the `settimeout` of a socket: nobody can know that nothing will come."""
    left, right = socket.socketpair()

    async def main() -> None:
        left.setblocking(False)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().sock_recv(left, 1), 0.2)

    began = real_time()
    with left, right:
        asyncio.run(main())
    assert 0.199 <= real_time() - began
    assert 0.2 == pytest.approx(clock.now, **_NEARLY)


def test_a_sleep_beside_a_silent_connection_is_jumped_over(clock):
    """After a moment of silence, since nobody says how long an answer may take."""
    left, right = socket.socketpair()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        left.setblocking(False)
        task = asyncio.ensure_future(loop.sock_recv(left, 1))
        await asyncio.sleep(3600)
        right.send(b"x")
        assert b"x" == await task

    with left, right:
        asyncio.run(main())
    assert 3600 == pytest.approx(clock.now, **_NEARLY)


def test_a_sleep_waits_a_moment_for_an_answer(later, clock):
    """One of 5 ms comes before a sleep of 10 s has ended, which somebody uses as a limit."""
    left, right = socket.socketpair()

    async def main() -> bool:
        left.setblocking(False)
        tasks = [asyncio.get_running_loop().sock_recv(left, 1), asyncio.sleep(10)]
        answer, limit = map(asyncio.ensure_future, tasks)
        later(0.005, lambda: right.send(b"x"))
        await asyncio.wait({answer, limit}, return_when=asyncio.FIRST_COMPLETED)
        limit.cancel()
        return answer.done()

    with left, right:
        assert asyncio.run(main()) is True
    assert clock.now < 10


def test_a_server_that_waits_for_clients_stops_no_timer(clock):
    """Client and server in one loop: the server sleeps a minute before it answers, the client has a limit of two."""

    async def main() -> bytes:
        async def serve(reader, writer) -> None:
            await asyncio.sleep(60)
            writer.write(await reader.readline())
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 60)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            writer.write(b"x\n")
            got = await asyncio.wait_for(reader.readline(), 120)
            writer.close()
            return got

    assert b"x\n" == asyncio.run(main())
    assert 120 == pytest.approx(clock.now, abs=1)


def test_a_wait_without_a_limit_for_an_answer_moves_the_clock(later, clock):
    """It takes its real time, as any wait on the outside."""
    left, right = socket.socketpair()

    async def main() -> bytes:
        left.setblocking(False)
        later(0.1, lambda: right.send(b"x"))
        return await asyncio.get_running_loop().sock_recv(left, 1)

    began = real_time()
    with left, right:
        assert b"x" == asyncio.run(main())
    assert 0.05 <= clock.now <= real_time() - began + 0.05


def test_pipes_work(clock):
    """A pipe that a thread writes to after a minute of virtual time is read at that time."""
    pipe = _Pipe()

    async def main() -> bytes:
        loop, stream = asyncio.get_running_loop(), asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), pipe.reading
        )
        task = asyncio.to_thread(lambda: time.sleep(60) or os.write(pipe.writing, b"x"))
        _, got = await asyncio.gather(task, asyncio.wait_for(stream.read(1), 100))
        transport.close()
        return got

    assert b"x" == asyncio.run(main())
    os.close(pipe.writing)
    assert 60 == pytest.approx(clock.now, abs=1)


def _process(code: str):
    return asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", f"import time; {code}", stdout=asyncio.subprocess.PIPE
    )


def test_a_child_process_that_works_is_waited_for(clock):
    """A limit of 60 s is not reached by a child of 0.3 s, and the clock shows what it took."""

    async def main() -> bytes:
        process = await _process("time.sleep(0.3); print('done')")
        return (await asyncio.wait_for(process.communicate(), 60))[0].strip()

    assert b"done" == asyncio.run(main())
    assert 0.05 <= clock.now < 20


def test_a_child_process_is_waited_for_without_a_limit(clock):
    """The clock keeps step with it."""

    async def main() -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-c", "import time; time.sleep(0.3)"
        )
        return await process.wait()

    for _ in range(5):  # a machine that stalls for as long as the child lives leaves nothing to wait for
        began, before = real_time(), clock.now
        assert 0 == asyncio.run(main())
        passed = clock.now - before
        assert passed <= real_time() - began + 0.05
        if passed >= 0.05:
            break
    assert 0.05 <= passed


def test_a_sleep_beside_a_child_process_is_real_until_it_ends(clock):
    """The rest is jumped over."""
    began = real_time()

    async def main() -> None:
        process = await _process("time.sleep(0.2)")
        await asyncio.sleep(3600)
        assert 0 == process.returncode
        await process.wait()

    asyncio.run(main())
    assert 0.2 <= real_time() - began
    assert 3600 == pytest.approx(clock.now, abs=1)
