"""What a marker, the fixture and `inject` may be given, and what cannot be."""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._core.language.rules import Rule
from pytest_fsfault._host.paths import WINDOWS_FORMS, root_forms
from pytest_fsfault._intercept.fake.filesystem import in_force
from pytest_fsfault._intercept.fake.isolation import real_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pytest_fsfault._session.profiles import Profile

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

Strict = Literal[True, False, "all"]
ClockName = Literal["virtual", "real"]
Outside = Literal["allow", "refuse"]
_KEYWORDS = (
    "profile", "windows", "roots", "named", "clock", "seed", "strict", "children", "native", "outside",
)  # fmt: skip
_PREFIXES = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}


@dataclass(frozen=True, init=False)
class Options:
    """The signature of the marker: any number of rules, and keywords. None means: as outside."""

    rules: tuple[Rule, ...]
    profile: str | None
    windows: str | None
    roots: tuple[str, ...] | None
    named: tuple[str, ...] | None  # the roots as they were written
    clock: ClockName | None
    seed: int | None
    strict: Strict | None
    children: bool | None
    native: bool | None
    outside: Outside | None

    def __init__(
        self,
        *rules: str | Rule,
        profile: str | None = None,
        windows: str | None = None,
        roots: Iterable[str | os.PathLike[str]] | None = None,
        clock: ClockName | None = None,
        seed: int | None = None,
        strict: Strict | None = None,
        children: bool | None = None,
        native: bool | None = None,
        outside: Outside | None = None,
    ) -> None:
        facts = {
            "rules": tuple(as_rule(rule) for rule in rules),
            "profile": _profile_name(profile),
            "windows": _windows_version(windows),
            **_roots(roots),
            "clock": _one_of("clock", clock, (None, "virtual", "real")),
            "seed": _seed(seed),
            "strict": _one_of("strict", strict, (None, True, False, "all")),
            "children": _one_of("children", children, (None, True, False)),
            "native": _one_of("native", native, (None, True, False)),
            "outside": _one_of("outside", outside, (None, "allow", "refuse")),
        }
        if profile == "off" and (rules or windows is not None):
            what = "rules" if rules else f"windows={windows!r}"
            raise FsFaultError(
                f"profile='off' switches all faults off, so it cannot come with {what}; drop one of both"
            )
        for name, value in facts.items():
            object.__setattr__(self, name, value)

    def inside(self, outer: Options) -> Options:
        """Return these options as they hold within `outer`: rules add up, the innermost keyword wins.

        ``profile="off"`` drops the rules and the model around it as well.
        """
        merged = object.__new__(Options)
        for name in _KEYWORDS:
            own = getattr(self, name)
            object.__setattr__(merged, name, getattr(outer, name) if own is None else own)
        if self.profile == "off":
            object.__setattr__(merged, "windows", None)
        rules = self.rules if self.profile == "off" else (*outer.rules, *self.rules)
        object.__setattr__(merged, "rules", rules)
        return merged


@dataclass(frozen=True)
class Ambient:
    """What holds around a session: under pytest its settings, elsewhere the defaults."""

    roots: tuple[str, ...] = ()
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    profile: str = "off"
    rules: tuple[Rule, ...] = ()
    strict: Strict = True
    clock: ClockName | None = None
    children: bool | None = None
    native: bool | None = None
    outside: Outside | None = None
    seed: int = 0
    #: Those of the roots in which directories are counted anew by each run, as pytest does.
    numbered: tuple[str, ...] = ()
    #: The one trial of a sweep that is to run.
    trial: str | None = None
    #: Returns the directory of the test that runs, if there is one.
    place: Callable[[], str | None] = lambda: None
    #: Returns how to run one trial alone.
    again: Callable[[str], str] = "sweep(..., only={!r})".format

    @cached_property
    def bare(self) -> Ambient:
        """What of it holds for an `inject`, which says itself what it wants: rules are added to tests as a whole."""
        return replace(self, profile="off", rules=(), seed=0)


def marker_options(args: tuple[Any, ...], keywords: Mapping[str, Any]) -> Options:
    """Return the options of a marker; a keyword that does not exist is a mistake, not a traceback."""
    known = [name for name in inspect.signature(Options.__init__).parameters if name not in {"self", "rules"}]
    for name in keywords:
        if name not in known:
            hint = nearest(name, known) or f"; write {', '.join(known[:-1])} or {known[-1]}"
            raise FsFaultError(f"the fsfault marker has no keyword {name!r}{hint}")
    return Options(*args, **keywords)


