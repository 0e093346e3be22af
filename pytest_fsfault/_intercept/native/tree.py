"""One tree of processes that a test has started, and the listener by which all of it asks."""

from __future__ import annotations

import errno
from _thread import allocate_lock
from typing import TYPE_CHECKING, Protocol

from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._host import processes
from pytest_fsfault._intercept.native import memory
from pytest_fsfault._intercept.native.killing import children_of_thread, kill_all
from pytest_fsfault._intercept.native.notify import NotificationListener, Request, is_alive
from pytest_fsfault._intercept.native.numbers import ESTRANGING, RIGHTS
from pytest_fsfault._intercept.native.replies import KILL, PROCEED, Asker, Reply
from pytest_fsfault._intercept.native.wants import Wants

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._intercept.native.calls import Call, Reader, SeenRow
    from pytest_fsfault._intercept.native.judging import Judge
    from pytest_fsfault._intercept.native.notify import RequestRow

# So many questions are answered in a row before others get their turn.
_IN_A_ROW = 64
# A thread that has asked is likely to ask again: it is waited for until something else is to be done, or for so many
# milliseconds where that may be at a certain moment. A wait with an end takes longer, since the kernel sets a timer.
_LINGER, _LINGER_IF_TIMED = None, 1
_OF_RIGHTS = ESTRANGING | RIGHTS


class Watch(Protocol):
    """The thread that waits for whatever may be asked; it is `busy` while a callback is at work."""

    busy: bool

    def watch(self, descriptor: int, ready: Callable[[], object]) -> None:
        """Call `ready` in that thread whenever a descriptor can be read, or its last writer is gone."""

    def unwatch(self, descriptor: int) -> None:
        """Watch a descriptor no longer."""

    def after(self, seconds: float, call: Callable[[], object]) -> None:
        """Call `call` in that thread after so many real seconds."""

    @property
    def descriptor(self) -> int:
        """What can be read as soon as anything watched has something to do."""
        ...

    @property
    def is_timed(self) -> bool:
        """Whether something is to be done at a certain moment."""
        ...


class ProcessTree:
    """All processes that have come from one start, as long as one of them lives."""

    def __init__(self, listener: int, site: str, *, killable: bool, mark: str = "") -> None:
        self.site = site
        # What its processes have in their environment, and since when.
        self._mark, self._since = mark, processes.uptime()
        self.dead = False  # it was killed: what is found of it later is killed when it asks
        self.killable = killable
        self.wants = Wants()  # what is asked about
        self.estranged = False
        self.constant = True  # no process of it has changed its rights so far
        self.known: dict[tuple[int, str, int, int], Asker] = {}
        self.listener = NotificationListener(listener)
        self.tasks: set[int] = set()  # the threads that have asked
        self.root: int | None = None  # the process that was started first
        self.starter = 0  # the thread that has started it
        self.open = True
        self.delayed: set[int] = set()  # the questions whose answers come later

    def is_valid(self, ident: int) -> bool:
        """Return whether the thread that has asked a question still waits."""
        return self.listener.is_valid(ident)

    def close_for(self, ident: int, descriptor: int) -> None:
        """Close a file of the thread that has asked a question."""
        self.listener.close_for(ident, descriptor)

    def kill(self) -> None:
        """Kill every process of the tree, as the power does that fails.

        All are stopped before one is killed: a shell whose program was killed would go on to its next one. A daemon
        that has asked nothing so far is found by its environment; one that has given that up, once it asks.
        """
        self.dead = True
        kill_all(self._known)

    def _known(self) -> set[int]:
        roots = [self.root] if self.root else children_of_thread("self", self.starter)
        return {*self.tasks, *roots, *processes.marked(self._mark, self._since)}

    def close(self) -> None:
        """Forget the tree: none of its processes is left, or another listener answers."""
        if self.open:
            self.open = False
            self.listener.close()


class EndedError(Exception):
    """No call is answered any more: the last session has ended."""


