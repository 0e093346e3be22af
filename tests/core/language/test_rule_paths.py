"""Paths are normalised lexically, and matched by globs."""

from __future__ import annotations

import ntpath
import posixpath

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pytest_fsfault._core.language.globs import canonical, compile_glob, escape, superset_regex
from pytest_fsfault._core.language.roots import absolute, below_root, within
from pytest_fsfault._core.language.tokens import RuleSyntaxError

ROOTS = ("/r", "/r/a", "/top/b.a")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b", "/a/b"),
        ("b", "/w/b"),
        ("", "/w"),
        (".", "/w"),
        ("..", "/"),
        ("../../../x", "/x"),
        ("./a//b/./c/..", "/w/a/b"),
        ("/a/b/", "/a/b"),
        ("//a", "/a"),
        ("/", "/"),
        ("//", "/"),
        ("/a/.hidden", "/a/.hidden"),
        ("/a/..", "/"),
        ("a\\b", "/w/a\\b"),
    ],
)
def test_a_posix_path_is_made_absolute_and_plain(path, expected):
    """Dots and doubled slashes go, a backslash is a character like any other."""
    assert expected == absolute(path, "/w", posixpath)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("C:\\a\\b", "C:/a/b"),
        ("C:/a/b/", "C:/a/b"),
        ("b", "C:/w/b"),
        ("..\\..\\x", "C:/x"),
        ("\\x", "C:/x"),
        ("C:x", "C:/w/x"),
        ("D:\\", "D:/"),
        ("\\\\server\\share\\x", "//server/share/x"),
        ("\\\\?\\C:\\a", "C:/a"),
        ("\\\\?\\UNC\\server\\share\\a", "//server/share/a"),
    ],
)
def test_a_windows_path_is_written_with_slashes(path, expected):
    """Drives and shares stay, the prefix for long paths goes."""
    assert expected == absolute(path, "C:\\w", ntpath)


@settings(deadline=None)
@given(st.text("ab./\\ ", max_size=9), st.text("ab./", max_size=9))
def test_a_normalised_path_stays_as_it_is(path, cwd):
    """Normalising is idempotent, and the short cut for plain paths changes nothing."""
    found = absolute(path, f"/{cwd}", posixpath)
    assert found == absolute(found, "/elsewhere", posixpath)
    assert "/" + posixpath.normpath(posixpath.join(f"/{cwd}", path)).lstrip("/") == found


@pytest.mark.parametrize(
    ("path", "roots", "expected"),
    [
        ("/r/x/y", ("/r",), "x/y"),
        ("/r", ("/r",), ""),
        ("/rx", ("/r",), None),
        ("/", ("/r",), None),
        ("/r/a/x", ("/r", "/r/a"), "x"),
        ("/r/a", ("/r/a", "/r"), ""),
        ("/r/ab", ("/r/a", "/r"), "ab"),
        ("/x/y", ("/",), "x/y"),
        ("/", ("/",), ""),
        ("C:/x", ("C:/",), "x"),
        ("/R/x", ("/r",), None),
        ("/x", (), None),
        ("/a.b/x", ("/a+b",), None),
    ],
)
def test_a_path_is_seen_from_its_innermost_root(path, roots, expected):
    """The longest root that contains the path counts; a root is in itself."""
    assert expected == below_root(path, roots)
    assert (expected is not None) == within(path, roots)


