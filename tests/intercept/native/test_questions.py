"""What programs are asked about: reads never, and changes that no rule is near to go ahead without a question."""

import errno
import os
import select
import subprocess
import sys

import pytest

from pytest_fsfault import inject


@pytest.fixture
def asked(monkeypatch):
    """The names of the system calls that were asked about so far, without those of rights."""
    from pytest_fsfault._intercept.native.notify import Request
    from pytest_fsfault._intercept.native.numbers import SHAPES
    from pytest_fsfault._intercept.native.tree import Trees

    found = []
    real = Trees._answer

    def answer(trees, tree, asked):
        name = trees._reader.name(Request(*asked))
        if name in SHAPES:
            found.append(name)
        return real(trees, tree, asked)

    monkeypatch.setattr(Trees, "_answer", answer)
    return found


def test_reads_are_not_asked_about(root, asked):
    """A program that only reads asks nothing at all."""
    (root / "a").write_text("a")
    with inject("mutate zz -> EBUSY or never", roots=[root]):
        line = "cat a a; ls -lR .; test -e a; grep -c a a; stat a; true < a; wc a"
        subprocess.run(["sh", "-c", line], cwd=root, check=True, stdout=subprocess.PIPE)
        assert [] == asked
        subprocess.run(["sh", "-c", "echo b > b"], cwd=root, check=True)
        assert 1 == len(asked)


def test_what_lies_outside_the_roots_goes_ahead_unjudged(root, monkeypatch):
    """Under the model each opening is asked about; one outside the roots passes by its path alone, no other does."""
    from pytest_fsfault._intercept.native.judging import Judge

    judged = []
    real = Judge.judge

    def judge(one, call, *rest):
        judged.append(call.path)
        return real(one, call, *rest)

    monkeypatch.setattr(Judge, "judge", judge)
    outside = root.parent / "outside"
    for place in (root, outside):
        place.mkdir(exist_ok=True)
        (place / "a").write_text("a")
    with inject(windows="11", roots=[root]):
        subprocess.run(["cat", root / "a", outside / "a"], check=True, stdout=subprocess.PIPE)
    assert {str(root / "a")} == set(judged)


#: Of each kind of change one, made by a Python that is a native program here.
CHANGES = {
    "os.replace": "os.replace('a', 'b')",
    "os.remove": "os.remove('b')",
    "os.mkdir": "os.mkdir('d')",
    "os.rmdir": "os.rmdir('d')",
    "os.open": "open('c', 'w').close()",
    "os.link": "os.link('c', 'l')",
    "os.symlink": "os.symlink('c', 's')",
    "os.chmod": "os.chmod('c', 0o600)",
    "os.utime": "os.utime('c')",
    "os.truncate": "os.truncate('c', 0)",
}
ALWAYS = {"os.replace", "os.remove", "os.rmdir"}
CREATE = ALWAYS | {"os.mkdir", "os.open", "os.link", "os.symlink"}
ASKED = {
    "os.remove zz -> EIO or never": ALWAYS,
    "rename zz -> EIO or never": ALWAYS,
    "os.mkdir zz -> EIO or never": CREATE,
    "os.link zz -> EIO or never": CREATE,
    "metadata zz -> EIO or never": ALWAYS | {"os.chmod", "os.utime"},
    "file.truncate zz -> EIO or never": ALWAYS | {"os.open", "os.truncate"},
    "mutate zz -> EIO or never": set(CHANGES),
    # What is left of a program that has crashed is found by its next change.
    "os.remove zz -> crash or never": set(CHANGES),
}


@pytest.mark.parametrize("rule", ASKED)
def test_a_change_is_asked_about_if_a_rule_or_its_near_miss_may_name_it(root, asked, rule):
    """Renames and deletions always, and what shares a group with an operation of a rule."""
    from pytest_fsfault._intercept.native.numbers import SHAPES

    (root / "a").touch()
    with inject(rule, roots=[root]):
        code = f"import os; {'; '.join(CHANGES.values())}"
        subprocess.run([sys.executable, "-S", "-B", "-c", code], cwd=root, check=True)
    assert ASKED[rule] == {SHAPES[name].operation for name in asked}


