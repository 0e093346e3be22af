"""The pytest plugin: options, ini settings, marker, fixture and hooks; each hook delegates."""

from __future__ import annotations

import functools
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager

    from pytest_fsfault._plugin.run import Runner
    from pytest_fsfault._session.fsfault import FsFault
    from pytest_fsfault._session.session import Session

_RUNNER: pytest.StashKey[Runner] = pytest.StashKey()
_SESSION: pytest.StashKey[Session] = pytest.StashKey()
_MISTAKE = pytest.StashKey[str]()

_INI = {
    "fsfault_profile": ("string", "the profile that --fsfault uses"),
    "fsfault_rules": ("linelist", "rules for every test, one a line"),
    "fsfault_roots": ("linelist", "the watched directories, relative to the directory of the ini file"),
    "fsfault_strict": ("string", "true (the default), false, or all"),
    "fsfault_seed": ("string", "the seed of rules with P%"),
    "fsfault_clock": ("string", "virtual (the default) or real"),
    "fsfault_children": ("string", "whether faults reach child processes: true (the default) or false"),
    "fsfault_native": ("string", "whether programs that are not Python are under fault, on Linux"),
    "fsfault_outside": (
        "string",
        "allow (the default) or refuse: what becomes of a change outside the roots",
    ),
    "fsfault_windows": ("string", "the version of Windows to emulate, or a table such as {version = '11'}"),
    "fsfault_scanners": ("linelist", "scanners, one a line: a name, or a table such as {hold = '1s'}"),
    "fsfault_baseline": ("string", "the file that lists the failures known under a profile"),
    "fsfault_pretend": ("linelist", "globs of modules that see Windows, one a line"),
}
_MARKER = "fsfault(*rules, {keywords}): run the test under file-system faults; see --fsfault-list for what a rule may say"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini settings."""
    add = parser.getgroup("fsfault", "file-system faults").addoption
    add("--fsfault", action="store_true", help="run every test under the default profile")
    add("--fsfault-profile", metavar="NAME", help="run every test under this profile")
    add(
        "--fsfault-rule",
        metavar="RULE",
        action="append",
        default=[],
        help="a rule for every test (repeatable)",
    )
    # What these may be is checked with the settings: argparse would answer with its whole usage.
    add("--fsfault-seed", metavar="N|last", help="the seed of rules with P%%, or the last run's")
    add("--fsfault-json", metavar="PATH", help="write what happened to a file")
    add("--fsfault-html", metavar="PATH", help="write what happened as a page for a browser")
    add("--fsfault-markdown", metavar="PATH", help="write a summary for the page of a CI job")
    add("--fsfault-baseline", metavar="PATH", help="report the failures that this file lists as known ones")
    add(
        "--fsfault-baseline-write",
        action="store_true",
        help="write which tests of this run fail, and by what, to the file of --fsfault-baseline",
    )
    add(
        "--fsfault-replay",
        metavar="PATH",
        help="let happen again what a run has written by --fsfault-json",
    )
    add("--fsfault-show", metavar="faults|all", help="show the faults, or all entries, of passing tests too")
    add("--fsfault-trial", metavar="ID", help="run only this trial of each sweep (after the fault-free one)")
    add("--fsfault-list", action="store_true", help="list operations, groups, errors, schedules and profiles")
    for name, (kind, text) in _INI.items():
        parser.addini(name, text, type=kind, default=[] if kind == "linelist" else "")  # type: ignore[arg-type]


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the extension points."""
    _load_as_python_does(pluginmanager)
    from pytest_fsfault import hookspecs  # noqa: PLC0415

    pluginmanager.add_hookspecs(hookspecs)