def test_roots_are_found_without_regard_to_case_on_request():
    """Under the Windows model a root contains paths of any case."""
    assert "X/y" == below_root("/TMP/X/y", ["/tmp"], ignore_case=True)
    assert within("/TMP", ["/tmp"], ignore_case=True)


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*.exe", ["/r/a.exe", "/r/x/y/a.exe", "/elsewhere/.exe"], ["/r/a.exe/b", "/r/a.EXE", "/r/a.exe2"]),
        ("x", ["/r/x", "/r/y/x", "/x"], ["/r/x/y", "/r/xx"]),
        ("r", ["/r", "/r/r"], ["/r/x"]),
        ("*", ["/r", "/r/.x", "/r/a/b"], []),
        ("**", ["/r", "/r/x", "/r/a/b"], []),
        ("a**b", ["/r/ab", "/r/axb"], ["/r/a/b"]),
        ("?", ["/r/x", "/r/é"], ["/r/xx"]),
        ("[ab]?", ["/r/ax", "/r/bx"], ["/r/cx", "/r/a"]),
        ("[!ab]", ["/r/c", "/r/!"], ["/r/a"]),
        ("[a-c-]", ["/r/b", "/r/-"], ["/r/d"]),
        ("[]a]", ["/r/]", "/r/a"], ["/r/b"]),
        ("[!]a]", ["/r/b"], ["/r/]"]),
        (r"[\]\-\\]", ["/r/]", "/r/-", "/r/\\"], ["/r/["]),
        ("[+-9]", ["/r/.", "/r/5"], ["/r/:"]),
        ("[^a]", ["/r/^", "/r/a"], ["/r/b"]),
        ("[&&|~]", ["/r/&", "/r/~"], ["/r/b"]),
        (r"\*\?\[x]\\", ["/r/*?[x]\\"], ["/r/a?x"]),
        ("{a}(b)+$", ["/r/{a}(b)+$"], ["/r/ab"]),
        ("with blank", ["/r/with blank"], ["/r/with"]),
        ("a\nb*", ["/r/a\nb\nc"], ["/r/a b"]),
        ("d/x", ["/r/d/x", "/r/a/d/x"], ["/r/c/d/x", "/elsewhere/d/x"]),
        ("./x", ["/r/x", "/r/a/x"], ["/r/y/x"]),
        ("./**", ["/r", "/r/x", "/r/a", "/r/a/x/y"], ["/elsewhere"]),
        ("d/*", ["/r/d/x"], ["/r/d", "/r/d/x/y"]),
        ("d/**", ["/r/d/x", "/r/d/x/y"], ["/r/d", "/r/dx"]),
        ("**/d/x", ["/r/d/x", "/r/c/d/x", "/r/b/c/d/x"], ["/r/cd/x", "/elsewhere/d/x"]),
        ("d/**/x", ["/r/d/x", "/r/d/y/x", "/r/d/y/z/x"], ["/r/dx", "/r/dy/x"]),
        ("d**/x", ["/r/d/x", "/r/dy/x", "/r/d/y/x"], ["/r/dx", "/r/x"]),
        ("**/archive-v0/*", ["/r/archive-v0/x", "/r/c/archive-v0/x"], ["/r/archive-v0", "/r/archive-v0/x/y"]),
        ("/r/a/x", ["/r/a/x"], ["/r/x", "/elsewhere/r/a/x"]),
        ("/elsewhere/**/x", ["/elsewhere/x", "/elsewhere/y/x"], ["/r/x"]),
        ("/", ["/"], ["/r"]),
        ("C:/*", ["C:/x"], ["C:/x/y", "D:/x"]),
        ("//server/share/*", ["//server/share/x"], ["/server/share/x"]),
    ],
)
def test_a_glob_matches(pattern, matching, others):
    """Without `/` the last component, with it the path below its innermost root, or the absolute path."""
    glob = compile_glob(canonical(pattern))
    assert (matching, []) == (
        [path for path in matching if glob.matches(path, ROOTS)],
        [path for path in others if glob.matches(path, ROOTS)],
    )


def test_a_glob_means_no_path_that_is_unknown():
    """A call without a path meets no rule with one."""
    assert not compile_glob("*").matches("", ROOTS)


@pytest.mark.parametrize(
    ("pattern", "path"), [("*.EXE", "/r/a.exe"), ("D/[A-C]", "/R/d/b"), ("/R/X", "/r/x"), ("ÄÖ", "/r/äö")]
)
def test_a_glob_ignores_case_on_request(pattern, path):
    """Under the Windows model case does not count, in names, brackets, roots and absolute paths."""
    assert [True, False] == [compile_glob(pattern, ignore).matches(path, ROOTS) for ignore in (True, False)]


def slow_match(pattern: str, path: str) -> bool:
    """Match by the published definition, trying every split, where a component starts."""
    if pattern.startswith("**/"):
        rests = [path, *(path[at + 1 :] for at, char in enumerate(path) if char == "/")]
        return any(slow_match(pattern[3:], rest) for rest in rests)
    return slow_inside(pattern, path)


def slow_inside(pattern: str, path: str) -> bool:
    """Match where `**/` has no special meaning."""
    if not pattern:
        return not path
    if pattern.startswith("*"):
        spans = pattern.startswith("**")
        ends = len(path) if spans else path.find("/") % (len(path) + 1)
        rest = pattern.lstrip("*") if spans else pattern[1:]
        return any(slow_inside(rest, path[at:]) for at in range(ends + 1))
    return bool(path) and slow_one(pattern, path[0], path[1:])


