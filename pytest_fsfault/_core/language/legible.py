"""Show names of files as text: whatever moves the cursor, hides, or has no encoding is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._core.language.deferred import deferred

if TYPE_CHECKING:
    import re

#: Control characters (C0, DEL, C1), line and paragraph separators, what is as wide as nothing or changes direction,
#: blank letters, tags, surrogates and what is no character (UnicodeData: Cc, Cf but for the visible ones, Cs, Zl, Zp).
HIDDEN = deferred(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def legible(text: str) -> str:
    r"""Return `text` in one line that can be printed and sent: a line break in a name shows as ``\n``."""
    return text if text.isascii() and text.isprintable() else HIDDEN.sub(_escaped, text)


def legible_lines(text: str) -> str:
    """Return `text` with each of its lines made legible."""
    return "\n".join(map(legible, text.split("\n")))


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode()