class Trees:
    """The trees of this process, answered in the thread of `watch`."""

    def __init__(self, watch: Watch, judge: Judge, reader: Reader, tell: Callable[[str], object]) -> None:
        self._watch = watch
        self._judge = judge
        self._reader = reader
        self._tell = tell
        self._trees: dict[int, ProcessTree] = {}
        self._ended = False
        # A thread of a test may outlive it, and start something in the very moment of its end.
        self._turn = allocate_lock()

    def add(self, tree: ProcessTree) -> None:
        """Answer a tree from now on. Raise EndedError once the last session has ended."""
        descriptor = tree.listener.descriptor
        with self._turn:
            if self._ended:
                raise EndedError
            self._trees[descriptor] = tree
            self._watch.watch(descriptor, lambda: self._ready(tree))

    def __len__(self) -> int:
        return len(self._trees)

    def running(self) -> list[ProcessTree]:
        """Return the trees of which a process is left; any thread may ask."""
        return [
            tree for tree in tuple(self._trees.values()) if tree.open and is_alive(tree.listener.descriptor)
        ]

    # Hot: the thread comes through here between any two questions, so that nothing is called for it.
    def _ready(self, tree: ProcessTree) -> None:
        watch, listener = self._watch, tree.listener
        others = watch.descriptor
        wait = listener.beside(others)
        linger = _LINGER_IF_TIMED if watch.is_timed or others < 0 else _LINGER
        state = listener.state() if tree.open else ""
        for _ in range(_IN_A_ROW):
            if state == "over":
                self._forget(tree)
            if state != "asked":
                return
            asked = listener.receive()
            if asked is not None:
                self._answer(tree, asked)
            if not tree.open:
                return
            watch.busy = False  # the clock may go on; a question is seen by its descriptor
            events = wait(linger)
            watch.busy = True
            if not events or events[0] != listener.asked:
                state = listener.meaning(events)

    # Hot: each answer comes from here, and nearly all need no more.
    def _answer(self, tree: ProcessTree, asked: RequestRow) -> None:
        """Answer one question; whatever goes wrong with us, the call goes ahead."""
        if asked[1] not in tree.tasks:
            tree.tasks.add(asked[1])
        reply = PROCEED
        try:
            if tree.dead:
                reply = KILL
            elif (seen := self._reader.look(asked)) is None or tree.estranged:
                reply = self._decide(tree, Request(*asked), seen)
            elif not (passed := self._judge.quick(seen[1], seen[2], seen[3], seen[4])):
                reply = self._decide(tree, Request(*asked), seen, unknown=passed is None)
        except (SimulatedCrash, RetryStorm):
            reply = KILL
        except memory.UnreadableError as error:  # the kernel says so itself
            self._tell_what_escapes(tree, asked[1], error)
        except Exception as error:  # noqa: BLE001  # told at the end of the test
            self._trouble(error)
        try:
            if reply is PROCEED and tree.open:
                tree.listener.proceed(asked[0])
            else:
                self._send(tree, asked[0], reply)
        except Exception as error:  # noqa: BLE001  # as above; a waiting thread must get an answer
            self._trouble(error)
            tree.listener.proceed(asked[0])

    def _trouble(self, error: Exception) -> None:
        self._tell(f"a native program's call went ahead without faults: {type(error).__name__}: {error}")

    def _decide(
        self, tree: ProcessTree, request: Request, seen: SeenRow | None, *, unknown: bool = True
    ) -> Reply:
        """Return what becomes of a call, of which `seen` is what it names, if that is known.

        It is `unknown` whether it passes by its names alone.
        """
        reader, passes = self._reader, self._judge.passes
        if seen is None:
            call = self._read_other(tree, request)
            if call is None or passes(call.operation, call.path, call.target, call.flags):
                return PROCEED
        else:
            if tree.estranged:
                seen = reader.seen_from_its_root(request.task, seen)
            _, operation, path, target, flags, _, _, _, _ = seen
            if unknown and passes(operation, path, target, flags):
                return PROCEED
            call = reader.call(request, seen)
        return self._judge.judge(call, tree, request.ident)

    def _tell_what_escapes(self, tree: ProcessTree, task: int, error: memory.UnreadableError) -> None:
        where = f"{self._reader.memory.executable(task)}, started at {tree.site}"
        if error.errno in {errno.EPERM, errno.EACCES}:
            self._tell(f"{where}, may not be looked into: no fault reaches it")
        elif error.errno == errno.ENAMETOOLONG and error.filename is not None:
            # The kernel gives a page of it at the most.
            self._tell(
                f"{where}, works in a directory whose path is longer than a page: no fault reaches it there"
            )

    def _read_other(self, tree: ProcessTree, request: Request) -> Call | None:
        """Return a call that names no path, or more than paths; None if it changes no file. Raise UnreadableError."""
        name = self._reader.name(request)
        if name in _OF_RIGHTS:
            tree.estranged |= name in ESTRANGING
            tree.constant = False
            tree.known.clear()
            return None
        return self._reader.read(request, name, estranged=tree.estranged)

    def _send(self, tree: ProcessTree, ident: int, reply: Reply) -> None:
        if not tree.open:
            return
        listener = tree.listener
        if reply.kind == "proceed":
            listener.proceed(ident)
        elif reply.kind == "refuse":
            listener.refuse(ident, reply.errno)
        elif reply.kind == "give":
            listener.give(ident, 0)
        elif reply.kind == "later":
            tree.delayed.add(ident)
            self._watch.after(reply.seconds, lambda: self._send_later(tree, ident, reply))
        else:
            tree.kill()
            if reply.then is not None:
                reply.then()

    def _send_later(self, tree: ProcessTree, ident: int, reply: Reply) -> None:
        if ident not in tree.delayed:
            return  # it was let go meanwhile
        tree.delayed.discard(ident)
        now = PROCEED
        try:
            if reply.then is not None:
                now = reply.then()
        finally:
            self._send(tree, ident, now)

    def _forget(self, tree: ProcessTree) -> None:
        descriptor = tree.listener.descriptor
        if self._trees.pop(descriptor, None) is not None:
            self._watch.unwatch(descriptor)
            tree.close()

    def release(self) -> list[ProcessTree]:
        """Stop answering; return the trees that live on, for another listener."""
        left = []
        with self._turn:
            self._ended = True
        for tree in tuple(self._trees.values()):
            self._watch.unwatch(tree.listener.descriptor)
            while tree.delayed:  # whoever answers from now on does not know of them
                tree.listener.proceed(tree.delayed.pop())
            if tree.listener.state() == "over":
                tree.close()
            else:
                left.append(tree)
        self._trees.clear()
        return left

    def abandon(self) -> None:
        """Leave all trees to the process that this one was forked from."""
        for tree in self._trees.values():
            tree.close()
        self._trees.clear()
