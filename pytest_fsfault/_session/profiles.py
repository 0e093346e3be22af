"""Profiles: named sets of rules and settings, built in, from `pyproject.toml`, or from a plugin."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.frozen import replace
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.originals import NATIVE
from pytest_fsfault._host.package import PACKAGE
from pytest_fsfault._session.profile import Profile, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


# Those that have nothing to say in a file. `off` is looked up at the start of each `inject`; a run that only observes
# loads no reader of TOML.
_FIXED = {
    "off": Profile("off", "No faults: exempts a test, a class or a module."),
    "observe": Profile("observe", "Record every operation, refuse none.", observe=True),
}


class _BuiltIn(Mapping[str, Profile]):
    """The profiles that come with the plugin, each read when it is first used."""

    def __init__(self) -> None:
        self._known = dict(_FIXED)
        self._names: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Profile:
        if name not in self._known:
            if name not in self._listed():
                raise KeyError(name)
            self._known[name] = _read_own(name)
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known or name in self._listed()

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed())

    def __len__(self) -> int:
        return len(self._listed())

    def _listed(self) -> tuple[str, ...]:
        if not self._names:
            # By the real functions: there may be a fake file system.
            files = [file.rpartition(".") for file in NATIVE.listdir(_HOME)]
            self._names = tuple(sorted([*_FIXED, *(name for name, _, kind in files if kind == "toml")]))
        return self._names


_HOME = f"{PACKAGE}profiles"


@cache
def built_in() -> Mapping[str, Profile]:
    """Return the profiles that come with the plugin."""
    return _BuiltIn()


def _read_own(name: str) -> Profile:
    import tomllib  # noqa: PLC0415  # for who uses a profile

    from pytest_fsfault._session.profile_keys import read_profile  # noqa: PLC0415

    with NATIVE.open_file(f"{_HOME}/{name}.toml", encoding="utf-8") as file:
        table = tomllib.loads(file.read())
    about = table.pop("about")
    return replace(read_profile(Profile(name), table, "profile", checking=False), about=about)


def resolve(tables: object, origin: str, known: Mapping[str, Profile]) -> Mapping[str, Profile]:
    """Return the profiles `known`, and those that `tables` describe, by name.

    `origin` says in a mistake where a table stands, such as ``"tool.fsfault.profiles"``.
    """
    if not isinstance(tables, Mapping):
        raise FsFaultError(f"{origin} is {tables!r}, not a table of profiles by name")
    own: dict[str, Profile] = {}
    reading = _Reading(dict(tables), ChainMap(own, known), origin)  # type: ignore[arg-type]  # it only reads `known`
    for name in tables:
        reading.add(name, ())
    return reading.found


class _Reading(Row):
    """Tables that are being read, in whatever order they extend each other."""

    waiting: dict[str, Any]
    found: ChainMap[str, Profile]
    origin: str

    def add(self, name: str, chain: tuple[str, ...]) -> None:
        """Read one table, and first those that it extends."""
        if name not in self.waiting:
            return
        from pytest_fsfault._session.profile_keys import read_profile  # noqa: PLC0415

        where = f"{self.origin}.{name}"
        if name in chain:
            raise FsFaultError(f"{where} extends itself ({' -> '.join((*chain, name))}); let the chain end")
        table = self.waiting[name]
        if not isinstance(table, Mapping):
            raise FsFaultError(f"{where} is {table!r}, not a table; write keys such as rules = [...]")
        if name in built_in():
            raise FsFaultError(f"{where} has the name of a built-in profile; choose another name")
        parent = self._parent(name, table, where, chain)
        self.found[name] = replace(
            read_profile(replace(parent, name=name), table, where), about=f"a profile of {self.origin}"
        )
        self.waiting.pop(name, None)

    def _parent(self, name: str, table: Mapping[str, Any], where: str, chain: tuple[str, ...]) -> Profile:
        if table.get("extends") is None:
            return Profile(name)
        parent = table["extends"]
        if not isinstance(parent, str):
            raise FsFaultError(f"{where}: extends = {parent!r} is not a name; write the name of one profile")
        self.add(parent, (*chain, name))
        try:
            return lookup(parent, self.found)
        except FsFaultError as error:
            raise FsFaultError(f"{where}: extends: {error}") from None


def lookup(name: str, profiles: Mapping[str, Profile]) -> Profile:
    """Return the profile of that name."""
    if name in profiles:
        return profiles[name]
    raise FsFaultError(f"unknown profile {name!r}{nearest(name, profiles) or f'; write {listed(profiles)}'}")
