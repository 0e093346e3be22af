"""One pytest run: its settings, and a session for each test under fault.

It is loaded with the plugin; whatever it needs for faults is imported when the first test asks for them.
"""

from __future__ import annotations

import os
import sys
import time
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Any

from pytest_fsfault._host.command_lines import joined
from pytest_fsfault._host.loading import load
from pytest_fsfault._plugin.gate import Gates
from pytest_fsfault._plugin.results import Results
from pytest_fsfault._plugin.seeds import last_seed
from pytest_fsfault._session.current_settings import pop, push

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_fsfault._session.ambient import Ambient
    from pytest_fsfault._session.options import Options
    from pytest_fsfault._session.session import Session
    from pytest_fsfault._windows.platform.pretend import Pretence

# The fixtures of pyfakefs.
_FAKES = frozenset(["fs", "fs_class", "fs_module", "fs_session"])
_MARKER = "the fsfault marker"
#: Said beside pytest's ScopeMismatch.
WIDER_SCOPE = (
    "the fixture fsfault belongs to one test; a module- or session-scoped fixture uses "
    "`with pytest_fsfault.inject(...) as fsfault:`"
)
_NO_ARGUMENT = (
    f"{_MARKER} has no argument, so that no fault acts; write a rule, such as "
    "'os.replace -> ERROR_ACCESS_DENIED when first 3', or profile='defender', or use the fixture fsfault"
)
_INI = (
    "profile", "rules", "roots", "strict", "seed", "clock", "children", "native", "outside", "windows", "scanners",
    "pretend",
)  # fmt: skip
# What a test under faults needs, and the report of it.
_OF_A_TEST = (
    "_session.session",
    "_session.showing",
    "_report.summary",
    "_report.colours",
    "_plugin.progress",
)
#: What a run can be written as: `--fsfault-json` and so on.
_FILES = ("html", "json", "markdown")


class Keys:
    """Where an item's stash keeps its session, and what is wrong with its markers."""

    def __init__(self, session: Any, mistake: Any) -> None:
        self.session, self.mistake = session, mistake


def _is_kept(setting: str) -> bool:
    """Return whether a setting of the command line belongs to a run that reproduces another."""
    return setting.startswith("fsfault_") and not setting.startswith("fsfault_seed")


