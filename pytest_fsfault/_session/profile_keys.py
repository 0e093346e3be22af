"""Read the keys of a profile's table; a mistake names the table, the key, and what is valid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.frozen import replace
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._core.language.rules import Rule
from pytest_fsfault._session.profile import Profile, ScannerChoice, listed
from pytest_fsfault._session.windows_choice import read_windows

if TYPE_CHECKING:
    from pytest_fsfault._session.windows_choice import WindowsChoice

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

KEYS = (
    "extends", "rules", "windows", "scanners", "pretend", "clock", "children", "native", "seed", "outside",
    "baseline",
)  # fmt: skip


def read_profile(parent: Profile, table: Mapping[str, Any], where: str, *, checking: bool = True) -> Profile:
    """Return `parent` with what a table adds to it and replaces; `where` names the table in a mistake.

    Unless `checking`, the scanners are taken as they are: the plugin's own are right, and to look their figures
    up would cost everybody who uses the profile.
    """
    for key in table:
        _check_key(key, where)
    windows = _windows(table["windows"], where, parent.windows) if "windows" in table else parent.windows
    scanners = (*parent.scanners, *_scanners(table.get("scanners", ()), where, checking=checking))
    pretend = (*parent.pretend, *_pretend(table.get("pretend", ()), where))
    for name, given in (("scanners", scanners), ("pretend", pretend)):
        if given and windows is None:
            instead = "leave out windows = false" if "windows" in table else "write windows = '11' as well"
            raise FsFaultError(f"{where}: {name} needs the Windows model; {instead}")
    return replace(
        parent,
        rules=(*parent.rules, *_rules(table.get("rules", ()), where)),
        windows=windows,
        scanners=scanners,
        pretend=pretend,
        clock=_one_of(table, "clock", parent.clock, ("virtual", "real"), where),
        children=_one_of(table, "children", parent.children, (True, False), where),
        native=_one_of(table, "native", parent.native, (True, False), where),
        outside=_one_of(table, "outside", parent.outside, ("allow", "refuse"), where),
        seed=_seed(table.get("seed", parent.seed), where),
        baseline=_file(table.get("baseline", parent.baseline), where),
    )


def read_settings(table: Mapping[str, Any], where: str, around: WindowsChoice | None) -> Profile:
    """Return what the ini file says of the keys `windows`, `scanners` and `pretend`, as a profile without a name.

    `around` is the Windows of the run's profile. Without any, scanners and `pretend` are checked, and wait for a run
    that emulates Windows.
    """
    own = read_profile(Profile(""), {key: table[key] for key in table if key == "windows"}, where)
    windows = own.windows or around
    found = read_profile(Profile("", windows=windows or read_windows("11")), table, where)
    if windows is None:
        return Profile("")
    return replace(found, windows=own.windows)


def _check_key(key: object, where: str) -> None:
    if key not in KEYS:
        raise FsFaultError(
            f"{where}: unknown key {key!r}{nearest(str(key), KEYS) or f'; write {listed(KEYS)}'}"
        )


def _one_of(table: Mapping[str, Any], key: str, default: Any, known: tuple[Any, ...], where: str) -> Any:
    value = table.get(key, default)
    if value is None or any(value == one and type(value) is type(one) for one in known):
        return value
    choices = listed([repr(one) if isinstance(one, str) else str(one).lower() for one in known])
    raise FsFaultError(f"{where}: {key} = {value!r} is not known; write {choices}")


def _seed(seed: object, where: str) -> int | None:
    if seed is None or (isinstance(seed, int) and not isinstance(seed, bool)):
        return seed
    raise FsFaultError(f"{where}: seed = {seed!r} is not a number; write a whole number")


def _file(path: object, where: str) -> str | None:
    if path is None or (isinstance(path, str) and path):
        return path
    raise FsFaultError(f"{where}: baseline = {path!r} is not a path; write that of a file")


def _windows(value: object, where: str, parent: WindowsChoice | None) -> WindowsChoice | None:
    if value is False:
        return None
    try:
        return read_windows(value, parent)
    except FsFaultError as error:
        raise FsFaultError(f"{where}: {error}") from None


def _scanners(entries: object, where: str, *, checking: bool) -> list[ScannerChoice]:
    if not isinstance(entries, (list, tuple)):
        raise FsFaultError(f"{where}: scanners = {entries!r} is not a list; write scanners = ['defender']")
    found = []
    for entry in entries:
        table = entry if isinstance(entry, Mapping) else {"name": entry}
        if checking:
            _check_scanner(table, where)
        found.append(ScannerChoice(tuple(table.items())))
    return found


def _check_scanner(table: Mapping[str, Any], where: str) -> None:
    from pytest_fsfault._windows.holders.scanners import scanner  # noqa: PLC0415  # for who asks for it

    try:
        scanner(**table)
    except FsFaultError as error:
        raise FsFaultError(f"{where}: scanners: {error}") from None
    except TypeError:
        raise FsFaultError(
            f"{where}: scanners: {dict(table)!r} has a key that no scanner has; "
            "write name, hold, share, on or delay"
        ) from None


def _pretend(globs: object, where: str) -> tuple[str, ...]:
    if not isinstance(globs, (list, tuple)):
        raise FsFaultError(f"{where}: pretend = {globs!r} is not a list; write globs of modules: ['mytool*']")
    if not globs:
        return ()
    from pytest_fsfault._windows.platform.pretend import pretend  # noqa: PLC0415  # for who asks for it

    try:
        pretend(*globs)  # which checks them, and does nothing until it is started
    except FsFaultError as error:
        raise FsFaultError(f"{where}: pretend: {error}") from None
    return tuple(globs)


def _rules(texts: object, where: str) -> list[Rule]:
    if not isinstance(texts, (list, tuple)):
        raise FsFaultError(
            f"{where}: rules = {texts!r} is not a list; write rules = ['os.replace -> EACCES']"
        )
    try:
        return [Rule.parse(text) for text in texts]
    except FsFaultError as error:
        raise FsFaultError(f"{where}: {error}") from None
