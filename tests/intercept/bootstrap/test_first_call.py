"""What comes between a new interpreter and its parent in the moment of the first call: the program never meets it."""

import os
import subprocess
import sys

import pytest
from skips import marked, posix_fact

from pytest_fsfault import inject

RULE = "os.mkdir bad* -> EACCES or never"
TRY = """
def tried(name):
    try:
        os.mkdir(f"{sys.argv[1]}/{name}")
        return "made"
    except PermissionError:
        return "refused"
"""


def python(code, *arguments):
    """Run code in a child, and return what it has printed."""
    command = [sys.executable, "-c", f"import os, sys\n{TRY}\n{code}", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "" == done.stderr
    return done.stdout.splitlines()


#: What is in the way, what takes it away again, and how the parent is told.
IN_THE_WAY = {
    "no descriptor is left": (
        """
import resource
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
""",
        "resource.setrlimit(resource.RLIMIT_NOFILE, limits)",
        "Too many open files",
    ),
    "nothing can be imported": (
        "finders = sys.meta_path[:]\nsys.meta_path.clear()",
        "sys.meta_path[:] = finders",
        r"ModuleNotFoundError: No module named '.*'",
    ),
    "imports are forbidden": (
        """
class Forbid:
    def find_spec(self, name, path=None, target=None):
        raise RuntimeError("no")
sys.meta_path.insert(0, Forbid())
""",
        "del sys.meta_path[0]",
        "RuntimeError: no",
    ),
    "an audit hook forbids it": (
        """
forbids = [1]
def hook(event, args):
    if forbids and event == "import":
        raise ValueError("a\\n b")
sys.addaudithook(hook)
""",
        "forbids.clear()",
        r"ValueError: a\\n b",
    ),
}


@pytest.fixture
def root(tmp_path):
    """A directory of its own."""
    found = tmp_path / "root"
    found.mkdir()
    return found


@pytest.mark.parametrize(
    "case", marked(IN_THE_WAY, {"no descriptor is left": posix_fact("limits of a process")})
)
def test_who_cannot_be_attached_now_is_attached_later(root, case):
    """Its call goes on, one sentence tells why, and once it is possible its next call is decided."""
    before, after, reason = IN_THE_WAY[case]
    told = r"^process \d+ met faults only as a native program does, if at all, for as long as it could not be attached: "
    with pytest.raises(AssertionError, match=f"{told}{reason}\n"):
        with inject(RULE, roots=[root], native=False, strict="all"):
            code = f"{before}\nprint(tried('bad1'), tried('bad2'))\n{after}\nprint(tried('bad3'))"
            assert ["made made", "refused"] == python(code, root)


@posix_fact("os.fork")
def test_a_stack_that_is_too_deep_for_attaching(root):
    """The call is made, wherever it becomes too deep; further up the next one is decided."""
    code = """
def deep(levels):
    return tried(f"bad{left}") if levels == 0 else deep(levels - 1)
for left in range(30, 75, 9):
    if not os.fork():
        try:
            first = deep(sys.getrecursionlimit() - left)
        except RecursionError:  # that of the wrapper
            first = "made"
        print(first in {"made", "refused"}, tried(f"bad{left}.2"), flush=True)
        os._exit(0)
    os.wait()
"""
    with inject(RULE, roots=[root], native=False, strict=False):
        assert ["True refused"] * 5 == python(code, root)


INTERRUPTED = """
import signal
class Expired(TimeoutError):
    pass
class Raised(Exception):
    pass
seen = 0
def interrupted(path, at, error):
    def trace(frame, event, _):
        global seen
        if "pytest_fsfault" not in frame.f_code.co_filename:
            return None
        seen += 1
        if seen == at:
            raise error
        return trace
    sys.settrace(trace)
    try:
        os.mkdir(path)
    finally:
        sys.settrace(None)
for number, at in enumerate(range(int(sys.argv[2]), 3200, int(sys.argv[3]))):
    error = (Expired, Raised, KeyboardInterrupt)[number % 3]
    if not os.fork():
        try:
            interrupted(f"{sys.argv[1]}/bad{at}", at, error)
        except (error, PermissionError) as raised:
            if seen >= at and not isinstance(raised, error) and error is not Expired:
                print("it was lost")
            if seen >= at:
                print(tried(f"bad{at}.1"), tried(f"bad{at}.2"), flush=True)
        else:
            print("nothing was raised", flush=True)
        os._exit(0)
    os.wait()
"""


@posix_fact("os.fork")
@pytest.mark.parametrize(("first", "step"), [(5, 331), pytest.param(1, 7, marks=pytest.mark.slow)])
def test_a_handler_that_raises_amid_the_first_call(root, first, step):
    """What it raises goes up, and the next call is decided all the same.

    An OSError may be taken for one of an import, as by Python's own: the call is decided then.
    """
    with inject(RULE, roots=[root], native=False, strict="all"):
        told = python(INTERRUPTED, root, first, step)
    assert {"refused refused"} == set(told)
    assert 4 < len(told)
    assert not [name for name in os.listdir(root) if "." in name]


@posix_fact("limits of a process")
def test_an_interpreter_that_may_write_no_file(root):
    """It cannot report that it has started, and is known by what it asks."""
    code = f"import os, sys\n{TRY}\nprint(tried('bad'))"
    command = f'ulimit -f 0; exec \'{sys.executable}\' -c "$0" "$1"'
    with inject(RULE, roots=[root], native=False):
        done = subprocess.run(
            ["/bin/sh", "-c", command, code, str(root)], capture_output=True, text=True, check=False
        )
    assert ("refused\n", "") == (done.stdout, done.stderr)