def _load_as_python_does(pluginmanager: pytest.PytestPluginManager) -> None:
    """Take the rest of this package out of what pytest loads by itself, to explain its asserts.

    pytest does so with all modules of a plugin's distribution, and takes several times as long for each. What is
    asserted here is known beforehand: no test fails by it.
    """
    marked = getattr(pluginmanager.rewrite_hook, "_must_rewrite", None)
    if isinstance(marked, set):
        marked.discard(__package__)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; read the settings, so that a mistake in them shows at once."""
    from pytest_fsfault._host.bytecode import BytecodeFinder  # noqa: PLC0415

    with BytecodeFinder():  # pytest's own finder takes as long for each as all the rest
        from pytest_fsfault._plugin.run import Keys, Runner  # noqa: PLC0415
        from pytest_fsfault._session.keywords import NAMES  # noqa: PLC0415

    keywords = ", ".join(f"{name}=None" for name in NAMES)
    config.addinivalue_line("markers", _MARKER.format(keywords=keywords))
    fail = functools.partial(pytest.fail, pytrace=False)
    config.stash[_RUNNER] = runner = Runner(config, Keys(_SESSION, _MISTAKE), fail)
    try:
        runner.configure()
    except ValueError as error:  # FsFaultError, which is not loaded where it is not needed
        raise pytest.UsageError(str(error)) from None
    runner.results.policies = _policies
    config.pluginmanager.register(_Inner(runner), "fsfault-inner")


def _policies() -> list[dict[str, Any]]:
    """Return the published retry policies as data; none without tenacity."""
    try:
        from pytest_fsfault.policies import POLICIES  # noqa: PLC0415  # for who writes a report
    except ImportError:
        return []
    from pytest_fsfault._report.policies import policy_facts  # noqa: PLC0415

    return policy_facts(POLICIES.values())


class _Inner:
    """Hooks that need a second place in the order, or the runner where pytest hands over no configuration."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Refuse a test whose markers are wrong."""
        message = item.stash.get(_MISTAKE, None)
        if message is not None:
            pytest.fail(message, pytrace=False)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self) -> Generator[None, object, object]:
        """Shut the gate while a fixture that the running test asks for by name is set up."""
        if not self._runner.gates.calling:
            return (yield)
        with self._runner.gates.aside():
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what the test showed, in this process or in a worker."""
        self._runner.results.collect(report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, object, object]:
        """Let pytest print our sections of red tests in its colours."""
        with self._runner.results.painting(terminalreporter):
            return (yield)

    def pytest_enter_pdb(self) -> None:
        """Hold everything while a debugger holds the test."""
        from pytest_fsfault._intercept.interceptor import interceptor  # noqa: PLC0415

        self._runner.gates.hold(interceptor().all_shut())

    def pytest_leave_pdb(self) -> None:
        """Go on."""
        self._runner.gates.release()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let nothing outlive the run."""
    runner = config.stash.get(_RUNNER, None)
    if runner is not None:
        runner.unconfigure()


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Print the list, if it was asked for."""
    if not config.getoption("fsfault_list"):
        return None
    config._do_configure()  # noqa: SLF001 - as pytest does for its own lists
    try:
        config.stash[_RUNNER].print_list()
    finally:
        config._ensure_unconfigure()  # noqa: SLF001
    return 0


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what the run is under, in words that reproduce it."""
    runner = config.stash[_RUNNER]
    return f"fsfault: {runner.arguments()}" if runner.under_faults else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give an xdist worker this run's seed."""
    node.workerinput["fsfault_seed"] = node.config.stash[_RUNNER].seed


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Record what an xdist worker brings at its end."""
    node.config.stash[_RUNNER].results.collect_interrupted(getattr(node, "workeroutput", {}))


@pytest.fixture
def fsfault(request: pytest.FixtureRequest) -> FsFault:
    """Return the session of faults of this test: add rules, read the journal, ask for retries."""
    item: pytest.Item = request.node
    if item.stash.get(_SESSION, None) is None:
        # Asked for by name: neither marker nor argument have announced it.
        item.config.stash[_RUNNER].begin(item, forced=True)
        if _MISTAKE in item.stash:
            pytest.fail(item.stash[_MISTAKE], pytrace=False)
    from pytest_fsfault._session.fsfault import FsFault  # noqa: PLC0415

    # The session ends after all other fixtures: what they have patched on top of it goes first.
    return FsFault(item.stash[_SESSION])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Take everything away even if the run is interrupted half-way; keep what the test showed by then."""
    try:
        return (yield)
    except BaseException as error:
        item.config.stash[_RUNNER].interrupted(item, error)
        raise
    finally:
        item.config.stash[_RUNNER].forget(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Patch before fixtures are set up: a mock that a fixture makes undoes itself before we do."""
    item.config.stash[_RUNNER].begin(item)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Take everything away after everybody has cleaned up."""
    try:
        return (yield)
    finally:
        item.config.stash[_RUNNER].end(item)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Open the gate for items that are no plain functions; see `pytest_pyfunc_call` for those."""
    gates = item.config.stash[_RUNNER].gates
    if gates.is_method_of_testcase(item):
        with gates.method(item):
            return (yield)
    if isinstance(item, pytest.Function):
        return (yield)
    with gates.call(item):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Open the gate for the test function, and for nothing around it."""
    with pyfuncitem.config.stash[_RUNNER].gates.call(pyfuncitem):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the faults off while pytest reports; attach what the test showed."""
    with _standing_aside():
        report = yield
        session = item.stash.get(_SESSION, None)
        if report.failed and "ScopeMismatch" in (text := report.longreprtext) and "fixture fsfault " in text:
            from pytest_fsfault._plugin.run import WIDER_SCOPE  # noqa: PLC0415

            report.sections.append(("file-system faults", WIDER_SCOPE))
        runner = item.config.stash[_RUNNER]
        runner.results.judge(call, report, session, part=runner.gates.amid is item)
        if session is not None:
            runner.results.attach(session, call, report)
            # JUnit takes them from the last report of a test, which has those of its item.
            item.user_properties += runner.results.properties(report)
        return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_logreport() -> Generator[None, object, object]:
    """Keep the faults off while pytest prints."""
    with _standing_aside():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_exception_interact() -> Generator[None, object, object]:
    """Keep the faults off while pytest, or a debugger, looks at an error."""
    with _standing_aside():
        return (yield)


def _standing_aside() -> AbstractContextManager[object]:
    """Return a context in which no session acts; it costs nothing where none does."""
    module = sys.modules.get("pytest_fsfault._intercept.interceptor")
    if module is None or not module.interceptor().acts:
        return _NOTHING
    return module.interceptor().all_shut()  # type: ignore[no-any-return]


_NOTHING = nullcontext()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the files that were asked for; refuse a run that was to repeat one trial and had none."""
    runner = session.config.stash[_RUNNER]
    try:
        runner.finish()
    except ValueError as error:  # FsFaultError, as above
        pytest.exit(str(error), pytest.ExitCode.USAGE_ERROR)
    missing = runner.results.missing()
    if missing and not session.config.option.collectonly and not session.testsfailed:
        pytest.exit(missing, pytest.ExitCode.USAGE_ERROR)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was asked for and the summary, as much of it as of pytest's own."""
    reporter = terminalreporter
    sections = config.stash[_RUNNER].results.sections(
        reporter._tw.markup,  # noqa: SLF001  # as all that prints in pytest's colours
        verbosity=reporter.verbosity,
        silent=reporter.no_summary,
    )
    for title, lines in sections:
        if title:
            reporter.write_sep("=", title)
        for line in lines:
            reporter.write_line(line)
