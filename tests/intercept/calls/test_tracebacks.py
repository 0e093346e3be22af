"""What a program prints of an injected error: its own lines, as for a function in C."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest
from skips import WINDOWS, marked, posix_fact

from pytest_fsfault import SimulatedCrash, Unmet, inject
from pytest_fsfault._host.package import PACKAGE

posix = importlib.import_module(os.name)  # the module of C behind `os`

#: Files to close after the test: a call of theirs is refused, and that of `close` would be as well.
OPENED: list[IO[bytes]] = []


def opened(mode, buffering=-1):
    """Open the file; the fixture closes it."""
    OPENED.append(open("f", mode, buffering))
    return OPENED[-1]


def send():
    """Copy by descriptors."""
    with open("f", "rb") as source, open("g", "wb") as target:
        os.sendfile(target.fileno(), source.fileno(), 0, 3)


def write(then):
    """Write into a buffer, and let it do something."""
    file = opened("wb")
    file.write(b"new")
    getattr(file, then)()


#: What is refused, and a call of each kind of wrapper that meets it.
CALLS = {
    "one path": ("os.remove", lambda: os.remove("f")),
    "one path, spelled oddly": ("os.remove", lambda: os.remove("./f")),
    "one path, no event": ("os.stat", lambda: os.stat("f")),
    "a listing": ("os.listdir", lambda: os.listdir(".")),
    "os.open": ("os.open", lambda: os.open("f", os.O_RDONLY)),
    "rename": ("os.replace", lambda: os.replace("f", "g")),
    "two paths": ("os.link", lambda: os.link("f", "g")),
    "open": ("open", lambda: open("f")),
    "open, to write": ("open", lambda: Path("f").write_text("x")),
    "a descriptor": ("os.close", lambda: os.close(os.open("f", os.O_RDONLY))),
    "two descriptors": ("os.sendfile", send),
    "file.write": ("file.write", lambda: write("flush")),
    "file.flush": ("file.flush", lambda: write("flush")),
    "file.close": ("file.close", lambda: write("close")),
    "file.read": ("file.read", lambda: opened("rb").read()),
    "file.truncate": ("file.truncate", lambda: opened("r+b").truncate()),
    "a composite": ("shutil.rmtree", lambda: shutil.rmtree("d")),
    "a call of a composite": ("os.rmdir", lambda: shutil.rmtree("d")),
    "audit hook": ("os.remove", lambda f=posix.unlink: f("f")),
    "audit hook, a mapped program": (
        "subprocess.Popen",
        lambda: subprocess.run([os.path.abspath("f")], check=False),
    ),
    "a crash": ("os.remove -> crash", lambda: os.remove("f")),
}


def ours(error):
    """Return the frames of the package in the tracebacks of an error and of those that it came from."""
    found = []
    while error is not None:
        found += [
            one for one in traceback.extract_tb(error.__traceback__) if one.filename.startswith(PACKAGE)
        ]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


@pytest.fixture(autouse=True)
def tree(tmp_path, monkeypatch):
    """Stand in a directory with a file and a directory."""
    (tmp_path / "f").write_text("text")
    (tmp_path / "f").chmod(0o755)
    (tmp_path / "d").mkdir()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    while OPENED:
        OPENED.pop().close()


@pytest.mark.parametrize("what", marked(CALLS, {"two descriptors": posix_fact("os.sendfile")}))
def test_an_injected_error_shows_no_frame_of_ours(what, tree):
    """Nobody who logs a traceback sees who stood between the call and the function."""
    rule, call = CALLS[what]
    rule = rule if "->" in rule else f"{rule} -> EBUSY"
    found = []
    with suppress(Unmet), inject(rule, roots=[tree], strict=False):
        try:
            call()
        except (OSError, SimulatedCrash) as error:
            found.append(error)
    assert [] == ours(found[0])
    assert __file__ == traceback.extract_tb(found[0].__traceback__)[1].filename


@pytest.mark.parametrize(
    "call", [lambda: os.remove("f"), lambda: os.replace("f", "d/g"), lambda: open("f", "w")]
)
def test_a_refusal_of_the_model_shows_no_frame_of_ours(call, tree):
    """What Windows refuses looks no other than what a rule refuses."""
    with open("f"), inject(roots=[tree], windows="11", strict=False) as fsfault:
        fsfault.windows().hold(tree / "f", share="")
        with pytest.raises(OSError, match="f") as caught:
            call()
    assert [] == ours(caught.value)


@pytest.mark.parametrize("call", [lambda: os.remove("gone"), lambda: os.stat("./gone"), lambda: open("gone")])
def test_an_error_of_the_system_shows_no_frame_of_ours(call, tree):
    """A traceback under faults is that of a run without them."""
    with inject("os.mkdir -> EBUSY or never", roots=[tree]), pytest.raises(FileNotFoundError) as caught:
        call()
    assert [] == ours(caught.value)


def test_what_a_program_is_called_back_with_stays(tree):
    """The lines of the program that a function calls back are in the traceback, once each."""

    def failing(*_):
        raise KeyError("mine")

    with (
        inject("any *.no -> EBUSY or never", "shutil.copytree *.no -> EBUSY or never", roots=[tree]),
        pytest.raises(KeyError) as caught,
    ):
        shutil.copytree(tree, tree.parent / "copy", ignore=failing)
    names = [one.name for one in traceback.extract_tb(caught.value.__traceback__)]
    assert [] == ours(caught.value)
    assert ["test_what_a_program_is_called_back_with_stays", "copytree", "failing"] == [
        name for name in names if name != "_copytree"
    ]


def test_a_child_prints_no_frame_of_ours(tree):
    """In a child process it is no other."""
    script = "import os, traceback\ntry: os.remove('f')\nexcept OSError: traceback.print_exc()"
    with inject("os.remove -> EBUSY", roots=[tree]):
        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "busy" in run.stderr
    assert PACKAGE not in run.stderr


def _hang_up():
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(0.01)
        near.recv(1)


def _end_of_file():
    near, far = multiprocessing.Pipe()
    far.close()
    with near:
        near.recv()


# Windows waits for a handle: the number of a process may be one of anything.
NO_CHILD = 0x7FFFFFF0 if WINDOWS else os.getpid()
#: These start a process.
STARTS = {"a program", "a command"}
#: What waits, or starts a process, or refuses its arguments.
ANSWERS = {
    "a socket": _hang_up,
    "a pipe": _end_of_file,
    "select": lambda: select.select("x", [], [], 1),
    "no child": lambda: os.waitpid(NO_CHILD, 0),
    "a process": lambda: subprocess.run(
        [sys.executable, "-c", "import time; time.sleep(9)"], check=False, timeout=0.01
    ),
    "a condition": lambda: threading.Condition().wait(1),
    "a program": lambda: os.posix_spawn("/none", ["none"], {}),
    "a command": lambda: os.system(3),
    "no path": lambda: os.mkdir(None),
    "no path of a file": lambda: open(None),
    "no path, asked about": lambda: os.stat(1.5),
    "no two paths": lambda: os.rename(1, None),
    "no bytes": lambda: opened("wb", 0).write("text"),
    "no buffer": lambda: opened("rb", 0).readinto(b""),
    "no size": lambda: opened("rb", 0).read("x"),
}


@pytest.mark.parametrize("options", [{}, {"windows": "11"}], ids=["rule", "model"])
@pytest.mark.parametrize("what", marked(ANSWERS, {"a program": posix_fact("os.posix_spawn")}))
def test_what_another_function_raises_shows_one_frame_of_ours_at_most(what, options, tree):
    """None where the function waits or refuses its arguments; nor is an error of ours its context."""
    with inject("any *.no -> EBUSY or never", roots=[tree], **options), pytest.raises(Exception) as caught:
        ANSWERS[what]()
    assert (what in STARTS) >= len(ours(caught.value))
    context = caught.value.__context__
    assert context is None or not ours(context)


@posix_fact("an alarm by a signal")
def test_what_a_signal_raises_amid_a_wait_shows_no_frame_of_ours(tree):
    """The limit of a test, or Ctrl-C, shows where the program waited."""

    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1) as process:
        try:
            with inject(roots=[tree], clock="real"), pytest.raises(TimeoutError) as caught:
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                os.waitpid(process.pid, 0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    assert [] == ours(caught.value)


def test_a_translated_error_has_no_context(tree):
    """What Windows says takes the place of what the host says, and does not follow it."""
    (tree / "d" / "x").touch()
    with inject(roots=[tree], windows="11"), pytest.raises(OSError, match="145") as caught:
        os.rmdir("d")
    assert caught.value.__context__ is None
