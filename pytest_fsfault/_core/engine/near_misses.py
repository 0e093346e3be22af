"""Say of a rule that never fired what did happen instead, and which rule would have met it."""

from __future__ import annotations

import os.path
import re
from itertools import accumulate
from typing import TYPE_CHECKING
from unicodedata import normalize

from pytest_fsfault._core.engine.counts import ends_of
from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.globs import compile_glob, has_drive
from pytest_fsfault._core.language.legible import legible
from pytest_fsfault._core.language.operations import ALIASES, same_group
from pytest_fsfault._core.language.roots import below_root
from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from pytest_fsfault._core.engine.counts import Tally
    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.plan import Armed
    from pytest_fsfault._core.language.rules import Rule

# What to do where the directory may not be a root, as that of Python itself.
_INSTEAD = {"subprocess.Popen": ", or start a copy that is below one"}
# Groups have them by mode.
_BY_MODE = frozenset({"open", "os.open"})

# A longer glob is not compared with the calls: no path that it means has room for as many characters.
_LONGEST = 4096
# So much of a rule is shown.
_SHOWN = 400
# A schedule that starts with a number of calls.
_LEAST = deferred(r"(?:nth |from |every |(?=\d+\.\.))([1-9]\d*)")
# A backslash that escapes a glob character, where a user of Windows may have meant a separator: ``Src\*.dll``.
_ESCAPING = deferred(r"(?<!\\)\\(?=[*?\[])")


class Unmet(AssertionError):  # noqa: N818  # a verdict, as `AssertionError` itself
    """Fail a test whose faults did not happen: what it shows is not what it claims."""

    __module__ = "pytest_fsfault"


class Elsewhere(Row):
    """Where calls went that no rule could meet, by operation.

    `replaced` says what stands in the place of the function, `exempt` has the path of a call by pytest's own
    `py.path`, `early` path and line (see `ends_text`) of one before the test's call, as fixtures make them, and `paused`
    the same of one in `paused()`. `was_paused` tells whether there was such a block: most readings are heard of nowhere.
    """

    replaced: Mapping[str, str]
    exempt: Mapping[str, str]
    early: Mapping[str, str]
    paused: Mapping[str, str]
    was_paused: bool = False


def never_fired(
    armed: Armed, engine: Engine, elsewhere: Callable[[Collection[str]], Elsewhere] | None = None
) -> str:
    """Return one sentence: which rule never fired, and the nearest thing that did happen.

    `elsewhere` is asked about the operations of a rule that matched nothing.
    """
    rule = armed.rule
    head = _head(rule)
    if any(other.rule != rule and _head(other.rule) == head for other in engine.plan.armed):
        head = str(rule)
    escape = next((told for told in engine.escapes if told.startswith(f"{rule}: ")), armed.missed_by)
    nearest = _of_matching(armed)
    if not nearest:
        away = Elsewhere({}, {}, {}, {}) if elsewhere is None else elsewhere(rule.names)
        nearest = (
            _of_exempt(rule, engine, away)
            or _of_calls(rule, engine, escape)
            or _of_others(rule, engine, away)
        )
    return legible(
        f"`{_shortened(head)}` never fired: {nearest}{'; ' * bool(escape)}{escape.removeprefix(f'{rule}: ')}"
    )


def closest_call(armed: Armed, engine: Engine) -> tuple[str, str, str | None] | None:
    """Return operation, path and target of the last call that came nearest to a rule which never fired.

    That is a call of the rule's operations, or else of one that is alike; None if there was no such call.
    """
    names = armed.rule.names
    for known in (names, same_group(names)):
        seen = {name: tally for name, tally in engine.tallies.items() if name in known and tally.paths}
        for name, tally in _by_number(seen)[:1]:
            return name, *ends_of(tally.paths[-1])
    return None


def _shortened(head: str) -> str:
    return f"{head[:_SHOWN]} …" if len(head) > _SHOWN else head


def _head(rule: Rule) -> str:
    return str(rule).partition(" -> ")[0]


def _of_matching(armed: Armed) -> str:
    """Return why no matching call was due."""
    if not armed.matched:
        return ""
    calls = _calls(armed.matched, "matching call")
    if not armed.forestalled:
        return f"{calls}, but {_not_due(armed)}"
    other = "a rule of an inner session"
    if armed.forestalled_by is not None:
        other = f"an earlier rule (`{armed.forestalled_by}`)"
    due = armed.forestalled
    if due < armed.matched:
        calls += f", of which {due} {'was' if due == 1 else 'were'} due"
    return f"{calls}, but {other} handled {'it' if due == 1 else 'them'}"


def _not_due(armed: Armed) -> str:
    """Return why a schedule has let all matching calls pass."""
    when = armed.rule.when
    least = _LEAST.match(str(when))
    if least and when.per:
        return f"`{when}` needs at least {least[1]} {_PER[when.per]}"
    if least and armed.matched < int(least[1]):
        return f"`{when}` needs at least {least[1]}"
    first = f": the first came at {armed.first_at:g} s" if "until" in str(when) else ""
    return f"`{when}` was never due{first}"


