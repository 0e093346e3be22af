"""Connections by named pipes: operations that the system still writes into are never given up."""

import gc
import os
import threading
from types import SimpleNamespace

import pytest
from skips import WINDOWS

from pytest_fsfault._intercept.children import endpoints, named_pipes
from pytest_fsfault._intercept.children.parent.event_loop import EventLoop
from pytest_fsfault._intercept.children.rendezvous import new_directory

pytestmark = pytest.mark.skipif(not WINDOWS, reason="named pipes are of Windows")


class Echo:
    """A parent that sends back what it is told."""

    def __init__(self, directory):
        self.errors = []
        self.connections = {}
        self.listener = endpoints.Listener(directory)
        self.loop = EventLoop(set(), lambda: None, self.errors.append)
        self.loop.watch(self.listener.fileno(), self.accept)

    def accept(self):
        """Take the next child in."""
        one = self.listener.accept()
        if one is not None:
            self.connections[one.descriptor] = one
            self.loop.watch(one.descriptor, lambda: self.hear(one))

    def hear(self, one):
        """Answer a child, or see it off."""
        if data := one.recv(65_536):
            one.send(data)
        else:
            self.dismiss(one)

    def dismiss(self, one):
        """End a connection."""
        self.loop.unwatch(one.descriptor)
        del self.connections[one.descriptor]
        one.close()

    def close(self):
        """End everything."""
        self.loop.pause()
        for one in tuple(self.connections.values()):
            self.dismiss(one)
        self.listener.close()
        self.loop.close()

    def under_way(self):
        """Return what the system still writes into."""
        return [one for _, one in tuple(self.loop._poller._pending.values()) if one.pending]


@pytest.fixture
def directory():
    """Return a private directory."""
    path = new_directory()
    os.mkdir(path, 0o700)
    yield path
    for name in os.listdir(path):
        os.remove(os.path.join(path, name))
    os.rmdir(path)


@pytest.fixture
def parent(directory):
    """Return a parent that answers."""
    echo = Echo(directory)
    yield echo
    echo.close()
    assert [] == echo.errors


def ask(pipe, data=b"who is there"):
    """Return what the parent answers."""
    pipe.sendall(data)
    answer = b""
    while len(answer) < len(data):
        part = pipe.recv(65_536)
        assert part
        answer += part
    return answer


def test_nothing_is_under_way_once_the_thread_has_ended(parent, directory):
    """The listener waits, and so does a connection: the thread that began this calls it off."""
    parent.loop.start()
    child = endpoints.connect(directory)
    assert b"who is there" == ask(child)
    assert 2 == len(parent.under_way())
    parent.loop.pause()
    assert [] == parent.under_way()
    child.close()


def test_a_thread_that_starts_again_goes_on_where_it_was(parent, directory):
    """Connections stay, and what was said meanwhile is answered."""
    parent.loop.start()
    child = endpoints.connect(directory)
    ask(child)
    parent.loop.pause()
    child.sendall(b"meanwhile")
    other = endpoints.connect(directory)
    parent.loop.start()
    assert b"meanwhile" == child.recv(100)
    assert b"me, too" == ask(other, b"me, too")
    child.close()
    other.close()


def test_a_child_that_comes_and_goes_before_anybody_waits(parent, directory):
    """The next one is served."""
    endpoints.connect(directory).close()
    parent.loop.start()
    child = endpoints.connect(directory)
    assert b"who is there" == ask(child)
    child.close()


def test_children_that_come_and_go(directory):
    """Some stay to the end: nobody is told of an operation that was dropped while the system held it."""

    def come(kept):
        child = endpoints.connect(directory)
        ask(child)
        if len(kept) % 2:
            child.close()
        kept.append(child)

    for _ in range(10):
        parent, kept = Echo(directory), []
        parent.loop.start()
        threads = [threading.Thread(target=come, args=(kept,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        parent.close()
        assert [] == parent.errors
        assert 4 == len(kept)
        os.remove(named_pipes.token_of(directory))
        assert [] == parent.under_way()
    del parent, kept
    gc.collect()  # a warning would fail the test


def test_an_interrupt_ends_the_wait_of_a_child(parent, directory, monkeypatch):
    """Ctrl+C while it waits for an answer: its read is called off before it is freed."""
    parent.loop.start()
    child = endpoints.connect(directory)

    def interrupt(*_arguments):
        raise KeyboardInterrupt

    calls = {name: getattr(named_pipes.winapi, name) for name in ("ReadFile", "CloseHandle", "INFINITE")}
    monkeypatch.setattr(named_pipes, "winapi", SimpleNamespace(**calls, WaitForMultipleObjects=interrupt))
    with pytest.raises(KeyboardInterrupt):
        child.recv(100)
    monkeypatch.undo()
    gc.collect()
    assert b"who is there" == ask(child)
    child.close()


def test_what_a_child_has_sent_is_heard_by_who_asks_for_it(parent, directory):
    """Also if the system has not let the thread see it yet: a child sends its last words and ends."""
    parent.loop.start()
    child = endpoints.connect(directory)
    ask(child)
    told = []
    for one in parent.connections.values():
        one.send = told.append
    for number in range(200):
        child.sendall(b"!")
        parent.loop.settle(lambda: parent.loop.busy or parent.loop.has_input())
        assert number + 1 == len(b"".join(told))
    child.close()
