"""One pytest run: its settings, a session for each test under fault, and what they showed.

It is loaded with the plugin; whatever it needs for faults is imported when the first test asks for them.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import random
import shlex
import sys
import unittest
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_fsfault._surroundings import surround, unsurround

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_fsfault._options import Ambient, Options
    from pytest_fsfault._session import FsFault

_LAST_SEED = "fsfault/seed"
_INI = ("profile", "rules", "roots", "strict", "seed", "clock", "children")


class Runner:
    """What the plugin's hooks delegate to.

    Args:
        config: pytest's configuration.
        fail: ends a test with a message and no traceback.
        mistake: the key of an item's stash for what is wrong with its markers.

    """

    def __init__(self, config: Any, fail: Callable[[str], Any], mistake: Any) -> None:
        self.mistake = mistake
        self._config = config
        self._fail = fail
        self._options = config.option
        self._settings: Ambient | None = None
        self._roots: tuple[str, ...] = ()
        self._tests: list[dict[str, Any]] = []
        self.seed = 0
        self.under_faults = False
        self.sweep: Callable[[], None] = lambda: None

    # The run.

    def configure(self) -> None:
        """Read the settings as far as there are any; raise FsFaultError for a mistake in them."""
        given = self._options
        self.seed = self._choose_seed()
        self._check_json()
        inis = [self._config.getini(f"fsfault_{name}") for name in _INI]
        if given.fsfault or given.fsfault_profile or given.fsfault_rule or any(inis) or self._own_profiles():
            settings = self.settings()
            self.under_faults = settings.profile != "off" or bool(settings.rules)
        surround(self.ambient)

    def unconfigure(self) -> None:
        """Undo `configure`."""
        unsurround(self.ambient)

    def settings(self) -> Ambient:
        """Return what the command line and the ini file say."""
        if self._settings is None:
            from pytest_fsfault._settings import Given, settle  # noqa: PLC0415

            given, ini = self._options, {name: self._config.getini(f"fsfault_{name}") for name in _INI}
            self._settings = settle(
                Given(
                    on=given.fsfault,
                    profile=given.fsfault_profile,
                    rules=tuple(given.fsfault_rule),
                    seed=self.seed,
                    ini_profile=ini["profile"],
                    ini_rules=tuple(ini["rules"]),
                    ini_roots=tuple(ini["roots"]),
                    ini_strict=ini["strict"],
                    ini_clock=ini["clock"],
                    ini_children=ini["children"],
                    directory=str(self._config.inipath.parent if self._config.inipath else self._config.rootpath),
                    tables=tuple(self._own_profiles()),
                )
            )
        return self._settings

    def ambient(self) -> Ambient:
        """Return the settings with the roots, which pytest makes when they are first asked for."""
        from dataclasses import replace  # noqa: PLC0415

        from pytest_fsfault._options import default_roots, forms  # noqa: PLC0415

        if not self._roots:
            factory = getattr(self._config, "_tmp_path_factory", None)
            own = tuple(forms(factory.getbasetemp())) if factory is not None else default_roots()
            self._roots = self.settings().roots or own
        return replace(self.settings(), roots=self._roots)

    def _own_profiles(self) -> list[tuple[str, Any]]:
        """Return tables of profiles: those of plugins, then that of pyproject.toml."""
        tables: list[tuple[str, Any]] = [
            ("pytest_fsfault_profiles", table)
            for table in self._config.hook.pytest_fsfault_profiles(config=self._config)
        ]
        file = self._config.rootpath / "pyproject.toml"
        if file.is_file() and b"fsfault" in (raw := file.read_bytes()):
            import tomllib  # noqa: PLC0415

            try:
                tool = tomllib.loads(raw.decode()).get("tool", {})
            except ValueError:
                tool = {}  # pytest reads the same file, and says what is wrong with it
            if "fsfault" in tool:
                tables.append(("tool.fsfault.profiles", self._checked_tool(tool["fsfault"])))
        return tables

    def _checked_tool(self, table: Any) -> Any:
        from pytest_fsfault._core.mistakes import FsFaultError  # noqa: PLC0415

        for key in table if isinstance(table, dict) else ():
            if key != "profiles":
                raise FsFaultError(f"tool.fsfault: unknown key {key!r}; write [tool.fsfault.profiles.NAME]")
        return table.get("profiles", {}) if isinstance(table, dict) else table

    def _choose_seed(self) -> int:
        handed: dict[str, Any] = getattr(self._config, "workerinput", {})
        if "fsfault_seed" in handed:
            return int(handed["fsfault_seed"])
        given = self._options.fsfault_seed
        ini = self._config.getini("fsfault_seed")
        if given is None and ini:
            from pytest_fsfault._settings import number  # noqa: PLC0415

            given = number("fsfault_seed", ini)
        cache = getattr(self._config, "cache", None)
        if given == "last":
            given = cache.get(_LAST_SEED, None) if cache is not None else None
            if given is None:
                from pytest_fsfault._core.mistakes import FsFaultError  # noqa: PLC0415

                raise FsFaultError("--fsfault-seed last: no run has left a seed here; write a whole number")
        return random.getrandbits(32) if given is None else int(given)

    def _check_json(self) -> None:
        path = self._options.fsfault_json
        if path is None:
            return
        from pytest_fsfault._core.mistakes import FsFaultError  # noqa: PLC0415

        if os.path.isdir(path):
            raise FsFaultError(f"--fsfault-json {path!r} is a directory; write the path of a file")
        if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
            raise FsFaultError(f"--fsfault-json {path!r} is in no directory that exists; make it first")

    # A test.

    def begin(self, item: Any, *, forced: bool = False) -> FsFault | None:
        """Start a session for `item` if it asks for one; the gate is still shut."""
        marks = list(item.iter_markers("fsfault"))
        uses = forced or "fsfault" in getattr(item, "fixturenames", ())
        if not (marks or uses or self.under_faults):
            return None
        from pytest_fsfault._core.mistakes import FsFaultError  # noqa: PLC0415

        try:
            return self._begin(item, marks, uses=uses)
        except FsFaultError as error:
            # Raised where the set-up has begun: what others clean up later must be there.
            item.stash[self.mistake] = str(error)
            return None

    def _begin(self, item: Any, marks: list[Any], *, uses: bool) -> FsFault | None:
        from pytest_fsfault._session import FsFault  # noqa: PLC0415

        self._know_plugins()
        options, ambient = self._asked(item, marks), self.ambient()
        exempt = options.profile == "off" and not options.rules and not uses
        if exempt or (not uses and not marks and not self.under_faults):
            return None
        session = FsFault(options, ambient, test=item.nodeid)
        session.start()
        return session

    def _asked(self, item: Any, marks: list[Any]) -> Options:
        """Return what the markers say together, the outermost first, and the fixture's parameter."""
        from pytest_fsfault._options import Options, marker_options  # noqa: PLC0415

        options = Options()
        for mark in reversed(marks):
            options = marker_options(mark.args, mark.kwargs).inside(options)
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if "fsfault" in parameters and "fsfault" in item.fixturenames:
            options = marker_options((), {"profile": parameters["fsfault"]}).inside(options)
        return options

    def _know_plugins(self) -> None:
        """Tell the interceptor which modules are plugins: they are never under fault."""
        from pytest_fsfault._intercept.switch import switch  # noqa: PLC0415

        self.sweep = switch().sweep
        plugins = {plugin for plugin, _ in self._config.pluginmanager.list_plugin_distinfo()}
        names = {getattr(plugin, "__name__", type(plugin).__module__) for plugin in plugins}
        switch().callers.add_harness(names - {"pytest_fsfault.plugin"})

    def end(self, session: FsFault) -> None:
        """Take a session away."""
        session.stop()

    @contextmanager
    def gate(self, session: FsFault) -> Iterator[None]:
        """Open the gate for the block; fail the test at its end for what it must not hide."""
        session.open()
        try:
            yield
        finally:
            session.close()
        self._verify(session)

    def _verify(self, session: FsFault) -> None:
        try:
            session.verify()
        except AssertionError as error:
            message = str(error)
        else:
            return
        self._fail(message)

    def is_method_of_testcase(self, item: Any) -> bool:
        """Return whether `item` is a test method of a `unittest.TestCase`."""
        return isinstance(getattr(item, "instance", None), unittest.TestCase)

    @contextmanager
    def gated_method(self, item: Any, session: FsFault) -> Iterator[None]:
        """Open the gate for the test method alone, not for setUp, tearDown and clean-ups."""
        method = item.obj

        @functools.wraps(method)
        def gated(*args: Any, **kwargs: Any) -> Any:
            with self.gate(session):
                return method(*args, **kwargs)

        @functools.wraps(method)
        async def gated_async(*args: Any, **kwargs: Any) -> Any:
            with self.gate(session):
                return await method(*args, **kwargs)

        if inspect.iscoroutinefunction(method):
            # pytest leaves these to unittest, which looks the method up on the instance.
            setattr(item.instance, item.name, gated_async)
            try:
                yield
            finally:
                delattr(item.instance, item.name)
            return
        item.obj = gated
        try:
            yield
        finally:
            item.obj = method

    # What it showed.

    def attach(self, item: Any, session: FsFault, seconds: float, report: Any) -> None:
        """Put what the test showed on its report, which reaches an xdist controller too."""
        show = self._options.fsfault_show
        report.fsfault = {
            "test": item.nodeid,
            "outcome": report.outcome,
            "profile": session.profile,
            "seed": session.seed,
            "seconds": seconds,
            **session.evidence(),
        }
        if report.failed or show:
            report.fsfault["lines"] = list(session.lines(everything=show == "all"))
        if report.failed:
            lines = [*report.fsfault["lines"], f"to reproduce: pytest {shlex.quote(item.nodeid)} {self._again(session)}"]
            report.sections.append(("file-system faults", "\n".join(lines)))

    def collect(self, report: Any) -> None:
        """Keep what a report brings, from this process or from a worker."""
        found = getattr(report, "fsfault", None)
        if found is not None:
            self._tests.append(found)

    def reproduce(self) -> str:
        """Return the options that reproduce this run; empty if no test is under fault by them."""
        return self._arguments() if self.under_faults else ""

    def _again(self, session: FsFault) -> str:
        return self._arguments() if self.under_faults else f"--fsfault-seed {self.seed}"

    def _arguments(self) -> str:
        settings = self.settings()
        parts = [] if settings.profile == "off" else ["--fsfault-profile", settings.profile]
        for rule in self._options.fsfault_rule:
            parts += ["--fsfault-rule", rule]
        return shlex.join([*parts, "--fsfault-seed", str(self.seed)])

    def sections(self) -> Iterator[tuple[str, list[str]]]:
        """Yield titles and lines for the end of the run."""
        if not self._tests:
            return
        from pytest_fsfault._report.summary import summary_lines, totals  # noqa: PLC0415

        if self._options.fsfault_show:
            for test in self._tests:
                if test["outcome"] != "failed" and test["lines"]:
                    yield f"fsfault: {test['test']}", test["lines"]
        yield "fsfault", list(summary_lines(totals(self._tests), self._arguments()))

    def finish(self) -> None:
        """Write the JSON, and remember the seed for `--fsfault-seed last`."""
        if hasattr(self._config, "workerinput"):
            return
        cache = getattr(self._config, "cache", None)
        if self._tests and cache is not None:
            cache.set(_LAST_SEED, self.seed)
        if self._options.fsfault_json is not None:
            from pytest_fsfault._report.summary import document  # noqa: PLC0415

            data = document(self._tests, profile=self.settings().profile, rules=map(str, self.settings().rules), seed=self.seed)
            Path(self._options.fsfault_json).write_text(json.dumps(data, indent=2) + "\n", "utf-8")

    def print_list(self) -> None:
        """Print all that a rule may speak of."""
        from pytest_fsfault._report.listing import listing  # noqa: PLC0415

        profiles = self.settings().profiles.values()
        sys.stdout.write("\n".join(listing((one.name, one.about) for one in profiles)) + "\n")