_PER = {"path": "on one path", "call site": "at one call site"}


def _of_calls(rule: Rule, engine: Engine, escape: str) -> str:
    """Return which calls of the rule's operations came nearest, and which rule would have met one."""
    seen = {name: engine.tallies[name] for name in rule.names if name in engine.tallies}
    seen = {name: tally for name, tally in seen.items() if tally.count}
    for name, tally in _by_number(seen):
        found = _of_paths(rule, name, tally.paths, engine, escape)
        if found:
            calls = _calls(tally.count, "call", f" of {name}")
            return f"{calls}{', one' if tally.count > 1 else ','} {found}"
    return "; ".join(
        f"{_calls(tally.count, 'call', f' of {name}')}, {_places(rule, tally, engine)}"
        for name, tally in _by_number(seen)[:3]
    )


def _of_paths(rule: Rule, name: str, paths: Sequence[str], engine: Engine, escape: str) -> str:
    """Return what is to be said of the latest call that came near."""
    for text in reversed(paths):
        ends = ends_of(text)
        found = ("" if escape else _of_meant(rule, name, *ends, engine)) or _advice(rule, *ends, engine)
        if found:
            return found
    return ""


def _of_meant(rule: Rule, name: str, path: str, target: str | None, engine: Engine) -> str:
    """Return why a call did not count whose paths the rule means: its mode, or the time when the rule was in force."""
    ends = [(rule.path, path), (rule.to, target)]
    if not all(glob is None or (end and _matching([glob], end, engine)) for glob, end in ends):
        return ""
    shown = f"on {_below(path, engine)}"
    if name in _BY_MODE and not any(name in (one, ALIASES.get(one)) for one in rule.operations):
        return f"{shown}, in a mode that does not belong to `{', '.join(rule.operations)}`"
    return f"{shown}, while the rule was not in force"


def _advice(rule: Rule, path: str, target: str | None, engine: Engine) -> str:
    """Return where a call went, and the rule that would have matched it, if one comes near."""
    side, glob = _side(rule, path, target, engine)
    ends = (target, path, "source", "") if side == "to" else (path, target, "target", "to ")
    end, other, what, before = ends
    if glob is None or end is None:
        return ""
    shown = f"{side} {_below(end, engine)}"
    found = _matching((one for one in _candidates(glob) if one != glob), end, engine)
    if found:
        return f"{shown}{_written(glob.removeprefix('./'), f'{side} ' * (side == 'to') + found)}"
    if other is None or other == end:
        return ""
    found = _matching(_candidates(glob), other, engine)
    return f"{shown}; {_below(other, engine)} is its {what}: write `{before}{found}`" if found else ""


def _matching(patterns: Iterable[str], path: str, engine: Engine) -> str:
    """Return the first of these patterns that means a path; nothing if none does."""
    ignore_case = engine.plan.ignore_case
    return next((one for one in patterns if compile_glob(one, ignore_case).matches(path, engine.roots)), "")


def _side(rule: Rule, path: str, target: str | None, engine: Engine) -> tuple[str, str | None]:
    """Return the side of a call that the rule looks at and does not mean: on its path, or to its target."""
    if rule.to is None or target is None:
        return "on", rule.path
    if rule.path is None or compile_glob(rule.path, engine.plan.ignore_case).matches(path, engine.roots):
        return "to", rule.to
    return "on", rule.path


def _candidates(glob: str) -> Iterator[str]:
    """Yield globs that may have been meant: at any depth, what is below, in another case, without braces."""
    if len(glob) > _LONGEST:
        return
    for pattern in dict.fromkeys(
        (glob, glob.lower(), glob.upper(), *_without_braces(glob), *_otherwise(glob))
    ):
        bare = pattern.removeprefix("./")
        yield pattern
        if not bare.startswith("/"):
            yield f"**/{bare}"
            yield f"**/{bare}/*"
            yield f"**/{bare}/**"


def _without_braces(glob: str) -> list[str]:
    found = re.search(r"\{([^{}]*,[^{}]*)\}", glob)
    if found is None:
        return []
    return [f"{glob[: found.start()]}{choice}{glob[found.end() :]}" for choice in found[1].split(",")]


def _otherwise(glob: str) -> Iterator[str]:
    """Yield a glob with the other forms of its letters, with separators, the directory above, and the ends of an absolute one."""
    yield from (normalize(form, glob) for form in ("NFC", "NFD"))
    yield _ESCAPING.sub("/", glob)
    if glob.endswith(("/*", "/**")):
        yield glob.rpartition("/")[0]
    if glob.startswith(("/", "~/")) or has_drive(glob):
        parts = [part for part in glob.split("/")[1:] if part]
        tails = list(accumulate(reversed(parts), lambda tail, part: f"{part}/{tail}"))
        yield from (f"**/{tail}" for tail in reversed(tails) if tail.rpartition("/")[2].strip("*?"))


