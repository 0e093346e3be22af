"""When faults act: during the test's call, and at no other moment."""

from __future__ import annotations

import os
import sys

import pytest

PROBE = """
import os, pytest, tempfile, unittest, time
HERE = tempfile.mkdtemp(dir=os.environ["PROBE"])
def probe(expected, directory=None):
    try:
        os.replace(os.path.join(directory or HERE, "a"), os.path.join(directory or HERE, "b"))
    except FileNotFoundError:
        found = False
    except OSError:
        found = True
    assert found is expected, f"expected {expected}"
pytestmark = pytest.mark.fsfault("os.replace -> EIO", roots=[HERE])
"""

PLACES = {
    "fixtures": """
@pytest.fixture(autouse=True, scope="module")
def module():
    probe(False); yield; probe(False)
@pytest.fixture(autouse=True)
def function(request):
    request.addfinalizer(lambda: probe(False))
    probe(False); yield; probe(False)
def setup_module(): probe(False)
def teardown_module(): probe(False)
def setup_function(): probe(False)
def teardown_function(): probe(False)
def test_it(): probe(True)
""",
    "class": """
class TestIt:
    def setup_class(cls): probe(False)
    def teardown_class(cls): probe(False)
    def setup_method(self): probe(False)
    def teardown_method(self): probe(False)
    def test_it(self): probe(True)
""",
    "TestCase": """
class TestIt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        probe(False); cls.addClassCleanup(probe, False)
    @classmethod
    def tearDownClass(cls): probe(False)
    def setUp(self):
        probe(False); self.addCleanup(probe, False)
    def tearDown(self): probe(False)
    def test_it(self):
        self.addCleanup(probe, False)
        probe(True)
        with self.subTest("one"): probe(True)
""",
    "IsolatedAsyncioTestCase": """
class TestIt(unittest.IsolatedAsyncioTestCase):
    def setUp(self): probe(False)
    async def asyncSetUp(self):
        probe(False); self.addAsyncCleanup(self.clean)
    async def clean(self): probe(False)
    async def asyncTearDown(self): probe(False)
    def tearDown(self): probe(False)
    async def test_it(self): probe(True)
""",
    "subtests": """
def test_it(subtests):
    with subtests.test("one"): probe(True)
    with subtests.test("two"): probe(True)
""",
}


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    """Tell the inner run where it may probe."""
    monkeypatch.setenv("PROBE", os.fspath(tmp_path))


@pytest.mark.parametrize("place", PLACES)
def test_call_only(run, place):
    """Faults act in the test function or method; not in set-up, clean-up and fixtures of any kind."""
    result = run(PROBE + PLACES[place])
    assert 0 == result.ret, result.stdout.str()
    result.stdout.fnmatch_lines(["1 test under fault, ? fault*"])


@pytest.mark.parametrize("kind", ["TestCase", "IsolatedAsyncioTestCase"])
def test_verdicts_of_a_testcase(run, kind):
    """A verdict fails the method of a TestCase; an expected failure may be one."""
    prefix = "async " if kind != "TestCase" else ""
    source = f"""
class TestIt(unittest.{kind}):
    {prefix}def test_it(self): pass
    @unittest.expectedFailure
    {prefix}def test_expected(self): pass
"""
    result = run(PROBE + source)
    result.assert_outcomes(failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["`os.replace` never fired: *"])


SHOWN = """
import os, pytest
@pytest.mark.fsfault("open, os.stat, os.lstat, os.open, os.listdir -> EACCES or never", roots=[os.path.dirname(__file__)])
def test_it():
    with pytest.raises(OSError):
        open(__file__)
    with pytest.raises(OSError):
        os.stat(__file__)
    assert os.sep == "this very line"
"""


def test_source_is_shown(run):
    """A failure shows its source line even while nothing can be opened where the test lies."""
    run(SHOWN).stdout.fnmatch_lines([">       assert os.sep == *this very line*"])


def test_imports(run, pytester):
    """Imports below a root are never under fault, even if the test makes them; nor is what pytest does."""
    pytester.makepyfile(late="import json\nVALUE = 5")
    source = SHOWN.replace("open(__file__)", "open('late.py')").replace(
        'os.sep == "this very line"', "__import__('late').VALUE == 5"
    )
    run(source).assert_outcomes(passed=1)


