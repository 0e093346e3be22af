"""One refusal as a test would stage it: a small tree, who holds what in it, and the call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_fsfault._commands.procmon.products import label
from pytest_fsfault._commands.procmon.python_calls import CALLS
from pytest_fsfault._core.language.winerrors import error_name
from pytest_fsfault._windows.sharing import letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_fsfault._commands.procmon.openings import LoggedOpening
    from pytest_fsfault._commands.procmon.refusals import Refusal

_NOT_EMPTY = 145
_SPECIAL = '*?[]"\\ '  # what a rule has to escape in a path
_LONGEST_NAME = 120
_MOST_ATTEMPTS = 400  # of a rule


@dataclass(frozen=True)
class StagedHold:
    """Who has a file of the tree open. `path` is relative; `seconds` is None for one that stays."""

    path: str
    kind: str
    access: str
    share: str
    by: str
    after: float  # seconds since the holder before it, or since the beginning
    seconds: float | None


@dataclass(frozen=True)
class Scenario:
    """What one test does. Paths are relative, with ``/``."""

    call: str
    path: str
    target: str
    code: int
    attempts: int
    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    holders: tuple[StagedHold, ...] = ()
    wait: float = 0.0  # seconds from the last holder's beginning to the call
    deleted: tuple[str, ...] = ()  # what is removed while it is held, so that its deletion is pending
    posix_delete: bool = True
    rule: str = ""

    @property
    def lasts(self) -> bool:
        """Whether the call is refused persistently."""
        return any(holder.seconds is None for holder in self.holders)


class _Names:
    """Paths of the log as paths below the directory of a test: what all of them share is left out."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._known: dict[str, str] = {}
        split = [self._parts(path) for path in paths]
        parents = [parts[:-1] for parts in split]
        self._common = 0
        for same in zip(*([part.lower() for part in parent] for parent in parents), strict=False):
            if len(set(same)) > 1:
                break
            self._common += 1

    def __call__(self, path: str) -> str:
        parts = self._parts(path)[self._common :]
        text = "/".join(parts)
        # One file has one name here, however the log spells it.
        return self._known.setdefault(text.lower(), text)

    @staticmethod
    def _parts(path: str) -> list[str]:
        plain = path.removeprefix("\\\\?\\").replace("/", "\\")
        drive, colon, rest = plain.partition(":")
        if colon and len(drive) == 1:
            plain = f"{drive}\\{rest.partition(':')[0]}"  # without the name of a stream
        parts = [part for part in plain.split("\\") if part not in {"", ".", ".."}]
        return [_plain_name(part) for part in parts] or ["root"]


def _plain_name(part: str) -> str:
    text = "".join(c if c.isprintable() and c not in '<>"|?*:' else "_" for c in part)
    return text[:_LONGEST_NAME]


def with_holders(refusal: Refusal, openings: Sequence[LoggedOpening], *, posix_delete: bool) -> Scenario:
    """Return the scenario in which these openings refuse the call."""
    base, name = _base(refusal, [opening.path for opening in openings])
    call_at = max(refusal.moments[0], min(opening.opened for opening in openings))
    there = sorted((each for each in openings if each.opened <= call_at), key=lambda each: each.opened)
    before = [there[0].opened, *(each.opened for each in there)]
    holders = [
        _held(refusal, each, name(each.path), each.opened - earlier)
        for each, earlier in zip(there, before, strict=False)
    ]
    deleted = _deleted(refusal, base, [holder.path for holder in holders])
    kinds = {holder.path: bool(each.directory) for holder, each in zip(holders, there, strict=True)}
    return replace(
        _with_tree(base, kinds, pending=bool(deleted)), holders=tuple(holders), deleted=deleted,
        wait=round(call_at - before[-1], 6), posix_delete=posix_delete and not deleted,
    )  # fmt: skip


def with_rule(refusal: Refusal) -> Scenario:
    """Return the scenario in which a rule refuses the call, as often as the log shows."""
    base, _ = _base(refusal, [])
    operation = CALLS[refusal.call].operation
    to = "to " if refusal.call == "os.replace" and base.target else ""
    where = _escaped((base.target if to else base.path).rpartition("/")[2])
    often = "once" if base.attempts == 1 else f"first {base.attempts}"
    rule = f"{operation} {to}{where} -> {error_name(refusal.code)} when {often}"
    return replace(_with_tree(base, {}, pending=False), rule=rule)


def _base(refusal: Refusal, others: Sequence[str]) -> tuple[Scenario, _Names]:
    call = CALLS[refusal.call]
    takes_target = call.text.endswith(", target")
    # A log may not say where to (PML): any name beside it will do.
    target = (refusal.target or f"{refusal.first.path}-renamed") if takes_target else ""
    name = _Names([refusal.first.path, *([target] if target else []), *others])
    path = name(refusal.first.path)
    scenario = Scenario(
        refusal.call, path, name(target) if target else "", refusal.code, min(refusal.count, _MOST_ATTEMPTS)
    )
    if refusal.directory is True and call.needs == "any":
        scenario = replace(scenario, directories=(path,))
    return scenario, name


def _with_tree(base: Scenario, held: dict[str, bool], *, pending: bool) -> Scenario:
    """Return the scenario with all that has to be there before the call; `held` says which are directories."""
    directories = {*base.directories, *(path for path, directory in held.items() if directory)}
    files = {path for path, directory in held.items() if not directory}
    _add_path(base, files, directories, pending=pending)
    parents = {each.rpartition("/")[0] for each in (*files, *directories, base.path, base.target)} - {""}
    return replace(
        base, files=tuple(sorted(files - directories)), directories=tuple(sorted(directories | parents))
    )


def _add_path(base: Scenario, files: set[str], directories: set[str], *, pending: bool) -> None:
    needs = CALLS[base.call].needs
    if needs == "nothing":
        if not pending:
            files.discard(base.path)
            directories.discard(base.path)
    elif needs == "directory" or any(path.startswith(f"{base.path}/") for path in files | directories):
        directories.add(base.path)
    elif base.path not in directories:
        files.add(base.path)


def _held(refusal: Refusal, opening: LoggedOpening, path: str, after: float) -> StagedHold:
    kind = "hold" if opening.kind == "handle" else "run" if _is_program(opening.path) else "load"
    by = label(opening.process)
    if opening.pid == refusal.first.pid:
        by += ", the program itself"
    seconds = None if opening.closed is None else max(round(opening.closed - opening.opened, 6), 0.000001)
    access, share = letters(opening.access), letters(opening.share)
    return StagedHold(path, kind, access, share, by, round(max(after, 0.0), 6), seconds)


def _is_program(path: str) -> bool:
    return path.lower().endswith(".exe")


def _deleted(refusal: Refusal, base: Scenario, held: Sequence[str]) -> tuple[str, ...]:
    """Return what has to be deleted while it is held, for a refusal that comes of that."""
    if refusal.first.result == "DELETE PENDING" or (refusal.deletion is not None and base.path in held):
        return tuple(dict.fromkeys(path for path in held if path in {base.path, base.target}))
    if refusal.code == _NOT_EMPTY:
        return tuple(dict.fromkeys(path for path in held if path != base.path))
    return ()


def _escaped(name: str) -> str:
    text = "".join(f"\\{c}" if c in _SPECIAL and c != " " else c for c in name)
    return f'"{text}"' if " " in text or any(c in text for c in ",") else text
