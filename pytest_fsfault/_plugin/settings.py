"""What the command line and the ini file say, as the settings that hold around every test."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.language.rules import Rule
from pytest_fsfault._session.ambient import Ambient
from pytest_fsfault._session.profile import Profile, listed
from pytest_fsfault._session.profile_keys import read_settings
from pytest_fsfault._session.profiles import built_in, lookup, resolve
from pytest_fsfault._session.roots import checked_roots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_fsfault._report.recording import Recordings


_DEFAULT = "windows"
# The number of a sweep if it is not the first of its test, and that of the trial: `7`, `7.2`, `2-7`.
_TRIAL = deferred(r"([0-9]+-)?[0-9]+(\.[0-9]+)*")


class Given(Row):
    """The raw values, as pytest hands them over: options first, then ini settings."""

    on: bool = False
    profile: str | None = None
    rules: tuple[str, ...] = ()
    ini_profile: str = ""
    ini_rules: tuple[str, ...] = ()
    ini_roots: tuple[str, ...] = ()
    ini_strict: str = ""
    ini_clock: str = ""
    ini_children: str = ""
    ini_native: str = ""
    ini_outside: str = ""
    ini_windows: str = ""
    ini_scanners: tuple[str, ...] = ()
    ini_pretend: tuple[str, ...] = ()
    directory: str = ""
    tables: tuple[tuple[str, Any], ...] = ()


def given_by(options: Any, ini: Mapping[str, Any], directory: str, tables: list[tuple[str, Any]]) -> Given:
    """Return what pytest's options and ini settings say, for a run whose ini file stands in `directory`."""
    settings = {
        f"ini_{name}": tuple(value) if isinstance(value, list) else value
        for name, value in ini.items()
        if name != "seed"
    }
    return Given(
        on=options.fsfault,
        profile=options.fsfault_profile,
        rules=tuple(options.fsfault_rule),
        directory=directory,
        tables=tuple(tables),
        **settings,  # type: ignore[arg-type]  # pytest knows of which kind each is
    )


def ambient(given: Given) -> Ambient:
    """Return the settings, without roots where none are named; raise FsFaultError for a mistake."""
    profiles = built_in()
    for origin, tables in given.tables:
        profiles = resolve(tables, origin, profiles)
    if given.ini_profile:
        _said("fsfault_profile", lookup, given.ini_profile, profiles)
    profile = _profile(given, profiles)
    emulated = _emulated(given, profiles[profile])
    return Ambient(
        windows=emulated.windows,
        scanners=emulated.scanners,
        pretend=(*profiles[profile].pretend, *emulated.pretend),
        roots=_roots(given),
        profiles=profiles,
        profile=profile,
        rules=(*_rules("fsfault_rules", given.ini_rules), *_rules("--fsfault-rule", given.rules)),
        strict=_choice(
            "fsfault_strict", given.ini_strict, {"": True, "true": True, "false": False, "all": "all"}
        ),
        clock=_choice("fsfault_clock", given.ini_clock, {"": None, "virtual": "virtual", "real": "real"}),
        children=_choice("fsfault_children", given.ini_children, {"": None, "true": True, "false": False}),
        native=_choice("fsfault_native", given.ini_native, {"": None, "true": True, "false": False}),
        outside=_choice(
            "fsfault_outside", given.ini_outside, {"": None, "allow": "allow", "refuse": "refuse"}
        ),
    )


def _emulated(given: Given, profile: Profile) -> Profile:
    """Return what the ini file says about Windows; a table, of a version or a scanner, is written as in TOML.

    Scanners and what pretends hold wherever the run emulates Windows: by a profile, or by the ini file itself.
    """
    table: dict[str, Any] = {}
    if given.ini_windows:
        table["windows"] = _table_or_text("fsfault_windows", given.ini_windows)
    for name, values in (("scanners", given.ini_scanners), ("pretend", given.ini_pretend)):
        if values:
            table[name] = [_table_or_text(f"fsfault_{name}", value) for value in values]
    return read_settings(table, "ini file", profile.windows) if table else Profile("")


def _table_or_text(place: str, text: str) -> Any:
    if not text.startswith("{"):
        return text
    import tomllib  # noqa: PLC0415  # for who writes a table

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise FsFaultError(f"{place}: {text!r} is not a TOML inline table: {error}") from None


def _profile(given: Given, profiles: Mapping[str, Profile]) -> str:
    if given.profile is not None:
        _said("--fsfault-profile", lookup, given.profile, profiles)
        return given.profile
    if not given.on:
        return "off"
    return given.ini_profile or _DEFAULT


def _rules(place: str, texts: Iterable[str]) -> tuple[Rule, ...]:
    return tuple(_said(place, Rule.parse, text) for text in texts)


