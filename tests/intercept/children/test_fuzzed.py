"""Whatever comes over the wire is an answer, a question, or nothing: no error of ours, and nothing that waits."""

import os
from random import Random
from types import SimpleNamespace

import pytest

from pytest_fsfault import RetryStorm, SimulatedCrash, inject
from pytest_fsfault._core.engine.records import Decision
from pytest_fsfault._intercept.children import shapes
from pytest_fsfault._intercept.children.child import answers as child_answers
from pytest_fsfault._intercept.children.child.connection import Client, ParentConnection
from pytest_fsfault._intercept.children.child.remote_engine import RemoteSessions
from pytest_fsfault._intercept.children.parent.connections import ChildConnection
from pytest_fsfault._intercept.children.parent.dispatcher import Dispatcher
from pytest_fsfault._intercept.children.protocol import Frames
from pytest_fsfault._intercept.children.transport import Closed
from pytest_fsfault._intercept.interceptor import interceptor

from . import mutated

COUNTS = [pytest.param(4_000, 1, id="4000"), pytest.param(100_000, 2, id="100000", marks=pytest.mark.slow)]


class Wire:
    """A connection without a system below it."""

    descriptor = 1

    def __init__(self):
        self.coming, self.sent, self.closed = b"", b"", False

    def is_ours(self):
        """Return that it is."""
        return True

    def send(self, data):
        """Keep what is sent."""
        self.sent += data
        return len(data)

    sendall = send

    def recv(self, _size):
        """Return what is coming, once."""
        data, self.coming = self.coming, b""
        return data

    def sever(self):
        """Do nothing."""

    def close(self):
        """Take in that it is over."""
        self.closed = True


# Questions, from a child that may say anything.


class Asked:
    """The server of a session that nobody else talks to."""

    def __init__(self, monkeypatch):
        self.server = interceptor().supervisor._serve()
        self.server.loop.pause()
        monkeypatch.setattr(self.server.loop, "watch_writing", lambda *_: None)
        monkeypatch.setattr(self.server.loop, "unwatch", lambda *_: None)
        self.errors, self.dispatched, self.number = [], 0, 0
        monkeypatch.setattr(self.server, "failed", self.errors.append)
        real = Dispatcher.answer

        def answer(dispatcher, connection, message):
            self.dispatched += 1
            return real(dispatcher, connection, message)

        monkeypatch.setattr(Dispatcher, "answer", answer)
        self.connect()

    def connect(self):
        """Begin a connection."""
        self.connection = ChildConnection(Wire())
        self.server._connections[1] = self.connection
        self.ask(mutated.pack((1, "thread", os.getpid(), 1, 1, 1)))

    def ask(self, data):
        """Let data come; return whether the connection lives on."""
        wire = self.connection.transport
        wire.coming = data
        self.server._hear(self.connection)
        if self.connection.wait is not None:
            self.server._end_waits()
        for answer in Frames().feed(wire.sent):
            assert type(answer[0]) is int
            assert child_answers.is_answer(tuple(answer[1:])), answer
        wire.sent = b""
        return not wire.closed


def _question_all(count, seed, root, monkeypatch):
    """Return how many of `count` questions were dispatched, and what went wrong."""
    chance = Random(seed)
    (root / "bad0").touch()
    with inject("os.mkdir bad* -> EACCES or never", windows="11", roots=[root], native=False, strict=False):
        asked = Asked(monkeypatch)
        before = asked.dispatched
        lost = 0
        for number in range(count):
            question = chance.choice(mutated.questions(str(root), chance))
            data = mutated.on_the_wire(number, mutated.mutated(question, chance), chance)
            if not asked.ask(data) or asked.connection.wait is not None or asked.connection.frames:
                if asked.connection.transport.descriptor in asked.server._connections:
                    asked.server._dismiss(asked.connection)
                lost += 1
                asked.connect()
        dispatched = asked.dispatched - before - lost
        asked.connect()
        alive = asked.ask(mutated.pack((7, "rules")))
        asked.server._dismiss(asked.connection)
    return dispatched, asked.errors, alive


@pytest.mark.parametrize(("count", "seed"), COUNTS)
def test_any_question(count, seed, root, monkeypatch):
    """The dispatcher answers it, or ends the connection; the next child is served."""
    dispatched, errors, alive = _question_all(count, seed, root, monkeypatch)
    assert ([], True) == (errors, alive)
    assert 0.95 * count <= dispatched


def test_a_defect_would_be_found(root, monkeypatch):
    """With one check of the shapes left out, the same messages make an error of ours."""

    def check(question, arguments):
        shape = tuple((lambda _: True) if fits is shapes.is_counts else fits for fits in question.shape)
        shapes.check(question._replace(shape=shape), arguments)

    monkeypatch.setattr("pytest_fsfault._intercept.children.parent.dispatcher.check", check)
    _, errors, _ = _question_all(1_000, 1, root, monkeypatch)
    assert 5 < len(errors)


# Answers, from a parent that may say anything.


class Link:
    """An attachment that may end at any time."""

    def is_open(self):
        """Return that it is not."""
        return False

    def leave(self):
        """Do nothing."""

    def successor(self, _sessions):
        """Return that there is none."""
        return


def _answer_all(count, seed, root):
    """Return how many of `count` answers were taken for what they are, and what went wrong."""
    chance, wrong, taken = Random(seed), [], 0
    callers = SimpleNamespace(stack=lambda *_: None)
    clock = SimpleNamespace(now=0.0)
    for number in range(count):
        wire = Wire()
        client = Client("/nowhere")
        client.give(ParentConnection(wire))
        sessions = RemoteSessions(client, callers, clock, Link(), lambda: None)
        sessions.gate = True
        answer = mutated.mutated(chance.choice(mutated.answers(str(root), chance)), chance)
        wire.coming = mutated.on_the_wire(1, answer, chance)
        taken += child_answers.is_answer(answer)
        try:
            _use(sessions, chance, mutated.operations(str(root)))
        except (SimulatedCrash, RetryStorm):
            pass
        except OSError as error:
            if not hasattr(error, "winerror") and error.errno is None:
                wrong.append((number, answer, repr(error)))
        except Exception as error:  # noqa: BLE001  # that is the question
            wrong.append((number, answer, repr(error)))
    return taken, wrong


def _use(sessions, chance, operations):
    """Do with an answer what a child does."""
    operation = chance.choice(operations)
    answer = sessions.ask("rules")
    if answer[0] == "rules":
        sessions.follow(answer)
        sessions.plan.superset("os.mkdir", (), target=False)
    elif answer[0] in {"result", "failed"}:
        sessions.ask = lambda *_: answer
        sessions.perform(1)
    elif answer[0] == "decided":
        sessions.ask = lambda *_: answer
        ruling = sessions.decide(operation)
        assert ruling.decision is None or isinstance(ruling.decision, Decision)


@pytest.mark.parametrize(("count", "seed"), COUNTS)
def test_any_answer(count, seed, root):
    """It is taken for what it is, or the child goes on alone; the program under test never sees an error of ours."""
    taken, wrong = _answer_all(count, seed, root)
    assert [] == wrong
    assert count / 5 < taken


def test_a_defect_in_the_child_would_be_found(root, monkeypatch):
    """With the check of answers left out, the same messages make an error of ours."""
    monkeypatch.setattr("pytest_fsfault._intercept.children.child.connection.is_answer", lambda _answer: True)
    _, wrong = _answer_all(1_000, 1, root)
    assert 5 < len(wrong)


def test_a_closed_connection_is_no_error():
    """Nobody need know who has closed it."""
    assert 0 == Closed().number
