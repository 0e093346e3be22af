"""What a marker, the fixture and `inject` are given: read once, checked at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pytest_fsfault._core.language.frozen import dataclass
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._core.language.rules import Rule
from pytest_fsfault._host.paths import WINDOWS_FORMS
from pytest_fsfault._session.keywords import NAMES
from pytest_fsfault._session.roots import read_roots
from pytest_fsfault._session.windows_choice import read_windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Unpack

    from pytest_fsfault._session.keywords import ClockName, Keywords, Outside, Strict
    from pytest_fsfault._session.windows_choice import WindowsChoice

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


@dataclass(frozen=True, init=False)
class Options:
    """Rules and keywords, checked. None means: as around it."""

    rules: tuple[Rule, ...]
    profile: str | None
    windows: WindowsChoice | None
    roots: tuple[str, ...] | None
    named: tuple[str, ...] | None  # the roots as they were written
    clock: ClockName | None
    seed: int | None
    strict: Strict | None
    children: bool | None
    native: bool | None
    outside: Outside | None

    def __init__(self, *rules: str | Rule, **keywords: Unpack[Keywords]) -> None:
        given = keywords.get
        windows, roots = given("windows"), given("roots")
        found, named = (None, None) if roots is None else read_roots(roots)
        facts = {
            "rules": tuple(as_rule(rule) for rule in rules),
            "profile": _profile_name(given("profile")),
            "windows": None if windows is None else read_windows(windows),
            "roots": found,
            "named": named,
            "clock": _one_of("clock", given("clock"), ("virtual", "real")),
            "seed": _seed(given("seed")),
            "strict": _one_of("strict", given("strict"), (True, False, "all")),
            "children": _one_of("children", given("children"), (True, False)),
            "native": _one_of("native", given("native"), (True, False)),
            "outside": _one_of("outside", given("outside"), ("allow", "refuse")),
        }
        if given("profile") == "off" and (rules or windows is not None):
            what = "rules" if rules else f"windows={windows!r}"
            raise FsFaultError(
                f"profile='off' switches all faults off, {what} included; leave out one of the two"
            )
        self._set(facts)

    def _set(self, facts: Mapping[str, object]) -> None:
        vars(self).update(facts)

    def inside(self, outer: Options) -> Options:
        """Return these options as they hold within `outer`: rules add up, the innermost keyword wins.

        ``profile="off"`` drops the rules and the model around it as well.
        """
        around = vars(outer)
        facts = {name: around[name] if own is None else own for name, own in vars(self).items()}
        off = self.profile == "off"
        facts["rules"] = self.rules if off else (*outer.rules, *self.rules)
        if off:
            facts["windows"] = None
        merged = object.__new__(Options)
        merged._set(facts)
        return merged


def checked_options(who: str, rules: Iterable[str | Rule], keywords: Mapping[str, object]) -> Options:
    """Return options, and name `who` was given a keyword that does not exist."""
    for name in keywords:
        if name == "rules":
            raise FsFaultError(f"{who} has no keyword 'rules'; write each rule as an argument of its own")
        if name not in NAMES:
            if name in {"rule", "rules"}:
                raise FsFaultError(
                    f"{who} has no keyword {name!r}; write each rule as an argument of its own"
                )
            hint = nearest(name, NAMES) or f"; write {', '.join(NAMES[:-1])} or {NAMES[-1]}"
            raise FsFaultError(f"{who} has no keyword {name!r}{hint}")
    return Options(*rules, **keywords)  # type: ignore[arg-type]  # which checks them


def as_rule(rule: str | Rule) -> Rule:
    """Return a rule given as text or as such."""
    made = rule if isinstance(rule, Rule) else Rule.parse(rule)
    return made if WINDOWS_FORMS is None else made.in_form(WINDOWS_FORMS)


def _profile_name(profile: object) -> str | None:
    if profile is None or isinstance(profile, str):
        return profile
    raise FsFaultError(f"profile={profile!r} is not a name; write a profile's name, such as 'flaky'")


def _seed(seed: object) -> int | None:
    if seed is None or (isinstance(seed, int) and not isinstance(seed, bool)):
        return seed
    raise FsFaultError(f"seed={seed!r} is not a number; write a whole number, such as seed=7")


def _one_of(name: str, value: object, known: tuple[Literal[True, False] | str, ...]) -> object:
    if value is None:
        return None
    # No generator: what interrupts its end would be lost.
    if any([value is one or (isinstance(one, str) and value == one) for one in known]):  # noqa: C419
        return value
    choices = [repr(one) for one in known]
    hint = nearest(value, [one for one in known if isinstance(one, str)]) if isinstance(value, str) else ""
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
    raise FsFaultError(f"{name}={value!r} is not known; write {listed}{hint}")
