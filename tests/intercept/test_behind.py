"""Who has called a wrapper is told without an audit event."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import weakref

import pytest
from skips import posix_fact

from pytest_fsfault import inject
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.patching.behind import BEHIND, Behind


def _wrapper(behind=BEHIND):
    return next(behind.modules)


def _traced(event, call):
    """Call the first function once the second is in the generator, at its first line there."""
    pending = [event]

    def trace(frame, kind, _argument):
        if frame.f_code.co_name != "_looking":
            return None
        if kind == "line" and pending:
            pending.pop()()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return call()
    finally:
        sys.settrace(before)


def test_the_caller_of_the_function_that_asks_is_named():
    """As `sys._getframe(1)` would find it there."""
    assert __name__ == _wrapper()
    assert "elsewhere" == eval("wrapper()", {"__name__": "elsewhere", "wrapper": _wrapper})
    assert eval("wrapper()", {"wrapper": _wrapper}) is None


def test_no_audit_event_is_raised():
    """An event is what `sys._getframe` costs."""
    code = (
        "import sys; from pytest_fsfault._intercept.patching.behind import BEHIND\n"
        "def asks(): return next(BEHIND.modules)\n"
        "events = []\n"
        "sys.addaudithook(lambda event, args: events.append(event))\n"
        "told = asks()\n"
        "print(told, events)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "__main__ []" == done.stdout.strip()


def test_nothing_of_the_caller_lives_on():
    """What a function holds goes with it, though it has called a wrapper."""

    class Held:
        pass

    def caller():
        held = Held()
        _wrapper()
        return weakref.ref(held)

    held = caller()
    gc.collect()
    assert held() is None


def test_who_asks_amid_an_answer_is_told_to_ask_in_another_way():
    """Another thread or a signal handler may: both get to know who calls."""
    behind, errors = Behind(), []

    def asks():
        with pytest.raises(ValueError, match="already executing") as raised:
            _wrapper(behind)
        errors.append(raised.value)

    assert __name__ == _traced(asks, lambda: _wrapper(behind))
    assert [True] == [behind.renewed(error) for error in errors]
    assert __name__ == _wrapper(behind)


def test_a_handler_that_raises_amid_an_answer_is_heard():
    """Its exception passes on; the next question is answered in another way, and those after it as ever."""
    behind = Behind()

    def interrupt():
        raise ValueError("a handler's")

    with pytest.raises(ValueError, match="a handler's") as raised:
        _traced(interrupt, lambda: _wrapper(behind))
    assert not behind.renewed(raised.value)
    with pytest.raises(StopIteration) as ended:
        _wrapper(behind)
    assert behind.renewed(ended.value)
    assert __name__ == _wrapper(behind)


@posix_fact(
    "a path of which a glance tells the one form, so that its status is asked for by a way of its own"
)
def test_a_status_amid_a_status_is_in_virtual_time_too(tmp_path):
    """So it is after a handler has raised in it."""
    path, seen = str(tmp_path / "file"), []

    def interrupt():
        raise KeyboardInterrupt

    with inject(roots=[tmp_path]):
        time.sleep(1000)
        open(path, "w").close()
        late = ORIGINALS["os", "stat"](path).st_mtime + 900
        os.stat(path)
        seen.append(_traced(lambda: seen.append(os.stat(path)), lambda: os.stat(path)))
        with pytest.raises(KeyboardInterrupt):
            _traced(interrupt, lambda: os.stat(path))
        seen += [os.stat(path), os.stat(path)]
    assert [True] * 4 == [one.st_mtime > late for one in seen]
