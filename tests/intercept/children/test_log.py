"""What a child tells without waiting for an answer arrives: in order, once, and also from one that was killed."""

import os
import subprocess
import sys
import threading

import pytest
from skips import WINDOWS, posix_fact

from pytest_fsfault import inject
from pytest_fsfault._intercept.children import message_log
from pytest_fsfault._intercept.children.message_log import SIZE, LogReader, LogWriter
from pytest_fsfault._intercept.children.protocol import write
from pytest_fsfault._intercept.children.rendezvous import log_of, new_directory

MOVES = """
import os, sys
root, count = sys.argv[1], int(sys.argv[2])
for number in range(count):
    os.mkdir(f"{root}/{number}")
"""
# By its number: Windows ends a process so too, and returns the number.
KILLED = f"{MOVES}\nos.kill(os.getpid(), 9)"
THREADS = """
import os, sys, threading
root = sys.argv[1]
together = threading.Barrier(4)  # the number of a thread that has ended may be another's
def work(name):
    together.wait()
    for number in range(100):
        os.mkdir(f"{root}/{name}-{number}")
threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
[one.start() for one in threads]
[one.join() for one in threads]
"""
FORKED = """
import os, sys
root = sys.argv[1]
os.mkdir(f"{root}/before")
child = os.fork()
if not child:
    os.mkdir(f"{root}/child")
    os._exit(0)
os.waitpid(child, 0)
os.mkdir(f"{root}/after")
"""


def names(journal, operation="os.mkdir"):
    """Return the last components of the paths of one operation."""
    return [os.path.basename(entry.path) for entry in journal.of(operation)]


@pytest.fixture
def place():
    """A private directory."""
    found = new_directory()
    os.mkdir(found, 0o700)
    yield found
    for name in os.listdir(found):
        os.remove(os.path.join(found, name))
    os.rmdir(found)


def test_what_is_observed_arrives_in_order_and_once(root, python):
    """More than a log has room for."""
    with inject(roots=[root], profile="observe", native=False) as fsfault:
        python(MOVES, root, 1500)
        assert [str(number) for number in range(1500)] == names(fsfault.journal)
        (entry,) = {
            (one.outcome, one.fault, one.call_site, one.process) for one in fsfault.journal.of("os.mkdir")
        }
        assert ("ok", None, "<string>:5") == entry[:3]
        assert os.getpid() != entry[3]
        assert sorted(entry.at for entry in fsfault.journal) == [entry.at for entry in fsfault.journal]


def test_an_error_of_the_system_is_observed(root, python):
    """With its class and number."""
    code = "import os, sys\ntry:\n    os.rmdir(sys.argv[1])\nexcept FileNotFoundError:\n    print('missing')"
    with inject(roots=[root], profile="observe", native=False) as fsfault:
        assert "missing\n" == python(code, root / "none")
        (entry,) = fsfault.journal.of("os.rmdir")
    assert ("failed", "FileNotFoundError", 2) == (
        entry.outcome,
        type(entry.error).__name__,
        entry.error.errno,
    )


@pytest.mark.parametrize(
    "rules", [(), ("os.mkdir -> EACCES when nth 999 or never",)], ids=["observed", "matched"]
)
def test_a_killed_child_leaves_its_evidence(root, rules):
    """Nobody has asked for it before the child was killed."""
    profile = None if rules else "observe"
    with inject(*rules, roots=[root], profile=profile, native=False) as fsfault:
        done = subprocess.run([sys.executable, "-c", KILLED, str(root), "5"], check=False)
        assert (9 if WINDOWS else -9) == done.returncode
        assert list("01234") == names(fsfault.journal)


def test_threads_of_a_child_share_its_log(root, python):
    """Each in its own order, with its own number."""
    with inject(roots=[root], profile="observe", native=False) as fsfault:
        python(THREADS, root)
        entries = fsfault.journal.of("os.mkdir")
    by_thread = {}
    for entry in entries:
        by_thread.setdefault(entry.thread, []).append(os.path.basename(entry.path))
    expected = [[f"{name}-{number}" for number in range(100)] for name in "abcd"]
    assert expected == sorted(by_thread.values(), key=lambda found: found[0])


