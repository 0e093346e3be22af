"""Whatever befalls a child, or our own machinery: the program goes on, the others get their answers, and one sentence tells."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest
from real_time import real_time
from skips import marked, posix_fact

from pytest_fsfault import inject
from pytest_fsfault._intercept.children import sockets, transport
from pytest_fsfault._intercept.children.parent import directory, event_loop

PYTHON = sys.executable
RULE = "os.mkdir bad* -> EACCES"


def tried(name="bad"):
    """Return code that tells whether a directory could be made."""
    return (
        f"try: os.mkdir(sys.argv[1] + '/{name}'); print('made')\nexcept PermissionError: print('refused')\n"
    )


def talking(code, root):
    """Start a child that waits for a line."""
    return subprocess.Popen(
        [PYTHON, "-c", code, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def descriptors():
    """Return how many descriptors this process has, where the system tells."""
    return len(os.listdir("/proc/self/fd")) if os.name == "posix" else None


BEFALLS = {
    "it closes all descriptors": "os.closerange(3, 4096)",
    "its descriptors are replaced": "for number in range(3, 600):\n    os.dup2(1, number)",
    "few descriptors": "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\nos.closerange(3, 4096)",
    "sockets have a timeout": "import socket\nsocket.setdefaulttimeout(0.000001)\nos.closerange(3, 4096)",
    "SIGPIPE kills": "import signal\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\nos.closerange(3, 4096)",
    "it reads from its own sockets": """
import socket, threading
os.closerange(3, 4096)
for one in (one for _ in range(4) for one in socket.socketpair()):
    threading.Thread(target=lambda one=one: (one.recv(1), os._exit(7)), daemon=True).start()
""",
    "its threads have descriptors of their own": """
import threading
thread = threading.Thread(target=lambda: os.closerange(3, 4096))
thread.start(); thread.join()
""",
    "its current directory is gone": "os.mkdir(sys.argv[1] + '/d'); os.chdir(sys.argv[1] + '/d'); os.rmdir(sys.argv[1] + '/d')",
}


#: What only POSIX has.
LEFT = {
    "few descriptors": posix_fact("limits of a process"),
    "SIGPIPE kills": posix_fact("SIGPIPE"),
    "its current directory is gone": posix_fact("a current directory can be removed"),
}


@pytest.mark.parametrize("case", marked(BEFALLS, LEFT))
def test_what_a_child_does_to_itself(root, python, case):
    """Its next call is decided as any other, and nothing of ours gets into its own connections."""
    code = f"import os, sys\nos.mkdir(sys.argv[1] + '/first')\n{BEFALLS[case]}\n{tried()}{tried('good')}"
    with inject(RULE, roots=[root], strict="all", native=False) as fsfault:
        assert "refused\nmade\n" == python(code, root)
    assert ["EACCES"] == [entry.fault for entry in fsfault.journal]


@posix_fact("limits of a process")
def test_a_child_that_is_out_of_descriptors(root, python):
    """A thread of it finds none for its question: its call goes on, and one sentence tells how many did."""
    code = f"""
import os, resource, sys, threading
os.mkdir(sys.argv[1] + '/first')
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
kept = []
try:
    while True: kept.append(os.dup(1))
except OSError: pass
def work():
    {tried().replace(chr(10), chr(10) + "    ")}
thread = threading.Thread(target=work)
thread.start(); thread.join()
for one in kept: os.close(one)
{tried("bad2")}"""
    told = (
        r"^1 call of process \d+ met no fault, since they did not reach this process: Too many open files\n"
    )
    with pytest.raises(AssertionError, match=told), inject(RULE, roots=[root], strict="all", native=False):
        assert "made\nrefused\n" == python(code, root)


@posix_fact("limits of a process")
@pytest.mark.parametrize("keywords", [{}, {"profile": "observe"}])
def test_a_child_that_was_out_of_descriptors_before_a_rule_concerned_it(root, python, keywords):
    """What a call needs that fails is loaded before there is one."""
    code = f"""