def test_whoever_observes_or_guards_asks_about_all_changes(root, asked):
    """So does the Windows model: what they do depends on more than rules."""
    ways = [
        {"profile": "observe"},
        {"windows": "11"},
        {"outside": "refuse"},
    ]
    for way in ways:
        with inject("os.remove zz -> EIO or never", roots=[root], **way):
            subprocess.run(["mkdir", "d"], cwd=root, check=True)
        os.rmdir(root / "d")
        assert "mkdir" in asked, way
        asked.clear()


SERVER = """import os, sys
print('ready', flush=True)
for line in sys.stdin:
    try:
        os.mkdir(line.strip())
    except OSError as error:
        print(error.errno, flush=True)
    else:
        print(0, flush=True)
"""


def serve(root):
    """Start a program that makes directories by name."""
    command = [sys.executable, "-S", "-B", "-c", SERVER]
    process = subprocess.Popen(command, cwd=root, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert "ready\n" == process.stdout.readline()
    return process


def tell(process, name):
    """Let it make a directory; return the errno."""
    process.stdin.write(f"{name}\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def test_a_rule_that_comes_too_late_for_a_running_program_says_so(root):
    """Its filter was made before: the message of the rule that never fired names the line that started it."""
    late = r"never fired: no call of os\.mkdir below the roots; a program that runs since \S+:\d+ was started before it, and does not meet it unless it is Python"
    with (
        pytest.raises(AssertionError, match=late),
        inject("os.remove zz -> EIO or never", roots=[root]) as fsfault,
    ):
        with serve(root) as process:
            fsfault.add("os.mkdir d -> EBUSY")
            assert 0 == tell(process, "d")
            process.stdin.close()


def test_a_rule_that_comes_too_late_for_a_program_without_a_filter_says_so(root):
    """It asks about nothing, since no rule could concern it, be it this session's or one inside it."""
    late = r"os\.mkdir below the roots; a program that runs since \S+:\d+ was started before it, and does not meet it unless"
    with inject("os.stat zz -> EIO or never", roots=[root]), serve(root) as process:
        for name in ("d", "e"):
            with pytest.raises(AssertionError, match=late), inject(f"os.mkdir {name} -> EBUSY", roots=[root]):
                assert 0 == tell(process, name)
        process.stdin.close()


def test_nothing_is_said_of_a_program_without_a_filter_that_has_ended(root):
    """Nor where the rule is about what no program is asked about."""
    plain = r"never fired: no call of os\.(mkdir|stat) below the roots$"
    with inject("os.stat zz -> EIO or never", roots=[root]), serve(root) as process:
        with pytest.raises(AssertionError, match=plain), inject("os.stat d -> EBUSY", roots=[root]):
            assert 0 == tell(process, "d")
        process.stdin.close()
        process.wait()
        with pytest.raises(AssertionError, match=plain), inject("os.mkdir d -> EBUSY", roots=[root]):
            pass


@pytest.mark.parametrize("first", ["os.symlink zz -> EIO or never", "os.mkdir zz -> EIO or never"])
def test_a_rule_that_comes_later_holds_for_a_program_that_is_asked_about_such_calls(root, first):
    """And nothing is said."""
    with inject(first, roots=[root], strict="all") as fsfault, serve(root) as process:
        fsfault.add("os.mkdir d -> EBUSY")
        assert errno.EBUSY == tell(process, "d")
        process.stdin.close()
        assert [""] * 2 == [armed.missed_by for armed in fsfault._session.engine.plan.armed]


def test_nothing_is_said_of_a_program_that_has_ended(root):
    """A rule that comes after it, and never fires, tells of other things."""
    with (
        pytest.raises(AssertionError, match=r"never fired: no call of os\.mkdir below the roots$"),
        inject("os.remove zz -> EIO or never", roots=[root]) as fsfault,
    ):
        subprocess.run(["mkdir", "d"], cwd=root, check=True)
        fsfault.add("os.mkdir d -> EBUSY")


def test_the_thread_that_has_started_a_program_is_not_taken_for_it(root, monkeypatch):
    """It has the same filter, and may end after the program."""
    from pytest_fsfault._intercept.native.starting import Start

    real = Start._work

    def work(start):
        real(start)
        select.select([], [], [], 0.03)

    monkeypatch.setattr(Start, "_work", work)
    test_nothing_is_said_of_a_program_that_has_ended(root)