@posix_fact("os.fork")
def test_a_forked_child_has_a_log_of_its_own(root, python):
    """What was before the fork comes before it."""
    with inject(roots=[root], profile="observe", native=False) as fsfault:
        python(FORKED, root)
        assert ["before", "child", "after"] == names(fsfault.journal)
        assert 2 == len({entry.process for entry in fsfault.journal.of("os.mkdir")})


def test_a_rule_counts_what_it_concerns_beside_what_is_observed(root, python):
    """A call that no rule concerns needs no answer; one that a rule concerns has its count in the parent."""
    code = """
import os, sys
for name in ("a", "bad", "b", "bad"):
    try:
        os.mkdir(os.path.join(sys.argv[1], name))
    except PermissionError:
        print(name)
"""
    with inject(
        "os.mkdir bad -> EACCES when nth 2", roots=[root], profile="observe", native=False
    ) as fsfault:
        assert "bad\n" == python(code, root)
        found = [(os.path.basename(entry.path), entry.outcome) for entry in fsfault.journal.of("os.mkdir")]
    assert [("a", "ok"), ("bad", "ok"), ("b", "ok"), ("bad", "raised")] == found


def test_rules_that_are_added_meanwhile_hold(root):
    """A child that has written down its calls asks from then on."""
    code = "import os, sys\nfor line in sys.stdin:\n    try:\n        os.mkdir(line.strip()); print('made', flush=True)\n    except OSError:\n        print('refused', flush=True)"
    with inject(roots=[root], profile="observe", native=False) as fsfault:
        child = subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True)

        def ask(name):
            child.stdin.write(f"{root / name}\n")
            child.stdin.flush()
            return child.stdout.readline()

        assert "made\n" == ask("a")
        # Read while the child lives on.
        assert ["a"] == names(fsfault.journal)
        fsfault.add("os.mkdir -> EACCES")
        assert "refused\n" == ask("b")
        child.communicate()
        assert ["a", "b"] == names(fsfault.journal)


@posix_fact("a C library with mkdir in the program itself")
def test_what_a_program_does_natively_is_told_once(root, python):
    """What Python has written down already is not told again by the kernel; what C does in a child is."""
    code = f"{MOVES}\nimport ctypes\nctypes.CDLL(None).mkdir(f'{{root}}/native'.encode(), 0o755)"
    with inject(roots=[root], profile="observe") as fsfault:
        python(code, root, 3)
        found = [
            (os.path.basename(entry.path), entry.program is None) for entry in fsfault.journal.of("os.mkdir")
        ]
    if any(not own for _, own in found):  # where the kernel asks
        assert ("native", False) == found.pop()
    assert [("0", True), ("1", True), ("2", True)] == found


def test_without_room_for_a_log_nothing_is_lost(root, python, monkeypatch):
    """The parent cannot open it: a message goes as a question."""

    def refuse(*_arguments):
        raise OSError

    monkeypatch.setattr("pytest_fsfault._intercept.children.parent.logs.LogReader", refuse)
    with inject(roots=[root], profile="observe", native=False) as fsfault:
        python(MOVES, root, 4)
        assert list("0123") == names(fsfault.journal)
    assert os.listdir(root)


# The log itself.


def test_a_log_is_read_as_it_was_written(place):
    """Messages of all lengths; what was read is not read again, and the log begins anew."""
    writer = LogWriter(place)
    reader = LogReader(place, writer.name)
    bodies = [bytes([97 + length % 26]) * length for length in (1, 7, 8, 9, 1000)]
    assert all(map(writer.put, bodies))
    assert reader.has_more()
    assert (bodies, []) == (list(reader.read()), list(reader.read()))
    writer.restart(*reader.place)
    assert writer.put(b"again")
    assert ([b"again"], False) == (list(reader.read()), reader.has_more())
    assert not os.path.exists(log_of(place, writer.name))


