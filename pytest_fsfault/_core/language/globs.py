"""Match paths with globs.

All paths here are absolute, normalised lexically (links are not resolved) and separated by ``/``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.glob_regex import MEMBERS, PARTS, ranges, translate
from pytest_fsfault._core.language.roots import below_root, choice, flags, tops, without_prefix
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.language.tokens import RuleSyntaxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_DRIVE = deferred(r"[A-Za-z]:/")
_DRIVE_RELATIVE = deferred(r"[A-Za-z]:(?!/)")
_VERBATIM = ["", "", "?"]  # how the parts of a path behind a prefix begin: no glob character
_ESCAPABLE = frozenset('*?[]"\\ ')  # before anything else a backslash is a separator, on every system
_SPECIAL = deferred(r"[*?\[\\]")
_ESCAPED = deferred(r"\\(.)", re.DOTALL)
_LITERAL = deferred(r"(?:[^*?\[\\]|\\.)*", re.DOTALL)
# A share: ``\\server\share``, of which nothing is escaped. What `escape` makes has no single backslash before a letter.
_SHARE = r"\\\\[\w-][^\\/*?\"<>|\[\]\s:]*\\(?=[^\\/*?\"<>|\[\]\s:])"
_EITHER_PREFIX = r"[\\/]{2}[?.][\\/](?=(?:[A-Za-z]:|[Uu][Nn][Cc])[\\/])"
#: How a path begins that only Windows has: nothing is escaped in it up to the first glob character. Such a start is
#: ``C:\``, a share, or one of the prefixes of https://learn.microsoft.com/windows/win32/fileio/naming-a-file.
WINDOWS_START = rf"(?:[A-Za-z]:\\|\\\\[?.]\\|{_EITHER_PREFIX}|{_SHARE})"
_WINDOWS_HEAD = deferred(rf"{WINDOWS_START}[^*?\[]*")


def escape(path: str) -> str:
    """Return the glob that matches exactly `path`."""
    return _unlike_prefix(_SPECIAL.sub(r"\\\g<0>", path))


def _unlike_prefix(pattern: str) -> str:
    # A name that begins with a backslash would read back as a prefix of Windows.
    return f"[\\\\]{pattern[2:]}" if pattern.startswith(("\\\\?\\", "\\\\.\\")) else pattern


def has_drive(path: str) -> bool:
    """Return whether a path or glob starts with a drive, such as ``C:/``; they do so on any system."""
    return _DRIVE.match(path) is not None


def _is_absolute(pattern: str) -> bool:
    return pattern.startswith("/") or has_drive(pattern)


def in_form(pattern: str, form: Callable[[str], str]) -> str:
    """Return an absolute glob whose literal directories are in the one form of Windows; any other as it is.

    One that is relative to the current directory of a drive, such as ``C:*.txt``, is made absolute.
    """
    if _DRIVE_RELATIVE.match(pattern):
        pattern = f"{escape(form(pattern[:2])).rstrip('/')}/{pattern[2:]}".rstrip("/")
    if not _is_absolute(pattern):
        return pattern
    parts = pattern.split("/")
    start = len(_VERBATIM) if parts[: len(_VERBATIM)] == _VERBATIM else 0
    literal = next(
        (n for n, part in enumerate(parts) if n >= start and not _LITERAL.fullmatch(part)), len(parts)
    )
    head = _ESCAPED.sub(r"\1", "/".join(parts[:literal]))
    if not head.strip("/?"):
        return pattern
    found, rest = escape(form(f"{head}/")), parts[literal:]
    return "/".join([found.rstrip("/"), *rest]) if rest else found


def canonical(pattern: str, column: int = 1) -> str:
    """Return `pattern` without needless escapes and separated by ``/``; refuse, with its place, what can match no path."""
    head = _WINDOWS_HEAD.match(pattern)
    start = head.end() if head else 0
    parts = PARTS.finditer(pattern, start)
    kept = "".join(_canonical_part(part, column + part.start()) for part in parts)
    kept = without_prefix(head[0].replace("\\", "/")) + kept if head else _unlike_prefix(kept)
    _refuse_unmatchable(kept, column)
    return kept


def _canonical_part(part: re.Match[str], column: int) -> str:
    if (literal := part["literal"]) is not None:
        return _escaped(literal) if literal in _ESCAPABLE else f"/{literal}"
    if (members := part["members"]) is not None:
        _refuse_members(part, column)
        kept = (_canonical_member(found, column) for found in MEMBERS.finditer(members))
        return f"[{part['no']}{''.join(kept)}]"
    if part["char"] == "[":
        raise RuleSyntaxError("'[' is never closed", column, r"; write '\[' for the character itself")
    return "/" if part["char"] == "\\" else part[0]


def _canonical_member(found: re.Match[str], column: int) -> str:
    literal = found["literal"]
    if literal is None:
        return found[0]
    if literal.isalnum():
        raise RuleSyntaxError(
            f"'\\{literal}' escapes nothing", column, "; brackets take no separator, only characters"
        )
    return f"\\{literal}" if literal in "]\\-!" else literal


def _escaped(char: str) -> str:
    return f"\\{char}" if char in "*?[\\" else char


def _refuse_members(part: re.Match[str], column: int) -> None:
    if "/" in part["members"]:
        raise RuleSyntaxError(f"{part[0]!r} cannot match '/'", column, "; leave it out of the brackets")
    for first, last in ranges(part["members"]):
        if first > last:
            raise RuleSyntaxError(f"the range '{first}-{last}' is empty", column, f"; write '{last}-{first}'")


def _refuse_unmatchable(pattern: str, column: int) -> None:
    if not pattern:
        raise RuleSyntaxError("the path is empty", column, "; leave it out to match any path")
    if "\0" in pattern:
        raise RuleSyntaxError(f"{pattern!r} matches no path, since none has a null character in it", column)
    if pattern == "/" or (len(pattern) == 3 and has_drive(pattern)):  # noqa: PLR2004 - `C:/`
        return
    start = 2 if pattern.startswith("./") else pattern.startswith("/") + pattern.startswith("//")
    for part in pattern[start:].split("/"):
        if part in ("", ".", ".."):
            what = f"{pattern!r} matches no path" + (f", since none has {part!r} in it" if part else "")
            raise RuleSyntaxError(
                what, column, "; paths are normalised: write no '.', '..', '//' or '/' at the end"
            )


class Exactly:
    """What a glob of one very path compiles to: cheaper to make than a regex, for rules that are used once.

    `pattern` and `flags` are those of the regex, for another process.
    """

    __slots__ = ("_path",)
    flags = 0

    def __init__(self, path: str) -> None:
        self._path = path

    def fullmatch(self, path: str) -> object:
        """Return whether `path` is the one, as a regex would: None if not."""
        return self if path == self._path else None

    match = fullmatch

    @property
    def pattern(self) -> str:
        """The text of the regex."""
        return f"{re.escape(self._path)}\\Z"


def _exactly(pattern: str, ignore_case: bool) -> Exactly | None:
    special = ignore_case or not _is_absolute(pattern) or _SPECIAL.search(pattern)
    return None if special else Exactly(pattern)


class Glob(Row):
    """A compiled glob; `regex` stands for the last component, for what is below a root, or for all."""

    scope: Literal["name", "below", "absolute"]
    regex: re.Pattern[str] | Exactly
    ignore_case: bool

    def matches(self, path: str, roots: Sequence[str]) -> bool:
        """Return whether the glob means `path`, which need not be below one of the `roots`."""
        seen: str | None = path
        if self.scope == "name":
            seen = path.rpartition("/")[2]
        elif self.scope == "below":
            seen = below_root(path, roots, self.ignore_case)
        return bool(path) and seen is not None and self.regex.fullmatch(seen) is not None


@lru_cache(maxsize=1024)
def compile_glob(pattern: str, ignore_case: bool = False) -> Glob:
    """Compile a canonical glob.

    Without ``/`` it matches the last component at any depth; with ``/`` the path below its innermost
    root, ``./`` being the root; an absolute one matches that path. ``**`` spans directories, ``**/`` also none.
    """
    exactly = _exactly(pattern, ignore_case)
    if exactly is not None:
        return Glob("absolute", exactly, ignore_case)
    scope, body = _scope(pattern), translate(pattern.removeprefix("./"))
    return Glob(scope, re.compile(body, flags(ignore_case)), ignore_case)


class Endings:
    """What globs of names such as ``*.exe`` and ``a.txt`` compile to: how a path ends is seen faster than by a regex.

    `pattern` and `flags` are those of the regex, for another process.
    """

    __slots__ = ("_endings",)
    flags = re.DOTALL

    def __init__(self, endings: tuple[str, ...]) -> None:
        self._endings = endings

    def match(self, path: str) -> bool:
        """Return whether a path has one of the endings, as the `match` of a regex would."""
        return path.endswith(self._endings)

    @property
    def pattern(self) -> str:
        """The text of the regex."""
        # All of the path is taken at once and not given back.
        return f"(?>.*){choice(f'(?<={re.escape(ending)})' for ending in self._endings)}"


def _endings(globs: Iterable[str | None], ignore_case: bool) -> Endings | None:
    """Return what takes all paths that these globs mean; None if that takes more than a look at how a path ends."""
    endings = []
    for glob in globs:
        name = "" if glob is None or ignore_case else glob.removeprefix("*")
        if not name or "/" in name or _SPECIAL.search(name):
            return None
        endings.append(name if name != glob else f"/{name}")
    return Endings(tuple(endings))


def superset_regex(
    patterns: Iterable[str | None], roots: Iterable[str], ignore_case: bool = False
) -> re.Pattern[str] | Exactly | Endings | None:
    """Return one regex whose `match` fails only on paths that no glob means, for a fast way out.

    A pattern None stands for a rule that takes any path. None is returned if there are no patterns.
    """
    globs = frozenset(patterns)
    return _superset(globs, tuple(roots), ignore_case) if globs else None


@lru_cache(maxsize=256)
def _superset(
    globs: frozenset[str | None], roots: tuple[str, ...], ignore_case: bool
) -> re.Pattern[str] | Exactly | Endings:
    if None in globs:
        return re.compile("")
    if (endings := _endings(globs, ignore_case)) is not None:
        return endings
    one = next(iter(globs))
    exactly = _exactly(one, ignore_case) if len(globs) == 1 and one is not None else None
    if exactly is not None:
        return exactly
    scopes: dict[str, list[str]] = {"name": [], "below": [], "absolute": []}
    for pattern in sorted(filter(None, globs)):
        scopes[_scope(pattern)].append(translate(pattern.removeprefix("./")))
    # What stands before the last `/` is taken once and not given back.
    starts = {"name": "(?>.*/)", "below": tops(roots), "absolute": ""}
    ways = (f"{starts[scope]}{choice(bodies)}" for scope, bodies in scopes.items() if bodies)
    return re.compile(f"{choice(ways)}\\Z", flags(ignore_case))


def _scope(pattern: str) -> Literal["name", "below", "absolute"]:
    if _is_absolute(pattern):
        return "absolute"
    return "below" if "/" in pattern else "name"
