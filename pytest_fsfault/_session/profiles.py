"""Profiles: named sets of rules and settings, built in, from `pyproject.toml`, or from a plugin."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._core.language.rules import Rule
from pytest_fsfault._host.originals import NATIVE
from pytest_fsfault._host.package import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterable

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

KEYS = ("extends", "rules", "windows", "scanners", "clock", "children", "native", "seed", "outside")


@dataclass(frozen=True)
class Profile:
    """What a profile switches on."""

    name: str
    about: str = ""
    rules: tuple[Rule, ...] = ()
    clock: Any = None
    children: bool | None = None
    native: bool | None = None
    outside: Any = None
    seed: int | None = None
    observe: bool = False
    windows: str | None = None
    scanners: tuple[str, ...] = ()


@cache
def built_in() -> Mapping[str, Profile]:
    """Return the profiles that come with the plugin."""
    found: dict[str, Profile] = {}
    home = f"{PACKAGE}profiles"
    # By the real functions: there may be a fake file system.
    for name, dot, kind in sorted(file.rpartition(".") for file in NATIVE.listdir(home)):
        if kind != "toml":
            continue
        with NATIVE.open_file(f"{home}/{name}{dot}{kind}", encoding="utf-8") as file:
            table = tomllib.loads(file.read())
        about, observe = table.pop("about"), table.pop("observe", False)
        # Ours are right, and to look their scanners up would cost who does not use them.
        scanners = tuple(table.pop("scanners", ()))
        made = _read(name, table, {}, "profile")
        found[name] = replace(made, about=about, observe=observe, scanners=scanners)
    return found


def resolve(tables: Any, origin: str, known: Mapping[str, Profile]) -> dict[str, Profile]:
    """Return the profiles `known`, and those that `tables` describe, by name.

    `origin` says in a mistake where a table stands, such as ``"tool.fsfault.profiles"``.
    """
    if not isinstance(tables, Mapping):
        raise FsFaultError(f"{origin} is {tables!r}, not a table of profiles by name")
    found, waiting = dict(known), dict(tables)
    for name in tables:
        _add(name, waiting, found, origin, ())
    return found


def lookup(name: str, profiles: Mapping[str, Profile]) -> Profile:
    """Return the profile of that name."""
    if name in profiles:
        return profiles[name]
    raise FsFaultError(f"unknown profile {name!r}{nearest(name, profiles) or f'; write {listed(profiles)}'}")


def listed(names: Iterable[str]) -> str:
    """Return names as one chooses among them: ``a, b or c``."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _add(
    name: str, waiting: dict[str, Any], found: dict[str, Profile], origin: str, chain: tuple[str, ...]
) -> None:
    if name not in waiting:
        return
    place = f"{origin}.{name}"
    if name in chain:
        raise FsFaultError(f"{place} extends itself ({' -> '.join((*chain, name))}); let the chain end")
    table = waiting[name]
    if not isinstance(table, Mapping):
        raise FsFaultError(f"{place} is {table!r}, not a table; write keys such as rules = [...]")
    if name in built_in():
        raise FsFaultError(f"{place} has the name of a built-in profile; choose another name")
    parent = table.get("extends")
    if parent is not None:
        if not isinstance(parent, str):
            raise FsFaultError(f"{place}: extends = {parent!r} is no name; write the name of one profile")
        _add(parent, waiting, found, origin, (*chain, name))
    found[name] = replace(_read(name, table, found, place), about=f"a profile of {origin}")
    waiting.pop(name, None)


def _read(name: str, table: Mapping[str, Any], found: Mapping[str, Profile], place: str) -> Profile:
    for key in table:
        if key not in KEYS:
            raise FsFaultError(
                f"{place}: unknown key {key!r}{nearest(str(key), KEYS) or f'; write {listed(KEYS)}'}"
            )
    parent = _parent(name, table, found, place)
    children, native = _switch("children", table, parent, place), _switch("native", table, parent, place)
    clock = _word("clock", ("virtual", "real"), table, parent, place)
    outside = _word("outside", ("allow", "refuse"), table, parent, place)
    seed = table.get("seed", parent.seed)
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
        raise FsFaultError(f"{place}: seed = {seed!r} is no number; write a whole number")
    rules = (*parent.rules, *_rules(table.get("rules", []), place))
    windows = _windows(table["windows"], place) if "windows" in table else parent.windows
    scanners = (*parent.scanners, *_scanners(table.get("scanners", []), place))
    if scanners and windows is None:
        instead = "drop windows = false" if "windows" in table else "write windows = '11' as well"
        raise FsFaultError(f"{place}: scanners act under the Windows model alone; {instead}")
    return Profile(
        name, rules=rules, clock=clock, children=children, native=native, outside=outside, seed=seed, observe=parent.observe, windows=windows,
        scanners=scanners,
    )  # fmt: skip


def _switch(key: str, table: Mapping[str, Any], parent: Profile, place: str) -> bool | None:
    value: bool | None = table.get(key, getattr(parent, key))
    if value is not None and not isinstance(value, bool):
        raise FsFaultError(f"{place}: {key} = {value!r} is not known; write true or false")
    return value


def _word(key: str, known: tuple[str, str], table: Mapping[str, Any], parent: Profile, place: str) -> Any:
    value = table.get(key, getattr(parent, key))
    if value is not None and value not in known:
        raise FsFaultError(f"{place}: {key} = {value!r} is not known; write {known[0]!r} or {known[1]!r}")
    return value


def _windows(value: Any, place: str) -> str | None:
    if value is False:
        return None
    from pytest_fsfault._windows.versions import version  # noqa: PLC0415  # for who asks for it

    try:
        return version(value, {}).name
    except FsFaultError as error:
        raise FsFaultError(f"{place}: {error}") from None


def _scanners(names: Any, place: str) -> list[str]:
    if not names:
        return []
    if not isinstance(names, (list, tuple)):
        raise FsFaultError(f"{place}: scanners = {names!r} is no list; write scanners = ['defender']")
    from pytest_fsfault._windows.holders.scanners import scanner  # noqa: PLC0415  # for who asks for it

    for name in names:
        try:
            scanner(name)
        except FsFaultError as error:
            raise FsFaultError(f"{place}: scanners: {error}") from None
    return list(names)


def _parent(name: str, table: Mapping[str, Any], found: Mapping[str, Profile], place: str) -> Profile:
    if "extends" not in table:
        return Profile(name)
    try:
        return lookup(table["extends"], found)
    except FsFaultError as error:
        raise FsFaultError(f"{place}: extends: {error}") from None


def _rules(texts: Any, place: str) -> list[Rule]:
    if not isinstance(texts, (list, tuple)):
        raise FsFaultError(f"{place}: rules = {texts!r} is no list; write rules = ['os.replace -> EACCES']")
    rules = []
    for text in texts:
        try:
            rules.append(Rule.parse(text))
        except FsFaultError as error:
            raise FsFaultError(f"{place}: {error}") from None
    return rules