def _written(glob: str, found: str) -> str:
    """Return what to write; with escapes if it differs in the form of its letters alone: one character for é, or two."""
    if glob in found or normalize("NFC", glob) not in normalize("NFC", found):
        return f": write `{found}`"
    ascii_text = found.encode("ascii", "backslashreplace").decode()
    return f", which looks alike and is spelled otherwise: write `{ascii_text}`"


def _below(path: str, engine: Engine) -> str:
    return below_root(path, engine.roots, engine.plan.ignore_case) or path


def _places(rule: Rule, tally: Tally, engine: Engine) -> str:
    """Return what the calls have in common, on the side that the rule looks at; a single path below its root."""
    ends = [ends_of(text) for text in tally.paths]
    sides = {_side(rule, *one, engine)[0] for one in ends}
    side = "to" if sides == {"to"} else "on"
    paths = dict.fromkeys(target if side == "to" and target is not None else path for path, target in ends)
    return f"{side} {_listed(list(paths), rule.to if side == 'to' else rule.path, engine)}"


def _listed(paths: Sequence[str], glob: str | None, engine: Engine) -> str:
    """Return paths below their roots if it is one, or if the glob means directories too; else what they share."""
    if len(paths) > 1 and "/" not in (glob or ""):
        return summary(paths)
    return ", ".join(_below(path, engine) for path in paths[-3:]) + (" …" if len(paths) > 3 else "")  # noqa: PLR2004


def _of_exempt(rule: Rule, engine: Engine, away: Elsewhere) -> str:
    """Return which call the rule would have met if pytest had not made it."""
    for name in sorted(rule.names):
        path = away.exempt.get(name)
        glob = None if rule.path is None else compile_glob(rule.path, engine.plan.ignore_case)
        if path is not None and (glob is None or glob.matches(path, engine.roots)):
            return f"{name} was called by pytest's own py.path, on {_below(path, engine)}, which is exempt: use pathlib"
    return ""


def _of_others(rule: Rule, engine: Engine, away: Elsewhere) -> str:
    """Return where calls of the rule's operations went, or which others there were."""
    names = sorted(rule.names)
    for name in names:
        if name in away.replaced:
            return f"{away.replaced[name]}, not Python's own, so that no call of it was seen"
    for name in names:
        if name in engine.outside:
            found = engine.outside[name]
            if found.startswith(
                "//./"
            ):  # the form of Windows, which has some in every directory, such as NUL.txt
                return f"{name} met only a device of Windows, {found}, which is below no root"
            instead = _INSTEAD.get(name, "")
            return f"{name} met only paths outside the roots, such as {found}; name their directory by roots={instead}"
    for name in names:
        if name in away.paused:
            where = _noted(away.paused[name], engine)
            return f"{name} was called in `paused()`, {where}; no rule acts there"
        if name in away.early:
            where = _noted(away.early[name], engine)
            return f"{name} was called in a fixture, {where}; rules act during the test's call only"
    return _other_calls(rule, names, engine, " outside `paused()`" if away.was_paused else "")


def _noted(text: str, engine: Engine) -> str:
    path, site = ends_of(text)
    return f"on {_below(path, engine)}, at {os.path.basename(site or '')}"


def _other_calls(rule: Rule, names: Sequence[str], engine: Engine, where: str) -> str:
    """Return that none of a rule's operations was called below the roots, and which others were."""
    what = " or ".join(names) if len(names) <= 3 else f"{' or '.join(rule.operations)}"  # noqa: PLR2004
    seen = {name: tally for name, tally in engine.tallies.items() if tally.count}
    related = _described(seen, same_group(rule.names)) or _described(seen, seen)
    return f"no call of {what} below the roots{where}" + (f", but {related}" if related else "")


def _described(seen: Mapping[str, Tally], names: Collection[str]) -> str:
    found = _by_number({name: tally for name, tally in seen.items() if name in names})
    return "; ".join(
        f"{_calls(tally.count, 'call', f' of {name}')}, on {summary(ends_of(text)[0] for text in tally.paths)}"
        for name, tally in found[:3]
    )


def _by_number(seen: Mapping[str, Tally]) -> list[tuple[str, Tally]]:
    return sorted(seen.items(), key=lambda one: (-one[1].count, one[0]))


def _calls(count: int, what: str, more: str = "") -> str:
    return f"{count} {what}{'s' * (count != 1)}{more}"


def summary(paths: Iterable[str]) -> str:
    """Return what paths have in common, such as ``*.dll``, or the last names."""
    names = list(dict.fromkeys(os.path.basename(path) or path for path in paths))
    if not names:
        return "nothing known"
    endings = {os.path.splitext(name)[1] for name in names}
    if len(names) > 1 and len(endings) == 1 and (ending := endings.pop()):
        return f"*{ending}"
    return ", ".join(names[-3:]) + (" …" if len(names) > 3 else "")  # noqa: PLR2004
