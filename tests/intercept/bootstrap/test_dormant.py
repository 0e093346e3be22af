"""A new interpreter attaches as late as possible, and misses nothing by that."""

import subprocess
import sys

import pytest
from skips import WINDOWS, marked, posix_fact

from pytest_fsfault import inject

#: What is loaded of this package once an interpreter is attached, and not before.
ATTACHED = "'pytest_fsfault._intercept.interceptor' in __import__('sys').modules"
IMPORTS = "import json, pathlib, random, shutil, subprocess, tempfile, threading, typing"
# Importing it reads the clock, which on Windows is not to be had without attaching: the page has no file there.
LOGGING = "" if WINDOWS else "import logging"
RULE = "os.rmdir -> EACCES or never"


@pytest.fixture
def root(tmp_path):
    """A directory of its own."""
    found = tmp_path / "root"
    found.mkdir()
    return found


def python(code, *arguments):
    """Run code in a child, and return what it has printed."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "" == done.stderr
    return done.stdout.splitlines()


def test_imports_alone_attach_nobody(root):
    """What an installer imports, and the calendar of another time; the clock shows the time of the parent nevertheless."""
    with inject(RULE, roots=[root], native=False) as fsfault:
        fsfault.clock.advance(1000)
        told = python(
            f"{IMPORTS}\n{LOGGING}\nimport time\ntime.strftime('%Y', time.localtime(0))\n"
            f"print({ATTACHED})\nimport logging\nprint(time.time() - logging._startTime < 500)",
            root,
        )
    assert ["False", "True"] == told


@pytest.mark.parametrize(
    ("rule", "keywords"),
    [("shutil.rmtree -> EACCES or never", {}), (RULE, {"windows": "11"}), (RULE, {"profile": "observe"})],
    ids=["a rule about shutil", "a model", "observe"],
)
def test_who_must_know_functions_from_their_beginning_is_attached(root, rule, keywords):
    """Names that a program binds while it imports are those of the wrappers, then."""
    with inject(rule, roots=[root], native=False, **keywords):
        assert ["True"] == python(f"import shutil\nprint({ATTACHED})")


#: What takes long to load, and is for the parent or for other tools.
OTHERS = ("json", "signal", "_core.engine.journal")


def test_a_first_call_loads_little(root):
    """Attaching loads what a call needs, one that fails included: a program may forbid imports after that."""
    code = f"""
import os, sys
def loaded():
    return [name for name in {OTHERS} if name in sys.modules or f"pytest_fsfault.{{name}}" in sys.modules]
os.stat(sys.argv[1])
print({ATTACHED}, *loaded())
os.mkdir(sys.argv[1] + "/a")
try: os.rmdir(sys.argv[1] + "/a")
except PermissionError: print("refused", *loaded())
"""
    with inject("os.rmdir -> EACCES", roots=[root], native=False):
        assert ["True", "refused"] == python(code, root)


STARTS = {
    "a thread": "threading.Thread(target=int).start()",
    "a wait": "threading.Event().wait(60)",
    "a process": "subprocess.run([sys.executable, '-c', 'pass'])",
    "a command": "os.system('exit 0')",
    "a socket": "import socket\nsocket.socket().close()",
    "a reading of the clock": "time.monotonic()",
    "a reading of the calendar": "time.strftime('%Y')",
}


@pytest.mark.parametrize("start", STARTS)
def test_what_starts_or_waits_attaches(root, start):
    """From then on somebody else may touch a file, or ask for the time."""
    code = (
        f"import os, sys, time\n{IMPORTS}\n{LOGGING}\nprint({ATTACHED})\n{STARTS[start]}\nprint({ATTACHED})"
    )
    with inject(RULE, roots=[root], native=False) as fsfault:
        assert ["False", "True"] == python(code)
        assert fsfault.clock.slept == ([60] if start == "a wait" else [])


FIRST = {
    "open": "import _io\ndo = lambda: _io.open(sys.argv[1]).close()",
    "subprocess.Popen": "import subprocess\ndo = lambda: subprocess.run([sys.argv[1]])",
}


@pytest.mark.parametrize(
    "operation", marked(FIRST, {"subprocess.Popen": posix_fact("a script that is a program")})
)
def test_the_first_call_counts_once(root, operation):
    """It goes past all wrappers, and attaches; the second one is refused, not the first."""
    program = root / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    code = f"import sys\n{FIRST[operation]}\nfor _ in range(3):\n    try:\n        do()\n        print('done')\n    except OSError:\n        print('refused')"
    with inject(f"{operation} -> EACCES when nth 2", roots=[root], native=False) as fsfault:
        assert ["done", "refused", "done"] == python(code, program)
        assert ["passed", "raised", "passed"] == [entry.outcome for entry in fsfault.journal.of(operation)]


def test_methods_of_threads_look_as_they_are(root):
    """Before somebody is attached, their names and signatures are Python's."""
    code = "import inspect, threading\nfor one in (threading.Thread.start, threading.Condition.wait):\n    print(one.__qualname__, inspect.signature(one))"
    plain = python(code)
    with inject(RULE, roots=[root], native=False):
        assert plain == python(code)
