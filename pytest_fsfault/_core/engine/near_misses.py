"""Say of a rule that never fired what did happen instead."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.operations import GROUPS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.journal import Tally
    from pytest_fsfault._core.engine.plan import Armed


class Unmet(AssertionError):  # noqa: N818 - it is no mistake, it is a verdict
    """Fail a test whose faults did not happen: what it shows is not what it claims."""

    __module__ = "pytest_fsfault"


def never_fired(armed: Armed, engine: Engine) -> str:
    """Return one sentence: which rule never fired, and the nearest thing that did happen."""
    rule = armed.rule
    head = str(rule).partition(" -> ")[0]
    escape = next((told for told in engine.escapes if told.startswith(f"{rule}: ")), "")
    return f"`{head}` never fired: {_nearest(armed, engine)}{escape.replace(f'{rule}: ', '; ', 1)}"


def _nearest(armed: Armed, engine: Engine) -> str:
    """Return what comes nearest to a call that would have met the rule."""
    rule = armed.rule
    if armed.matched:
        why = "another rule came first" if armed.forestalled else f"not {rule.when}"
        return f"{_calls(armed.matched, 'a matching call')}, but {why}"
    seen = {name: tally for name, tally in engine.tallies.items() if tally.count}
    if nearest := _described(seen, rule.names):
        return nearest
    for name in sorted(rule.names):
        if name in engine.outside:
            return f"{name} met only paths outside the roots, such as {engine.outside[name]}"
    what = " or ".join(sorted(rule.names)) if len(rule.names) <= 3 else f"{' or '.join(rule.operations)}"  # noqa: PLR2004
    related = _described(seen, _relatives(rule.names)) or _described(seen, seen)
    return f"no call of {what} below the roots" + (f", but {related}" if related else "")


def _described(seen: Mapping[str, Tally], names: Collection[str]) -> str:
    found = sorted((name for name in seen if name in names), key=lambda name: -seen[name].count)
    return "; ".join(
        f"{_calls(seen[name].count, f'call of {name}')}, on {summary(seen[name].paths)}" for name in found[:3]
    )


def _calls(count: int, what: str) -> str:
    if what.startswith("a "):
        return f"{count} {what[2:]}" if count == 1 else f"{count} {what[2:]}s"
    first, _, rest = what.partition(" ")
    return f"{count} {first if count == 1 else first + 's'} {rest}"


def _relatives(names: Iterable[str]) -> set[str]:
    """Return the operations that share a narrow group with one of `names`."""
    narrow = [GROUPS[group] for group in ("rename", "delete", "create", "metadata", "read", "write")]
    return {other for name in names for group in narrow if name in group for other in group}


def summary(paths: Iterable[str]) -> str:
    """Return what paths have in common, such as ``*.dll``, or the last names."""
    names = list(dict.fromkeys(os.path.basename(path) or path for path in paths))
    if not names:
        return "nothing known"
    endings = {os.path.splitext(name)[1] for name in names}
    if len(names) > 1 and len(endings) == 1 and (ending := endings.pop()):
        return f"*{ending}"
    return ", ".join(names[-3:]) + (" …" if len(names) > 3 else "")  # noqa: PLR2004
