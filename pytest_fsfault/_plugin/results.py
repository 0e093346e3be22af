"""What the tests of one pytest run showed: on their reports, in the summary, and as JSON."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_fsfault._host.command_lines import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_fsfault._session.ambient import Ambient
    from pytest_fsfault._session.session import Session

_LAST_SEED = "fsfault/seed"


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
        self._tests: list[dict[str, Any]] = []
        self._shown: list[tuple[str, list[str]]] = []
        self._started = time.time()
        #: Returns the published retry policies as data; the plugin sets it, which knows them.
        self.policies: Callable[[], list[dict[str, Any]]] = list
        self._red = ""  # the test whose journal was printed last

    def attach(self, session: Session, call: Any, report: Any) -> None:
        """Put what the test showed on its report, which reaches an xdist controller too."""
        from pytest_fsfault._core.language.legible import legible  # noqa: PLC0415
        from pytest_fsfault._session.showing import evidence_of, lines_of  # noqa: PLC0415

        if call.when == "call":
            shown = {
                "id": report.nodeid,
                "outcome": report.outcome,
                "failure": _failure(call, report),
                "reproduce": self._line(report.nodeid),
                "profile": session.profile,
                "seed": session.seed,
                "seconds": call.duration,
                **evidence_of(session),
            }
            # xdist carries text only as UTF-8, and a name may have bytes that are none.
            remote = hasattr(self._config, "workerinput")
            report.fsfault = json.dumps(shown) if remote else shown
        show = self._config.option.fsfault_show
        lines = (
            [legible(line) for line in lines_of(session, everything=show == "all")]
            if show or report.failed
            else []
        )
        if report.failed:
            told = lines if self._red != report.nodeid else []
            self._red = report.nodeid
            report.sections.append(("file-system faults", "\n".join([*told, self._rerun(report.nodeid)])))
        elif call.when == "call" and lines:
            report.fsfault_shown = lines

    def _rerun(self, nodeid: str) -> str:
        return f"to reproduce: {self._line(nodeid)}"

    def _line(self, nodeid: str) -> str:
        return f"pytest {self.selected(nodeid)} {self._arguments()}"

    def selected(self, nodeid: str) -> str:
        """Return the argument that selects one test, as seen from where pytest was called."""
        file, colons, name = nodeid.partition("::")
        with suppress(ValueError):  # another drive
            file = os.path.relpath(self._config.rootpath / file, self._config.invocation_params.dir)
        return joined([file.replace(os.sep, "/") + colons + name])

    def collect(self, report: Any) -> None:
        """Keep what a report brings; that of a subtest is only a part of its test's."""
        found = getattr(report, "fsfault", None)
        if found is None or hasattr(report, "context"):
            return
        found = json.loads(found) if isinstance(found, str) else found
        self._tests.append(found)
        shown = getattr(report, "fsfault_shown", None)
        if shown:
            self._shown.append((f"fsfault: {found['id']}", shown))

    def sections(self, *, brief: bool) -> Iterator[tuple[str, list[str]]]:
        """Yield titles and lines for the end of the run; if `brief`, only those that were asked for."""
        yield from self._shown
        if self._tests and not brief:
            from pytest_fsfault._core.language.legible import legible  # noqa: PLC0415
            from pytest_fsfault._report.summary import summary_lines, totals  # noqa: PLC0415

            total = totals(self._tests)
            yield "fsfault", [*map(legible, summary_lines(total, self._arguments())), *self._advice(total)]

    def _advice(self, total: dict[str, Any]) -> Iterator[str]:
        """Yield what to try if the whole run met no fault for want of anybody who holds files."""
        settings = self._settings()
        profile = settings.profiles[settings.profile]
        if not total["faults"] and profile.windows is not None and not profile.scanners:
            yield (
                f"no call was refused; the profile {profile.name} has no scanner that holds files: "
                "try --fsfault-profile defender"
            )

    def finish(self, seed: int, path: Path | None) -> None:
        """Write the JSON to a path, if there is one, and remember the seed for `--fsfault-seed last`."""
        if hasattr(self._config, "workerinput"):
            return
        cache = getattr(self._config, "cache", None)
        if self._tests and cache is not None:
            cache.set(_LAST_SEED, seed)
        if path is not None:
            path.write_text(json.dumps(self._document(seed), indent=2) + "\n", "ascii")

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
        return document(self._tests, {**facts, "started": self._started})


def _failure(call: Any, report: Any) -> dict[str, Any] | None:
    """Return why a test failed: its text, and which check of ours said so, if one did."""
    if not report.failed or call.excinfo is None:
        return None
    error = call.excinfo.value
    ours = type(error).__module__.startswith("pytest_fsfault")
    return {"text": call.excinfo.exconly(tryshort=True), "check": type(error).__name__ if ours else None}


def last_seed(config: Any) -> int | None:
    """Return the seed of the last run that had tests under fault, None if there is none."""
    cache = getattr(config, "cache", None)
    found: int | None = cache.get(_LAST_SEED, None) if cache is not None else None
    return found
