"""What the command line and the ini file say, as the settings that hold around every test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_fsfault._core.mistakes import FsFaultError
from pytest_fsfault._core.rule import Rule
from pytest_fsfault._options import Ambient, checked_roots
from pytest_fsfault._profiles import lookup, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_fsfault._profiles import Profile


class Given(NamedTuple):
    """The raw values, as pytest hands them over: options first, then ini settings."""

    on: bool = False
    profile: str | None = None
    rules: tuple[str, ...] = ()
    seed: int = 0
    ini_profile: str = ""
    ini_rules: tuple[str, ...] = ()
    ini_roots: tuple[str, ...] = ()
    ini_strict: str = ""
    ini_clock: str = ""
    ini_children: str = ""
    directory: str = ""
    tables: tuple[tuple[str, Mapping[str, Any]], ...] = ()


def settle(given: Given) -> Ambient:
    """Return the settings, without roots where none are named; raise FsFaultError for a mistake."""
    profiles: dict[str, Profile] = {}
    for origin, tables in given.tables or (("tool.fsfault.profiles", {}),):
        profiles |= resolve(tables, origin, profiles)
    if given.ini_profile:
        _said(f"fsfault_profile = {given.ini_profile!r}", lookup, given.ini_profile, profiles)
    _choice("fsfault_children", given.ini_children, {"": None, "false": False})
    name = given.profile or ((given.ini_profile or "windows") if given.on else "off")
    profile = lookup(name, profiles)
    return Ambient(
        roots=_roots(given),
        profiles=profiles,
        profile=profile.name,
        rules=(*_rules("fsfault_rules", given.ini_rules), *_rules("--fsfault-rule", given.rules)),
        strict=_choice("fsfault_strict", given.ini_strict, {"": True, "true": True, "false": False, "all": "all"}),
        clock=_choice("fsfault_clock", given.ini_clock, {"": None, "virtual": "virtual", "real": "real"}),
        seed=given.seed,
    )


def _rules(place: str, texts: Iterable[str]) -> tuple[Rule, ...]:
    return tuple(_said(place, Rule.parse, text) for text in texts)


def _roots(given: Given) -> tuple[str, ...]:
    roots = [os.path.join(given.directory, root) for root in given.ini_roots]
    found: tuple[str, ...] = _said("fsfault_roots", checked_roots, roots) if roots else ()
    return found


def number(name: str, value: str) -> int:
    """Return the whole number that an ini setting names."""
    try:
        return int(value)
    except ValueError:
        raise FsFaultError(f"{name} = {value!r} is no number; write a whole number") from None


def _choice(name: str, value: str, known: Mapping[str, Any]) -> Any:
    if value.lower() in known:
        return known[value.lower()]
    if name == "fsfault_children" and value.lower() == "true":
        raise FsFaultError("fsfault_children = 'true' cannot be: this version reaches one process; leave it out")
    choices = " or ".join(repr(one) for one in known if one)
    raise FsFaultError(f"{name} = {value!r} is not known; write {choices}")


def _said(place: str, function: Any, *args: Any) -> Any:
    """Call `function`; name the place where a mistake was made."""
    try:
        return function(*args)
    except FsFaultError as error:
        raise FsFaultError(f"{place}: {error}") from None
