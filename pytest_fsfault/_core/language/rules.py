"""Say which calls meet which fault, and when: one rule, as an object and as a text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language import faults, schedules
from pytest_fsfault._core.language.arrows import no_arrow, refuse_arrow, refuse_glued_arrow
from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.faults import Fault, read_fault
from pytest_fsfault._core.language.frozen import dataclass, field
from pytest_fsfault._core.language.globs import WINDOWS_START, canonical, compile_glob, in_form
from pytest_fsfault._core.language.mistakes import FsFaultError, clipped, nearest
from pytest_fsfault._core.language.operations import ALIASES, EITHER, GROUPS, OPERATIONS, SUCH
from pytest_fsfault._core.language.path_arguments import read_glob
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.language.schedules import Schedule, read_schedule
from pytest_fsfault._core.language.tokens import RuleSyntaxError, Word, Words

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from pytest_fsfault._core.language.operations import Operation

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_NAMES = frozenset([*OPERATIONS, *ALIASES, *GROUPS])
# Which groups these belong to, each call says for itself, by its mode.
_BY_MODE = frozenset({"open", "os.open"})

_ARROW = deferred(r"\s*->")
_OPERATION = deferred(r"\s*((?:(?!->)[^\s,])+)")
_COMMA = deferred(r"\s*,")
# A path of Windows has no escapes before its first glob character: its last backslash must not take the quote along.
_QUOTED = rf'"(?P<quoted>(?>{WINDOWS_START}[^"*?\[]*)?+(?:\\.|[^"\\])*)"'
_CHAR = r'(?:\\.|(?!->)[^\s"\\])'
_UNQUOTED = rf'(?P<bare>(?:(?>{WINDOWS_START}(?:(?!->)[^\s"*?\[])*)|{_CHAR}){_CHAR}*)'
_PATTERN = deferred(rf"\s*(?:{_QUOTED}|{_UNQUOTED})", re.DOTALL)
_BARE = deferred(r'(?!,|to\Z)(?:(?!->)[^\s"])+')
_LONE_NAME = deferred(r"[A-Za-z][\w-]{0,40}")


@dataclass(frozen=True, init=False, repr=False)
class Rule:
    """Which operations, on which paths, meet which fault, and when.

    `path` and `to` are globs; a `Path` object means that very file, a relative one as seen from the
    current directory. With `optional` the rule need not fire. `names` are all operations that the
    rule can match: groups are expanded, and narrowed to those for which ``short`` and `to` have a meaning.
    """

    __module__ = "pytest_fsfault"

    operations: tuple[str, ...]
    path: str | None
    to: str | None
    fault: Fault
    when: Schedule
    optional: bool
    names: frozenset[str] = field(compare=False)

    def __init__(
        self,
        operations: str | Sequence[str],
        *,
        path: str | os.PathLike[str] | None = None,
        to: str | os.PathLike[str] | None = None,
        fault: str | Fault,
        when: str | Schedule = "always",
        optional: bool = False,
    ) -> None:
        if not isinstance(optional, bool):
            raise FsFaultError(f"optional={optional!r} must be True or False")
        text = _operations_text(operations)
        parts = _Parts(
            (),
            read_glob("path", path),
            read_glob("to", to),
            fault if isinstance(fault, Fault) else Fault.parse(fault),
            when if isinstance(when, Schedule) else Schedule.parse(when),
            optional,
        )
        try:
            self._fill(parts._replace(operations=_only_operations(text)))
        except RuleSyntaxError as error:
            raise error.of("operations", text) from None

    def _fill(self, parts: _Parts) -> None:
        facts: dict[str, Any] = parts._asdict()
        facts["names"] = frozenset().union(*(_narrowed(word, parts) for word in parts.operations))
        facts["operations"] = tuple(dict.fromkeys(word.text for word in parts.operations))
        for name, value in facts.items():
            object.__setattr__(self, name, value)

    @staticmethod
    def parse(text: str) -> Rule:
        """Return the rule that `text` describes, such as ``"os.replace *.exe -> EACCES when first 3"``."""
        if not isinstance(text, str):
            several = isinstance(text, (list, tuple, set))
            hint = "each rule as an argument of its own," if several else "a text"
            raise FsFaultError(
                f"{clipped(repr(text))} is not a rule; write {hint} such as 'os.replace *.exe -> EACCES'"
            )
        try:
            return _parse(text)
        except RuleSyntaxError as error:
            if error.hint in ("", SUCH) and _LONE_NAME.fullmatch(text):
                error.hint = f"; a profile is named by profile={text!r}"
            raise error.of("rule", text) from None

    def in_form(self, form: Callable[[str], str]) -> Rule:
        """Return the rule with the directories of its absolute globs in the one form that a system has for a path."""
        path = None if self.path is None else in_form(self.path, form)
        to = None if self.to is None else in_form(self.to, form)
        if (path, to) == (self.path, self.to):
            return self
        operations = [Word(name, 1) for name in self.operations]
        made = Rule.__new__(Rule)
        made._fill(_Parts(operations, path, to, self.fault, self.when, self.optional))
        return made

    @cached_property
    def _text(self) -> str:
        text = ", ".join(self.operations)
        if self.path is not None:
            text += f" {_shown(self.path)}"
        if self.to is not None:
            text += f" to {_shown(self.to)}"
        text += f" -> {self.fault}"
        if self.when != Schedule():
            text += f" when {self.when}"
        return text + " or never" * self.optional

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Rule.parse({self._text!r})"

    def covers(self, name: str) -> bool:
        """Return whether the rule can match the operation `name`.

        A group's name stands for a call of which no more is known: all in the group must be covered.
        """
        return name in self.names or (name in GROUPS and self.names >= GROUPS[name])

    # Hot: each rule is asked about each call that may concern it, so that the steps stand in one function.
    def matches(
        self, operation: Operation, roots: Sequence[str], ignore_case: bool = False, name: str | None = None
    ) -> bool:
        """Return whether the rule means this call, due or not; `name` is how the rule may know the operation."""
        if name is None:
            name = operation.name
            if operation.program is not None and name in EITHER:
                return any([self.matches(operation, roots, ignore_case, one) for one in EITHER[name]])  # noqa: C419  # no generator: it is hot
        if not self.covers(name):
            return False
        if name in _BY_MODE and name not in self.operations and operation.groups.isdisjoint(self.operations):
            return False
        if self.path is not None and not compile_glob(self.path, ignore_case).matches(operation.path, roots):
            return False
        return self.to is None or compile_glob(self.to, ignore_case).matches(operation.target or "", roots)


class _Parts(Row):
    operations: Sequence[Word]
    path: str | None
    to: str | None
    fault: Fault
    when: Schedule
    optional: bool


@lru_cache(maxsize=1024)
def _parse(text: str) -> Rule:
    operations, place = _read_operations(text)
    path, to, place = _read_paths(text, place)
    words = Words(text, place)
    fault = read_fault(words)
    expected = (*faults.may_follow(fault), "when", "or never")
    when = Schedule()
    if words.accept("when"):
        when = read_schedule(words)
        expected = (*schedules.may_follow(when), "or never")
    optional = words.accept("or")
    if optional:
        _read_never(words)
        expected = ()
    words.finish(*expected)
    rule = Rule.__new__(Rule)
    rule._fill(_Parts(operations, path, to, fault, when, optional))
    return rule


def _read_never(words: Words) -> None:
    word = words.take("'never' after 'or'")
    if word.text != "never":
        hint = nearest(word.text, ["never"]) or "; only 'never' follows it, schedules are joined by 'and'"
        raise RuleSyntaxError(f"unknown {word.text!r} after 'or'", word.column, hint)


def _read_operations(text: str) -> tuple[list[Word], int]:
    words: list[Word] = []
    place = 0
    while True:
        found = _OPERATION.match(text, place)
        if not found:
            raise RuleSyntaxError("expected an operation such as 'os.replace'", _column(text, place))
        words.append(_known(Word(found[1], found.start(1) + 1)))
        place = found.end()
        comma = _COMMA.match(text, place)
        if not comma:
            return words, place
        place = comma.end()


def _column(text: str, place: int) -> int:
    return len(text) - len(text[place:].lstrip()) + 1


def _only_operations(text: str) -> list[Word]:
    words, place = _read_operations(text)
    Words(text, place).finish(",")
    return words


def _known(word: Word) -> Word:
    name = ALIASES.get(word.text, word.text)
    if name in OPERATIONS or name in GROUPS:
        return Word(name, word.column)
    refuse_glued_arrow(word, _NAMES)
    what = "operation" if "." in name else "operation or group"
    # `unlink` and `Path.unlink` mean `os.unlink`, however far apart they are as texts.
    tail = name.rpartition(".")[2]
    same = sorted(ALIASES.get(known, known) for known in _NAMES if known.rpartition(".")[2] == tail)
    hint = f"; did you mean {same[0]!r}?" if same else nearest(name, _NAMES) or SUCH
    raise RuleSyntaxError(f"unknown {what} {name!r}", word.column, hint)


def _read_paths(text: str, place: int) -> tuple[str | None, str | None, int]:
    path = to = None
    while not (arrow := _ARROW.match(text, place)):
        raw, word, place = _read_pattern(text, place)
        if raw == "to" and to is None:
            if _ARROW.match(text, place) or not text[place:].strip():
                hint = "; write quotes round a file of that name"
                raise RuleSyntaxError("expected a path after 'to'", _column(text, place), hint)
            _, word, place = _read_pattern(text, place)
            to = canonical(*word)
            continue
        refuse_arrow(raw, word.column, text, place, more=bool(path or to))
        if path is not None or to is not None:
            raise no_arrow(raw, word.column - raw.startswith('"'), text)
        _refuse_operation(raw, word.column)
        path = canonical(*word)
    return path, to, arrow.end()


def _read_pattern(text: str, place: int) -> tuple[str, Word, int]:
    """Return what was written, the glob in it with its place, and where it ends."""
    found = _PATTERN.match(text, place)
    if not found:
        raise _no_pattern(text, _column(text, place))
    end = found.end()
    if end < len(text) and not text[end].isspace() and not _ARROW.match(text, end):
        raise _no_end(text, end)
    kind = "quoted" if found["quoted"] is not None else "bare"
    return found[0].lstrip(), Word(found[kind], found.start(kind) + 1), end


def _no_pattern(text: str, column: int) -> RuleSyntaxError:
    if text[column - 1 :].startswith('"'):
        return RuleSyntaxError("the quote is never closed", column)
    if column <= len(text):
        return _no_end(text, column - 1)
    return RuleSyntaxError("expected '->' and a fault such as 'ERROR_ACCESS_DENIED'", column)


def _no_end(text: str, end: int) -> RuleSyntaxError:
    if text[end] == "\\":
        return RuleSyntaxError(r"'\' escapes nothing", end + 1, r"; write '\\' for the character itself")
    what = "expected a blank before" if text[end] == '"' else "expected a blank after"
    return RuleSyntaxError(f"{what} the quote", end + 1, r"; write \" for a quote in a path")


def _refuse_operation(raw: str, column: int) -> None:
    if raw in _NAMES:
        hint = "; write a comma before it, or quotes round a file of that name"
        raise RuleSyntaxError(f"expected a path, not the operation {raw!r}", column, hint)


def _narrowed(word: Word, parts: _Parts) -> frozenset[str]:
    """Return the operations that `word` stands for, as far as the rule has a meaning for them."""
    names = GROUPS.get(word.text, frozenset([word.text]))
    group = word.text in GROUPS
    if parts.fault.kind == "short":
        names = frozenset(name for name in names if OPERATIONS[name].transfers)
        if not names:
            raise _no_meaning("'short'", word, group, "transfers bytes")
    if parts.to is not None:
        names = frozenset(name for name in names if OPERATIONS[name].two_paths)
        if not names:
            raise _no_meaning("'to'", word, group, "has a second path")
    return names


def _no_meaning(what: str, word: Word, group: bool, fact: str) -> RuleSyntaxError:
    why = f"no operation of that group {fact}" if group else f"only an operation that {fact} takes it"
    return RuleSyntaxError(f"{what} has no meaning for {word.text!r}", word.column, f"; {why}")


def _operations_text(operations: object) -> str:
    if isinstance(operations, str):
        return operations
    if isinstance(operations, Sequence) and all(isinstance(name, str) for name in operations):
        return ", ".join(operations)
    raise FsFaultError(
        f"operations={operations!r} must be a name such as 'os.replace', or a sequence of names"
    )


def _shown(pattern: str) -> str:
    if _BARE.fullmatch(pattern) and pattern not in _NAMES:
        return pattern
    quoted = pattern.replace('"', '\\"')
    return f'"{quoted}"'