class Runner:
    """What the plugin's hooks delegate to.

    Args:
        config: pytest's configuration.
        keys: of an item's stash.
        fail: ends a test with a message and no traceback.

    """

    def __init__(self, config: Any, keys: Keys, fail: Callable[[str], Any]) -> None:
        self._config = config
        self._keys = keys
        self._options = config.option
        self._settings: Ambient | None = None
        self._ambient: Ambient | None = None
        self._sweep: Callable[[], None] | None = None
        self._pretence: Pretence | None = None
        self.gates = Gates(self._session_of, fail)
        self.results = Results(config, self.arguments, self.settings)
        self.seed = 0
        self.targets: dict[str, Path] = {}
        self.under_faults = False

    # The run.

    def configure(self) -> None:
        """Read the settings as far as there are any; raise FsFaultError for a mistake in them."""
        given = self._options
        texts = (
            given.fsfault_profile, given.fsfault_seed, given.fsfault_show, given.fsfault_trial, given.fsfault_replay,
            given.fsfault_baseline, given.fsfault_baseline_write or None, *self._files().values(),
        )  # fmt: skip
        used = given.fsfault or given.fsfault_rule or any(text is not None for text in texts)
        if used or any(self._ini().values()) or self._own_profiles():
            settings = self.settings()
            emulating = settings.windows is not None
            self.under_faults = settings.profile != "off" or bool(settings.rules) or emulating
            self._pretend(settings.pretend)
            self.seed = self._choose_seed(settings.profiles[settings.profile].seed)
            self.seed = self.results.follow_baseline(settings, self._directory(), self.seed)
        else:
            self.seed = self._choose_seed(None)
        push(self.ambient)

    def _directory(self) -> str:
        """Return the directory from which paths in the ini file are seen."""
        return str(self._config.inipath.parent if self._config.inipath else self._config.rootpath)

    def _files(self) -> dict[str, str | None]:
        """Return the files that were asked for, by option."""
        return {form: getattr(self._options, f"fsfault_{form}") for form in _FILES}

    def _pretend(self, globs: tuple[str, ...]) -> None:
        """Let modules see Windows for the whole run, from before they are collected."""
        if globs:
            from pytest_fsfault._windows.platform.pretend import pretend  # noqa: PLC0415  # for who asks for it

            self._pretence = pretend(*globs)
            self._pretence.start()

    def unconfigure(self) -> None:
        """Undo `configure`, and whatever an interrupted run has left."""
        if self._pretence is not None:
            self._pretence.stop()
        pop(self.ambient)
        self.gates.release()
        if self._sweep is not None:
            self._sweep()

    def settings(self) -> Ambient:
        """Return what the command line and the ini file say."""
        if self._settings is None:
            self._settings = self._settle()
        return self._settings

    def _settle(self) -> Ambient:
        load("_plugin.settings")
        from pytest_fsfault._plugin.settings import ambient, given_by, recordings, show, targets, trial  # noqa: PLC0415

        given = self._options
        show(given.fsfault_show)
        trial(given.fsfault_trial)
        self.targets = targets(self._files())
        self.results.recordings = recordings(given.fsfault_replay)
        return ambient(given_by(given, self._ini(), self._directory(), self._own_profiles()))

    def ambient(self) -> Ambient:
        """Return the settings with the roots, which pytest makes when they are first asked for."""
        if self._ambient is None:
            from pytest_fsfault._core.language.frozen import replace  # noqa: PLC0415
            from pytest_fsfault._intercept.fake.isolation import real_files  # noqa: PLC0415
            from pytest_fsfault._plugin.progress import SweepProgress  # noqa: PLC0415
            from pytest_fsfault._session.roots import forms  # noqa: PLC0415

            settings = replace(
                self.settings(), seed=self.seed, trial=self._options.fsfault_trial,
                directory=self.gates.directory, rerun=self._rerun, progress=SweepProgress(self._config).tell,
                numbering="json" in self.targets,
                recordings={} if self.results.recordings is None else self.results.recordings.tests,
            )  # fmt: skip
            factory = getattr(self._config, "_tmp_path_factory", None)
            if factory is not None and not settings.roots:
                with real_files():  # the directory is a real one
                    own = tuple(dict.fromkeys(forms(factory.getbasetemp())))
                settings = replace(settings, roots=own, numbered=own)
            self._ambient = settings
        return self._ambient

    def _ini(self) -> dict[str, Any]:
        return {name: self._config.getini(f"fsfault_{name}") for name in _INI}

    def _own_profiles(self) -> list[tuple[str, Any]]:
        """Return tables of profiles: those of plugins, in order of registration, then the project's."""
        given = self._config.hook.pytest_fsfault_profiles(config=self._config)
        tables = [("pytest_fsfault_profiles", table) for table in reversed(given)]
        file = self._config.rootpath / "pyproject.toml"
        if file.is_file() and b"fsfault" in (raw := file.read_bytes()):
            from pytest_fsfault._plugin.settings import project_profiles  # noqa: PLC0415

            tables += project_profiles(raw, str(file))
        return tables

    def _choose_seed(self, of_profile: int | None) -> int:
        """Return the run's seed: what was given on the command line, by the profile, by the ini file, or a new one."""
        handed: dict[str, Any] = getattr(self._config, "workerinput", {})
        if "fsfault_seed" in handed:
            return int(handed["fsfault_seed"])
        given, ini = self._options.fsfault_seed, self._config.getini("fsfault_seed")
        if given is None and not ini:
            return int.from_bytes(os.urandom(4)) if of_profile is None else of_profile
        from pytest_fsfault._plugin.settings import choose_seed  # noqa: PLC0415

        return choose_seed(given, of_profile, ini, lambda: last_seed(self._config))

    def arguments(self, trial: str | None = None) -> str:
        """Return the options that reproduce this run, together with its files."""
        profile, given = self.settings().profile, self._options
        pairs = [
            ("-c", given.inifilename or None),
            ("--fsfault-profile", given.fsfault_profile if profile == "off" else profile),
            *zip(repeat("--fsfault-rule"), given.fsfault_rule, strict=False),
            *zip(repeat("-o"), filter(_is_kept, given.override_ini or ()), strict=False),
            ("--fsfault-baseline", given.fsfault_baseline),
            ("--fsfault-replay", given.fsfault_replay),
            ("--fsfault-trial", given.fsfault_trial if trial is None else trial),
            ("--fsfault-seed", str(self.seed)),
        ]
        return joined([word for pair in pairs if pair[1] is not None for word in pair])

    def _rerun(self, trial: str) -> str:
        """Return the line that runs one trial alone, of the test that runs or has just been run."""
        item = self.gates.calling[-1] if self.gates.calling else self.gates.called
        selected = [self.results.selected(item.nodeid)] if item is not None else []
        return " ".join(["pytest", *selected, self.arguments(trial)])

    def finish(self) -> None:
        """Write what was asked for."""
        self.results.finish(self.seed, self.targets)

    def print_list(self) -> None:
        """Print all that a rule may speak of."""
        from pytest_fsfault._host.console import say  # noqa: PLC0415  # a run without faults does without it
        from pytest_fsfault._report.listing import listing  # noqa: PLC0415
        from pytest_fsfault._windows import versions  # noqa: PLC0415
        from pytest_fsfault._windows.holders import scanners  # noqa: PLC0415

        profiles = sorted((one.name, one.about) for one in self.settings().profiles.values())
        say("\n".join(listing(profiles, versions.VERSIONS, scanners.listing())) + "\n")

    # A test.

    def begin(self, item: Any, *, forced: bool = False) -> None:
        """Start a session for `item` if it asks for one; the gate is still shut."""
        if not forced:
            self.forget(item)  # some plugins run an item again
        marks = list(item.iter_markers("fsfault"))
        uses = forced or "fsfault" in getattr(item, "fixturenames", ())
        if not (marks or uses or self.under_faults or self._is_recorded(item)):
            return
        if "pyfakefs.fake_filesystem_unittest" in sys.modules:
            from pytest_fsfault._intercept.fake.isolation import prepare  # noqa: PLC0415

            prepare()
        from pytest_fsfault._core.language.mistakes import FsFaultError  # noqa: PLC0415

        try:
            self._begin(item, marks, uses=uses)
        except FsFaultError as error:
            # Raised where the set-up has begun: what others clean up later must be there.
            item.stash[self._keys.mistake] = str(error)
            self.results.refused[item.nodeid] = self.seed

    def _begin(self, item: Any, marks: list[Any], *, uses: bool) -> None:
        load(*_OF_A_TEST)
        from pytest_fsfault._core.language.mistakes import FsFaultError  # noqa: PLC0415
        from pytest_fsfault._session.session import Session  # noqa: PLC0415

        self._know_plugins()
        options = self._asked(item, marks)
        asked = any(mark.args or mark.kwargs for mark in marks)
        if not (asked or uses or self.under_faults or self._is_recorded(item)):
            raise FsFaultError(_NO_ARGUMENT)
        if options.profile == "off" and not options.rules and not uses:
            return
        session = Session(options, self.ambient(), test=item.nodeid)
        session.start()
        item.stash[self._keys.session] = session

    def _is_recorded(self, item: Any) -> bool:
        return self.results.recordings is not None and item.nodeid in self.results.recordings.tests

    def _asked(self, item: Any, marks: list[Any]) -> Options:
        """Return what the markers say together, the outermost first, and the fixture's parameter."""
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if not (marks or "fsfault" in parameters):
            return self._nothing
        from pytest_fsfault._session.options import Options, checked_options  # noqa: PLC0415
        from pytest_fsfault._session.roots import expecting_fake  # noqa: PLC0415

        options = self._nothing
        # pytest names the marks of a parameter after the function's own, although they stand within it.
        of_parameter = {id(mark) for mark in getattr(getattr(item, "callspec", None), "marks", ())}
        outside_in = [*reversed(marks)]
        outside_in.sort(key=lambda mark: id(mark) in of_parameter)
        fixtures = getattr(item, "fixturenames", ())
        with expecting_fake("pyfakefs.pytest_plugin" in sys.modules and not _FAKES.isdisjoint(fixtures)):
            for mark in outside_in:
                options = checked_options(_MARKER, mark.args, mark.kwargs).inside(options)
        if "fsfault" in parameters and "fsfault" in fixtures:
            options = Options(profile=parameters["fsfault"]).inside(options)
        return options

    @cached_property
    def _nothing(self) -> Options:
        """What a test asks for that has no marker: nothing."""
        from pytest_fsfault._session.options import Options  # noqa: PLC0415

        return Options()

    def _know_plugins(self) -> None:
        """Tell the interceptor which modules are plugins: they are never under fault, but for the project's own."""
        if self._sweep is not None:
            return
        from pytest_fsfault._intercept.interceptor import interceptor  # noqa: PLC0415
        from pytest_fsfault._plugin.machinery import sort_plugins  # noqa: PLC0415

        self._sweep = interceptor().sweep
        plugins = self._config.pluginmanager.list_plugin_distinfo()
        interceptor().callers.add_machinery(*sort_plugins(plugins, str(self._config.rootpath)))

    def _session_of(self, item: Any) -> Session | None:
        return item.stash.get(self._keys.session, None)  # type: ignore[no-any-return]

    def end(self, item: Any) -> None:
        """Take away what the item's session has put in place; what it showed stays for the report."""
        session = self._session_of(item)
        if session is not None:
            session.stop()

    def interrupted(self, item: Any, error: BaseException) -> None:
        """Keep what a test showed that `KeyboardInterrupt` or `pytest.exit` has ended: there is no report of it."""
        session = self._session_of(item)
        if session is not None and not session.over:
            called = self.gates.called is item
            spent = time.perf_counter() - self.gates.began if called else 0.0
            self.results.interrupted(session, item.nodeid, error, spent)

    def forget(self, item: Any) -> None:
        """End the item's session, however the item ended, and let it go."""
        self.gates.release()
        if self._session_of(item) is not None:
            self.end(item)
            if self._sweep is not None:
                self._sweep()
            del item.stash[self._keys.session]
