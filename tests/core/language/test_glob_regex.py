"""Globs take linear time, and mean what a plain search for a way to share the path among the wildcards finds."""

from __future__ import annotations

import re
import time
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_fsfault._core.language.glob_regex import translate
from pytest_fsfault._core.language.globs import compile_glob, superset_regex

UNITS = ("a", "b", "/", "?", "*", "**", "**/", "/**/", "*a", "[ab]", "[!a]")


def means(pattern, path):
    """Return whether a glob means a path, by trying every way."""

    @cache
    def rest(at, here):
        if at == len(pattern):
            return here == len(path)
        starts = at == 0 or pattern[at - 1] == "/"
        if starts and pattern.startswith("**/", at):
            ends = [here, *(end for end in range(here + 1, len(path) + 1) if path[end - 1] == "/")]
            return any(rest(at + 3, end) for end in ends)
        if pattern[at] == "*":
            stars = len(pattern[at:]) - len(pattern[at:].lstrip("*"))
            tail = path[here:] if stars > 1 else path[here:].partition("/")[0]
            return any(rest(at + stars, here + length) for length in range(len(tail) + 1))
        if here == len(path):
            return False
        bracket = re.match(r"\[(!?)(\w+)\]", pattern[at:])
        if bracket:
            fits = path[here] != "/" and (path[here] in bracket[2]) is not bool(bracket[1])
            return fits and rest(at + bracket.end(), here + 1)
        fits = path[here] != "/" if pattern[at] == "?" else path[here] == pattern[at]
        return fits and rest(at + 1, here + 1)

    return rest(0, 0)


@settings(max_examples=1500)
@given(st.lists(st.sampled_from(UNITS), max_size=7).map("".join), st.text("ab/", max_size=10))
def test_a_translated_glob_means_what_the_search_finds(pattern, path):
    """No way is lost although no wildcard tries again."""
    path = re.sub("/+", "/", path)
    assert means(pattern, path) is (re.compile(translate(pattern), re.DOTALL).fullmatch(path) is not None)


SLOW = (
    "**/**/**/*a",
    "*a*a*a*a*a*a*b",
    "**a*b**c*d**e*f",
    "**/a*/**/a*/**/a*b",
    "**a**a**a**a**b",
    "**/*/*/*/*/*/*b",
    "**/*a*a*a*b/*",
    "**[!b]**[!b]**[!b]b",
)
SHAPES = {
    "one name": "a" * 50_000,
    "many names": "/a" * 25_000,
    "names of fifty": ("a" * 50 + "/") * 1_000 + "a",
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("pattern", SLOW)
def test_a_long_path_takes_no_time(pattern, shape):
    """A plain translation takes from seconds to longer than anybody waits."""
    path = f"/r/{SHAPES[shape]}"
    began = time.process_time()
    glob, regex = compile_glob(pattern), superset_regex([pattern], ["/r"])
    glob.matches(path, ["/r"])
    regex.match(path)
    assert time.process_time() - began < 1


def test_a_glob_of_many_wildcards():
    """A thousand wildcards on a thousand names."""
    began = time.process_time()
    assert compile_glob("**/" + "*a*/" * 500 + "b").matches("/r/" + "xax/" * 500 + "b", ["/r"])
    assert not compile_glob("**/" + "*a*/" * 500 + "b").matches("/r/" + "xax/" * 500 + "c", ["/r"])
    assert time.process_time() - began < 2
