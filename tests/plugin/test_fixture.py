"""The fixture `fsfault`, however it is asked for."""

from __future__ import annotations

import pytest

PRELUDE = """
import os, pytest
from pathlib import Path
def replaced(directory):
    try:
        os.replace(directory / "a", directory / "b")
    except FileNotFoundError:
        return False
    except OSError:
        return True
"""


@pytest.mark.parametrize(
    "source",
    [
        # as an argument
        """
def test_it(fsfault, tmp_path):
    fsfault.add("os.replace -> EIO")
    assert replaced(tmp_path)
""",
        # by name, in the test
        """
def test_it(request, tmp_path):
    assert not replaced(tmp_path)
    fsfault = request.getfixturevalue("fsfault")
    fsfault.add("os.replace -> EIO")
    assert replaced(tmp_path)
""",
        # by name, in a fixture
        """
@pytest.fixture
def armed(request, tmp_path):
    fsfault = request.getfixturevalue("fsfault")
    fsfault.add("os.replace -> EIO")
    assert not replaced(tmp_path)
    yield
    assert not replaced(tmp_path)
def test_it(armed, tmp_path):
    assert replaced(tmp_path)
""",
        # through a fixture of the project's
        """
@pytest.fixture
def locked(fsfault):
    return fsfault.add("os.replace -> EIO")
def test_it(locked, tmp_path):
    assert replaced(tmp_path)
    assert (1, 1) == (locked.matched, locked.fired)
""",
        # overridden
        """
@pytest.fixture
def fsfault(fsfault):
    fsfault.add("os.replace -> EIO")
    return fsfault
def test_it(fsfault, tmp_path):
    assert replaced(tmp_path)
""",
        # of all tests of a module
        """
pytestmark = pytest.mark.usefixtures("fsfault")
@pytest.mark.fsfault("os.replace -> EIO")
def test_it(tmp_path):
    assert replaced(tmp_path)
""",
        # of a TestCase
        """
import unittest
class TestIt(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def ask(self, request, tmp_path):
        self.fsfault, self.path = request.getfixturevalue("fsfault"), tmp_path
        self.fsfault.add("os.replace -> EIO")
    def test_it(self):
        assert replaced(self.path)
""",
        # in a fixture that the test asks for by name: that one is set up without faults
        """
@pytest.fixture
def site(tmp_path):
    assert not replaced(tmp_path)
    return tmp_path
@pytest.mark.fsfault("os.replace -> EIO")
def test_it(request, tmp_path):
    assert replaced(request.getfixturevalue("site"))
""",
        # a session of a fixture with a wider scope
        """
import pytest_fsfault
@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    with pytest_fsfault.inject("os.replace -> EIO") as session:
        assert replaced(tmp_path_factory.getbasetemp())
        yield session
def test_it(broken, fsfault, tmp_path):
    fsfault.add("os.rename -> EBUSY or never")
    assert replaced(tmp_path)
    assert [2, 1] == [len(broken.journal), len(broken.journal[1:])]
def test_other(broken, tmp_path):
    assert replaced(tmp_path)
""",
    ],
    ids=[
        "argument",
        "by-name",
        "by-name-in-fixture",
        "through",
        "overridden",
        "usefixtures",
        "testcase",
        "site",
        "module",
    ],
)
def test_ways_to_ask(run, source):
    """However the fixture is asked for, faults act in the test's call and nowhere else."""
    result = run(PRELUDE + source)
    assert {"passed": source.count("def test_")} == result.parseoutcomes()


def test_one_session(run):
    """Marker, fixture and parameter mean one and the same session."""
    source = """
        import pytest
        @pytest.mark.fsfault("os.replace -> EIO or never")
        @pytest.mark.parametrize("fsfault", ["wsl1", "flaky"], indirect=True)
        def test_it(fsfault, request):
            assert fsfault is request.getfixturevalue("fsfault")
            assert fsfault.profile in request.node.name
    """
    run(source).assert_outcomes(passed=2)


@pytest.mark.parametrize("asked", ["fsfault", "request"])
def test_verdict(run, asked):
    """What the test adds must fire, or its call fails; also if the session was asked for late."""
    source = f"""
        def test_it({asked}):
            {"fsfault = request.getfixturevalue('fsfault')" if asked == "request" else ""}
            fsfault.add("os.replace -> EIO")
    """
    result = run(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["`os.replace` never fired: no call of os.replace below the roots*"])


def test_exempt_test_that_asks(run):
    """A test that is exempt from the options still gets a session if it asks for one."""
    source = """
        import pytest
        @pytest.mark.fsfault(profile="off")
        def test_it(fsfault, tmp_path):
            tmp_path.rename(tmp_path.with_name("b"))
            assert 0 == len(fsfault.journal)
    """
    run(source, "--fsfault-rule", "any -> EIO").assert_outcomes(passed=1)


def test_over(run):
    """After its test a session takes no rule, root or pause: nothing would come of it."""
    source = """
        import pytest, pytest_fsfault
        kept = []
        def test_it(fsfault):
            kept.append(fsfault)
        @pytest.mark.parametrize("use", ["add('os.remove -> EIO')", "add_root('somewhere')", "paused().__enter__()"])
        def test_after(use):
            with pytest.raises(pytest_fsfault.FsFaultError) as caught:
                eval(f"kept[0].{use}")
            assert str(caught.value) == (
                "this session of faults is over, so nothing would happen; use it within its test or block"
            )
    """
    run(source).assert_outcomes(passed=4)


def test_again(run, pytester):
    """A test that runs again has a new session each time, and each is counted."""
    pytester.makeconftest(
        """
        from _pytest.runner import runtestprotocol
        def pytest_runtest_protocol(item, nextitem):
            item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            for _ in range(2):
                runtestprotocol(item, nextitem=nextitem)
            return True
        """
    )
    source = """
        import os, pytest
        @pytest.mark.fsfault("os.replace -> EIO when once")
        def test_it(tmp_path, fsfault):
            with pytest.raises(OSError):
                os.replace(tmp_path / "a", tmp_path / "b")
            assert len(fsfault.journal) == 1
    """
    run(source).stdout.fnmatch_lines(["2 tests under fault, 2 faults; *"])


def test_doctest(run, pytester):
    """A doctest gets the fixture by name."""
    pytester.maketxtfile(
        test_doc="""
        >>> import os
        >>> fsfault = getfixture("fsfault")
        >>> armed = fsfault.add("os.replace -> ERROR_SHARING_VIOLATION")
        >>> os.replace(getfixture("tmp_path") / "a", "b")
        Traceback (most recent call last):
        PermissionError: [WinError 32] ...
        """.replace("Traceback", "Traceback").replace("...\n", "...\n")
    )
    run("", "-o", "doctest_optionflags=ELLIPSIS").assert_outcomes(passed=1)
