"""Blank the names that are new in each run: those of temporary files, and those that are made of a hash or of chance."""

from __future__ import annotations

from pytest_fsfault._core.language.deferred import deferred

# In the order in which they are tried, each on one component of a path.
_TEMPORARY = deferred(
    r"\.?(?:tmp|temp)[-_.]?(?=[\w-]*[\dA-Z_])[\w-]{4,}|(?<=\.)tmp[\w-]*\Z|rust[a-z]*c[A-Za-z0-9]{6}"
)
_HASH = deferred(r"(?<![A-Za-z0-9])(?=[0-9a-f]*\d)[0-9a-f]{8,}(?![A-Za-z0-9])")
_CHANCE = deferred(r"(?<=-)(?=[A-Za-z0-9]*[A-Z0-9])[A-Za-z0-9]{8}\Z")  # of npm: .name-hNZ3kF7P
# What uv has unpacked into its cache stands there by a name of sixteen characters, letters alone now and then.
_ARCHIVE = deferred(r"(/archive-v\d+)/[\w-]{12,}(?=/|\Z)")
_LETTERS = deferred(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[\w-]{12,}\Z")

#: What `tempfile` makes: by itself, for pip, and with a prefix; the last only where it looks like no word.
#: Source: CPython Lib/tempfile.py, `_RandomNameSequence`: eight characters.
RANDOM = deferred(
    r"(?:(?<=tmp)|(?<=/pip-)(?:[a-z]+-)+|(?<=[-_.~])(?=[a-z]*[0-9_]))[a-z0-9_]{8}(?=[/.]|\Z)"
    r"|[a-z0-9_]{8}(?=\.tmp(?:/|\Z))"
)


def blanked(path: str) -> str:
    """Return a path in which ``*`` stands for what differs from run to run."""
    return "/".join(map(_component, _ARCHIVE.sub(r"\1/*", path).split("/")))


def _component(name: str) -> str:
    if _LETTERS.match(name):
        return "*"
    if name.startswith("."):
        name = _CHANCE.sub("*", name)
    return _HASH.sub("*", _TEMPORARY.sub("*", name))


def without_luck(path: str) -> str:
    """Return a path with `*` for what `tempfile` has chosen by chance in its last name."""
    above, _, name = path.rpartition("/")
    return f"{above}/{RANDOM.sub('*', name)}"
