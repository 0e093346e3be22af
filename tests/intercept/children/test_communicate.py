"""`Popen.communicate` with a timeout in virtual time: nothing that a child waits for is passed over."""

import subprocess
import sys

import pytest
from skips import posix_fact

from pytest_fsfault import inject

pytestmark = posix_fact("threads read and write there")
LARGE = 1_000_000


@pytest.fixture
def fsfault(root):
    """A session under which time is virtual."""
    with inject("os.replace -> EBUSY or never", roots=[root]) as fsfault:
        yield fsfault


@pytest.fixture(params=[1, 30], ids="{} late looks".format)
def late_looks(request, monkeypatch):
    """How many looks find something too late, as on a machine under load: `communicate` throws away what they found."""
    left, real = [None] * request.param, subprocess.Popen._check_timeout

    def check(self, endtime, given, *args, **kwargs):
        if left and endtime is not None and sys._getframe(1).f_locals.get("ready"):
            left.pop()
            raise subprocess.TimeoutExpired(self.args, given)
        return real(self, endtime, given, *args, **kwargs)

    monkeypatch.setattr(subprocess.Popen, "_check_timeout", check)
    yield left
    assert [] == left


def run(code, **options):
    """Run a child that is given a minute, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], timeout=60, capture_output=True, text=True, check=False, **options
    )
    assert ("", 0) == (done.stderr, done.returncode)
    return done.stdout


ECHO = "import sys, time\ntime.sleep(5)\nprint(sys.stdin.read())"


@pytest.mark.usefixtures("late_looks")
@pytest.mark.parametrize("said", ["said", "said" * LARGE], ids=["a word", "more than a pipe takes"])
def test_input_arrives(fsfault, said):
    """All of it, whichever look was too late to send it, though CPython sends it in the first call alone."""
    assert said + "\n" == run(ECHO, input=said)
    assert 5 <= fsfault.clock.now < 60


@pytest.mark.usefixtures("late_looks")
def test_output_arrives(fsfault):
    """A child that has filled the pipe waits for who reads it: that takes real time."""
    assert LARGE + 1 == len(run(f"import time\ntime.sleep(5)\nprint('x' * {LARGE})"))
    assert 5 <= fsfault.clock.now < 60


def test_who_does_not_read_is_given_up(fsfault):
    """Input that nobody takes is no reason to wait longer; what was said until then is told."""
    code = "import time\nprint('there', flush=True)\ntime.sleep(86400)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1) as child:
        with pytest.raises(subprocess.TimeoutExpired) as caught:
            child.communicate(b"x" * LARGE, timeout=60)
        assert 60 <= fsfault.clock.now < 100
        child.kill()
    assert b"there\n" == caught.value.output


@pytest.mark.usefixtures("fsfault")
def test_who_closes_its_input_is_no_error():
    """As without faults: `communicate` ignores that nobody reads."""
    assert "done\n" == run(
        "import os, time\ntime.sleep(5)\nos.close(0)\ntime.sleep(5)\nprint('done')", input="x" * LARGE
    )
