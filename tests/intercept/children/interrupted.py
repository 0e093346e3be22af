"""A child that is interrupted at each event of our modules in one call, and tells which of its next answers were wrong.

Run as a script: `interrupted.py ROOT WHAT SCENE FIRST STEP`, or `interrupted.py ROOT signals COUNT SEED`. The parent refuses `bad*` and lets `good*` be made.
"""

import os
import signal
import sys
import time

OURS = os.path.join("_intercept", "children")


def tell(*words):
    """Print at once: a fork must not print it again."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class InterruptionError(Exception):
    """What a signal handler raises."""


class ExpiredError(TimeoutError):
    """One that is an OSError, as the handler of an alarm may raise."""


class State:
    """What this process knows of itself: whether it is a copy, and how many directories it has made."""

    forked = False
    made = 0


def raising(error):
    """Return what raises an error."""

    def happen():
        raise error

    return happen


def fork():
    """Fork; the child asks by itself, and is gone."""
    child = os.fork()
    if not child:
        os._exit(1 if check("fork") else 0)
    if os.waitpid(child, 0)[1]:
        tell("the forked child got wrong answers")


def copy():
    """Fork; the copy of the call goes on in the child, and so does what follows."""
    child = os.fork()
    State.forked = not child
    if child and os.waitpid(child, 0)[1]:
        tell("the copy of a call went wrong")


def finaliser():
    """Ask amid another question."""
    if wrong := check("finaliser"):
        tell("amid another call:", wrong)


HAPPENS = {
    "KeyboardInterrupt": raising(KeyboardInterrupt),
    "exception": raising(InterruptionError),
    "OSError": raising(ExpiredError),
    "fork": fork,
    "copy": copy,
    "finaliser": finaliser,
}


def check(when):
    """Return which of some calls were answered wrong."""
    wrong = []
    for name, want in (("good", "made"), ("bad", "refused"), ("good", "made"), ("bad", "refused")):
        State.made += 1
        path = f"{ROOT}/{name}{os.getpid()}.{State.made}"
        try:
            os.mkdir(path)
            got = "made"
        except PermissionError:
            got = "refused"
        except BaseException as error:  # noqa: BLE001  # whatever it is
            got = repr(error)
        if got != want or (want == "made") is not os.path.isdir(path):
            wrong.append(f"{when}: {name} {got}")
    return wrong


def wait():
    """Wait as long as the call that is interrupted would be refused."""
    time.sleep(0.5)
    raise PermissionError


SCENES = {"call": lambda: os.mkdir(f"{ROOT}/bad"), "wait": wait}


def call(scene="call"):
    """Make the call that is interrupted; another error than the interruption is ours."""
    try:
        SCENES[scene]()
    except PermissionError:
        return "refused"
    except (KeyboardInterrupt, InterruptionError, ExpiredError):
        return "interrupted"
    except BaseException as error:  # noqa: BLE001  # whatever it is
        return repr(error)
    return "made"


def play(scene, happen, at):
    """Make a call in which something happens at an event; return whether it came so far, and what became of it."""
    seen = 0

    def trace(frame, event, _arg):
        nonlocal seen
        if OURS not in frame.f_code.co_filename:
            return None
        if seen == at:
            seen += 1
            sys.settrace(None)
            happen()
            return trace
        seen += 1
        return trace

    sys.settrace(trace)
    try:
        found = call(scene)
    finally:
        sys.settrace(None)
    return seen > at, found


def everywhere(kind, scene, first, step):
    """Let something happen at each event from the first on."""
    happen, at, reached, allowed = HAPPENS[kind], first, True, {"refused"}
    if kind in ("KeyboardInterrupt", "exception", "OSError"):
        allowed.add("interrupted")
    while reached:
        reached, found = play(scene, happen, at)
        wrong = check(f"event {at}")
        if found not in allowed:
            tell(f"event {at}: the call was {found}")
        if wrong:
            tell(wrong)
        if State.forked:
            os._exit(1 if wrong or found not in allowed else 0)
        at += step
    tell(f"{at - step - first} events")


def call_until_interrupted(after, where):
    """Call until a signal comes in a call; return whether one did.

    A function of its own: CPython 3.14 runs handlers at the end of a loop, where no `try` around the loop is in force.
    """
    signal.setitimer(signal.ITIMER_REAL, after)
    until = time.clock_gettime(time.CLOCK_MONOTONIC) + 0.002
    while time.clock_gettime(time.CLOCK_MONOTONIC) < until:
        found = call()
        if found == "interrupted":
            return True
        if found != "refused":
            tell(f"{where}: the call was {found}")
    return False


def by_signals(count, seed):
    """Let a signal handler raise at some moment of many calls."""
    import random

    def handler(*_):
        raise InterruptionError

    signal.signal(signal.SIGALRM, handler)
    chance, interrupted = random.Random(seed), 0
    for attempt in range(count):
        try:  # noqa: SIM105  # there is no line of Python between the call and its handler
            interrupted += call_until_interrupted(chance.uniform(1e-6, 8e-4), f"signal {attempt}")
        except InterruptionError:
            pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        if wrong := check(f"signal {attempt}"):
            tell(wrong)
    tell(
        f"{count} signals",
        "in calls" if interrupted > count / 2 else f"but {interrupted} only in calls",
    )


if __name__ == "__main__":
    ROOT, WHAT = sys.argv[1:3]
    os.mkdir(f"{ROOT}/good0")
    if WHAT == "signals":
        by_signals(int(sys.argv[3]), int(sys.argv[4]))
    else:
        everywhere(WHAT, sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    OPEN = "/proc/self/fd"
    tell(sorted(os.listdir(OPEN), key=int)[3:] if os.name == "posix" else [])
