"""What the tests of one pytest run showed: on their reports, in the summary, and in files."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_fsfault._host.command_lines import joined
from pytest_fsfault._plugin import outcomes
from pytest_fsfault._plugin.seeds import remember

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pytest_fsfault._plugin.known_failures import KnownFailures
    from pytest_fsfault._report.colours import Markup
    from pytest_fsfault._report.recording import Recordings
    from pytest_fsfault._report.summary import Replayed
    from pytest_fsfault._session.ambient import Ambient
    from pytest_fsfault._session.session import Session

_TITLE = "file-system faults"
_KINDS = ("json", "html", "markdown")  # of files that show each call
# So many tests are named whose own sections pytest was told not to show.
_MOST = 12


class Results:
    """Collect what reports bring, from this process or from xdist's workers.

    Args:
        config: pytest's configuration.
        arguments: returns the options that reproduce this run.
        settings: returns what the command line and the ini file say.

    """

    def __init__(self, config: Any, arguments: Callable[[], str], settings: Callable[[], Ambient]) -> None:
        self._config = config
        self._arguments = arguments
        self._settings = settings
        self._outcomes = outcomes.Outcomes()
        self._tests = self._outcomes.tests
        self._reported: Session | None = None  # whose evidence a report has brought last
        self._shown: list[tuple[str, list[str]]] = []
        self._started = time.time()
        #: What is replayed, if anything is; the runner reads it.
        self.recordings: Recordings | None = None
        #: The failures that are known, if there is a list of them; the runner reads it.
        self.baseline: KnownFailures | None = None
        self._untouched = 0  # how many tests ran that it does not have
        #: Returns the published retry policies as data; the plugin sets it, which knows them.
        self.policies: Callable[[], list[dict[str, Any]]] = list
        #: The seed of each test that is refused for a mistake in its markers; the runner sets it.
        self.refused: dict[str, int] = {}
        self._red = ""  # the test whose journal was printed last
        self._journals: dict[str, list[str]] = {}  # of the tests that failed, by ID
        self._reruns: dict[str, str] = {}
        self._seen: dict[str, str] = {}  # the files of tests, as seen from where pytest was called
        self._exposed: Counter[str] = Counter()
        self._refused = 0  # how many calls Windows itself has refused
        self._unwritten = ""  # why the page of the CI job has got nothing

    @cached_property
    def _is_detailed(self) -> bool:
        """Whether each call will be read: a file of ours, the page of a CI job, or JUnit's file."""
        option = self._config.option
        named = (getattr(option, f"fsfault_{kind}", None) for kind in _KINDS)
        return any((*named, getattr(option, "xmlpath", None), os.environ.get("GITHUB_STEP_SUMMARY")))

    def follow_baseline(self, settings: Ambient, directory: str, seed: int) -> int:
        """Judge the tests by a baseline, if there is one; return the seed that holds. Raise FsFaultError for a mistake."""
        given, ini = self._config.option, self._config.getini("fsfault_baseline")
        of_profile = settings.profiles[settings.profile].baseline
        if given.fsfault_baseline or given.fsfault_baseline_write or ini or of_profile:
            from pytest_fsfault._plugin.known_failures import known_failures  # noqa: PLC0415  # for who has one

            self.baseline = known_failures(self._config, settings, ini, directory)
        if self.baseline is None:
            return seed
        return self.baseline.seed(seed, given=given.fsfault_seed is not None)

    def judge(self, call: Any, report: Any, session: Session | None, *, part: bool) -> None:
        """Judge a test, or a part of it that is a subtest, by the failures that are known."""
        if self.baseline is not None:
            self.baseline.judge(call, report, session, part=part)
        if report.nodeid in self.refused and report.failed and session is None:
            seed, profile = self.refused.pop(report.nodeid), self._settings().profile
            told = outcomes.refused_test(call, report, self._line(report.nodeid), profile, seed)
            outcomes.bring(self._config, report, told, {}, 0)

    def attach(self, session: Session, call: Any, report: Any) -> None:
        """Put what the test showed on its report, which reaches an xdist controller too."""
        show = self._config.option.fsfault_show
        self._attach_evidence(session, call, report)
        if not (show or report.failed or call.when == "call"):
            return
        lines = self._lines(session, everything=show == "all") if show or report.failed else []
        if report.failed:
            told = lines if self._red != report.nodeid else []
            self._red = report.nodeid
            rerun = self._line(report.nodeid)
            again = self._to_replay(session, report.nodeid)
            report.sections.append((_TITLE, "\n".join([*told, f"to reproduce: {rerun}", *again])))
            report.fsfault_failed = [rerun, *told]
        elif call.when == "call" and lines:
            report.fsfault_shown = lines

    def _attach_evidence(self, session: Session, call: Any, report: Any) -> None:
        why = report.fsfault_failure = outcomes.failure(call, report, session.verdict)
        if call.when == "teardown" or (call.when == "setup" and why is None):
            return
        from pytest_fsfault._session.showing import refusals  # noqa: PLC0415  # for a test under fault

        shown = self._evidence(session, report.nodeid, report.outcome, why, call.duration)
        outcomes.bring(self._config, report, shown, *refusals(session))

    def _evidence(
        self, session: Session, nodeid: str, outcome: str, why: dict[str, Any] | None, seconds: float
    ) -> dict[str, Any]:
        from pytest_fsfault._session.showing import evidence_of  # noqa: PLC0415  # for a test under fault

        self._reported = session
        return {
            "id": nodeid,
            "outcome": outcome,
            "failure": why,
            "reproduce": self._line(nodeid),
            "profile": session.profile,
            "seed": session.seed,
            "seconds": seconds,
            **evidence_of(session, detailed=self._is_detailed),
        }

    def interrupted(self, session: Session, nodeid: str, error: BaseException, seconds: float) -> None:
        """Keep what a test showed of which there will be no report: KeyboardInterrupt, or `pytest.exit`."""
        if session is self._reported:
            return
        shown = self._evidence(session, nodeid, outcomes.INTERRUPTED, outcomes.interruption(error), seconds)
        if hasattr(self._config, "workerinput"):
            self._config.workeroutput[outcomes.BROUGHT] = json.dumps(shown)
        else:
            self._outcomes.put(shown)

    def collect_interrupted(self, brought: dict[str, Any]) -> None:
        """Record what a worker of xdist brings at its end: the test in which it was interrupted."""
        found = brought.pop(outcomes.BROUGHT, None)  # it is told twice of a worker that is down
        if found is not None:
            self._outcomes.put(json.loads(found))

    def _lines(self, session: Session, *, everything: bool) -> list[str]:
        from pytest_fsfault._core.language.legible import legible  # noqa: PLC0415
        from pytest_fsfault._session.showing import lines_of  # noqa: PLC0415

        return [legible(line) for line in lines_of(session, everything=everything)]

    def _to_replay(self, session: Session, nodeid: str) -> Iterator[str]:
        """Yield how to have the same faults again, whatever is drawn then, if they came by chance."""
        from pytest_fsfault._session.showing import by_chance  # noqa: PLC0415

        if self.recordings is not None or not by_chance(session):
            return
        written = self._config.option.fsfault_json
        line = f"{self._line(nodeid)} --fsfault-{{}} {joined([written or 'run.json'])}"
        if written is None:
            yield f"its faults came by chance; to keep them: {line.format('json')}"
        yield f"to replay them: {line.format('replay')}"

    def properties(self, report: Any) -> Iterator[tuple[str, str]]:
        """Yield what a JUnit file says of a test under fault: its seed, how to run it again, and its faults."""
        shown = getattr(report, "fsfault", None)
        if shown is None or not getattr(self._config.option, "xmlpath", None):
            return
        from pytest_fsfault._report.junit import properties  # noqa: PLC0415

        yield from properties(json.loads(shown) if isinstance(shown, str) else shown)

    @cached_property
    def _options(self) -> str:
        """The options that reproduce this run, the same for all of its tests."""
        return self._arguments()

    def _line(self, nodeid: str) -> str:
        return f"pytest {self.selected(nodeid)} {self._options}"

    def selected(self, nodeid: str) -> str:
        """Return the argument that selects one test, as seen from where pytest was called."""
        file, colons, name = nodeid.partition("::")
        if file not in self._seen:
            seen = file
            with suppress(ValueError):  # another drive
                seen = os.path.relpath(self._config.rootpath / file, self._config.invocation_params.dir)
            self._seen[file] = seen.replace(os.sep, "/")
        return joined([self._seen[file] + colons + name])

    def collect(self, report: Any) -> None:
        """Keep what a report brings; that of a subtest is only a part of its test's."""
        rerun, *journal = getattr(report, "fsfault_failed", None) or [""]
        if rerun:
            self._reruns[report.nodeid] = rerun
            self._journals[report.nodeid] = journal or self._journals.get(report.nodeid, [])
        self._untouched += self._is_untouched(report)
        if self.baseline is not None:
            self.baseline.collect(report)
        found = getattr(report, "fsfault", None)
        if found is None or hasattr(report, "context"):
            (self._outcomes.part if hasattr(report, "context") else self._outcomes.amend)(report)
            return
        found = json.loads(found) if isinstance(found, str) else found
        self._outcomes.add(found, report)
        self._exposed.update(report.fsfault_exposed)
        self._refused += report.fsfault_refused
        shown = getattr(report, "fsfault_shown", None)
        if shown:
            self._shown.append((f"fsfault: {found['id']}", shown))

    def _is_untouched(self, report: Any) -> bool:
        """Return whether a report is that of a test which the file of a replay does not have."""
        if self.recordings is None or report.when != "call" or hasattr(report, "context"):
            return False
        return report.nodeid not in self.recordings.tests

    @contextmanager
    def painting(self, reporter: Any) -> Iterator[None]:
        """Let the terminal show the sections of red tests in colours for the block; reports stay without."""
        plain = []
        if reporter.hasmarkup and self._reruns:
            from pytest_fsfault._report.colours import painted_text  # noqa: PLC0415

            for report in (*reporter.getreports("failed"), *reporter.getreports("error")):
                plain.append((report, report.sections))
                report.sections = [
                    (name, painted_text(text, reporter._tw.markup) if name == _TITLE else text)
                    for name, text in report.sections
                ]
        try:
            yield
        finally:
            for report, sections in plain:
                report.sections = sections

    def sections(self, markup: Markup, *, verbosity: int, silent: bool) -> Iterator[tuple[str, list[str]]]:
        """Yield titles and lines for the end of the run: what was asked for, then the summary.

        A negative `verbosity` leaves one line of it, without a title, and then none; a `silent` run has none.
        """
        if not (self._tests or self._reruns) or self._outcomes.are_forked():
            return
        from pytest_fsfault._report.colours import painted, painted_summary  # noqa: PLC0415

        for title, lines in self._shown:
            yield title, [painted(line, markup) for line in lines]
        if silent:
            return
        lines = [*self._summary(verbosity), *self._hidden_reruns()]
        if lines:
            yield "" if verbosity < 0 else "fsfault", [painted_summary(line, markup) for line in lines]

    def _summary(self, verbosity: int) -> list[str]:
        """Return the lines about the whole run, as many as pytest was asked for."""
        if verbosity < -1:
            return []
        from pytest_fsfault._core.language.legible import legible  # noqa: PLC0415
        from pytest_fsfault._report.summary import one_line, summary_lines, totals  # noqa: PLC0415

        total = totals(self._tests, self._replayed())
        if total["tests"] == total["refused"]:
            return []
        known = () if self.baseline is None else self.baseline.lines()
        if verbosity < 0:
            return [legible(one_line(total, "; ".join([*known, self._arguments()])))]
        lines = [*summary_lines(total, self._arguments()), *self._advice(total), self._unwritten, *known]
        return [legible(line) for line in lines if line]

    def _hidden_reruns(self) -> Iterator[str]:
        """Yield how to run failed tests again, if pytest does not show their sections."""
        option = self._config.option
        if option.tbstyle != "no" and option.showcapture == "all":
            return
        from pytest_fsfault._core.language.legible import legible  # noqa: PLC0415

        for line in [*self._reruns.values()][:_MOST]:
            yield f"to reproduce: {legible(line)}"
        if len(self._reruns) > _MOST:
            yield f"... {len(self._reruns) - _MOST} more; --tb=short shows how to reproduce each"

    def _advice(self, total: dict[str, Any]) -> Iterator[str]:
        """Yield what the system itself has refused; what to try if the run met no fault, for want of a scanner."""
        if self._refused:
            calls = "1 call" if self._refused == 1 else f"{self._refused} calls"
            yield f"refused by Windows itself: {calls}"
            return
        settings = self._settings()
        profile = settings.profiles[settings.profile]
        if total["faults"] or profile.windows is None or profile.scanners or settings.scanners:
            return
        yield f"no call was refused: the profile {profile.name} has no scanner that holds files"
        if self._exposed:
            calls = ", ".join(f"{name} ({count})" for name, count in self._exposed.most_common())
            yield f"a scanner that is still reading a file refuses calls such as these: {calls}"
        yield "try --fsfault-profile defender"

    def finish(self, seed: int, targets: Mapping[str, Path]) -> None:
        """Write what was asked for, by option; remember the seed for `--fsfault-seed last`.

        Raise FsFaultError for a file that is not writable.
        """
        if hasattr(self._config, "workerinput") or self._outcomes.are_forked():
            return
        if self._tests:
            remember(self._config, seed)
        if self.baseline is not None:
            self.baseline.finish(seed)
        page = os.environ.get("GITHUB_STEP_SUMMARY", "") if self._tests else ""
        if targets or page:
            from pytest_fsfault._plugin.outputs import write  # noqa: PLC0415

            self._unwritten = write(self._document(seed), self._journals, targets, page)

    def missing(self) -> str:
        """Return why the one trial that was asked for cannot have been run; nothing if it may have been."""
        trial = self._config.option.fsfault_trial
        swept = any(test["sweeps"] for test in self._tests)
        if trial is None or swept or hasattr(self._config, "workerinput"):
            return ""
        return f"--fsfault-trial {trial}: no test of this run has a sweep"

    def _document(self, seed: int) -> dict[str, Any]:
        from pytest_fsfault._plugin.run_facts import run_facts  # noqa: PLC0415
        from pytest_fsfault._report.summary import document  # noqa: PLC0415

        facts = run_facts(
            self._settings(), seed, self._arguments(), self._config.invocation_params.args, self.policies()
        )
        replay_of = None if self.recordings is None else self.recordings.source
        run = {**facts, "replay_of": replay_of, "started": self._started}
        known = None if self.baseline is None else self.baseline.facts()
        return document(self._tests, run, self._replayed(), known)

    def _replayed(self) -> Replayed | None:
        from pytest_fsfault._report.summary import Replayed  # noqa: PLC0415

        return None if self.recordings is None else Replayed(self.recordings.source, self._untouched)