def as_rule(rule: str | Rule) -> Rule:
    """Return a rule given as text or as such."""
    made = rule if isinstance(rule, Rule) else Rule.parse(rule)
    return made if WINDOWS_FORMS is None else made.in_form(WINDOWS_FORMS)


_expected: list[bool] = []


@contextmanager
def expecting_fake(expected: bool) -> Iterator[None]:
    """Read options in the block that are for a fake file system, if there will be one."""
    _expected.append(expected)
    try:
        yield
    finally:
        _expected.pop()


def _roots(roots: Any) -> dict[str, tuple[str, ...] | None]:
    """Return the roots as they hold on the real file system, and as they were written."""
    if roots is None:
        return {"roots": None, "named": None}
    given = _listed(roots)
    fake = any(_expected) or in_force() is not None
    found = [form for root in given for form in _checked(root, lenient=fake)]
    return {"roots": tuple(dict.fromkeys(found)), "named": tuple(_text(root) for root in given)}


def checked_roots(roots: Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Return roots as given and as their real paths, absolute; refuse those that would hurt."""
    fake = in_force()
    found = [
        form
        for root in _listed(roots)
        for form in (_checked(root) if fake is None else fake.forms(_text(root)))  # nothing real can be hit
    ]
    return tuple(dict.fromkeys(found))


def _listed(roots: Any) -> list[Any]:
    if isinstance(roots, (str, bytes, os.PathLike)):
        raise FsFaultError(f"roots={roots!r} is a single path; write roots=[{os.fspath(roots)!r}]")
    try:
        given = list(roots)
    except TypeError:
        raise FsFaultError(f"roots={roots!r} is no list; write a list of directories") from None
    if not given:
        raise FsFaultError("roots=[] watches nothing, so no fault could happen; name a directory")
    return given


def _text(root: Any) -> str:
    try:
        text = os.fsdecode(os.fspath(root)) if root else ""
    except TypeError:
        text = ""
    if not text or "\0" in text:
        raise FsFaultError(f"{root!r} is no path, so it cannot be a root; name a directory")
    return text


def default_roots() -> tuple[str, ...]:
    """Return what is watched where nobody says otherwise: the directory for temporary files."""
    with real_files():
        return tuple(dict.fromkeys(forms(tempfile.gettempdir())))


def forms(root: Any) -> tuple[str, str]:
    """Return a path as given and as its real path, both absolute and separated by ``/``."""
    fake = in_force()
    return _forms(root) if fake is None else fake.forms(root)


def _forms(root: Any) -> tuple[str, str]:
    return root_forms(os.fsdecode(os.fspath(root)))


def _checked(root: Any, *, lenient: bool = False) -> tuple[str, ...]:
    """Return the forms of one root; what is too much is refused, or, for a fake, left out of the real one."""
    found = _forms(_text(root))
    home = os.path.expanduser("~")
    for form in dict.fromkeys(found):
        why = _too_much(form, home)
        if why and lenient:
            return ()
        if why:
            raise FsFaultError(f"{found[0]!r} cannot be a root: it {why}; name a directory of the test's own")
    return found


@lru_cache(256)
def _too_much(root: str, home_as_given: str) -> str:
    """Return why a directory must not be watched as a whole, or an empty string."""
    home = PurePath(os.path.realpath(home_as_given))
    path = PurePath(root)
    if path == path.parent:
        return "holds the whole file system"
    if home.is_relative_to(path):
        return "is the home directory" if path == home else "holds the home directory"
    if any(path in (PurePath(prefix), PurePath(os.path.realpath(prefix))) for prefix in _PREFIXES):
        return "is the prefix of the running Python"
    return ""


def _profile_name(profile: Any) -> str | None:
    if profile is None or isinstance(profile, str):
        return profile
    raise FsFaultError(f"profile={profile!r} is no name; write a profile's name, such as 'flaky'")


def _windows_version(name: Any) -> str | None:
    if name is None:
        return None
    from pytest_fsfault._windows.versions import version  # noqa: PLC0415  # for who asks for it

    return version(name, {}).name


def _seed(seed: Any) -> int | None:
    if seed is None or (isinstance(seed, int) and not isinstance(seed, bool)):
        return seed
    raise FsFaultError(f"seed={seed!r} is no number; write a whole number, such as seed=7")


def _one_of(name: str, value: Any, known: tuple[Any, ...]) -> Any:
    if any(value is one or (isinstance(one, str) and value == one) for one in known):
        return value
    choices = [repr(one) for one in known if one is not None]
    hint = nearest(value, [one for one in known if isinstance(one, str)]) if isinstance(value, str) else ""
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
    raise FsFaultError(f"{name}={value!r} is not known; write {listed}{hint}")
