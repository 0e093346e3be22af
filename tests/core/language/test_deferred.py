"""A deferred pattern is compiled when it is first used, and is what `re.compile` returns then."""

from __future__ import annotations

import re

import pytest

from pytest_fsfault._core.language.deferred import deferred


@pytest.mark.parametrize(
    "name", ["match", "search", "fullmatch", "sub", "split", "finditer", "pattern", "flags", "groups"]
)
def test_it_has_what_a_pattern_has(name):
    """Each attribute is that of the pattern; a method stays the same one."""
    made, model = deferred("(a)b", re.IGNORECASE), re.compile("(a)b", re.IGNORECASE)
    assert getattr(model, name) == getattr(made, name)
    assert getattr(made, name) is getattr(made, name)


def test_it_is_compiled_when_it_is_used():
    """A pattern that is none shows at its first use, and not before."""
    made = deferred("(")
    with pytest.raises(re.error):
        made.match("")
    with pytest.raises(AttributeError):
        deferred("a").no_such_name  # noqa: B018
