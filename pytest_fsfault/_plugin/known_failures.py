"""Judge the tests of a run by the failures that are known under its profile."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._plugin.settings import target
from pytest_fsfault._report.baseline import Baseline, KnownFailure, read_baseline
from pytest_fsfault._session.showing import cause_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_fsfault._session.ambient import Ambient
    from pytest_fsfault._session.session import Session

_OPTION = "--fsfault-baseline"
_WRITE = "--fsfault-baseline-write"


def known_failures(config: Any, settings: Ambient, ini: str, directory: str) -> KnownFailures | None:
    """Return what judges the tests of a run; None if there is no baseline for it.

    The command line names it, or else the profile of the run, or the ini file: both as seen from `directory`. What
    the ini file names is for runs under the profile that the file was written under.
    """
    given, writing = config.option.fsfault_baseline, config.option.fsfault_baseline_write
    here = given or settings.profiles[settings.profile].baseline
    named = here or ini
    if not named and writing:
        raise FsFaultError(f"{_WRITE} writes the file that {_OPTION} names; name one")
    if not named:
        return None
    path = Path(os.path.abspath(given or os.path.join(directory, named)))
    place = _place(given, here, named, settings.profile)
    found = _read(path, place, writing=writing) or Baseline(settings.profile, -1, {})
    if found.profile == settings.profile:
        return KnownFailures(config, path, named, found, writing=writing)
    if not here:
        return None
    raise FsFaultError(
        f"{place} was written under the profile {found.profile!r}, and this run is under {settings.profile!r}; "
        f"add --fsfault-profile {found.profile}"
    )


def _place(given: str | None, here: str | None, named: str, profile: str) -> str:
    """Return how a message names the file: by the option, or by the profile or the ini file that has its name."""
    if given:
        return f"{_OPTION} {named!r}"
    where = f"profile {profile!r}" if here else "ini file"
    return f"the baseline {named!r} of the {where}"


def _read(path: Path, place: str, *, writing: bool) -> Baseline | None:
    if writing:
        target(_OPTION, str(path))
    try:
        return read_baseline(path.read_bytes())
    except FileNotFoundError:
        if writing:
            return None
        raise FsFaultError(f"{place} does not exist; write it by {_WRITE}") from None
    except OSError as error:
        raise FsFaultError(f"{place} is not readable: {error.strerror}") from None
    except FsFaultError as error:
        raise FsFaultError(f"{place} {error}") from None


class KnownFailures:
    """The baseline of one run: reports are changed by it, and it by them, if that was asked for."""

    def __init__(self, config: Any, path: Path, shown: str, baseline: Baseline, *, writing: bool) -> None:
        self._config = config
        self._path = path
        self._shown = shown
        self._baseline = baseline
        self._writing = writing
        self._found: dict[str, KnownFailure | None] = {}  # of the tests that ran
        self._parts: dict[str, KnownFailure] = {}  # why the first subtest failed of a test that is under way
        self._statuses: Counter[str] = Counter()

    def seed(self, chosen: int, *, given: bool) -> int:
        """Return the seed that holds: that of the file; raise FsFaultError if another one was `given`."""
        held = self._baseline.seed
        if held < 0:
            return chosen
        if given and chosen != held:
            raise FsFaultError(
                f"--fsfault-seed {chosen}: {self._shown} holds for the seed {held}; leave the option out, or remove "
                f"the file and write it anew by {_WRITE}"
            )
        return held

    def judge(self, call: Any, report: Any, session: Session | None, *, part: bool) -> None:
        """Report a listed failure as an expected one, and a listed test that is mended or fails otherwise as failed.

        That of a `part`, a subtest, comes before that of its test, and counts for it: the first that fails.
        """
        expected = self._baseline.tests.get(report.nodeid)
        first = self._parts.pop(report.nodeid, None)
        concerns = (session is not None or expected is not None) and self._is_verdict(call, report, first)
        found = first or (self._failure(call.excinfo, report, session) if concerns else None)
        if part and found is not None:
            self._parts[report.nodeid] = found
        if concerns and (report.failed or not part):
            self._change(report, expected, found)

    def _change(self, report: Any, expected: KnownFailure | None, found: KnownFailure | None) -> None:
        status = _status(expected, found)
        if found is not None and (self._writing or status == "known"):
            self._expect(report, expected, found)
        elif not self._writing:
            self._refuse(report, status, expected, found)
        rows = {"expected": expected and expected.row(), "found": found and found.row()}
        report.fsfault_baseline = {"status": status, **rows}

    def _is_verdict(self, call: Any, report: Any, first: KnownFailure | None) -> bool:
        """Return whether a report says how the test itself has ended; it has failed if its `first` failed part did."""
        ended = first is not None or not (report.skipped or hasattr(report, "wasxfail"))
        return call.when == "call" and ended and not self._config.option.runxfail

    def _expect(self, report: Any, expected: KnownFailure | None, found: KnownFailure) -> None:
        reason = f" ({expected.reason})" if expected is not None and expected.reason else ""
        report.outcome = "skipped"
        report.wasxfail = f"known under the profile {self._baseline.profile}: {found}{reason}"

    def _failure(self, caught: Any, report: Any, session: Session | None) -> KnownFailure | None:
        if not report.failed or caught is None:
            return None
        error = caught.value
        operation, winerror = (None, None) if session is None else cause_of(session, error)
        crash = getattr(report.longrepr, "reprcrash", None)
        line = "" if crash is None else f"{crash.path}:{crash.lineno}"
        below = f"{self._config.rootpath}{os.sep}"
        line = line.removeprefix(below).replace(os.sep, "/") if line.startswith(below) else ""
        return KnownFailure(type(error).__name__, winerror, operation, line)

    def _refuse(
        self, report: Any, status: str, expected: KnownFailure | None, found: KnownFailure | None
    ) -> None:
        if status == "mended":
            report.outcome = "failed"
            report.longrepr = (
                f"it passes, and {self._shown} lists it as {expected}: take its line out of the file"
            )
        elif status == "changed":
            told = f"{self._shown} lists it as {expected}, and it failed as {found}"
            report.sections.append(("baseline", told))

    def collect(self, report: Any) -> None:
        """Keep what a report brings, from this process or from a worker of xdist."""
        found = getattr(report, "fsfault_baseline", None)
        if found is None or hasattr(report, "context"):
            return
        row = found["found"]
        failure = None
        if row is not None:
            failure = KnownFailure(row["class"], row["winerror"], row["operation"], row["line"])
        self._found[report.nodeid] = failure
        self._statuses[found["status"]] += 1

    def finish(self, seed: int) -> None:
        """Write the file, if that was asked for: the tests that ran take the place of what it said of them."""
        if not self._writing or hasattr(self._config, "workerinput"):
            return
        tests = dict(self._baseline.tests)
        for name, failure in self._found.items():
            known = tests.pop(name, None)
            if failure is not None:
                tests[name] = failure._replace(reason="" if known is None else known.reason)
        text = Baseline(self._baseline.profile, seed, tests).text()
        try:
            self._path.write_text(text, "ascii", newline="\n")
        except OSError as error:
            raise FsFaultError(f"{_OPTION}: {error}") from None

    def facts(self) -> dict[str, Any]:
        """Return the entry of `totals` in the schema."""
        counts = {status: self._statuses[status] for status in ("known", "changed", "mended", "new")}
        return {"source": self._shown, "written": self._writing, **counts}

    def lines(self) -> Iterator[str]:
        """Yield what the summary says of it."""
        counts = self._statuses
        texts = _WRITTEN if self._writing else _TEXTS
        told = [f"{counts[status]} {text}" for status, text in texts if counts[status]]
        written = " written" if self._writing else ""
        yield f"baseline {self._shown}{written}: {', '.join(told) or 'no known failure'}"


_TEXTS = (
    ("known", "failed as known"),
    ("changed", "failed otherwise"),
    ("mended", "passed that were known to fail"),
    ("new", "not listed"),
)
_WRITTEN = (("known", "as before"), ("changed", "changed"), ("mended", "taken out"), ("new", "added"))


def _status(expected: KnownFailure | None, found: KnownFailure | None) -> str:
    if expected is None:
        return "passed" if found is None else "new"
    if found is None:
        return "mended"
    return "known" if expected.is_like(found) else "changed"