import os, resource, sys
os.stat(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
kept = []
try:
    while True: kept.append(os.dup(1))
except OSError: pass
{tried()}"""
    with inject(RULE, roots=[root], strict=False, native=False, **keywords):
        assert "refused\n" == python(code, root)


FORBID = """
class Forbid:
    def find_spec(self, name, path=None, target=None):
        raise RuntimeError(f"import of {name}")
sys.meta_path.insert(0, Forbid())
"""


@pytest.mark.parametrize("keywords", [{}, {"windows": "11"}, {"profile": "observe"}])
def test_a_program_that_forbids_imports(root, python, keywords):
    """From some moment on, as `pip install` does: nothing of ours is imported in it, whatever its calls meet."""
    code = f"""
import os, sys
os.stat(sys.argv[1])
{FORBID}
os.mkdir(sys.argv[1] + '/good')
{tried()}"""
    with inject(RULE, roots=[root], native=False, **keywords):
        assert "refused\n" == python(code, root)


def test_imports_that_are_forbidden_in_the_process_of_the_tests(tmp_path):
    """The same without a child: what a call needs that a rule or the model refuses is there when a session starts."""
    code = f"""
import os, sys
from pytest_fsfault import inject
{FORBID}
forbid = sys.meta_path.pop(0)
open(sys.argv[1] + "/open", "w").close()
with inject("{RULE}", roots=[sys.argv[1]], windows="11", native=False), open(sys.argv[1] + "/open"):
    sys.meta_path.insert(0, forbid)
    {tried().replace(chr(10), chr(10) + "    ")}
    try: os.remove(sys.argv[1] + "/open")
    except PermissionError as error: print(error.winerror)
    sys.meta_path.pop(0)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert "refused\n32\n" == done.stdout, done.stderr


def _stop_amid_an_answer(root):
    for number in range(5_000):
        (root / f"{'n' * 40}{number}").touch()
    code = "import os, sys\nprint(flush=True)\nwhile True: os.listdir(sys.argv[1])"
    job = subprocess.Popen([PYTHON, "-c", code, root], stdout=subprocess.PIPE)
    job.stdout.readline()
    until = real_time() + 0.3
    while real_time() < until:
        pass
    job.send_signal(signal.SIGSTOP)
    return job


@posix_fact("SIGSTOP")
def test_a_stopped_child_stops_nobody_else(root, python):
    """A long answer is on its way to it: another child gets its own at once, and the session ends."""
    with inject(RULE, windows="11", roots=[root], native=False):
        job = _stop_amid_an_answer(root)
        began = real_time()
        assert "refused\n" == python(f"import os, sys\n{tried()}", root)
        assert real_time() - began < 10
        began = real_time()
    assert real_time() - began < 5
    job.kill()
    job.communicate()


@pytest.mark.parametrize(
    "number",
    marked(
        ["SIGKILL", "SIGTERM", "SIGSEGV"],
        dict.fromkeys(("SIGKILL", "SIGSEGV"), posix_fact("a signal that is sent to a process")),
    ),
)
def test_a_child_that_dies_amid_its_questions(root, python, number):
    """Its next sibling is served."""
    code = "import os, sys\nprint(flush=True)\nwhile True:\n    try: os.mkdir(sys.argv[1] + '/bad')\n    except OSError: pass"
    with inject(RULE, roots=[root], native=False):
        for _ in range(3):
            job = subprocess.Popen([PYTHON, "-c", code, root], stdout=subprocess.PIPE)
            job.stdout.readline()
            job.send_signal(getattr(signal, number))
            job.communicate()
        assert "refused\n" == python(f"import os, sys\n{tried()}", root)


def test_a_child_that_outlives_the_session(root):
    """Its calls are its own from then on, and it does not find the next session."""
    code = f"import os, sys, time\n{tried()}sys.stdout.flush(); sys.stdin.readline()\n{tried('bad2')}"
    with inject(RULE, roots=[root], native=False):
        job = talking(code, root)
        assert "refused\n" == job.stdout.readline()
    with inject(f"{RULE} or never", roots=[root], native=False):
        told, _ = job.communicate("\n")
    assert "made\n" == told


# Our own machinery.


def _no_thread(monkeypatch):
    def fail(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(event_loop, "start_new_thread", fail)


def _full(monkeypatch):
    def fail(_path, _data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(directory, "write_private", fail)


def _no_descriptor(monkeypatch):
    def fail(*_):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(sockets, "_socketpair", fail)


WANTS = {
    "no thread": (_no_thread, "can't start new thread"),
    "no room": (_full, r"\[Errno 28\] No space left on device"),
    "no descriptor": (_no_descriptor, r"\[Errno 24\] Too many open files"),
}


@pytest.mark.parametrize("want", marked(WANTS, {"no descriptor": posix_fact("sockets in pairs")}))
def test_what_the_parent_lacks(root, python, monkeypatch, want):
    """Children run without faults, one sentence says why, and nothing of it is left."""
    lack, reason = WANTS[want]
    lack(monkeypatch)
    before = set(os.listdir(tempfile.gettempdir())), dict(os.environ), descriptors()
    with pytest.raises(AssertionError, match=f"^no fault reaches child processes: {reason}\n"):
        with inject(f"{RULE} or never", roots=[root], strict="all", native=False):
            assert ["made\n", "made\n"] == [
                python(f"import os, sys\n{tried(name)}", root) for name in ("bad", "bad2")
            ]
    names = {
        name
        for name in os.listdir(tempfile.gettempdir())
        if name.startswith(f"pytest-fsfault-{os.getpid()}-")
    }
    assert (set(), before[1]) == (names - before[0], dict(os.environ))
    assert before[2] == descriptors()


@posix_fact("os.fork")
def test_no_thread_after_a_fork(root, monkeypatch):
    """The thread that answers is not there any more: nobody waits for it."""
    with pytest.raises(
        AssertionError,
        match=r"^no fault reaches child processes: can't start new thread\n\S+/bad2 was changed",
    ):
        with inject(RULE, roots=[root], strict="all", native=False):
            code = f"import os, sys\n{tried()}sys.stdout.flush(); sys.stdin.readline()\n{tried('bad2')}"
            job = talking(code, root)
            assert "refused\n" == job.stdout.readline()
            _no_thread(monkeypatch)
            child = os.fork()
            if not child:
                os._exit(0)
            os.waitpid(child, 0)
            assert "made\n" == job.communicate("\n")[0]


@posix_fact("a connection takes a descriptor of the parent")
def test_a_child_is_turned_away_where_no_descriptor_is_left(root, python, monkeypatch):
    """It does not wait for an answer that cannot come."""

    def fail(_self):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(transport.Listener, "_accepted", fail)
    told = r"^a child process was turned away, and went on without faults: Too many open files\n"
    with pytest.raises(AssertionError, match=told):
        with inject(f"{RULE} or never", roots=[root], strict="all", native=False):
            assert "made\n" == python(f"import os, sys\n{tried()}", root)


def test_the_private_directory_goes_away(root, python, tmp_path):
    """A test cleans the temporary directory: connected children stay so, new ones find a new one, and all is restored."""
    before = dict(vars(os)), dict(os.environ)
    with pytest.raises(AssertionError, match=r"^\S+, where child processes find this one, was removed: "):
        with inject(RULE, roots=[root], strict="all", native=False) as fsfault:
            code = f"import os, sys\n{tried()}sys.stdout.flush(); sys.stdin.readline()\n{tried('bad2')}"
            job = talking(code, root)
            assert "refused\n" == job.stdout.readline()
            shutil.rmtree(os.environ["FSFAULT_CHILD"])
            with fsfault.paused():
                fsfault.add_root(tmp_path / "more")
            assert "refused\n" == python(f"import os, sys\n{tried('bad3')}", root)
            private = os.environ["FSFAULT_CHILD"]
            assert "refused\n" == job.communicate("\n")[0]
    assert not os.path.exists(private)
    assert before == (dict(vars(os)), dict(os.environ))


def test_no_room_for_the_roots(root, python, monkeypatch, tmp_path):
    """The disk fills up after the first child: new ones know the roots of before."""
    with pytest.raises(AssertionError, match=r"^new child processes do not know all roots: \[Errno 28\] "):
        with inject(RULE, roots=[root], strict="all", native=False) as fsfault:
            assert "refused\n" == python(f"import os, sys\n{tried()}", root)
            _full(monkeypatch)
            fsfault.add_root(tmp_path / "more")
            assert "refused\n" == python(f"import os, sys\n{tried()}", root)


def test_an_error_of_ours_is_told_and_stops_nobody(root, python, monkeypatch):
    """The child that has asked goes on without faults; the thread that answers goes on answering."""
    from pytest_fsfault._intercept.children.parent.dispatcher import Dispatcher

    real, asked = Dispatcher.answer, []

    def answer(self, connection, message):
        asked.append(message[1])
        if asked.count("ask") == 1 and message[1] == "ask":
            raise ZeroDivisionError("ours")
        return real(self, connection, message)

    monkeypatch.setattr(Dispatcher, "answer", answer)
    told = r"^a child process got no answer, and went on without faults: ZeroDivisionError: ours\n"
    with pytest.raises(AssertionError, match=told):
        with inject(RULE, roots=[root], strict="all", native=False):
            assert "made\n" == python(f"import os, sys\n{tried()}", root)
            assert "refused\n" == python(f"import os, sys\n{tried('bad2')}", root)


CODE = f"import os, sys\n{tried()}"
LAUNCHERS = {
    "a shell": ["/bin/sh", "-c", 'exec "$0" "$@"', PYTHON, "-c", CODE],
    "a shell that hides it": ["/bin/sh", "-c", 'exec "$P" -c "$C" "$1"', "sh"],
    "env": ["env", "A=1", PYTHON, "-c", CODE],
    "env with its path": ["/usr/bin/env", PYTHON, "-c", CODE],
    "nice": ["nice", "-n", "1", PYTHON, "-c", CODE],
    "nice in env": ["env", "nice", PYTHON, "-c", CODE],
    "one that stays": ["timeout", "60", PYTHON, "-c", CODE],
}


@posix_fact("a launcher that becomes the program")
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_launcher_that_becomes_python_is_python(root, monkeypatch, launcher):
    """Nothing says that it was out of reach."""
    monkeypatch.setenv("P", PYTHON)
    monkeypatch.setenv("C", CODE)
    with inject(RULE, roots=[root], strict="all", native=False):
        done = subprocess.run([*LAUNCHERS[launcher], root], capture_output=True, text=True, check=True)
    assert "refused\n" == done.stdout


@posix_fact("env")
def test_a_launcher_without_the_variable_is_told_so(root):
    """Python that it starts is not reached: what has to be written instead is in the sentence."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("FSFAULT")}
    told = "no fault reached `env A=1 .*: not a Python program, nor is Python reached that it starts: "
    told += "its environment lacks FSFAULT_CHILD; build it from a copy of os.environ$"
    with pytest.raises(AssertionError, match=told):
        with inject("os.rmdir -> EACCES", roots=[root], native=False):
            subprocess.run([*LAUNCHERS["env"], root], stdout=subprocess.DEVNULL, check=True, env=bare)


@posix_fact("env and true")
def test_a_program_beside_a_launcher_is_still_told(root):
    """The report of one process does not speak for another."""
    told = r"never fired: .*\nno fault reached `true`, started at .*: not a Python program$"
    with pytest.raises(AssertionError, match=told):
        with inject("os.rmdir -> EACCES", roots=[root], native=False):
            subprocess.run([*LAUNCHERS["env"], root], stdout=subprocess.DEVNULL, check=True)
            subprocess.run(["true"], check=True)