INTERRUPTS = {
    "test": "def test_it(): raise KeyboardInterrupt",
    "fixture": "@pytest.fixture\ndef f(): raise KeyboardInterrupt\ndef test_it(f): pass",
    "teardown": "@pytest.fixture\ndef f():\n    yield\n    raise KeyboardInterrupt\ndef test_it(f): probe(True)",
    "mock": "def test_it(monkeypatch):\n    monkeypatch.setattr(os, 'replace', len)\n    raise KeyboardInterrupt",
    "exit": "def test_it(): pytest.exit('enough')",
    "method": "class TestIt(unittest.TestCase):\n    def test_it(self): raise KeyboardInterrupt",
}


@pytest.mark.parametrize("where", INTERRUPTS)
def test_interrupt(run, where):
    """An interrupt, wherever it comes, leaves nothing patched (see the suite's conftest)."""
    assert 2 == run(PROBE + INTERRUPTS[where]).ret
    assert "built-in" in repr(os.replace)


def test_failing_fixture(run):
    """A fixture that fails leaves nothing patched either, and the next test is under its own faults."""
    source = """
@pytest.fixture
def broken(): probe(False); 1 / 0
@pytest.fixture
def broken_later(): yield; probe(False); 1 / 0
def test_error(broken): pass
def test_later(broken_later): probe(True)
def test_after(): probe(True)
"""
    run(PROBE + source).assert_outcomes(passed=2, errors=2)


INNER = (
    PROBE
    + """
pytest_plugins = ["pytester"]
def test_it(pytester, fsfault, monkeypatch):
    for name in ('HOME', 'USERPROFILE'):
        monkeypatch.setenv(name, HERE)
    pytester.makepyfile(test_inner='''
        import os, pytest
        @pytest.mark.fsfault("os.rename -> EIO")
        def test_inner(tmp_path):
            with pytest.raises(OSError):
                os.rename(tmp_path / "a", tmp_path / "b")
        def test_plain(tmp_path):
            tmp_path.rename(tmp_path.with_name("c"))
    ''')
    fsfault.add_root(pytester.path)
    fsfault.add("mutate -> EROFS or never")
    fsfault.add("os.stat, os.listdir -> EACCES or never")
    result = pytester.runpytest_inprocess("-p", "fsfault", "-p", "no:cacheprovider", "--basetemp", HERE + "/../inner")
    result.assert_outcomes(passed=2)
    probe(True)
def test_after(): probe(True)
"""
)


def test_pytest_in_a_test(run):
    """A pytest that runs inside a test works without faults; its own tests are under theirs."""
    run(INNER).assert_outcomes(passed=2)


def pdb(pytester, source, commands, *arguments):
    """Run pytest in a process of its own, with `commands` typed into its debugger; return its output."""
    pytester.makepyfile(test_it=PROBE + source)
    return pytester.run(
        sys.executable, "-m", "pytest", "-p", "fsfault", "--color=no", *arguments,
        stdin="\n".join([*commands, ""]).encode(),
    )  # fmt: skip


@pytest.fixture
def alone(monkeypatch):
    """Load none of the installed plugins."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def test_breakpoint(pytester, alone):
    """While a debugger holds the test there are no faults and real time; they go on when the test does."""
    source = (
        "def test_it():\n    probe(True)\n    breakpoint()\n    probe(True)\ndef test_after(): probe(True)"
    )
    result = pdb(pytester, source, ["probe(False)", "p time.time() > 1e9", "continue"])
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*PDB set_trace*", "*True*", "*PDB continue*"])


def test_debugger_that_never_leaves(run):
    """A debugger that is entered twice and left once, or never, holds neither the test nor the next one longer."""
    source = """
def test_it(request):
    enter, leave = request.config.hook.pytest_enter_pdb, request.config.hook.pytest_leave_pdb
    for hook, expected in [(enter, False), (enter, False), (leave, True), (leave, True), (enter, False)]:
        hook(config=request.config, pdb=None)
        probe(expected)
def test_after(): probe(True)
"""
    run(PROBE + source).assert_outcomes(passed=2)


def test_post_mortem(pytester, alone):
    """`--pdb` looks at the failed test without faults, before its tearDown."""
    source = "class TestIt(unittest.TestCase):\n    def test_it(self):\n        probe(True)\n        1 / 0\ndef test_after(): probe(True)"
    result = pdb(pytester, source, ["probe(False)", "p 'looked'", "continue"], "--pdb")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*entering PDB*", "*'looked'*"])
    assert "AssertionError" not in result.stdout.str()
