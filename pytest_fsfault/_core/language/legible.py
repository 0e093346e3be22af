"""Show names of files as text: whatever moves the cursor, hides, or has no encoding is escaped."""

from __future__ import annotations

import re

#: Control characters (C0, DEL, C1), line and paragraph separators, zero-width and bidirectional ones, surrogates.
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def legible(text: str) -> str:
    r"""Return `text` in one line that can be printed and sent: a line break in a name shows as ``\n``."""
    return text if text.isascii() and text.isprintable() else HIDDEN.sub(_escaped, text)


def legible_lines(text: str) -> str:
    """Return `text` with each of its lines made legible."""
    return "\n".join(map(legible, text.split("\n")))


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode()