def slow_one(pattern: str, char: str, rest: str) -> bool:
    """Match one character."""
    if pattern.startswith("["):
        inner, _, after = pattern[1:].partition("]")
        return (
            char != "/" and (char in inner.lstrip("!")) != inner.startswith("!") and slow_inside(after, rest)
        )
    if pattern.startswith("?"):
        return char != "/" and slow_inside(pattern[1:], rest)
    literal, after = (pattern[1], pattern[2:]) if pattern.startswith("\\") else (pattern[0], pattern[1:])
    return char == literal and (slow_match if literal == "/" else slow_inside)(after, rest)


def slow_glob(pattern: str, path: str) -> bool:
    """Choose what a pattern is about, and match it slowly."""
    if pattern.startswith("/"):
        return slow_match(pattern, path)
    if "/" not in pattern:
        return slow_inside(pattern, path.rsplit("/", 1)[-1])
    inside = [root for root in ROOTS if path == root or path.startswith(f"{root}/")]
    below = path[len(max(inside, key=len)) + 1 :] if inside else None
    return below is not None and slow_match(pattern.removeprefix("./"), below)


pieces = st.sampled_from(["a", "b", ".", "/", "*", "**", "**/", "?", "[ab]", "[!a]", "\\*", "\\\\"])
absolutes = st.sampled_from(["", "", "/", "/r/", "/r/a", "./", "**/"])
names = st.text("ab.*\\", min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
parts = st.lists(names, max_size=4).map("/".join)
paths = st.builds(
    lambda top, below: f"{top}/{below}".rstrip("/") or "/", st.sampled_from(["", *ROOTS]), parts
)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """Canonical globs."""
    written = draw(absolutes) + "".join(draw(st.lists(pieces, max_size=6)))
    try:
        return canonical(written)
    except RuleSyntaxError as error:
        assume("matches no path" not in error.what and "is empty" not in error.what)
        raise


@settings(deadline=None)
@given(patterns(), paths)
@example("**/**/a", "/r/a")
@example("a/**/**", "/r/a/b")
@example("**/a**/b", "/r/ab")
@example("***/a", "/r/a")
def test_globs_match_as_a_slow_matcher_does(pattern, path):
    """The compiled regex and an independent, recursive matcher agree."""
    assert slow_glob(pattern, path) == compile_glob(pattern).matches(path, ROOTS)


@settings(deadline=None)
@given(patterns())
def test_a_canonical_glob_stays_as_it_is(pattern):
    """Taking needless escapes away is idempotent."""
    assert pattern == canonical(pattern)


@settings(deadline=None)
@given(paths)
def test_an_escaped_path_matches_itself_alone(path):
    """Escaping makes a glob of exactly one path, in canonical form."""
    assert escape(path) == canonical(escape(path))
    assert compile_glob(escape(path)).matches(path, ())
    assert not compile_glob(escape(path)).matches(f"{path}x", ())


@settings(deadline=None)
@given(st.lists(patterns(), min_size=1, max_size=4), paths, st.booleans())
def test_the_fast_regex_lets_every_matching_path_through(patterns, path, ignore_case):
    """What it rejects no glob means, whatever their number."""
    seen = path.upper() if ignore_case else path
    meant = any(compile_glob(pattern, ignore_case).matches(seen, ROOTS) for pattern in patterns)
    fast = superset_regex(patterns, ROOTS, ignore_case)
    assert fast is not None
    assert fast.match(seen) or not meant


def test_the_fast_regex_rejects():
    """A superset is worth having only if it is a small one."""
    fast = superset_regex(["*.exe", "d/*", "/r/x"], ROOTS)
    paths = [
        "/r/y",
        "/r/a.exe/b",
        "/r/d",
        "/r/y/d/z",
        "/elsewhere/d/z",
        "/x",
        "/r/xy",
        "/r/a.exe",
        "/r/a/d/z",
        "/r/x",
    ]
    assert ["/r/a.exe", "/r/a/d/z", "/r/x"] == [path for path in paths if fast.match(path)]


def test_names_and_endings_are_told_by_how_a_path_ends():
    """Rules of names alone need no regex, and reject as much."""
    fast = superset_regex(["*.exe", "a.txt"], ROOTS)
    paths = ["/r/a.exe", "/r/b/a.txt", "/r/aa.txt", "/r/a.txt/b", "/r/a.exec", "/a.exe"]
    assert ["/r/a.exe", "/r/b/a.txt", "/a.exe"] == [path for path in paths if fast.match(path)]


def test_the_fast_regex_takes_any_path_where_a_rule_does():
    """A rule without a path concerns every path; without rules there is nothing to ask."""
    assert superset_regex(["*.exe", None], ROOTS).match("/anything")
    assert superset_regex([], ROOTS) is None
    assert not superset_regex(["d/*"], []).match("/r/d/x")