def test_a_log_that_is_full_takes_no_more(place):
    """Until it was read; what was written since the reading keeps it from beginning anew."""
    writer = LogWriter(place)
    reader = LogReader(place, writer.name)
    written = 0
    while writer.put(b"x" * 1000):
        written += 1
    assert SIZE // 1010 - 5 < written < SIZE // 1000
    assert not writer.put(b"x" * SIZE)
    assert written == len(list(reader.read()))
    seen = reader.place
    assert writer.put(b"y")
    writer.restart(*seen)
    assert [b"y"] == list(reader.read())
    writer.restart(*reader.place)
    assert writer.put(b"z" * 1000)
    assert [b"z" * 1000] == list(reader.read())


def test_what_was_interrupted_is_passed_over(place, monkeypatch):
    """The writer has gone between taking its room and filling it."""
    writer = LogWriter(place)
    reader = LogReader(place, writer.name)
    memory, writer._map = writer._map, None
    with pytest.raises(TypeError):
        writer.put(b"lost")
    writer._map = memory
    assert writer.put(b"there")
    assert [b"there"] == list(reader.read())


def test_a_forked_writer_leaves_the_log_alone(place):
    """Its memory is another one from then on."""
    writer = LogWriter(place)
    reader = LogReader(place, writer.name)
    writer.sever()
    assert writer.put(b"mine")
    assert not reader.has_more()


def test_a_thread_says_which_call_it_makes(place):
    """One within the other; and room is made by threads that end."""
    writer = LogWriter(place)
    reader = LogReader(place, writer.name)
    task = threading.get_native_id()
    before = writer.mark("shutil.copyfile")
    inner = writer.mark("open")
    assert (True, False) == (reader.is_making(task, "os.open"), reader.is_making(task, "os.mkdir"))
    assert not reader.is_making(task + 1, "os.open")
    writer.unmark(inner)
    assert reader.is_making(task, "shutil.copyfile")
    writer.unmark(before)
    assert not reader.is_making(task, "shutil.copyfile")
    for _ in range(message_log._THREADS + 5):
        thread = threading.Thread(target=lambda: writer.unmark(writer.mark("open")))
        thread.start()
        thread.join()


@pytest.mark.parametrize("name", ["../x", "12-abcdefgh", "", "12-00000000/../p", "1" * 30])
def test_only_a_log_of_a_child_is_opened(root, name):
    """No other file, wherever it stands: whoever says so is alone from then on."""
    from pytest_fsfault._intercept.children.parent.connections import ChildProcess
    from pytest_fsfault._intercept.children.parent.logs import Logs
    from pytest_fsfault._intercept.children.protocol import Malformed

    class Connection:
        owner = type("Owner", (), {"process": ChildProcess(5)})

    with pytest.raises(Malformed):
        Logs(lambda: [str(root)], {}, lambda *_: None, lambda: True).open(Connection, name)


def test_a_link_is_no_log(place, tmp_path):
    """Nor is a file that is too short, or not there."""
    (tmp_path / "long").write_bytes(bytes(SIZE))
    os.symlink(tmp_path / "long", log_of(place, "5-00000000"))
    with open(log_of(place, "6-00000000"), "wb"):
        pass
    for name in ("5-00000000", "6-00000000", "7-00000000"):
        with pytest.raises(OSError):  # each system has its own
            LogReader(place, name)
    assert (tmp_path / "long").exists()


def test_nonsense_in_a_log_is_passed_over(root, python):
    """Whatever a child has written there, the parent goes on."""
    code = f"""{MOVES}
from pytest_fsfault._intercept.children.child import attach
log = attach._attachment.engine.log()
for body in {[b"", b"x", b"[]", b"[1]", b"{}", write((1, "count", {}, {})), write((1, "entry", 2)), write((-1, "note", 1, "ok", None, None, ""))]!r}:
    log.put(body)
os.mkdir(f"{{root}}/last")
"""
    with inject(roots=[root], profile="observe", native=False) as fsfault:
        python(code, root, 1)
        assert ["0", "last"] == names(fsfault.journal)