def _roots(given: Given) -> tuple[str, ...]:
    roots = [os.path.join(given.directory, os.path.expanduser(root)) for root in given.ini_roots]
    found: tuple[str, ...] = _said("fsfault_roots", checked_roots, roots) if roots else ()
    return found


def choose_seed(given: str | None, of_profile: int | None, ini: str, last: Callable[[], int | None]) -> int:
    """Return the seed that is named: on the command line, by the profile of the run, or by the ini file."""
    configured = _number("fsfault_seed =", ini, "a whole number") if ini else None
    if given == "last":
        found = last()
        if found is None:
            raise FsFaultError("--fsfault-seed last: no previous run recorded a seed; write a whole number")
        return found
    if given is not None:
        return _number("--fsfault-seed", given, "a whole number, or last")
    return next(seed for seed in (of_profile, configured) if seed is not None)


def _number(place: str, text: str, instead: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise FsFaultError(f"{place} {text!r} is not a number; write {instead}") from None


def show(text: str | None) -> None:
    """Check what `--fsfault-show` asks for."""
    if text not in (None, "faults", "all"):
        hint = nearest(str(text), ("faults", "all")) or "; write faults or all"
        raise FsFaultError(f"--fsfault-show {text!r} is not known{hint}")


def trial(text: str | None) -> None:
    """Check what `--fsfault-trial` asks for."""
    if text is not None and not _TRIAL.fullmatch(text):
        raise FsFaultError(
            f"--fsfault-trial {text!r} is not the ID of a trial; write one as a sweep prints it, such as 7"
        )


def target(option: str, text: str) -> Path:
    """Return where a file goes that an option names, wherever the tests may change to; refuse what is not writable.

    The page for a browser is refused without Jinja2.
    """
    if option == "--fsfault-html" and find_spec("jinja2") is None:
        raise FsFaultError('--fsfault-html needs Jinja2; install it with: pip install "pytest-fsfault[html]"')
    path = Path(os.path.abspath(text))
    if not text or path.is_dir():
        raise FsFaultError(f"{option} {text!r} is a directory; write the path of a file")
    if not path.parent.is_dir():
        raise FsFaultError(f"{option} {text!r} is in no directory that exists; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise FsFaultError(f"{option} {text!r} is not writable; choose another place")
    return path


def targets(files: Mapping[str, str | None]) -> dict[str, Path]:
    """Return where the files of a run go, by their form; refuse two of them at one place."""
    found = {form: target(f"--fsfault-{form}", text) for form, text in files.items() if text is not None}
    for form, path in found.items():
        other = next(one for one in found if found[one] == path)
        if other != form:
            raise FsFaultError(
                f"--fsfault-{other} and --fsfault-{form} name one file, {files[form]!r}; write two paths"
            )
    return found


def recordings(text: str | None) -> Recordings | None:
    """Return what is to be replayed; None if nothing is."""
    if text is None:
        return None
    try:
        raw = Path(text).read_bytes()
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or error
        raise FsFaultError(
            f"--fsfault-replay {text!r} is not readable ({told}); write the path of a file that --fsfault-json has written"
        ) from None
    try:
        from pytest_fsfault._report.recording import read_recordings  # noqa: PLC0415  # for who replays a run

        return read_recordings(raw, text)
    except FsFaultError as error:
        raise FsFaultError(f"--fsfault-replay: {text!r} {error}") from None


def project_profiles(raw: bytes, place: str) -> list[tuple[str, Any]]:
    """Return the table of profiles in the text of a `pyproject.toml`, if there is one."""
    import tomllib  # noqa: PLC0415  # as above

    try:
        tool = tomllib.loads(raw.decode()).get("tool", {})
    except ValueError as error:
        raise FsFaultError(f"{place} is not readable: {error}") from None
    if not isinstance(tool, dict) or "fsfault" not in tool:
        return []
    table = tool["fsfault"]
    for key in table if isinstance(table, dict) else ():
        if key != "profiles":
            raise FsFaultError(f"tool.fsfault: unknown key {key!r}; write [tool.fsfault.profiles.NAME]")
    return [("tool.fsfault.profiles", table.get("profiles", {}) if isinstance(table, dict) else table)]


def _choice(name: str, value: str, known: Mapping[str, Any]) -> Any:
    if value.lower() in known:
        return known[value.lower()]
    choices = listed([repr(one) for one in known if one])
    raise FsFaultError(f"{name} = {value!r} is not known; write {choices}")


def _said(place: str, function: Any, *args: Any) -> Any:
    """Call `function`; name the place where a mistake was made."""
    try:
        return function(*args)
    except FsFaultError as error:
        raise FsFaultError(f"{place}: {error}") from None
