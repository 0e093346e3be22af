"""Make the description of the package index out of the README, whose relative links would lead nowhere there.

`FSFAULT_REPOSITORY` is the address of the repository, such as the release workflow gives it. With it each relative link
and picture becomes an absolute one to the files of the release's tag, and the project gets its addresses. Without it,
as on any machine that builds the package for itself, no address is known: a link is its text, a picture its caption.
A source distribution keeps what it was built with.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hatchling.metadata.plugin.interface import MetadataHookInterface

VARIABLE = "FSFAULT_REPOSITORY"
# Code is left alone: a fenced block, or a span. Then a picture or a link.
_LINK = re.compile(
    r"^```.*?^```$|`[^`\n]+`|(?P<picture>!?)\[(?P<text>(?:`[^`\n]+`|[^\]`])+)\]\((?P<target>[^)\s]+)\)",
    re.MULTILINE | re.DOTALL,
)


class DescriptionHook(MetadataHookInterface):
    """Give `readme` and `urls`, which pyproject.toml leaves open."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set what a source distribution has not brought along."""
        if "readme" in metadata:
            return
        root = Path(self.root)
        release = Release(address_of(os.environ.get(VARIABLE, "")), f"v{metadata['version']}", root)
        text = release.described((root / "README.md").read_text("utf-8"))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        if release.address:
            metadata["urls"] = release.urls()


class Release:
    """The files of one tag of a repository; `address` is empty where nobody has said it."""

    def __init__(self, address: str, tag: str, root: Path) -> None:
        self.address = address
        self._tag = tag
        self._root = root

    def described(self, text: str) -> str:
        """Return Markdown without relative links."""
        return _LINK.sub(self._linked, text)

    def urls(self) -> dict[str, str]:
        """Return the addresses of the project."""
        return {
            "Source": self.address,
            "Documentation": self.of("docs"),
            "Changelog": self.of("CHANGELOG.md"),
            "Issues": f"{self.address}/issues",
        }

    def of(self, target: str, kind: str = "") -> str:
        """Return the address of a file or directory of the tree; `kind` is ``raw`` for its bytes.

        Raises:
            FileNotFoundError: if there is none.

        """
        path, _, place = target.partition("#")
        found = self._root / path
        if not found.exists():
            raise FileNotFoundError(f"README.md links to {path}, which is not there")
        kind = kind or ("tree" if found.is_dir() else "blob")
        return f"{self.address}/{kind}/{self._tag}/{path.rstrip('/')}" + (f"#{place}" if place else "")

    def _linked(self, found: re.Match[str]) -> str:
        target = found["target"]
        if target is None or target.startswith("#") or urlsplit(target).scheme:
            return found[0]
        if not self.address:
            return f"*{found['text']}*" if found["picture"] else found["text"]
        return f"{found['picture']}[{found['text']}]({self.of(target, 'raw' if found['picture'] else '')})"


def address_of(text: str) -> str:
    """Return the address without a slash at its end; nothing for an empty one.

    Raises:
        ValueError: if it is not the address of a page.

    """
    parts = urlsplit(text)
    if text and (parts.scheme != "https" or not parts.netloc or "@" in parts.netloc or len(parts.path) < 2):  # noqa: PLR2004
        raise ValueError(
            f"{VARIABLE}={text!r} is not the address of a repository; write https://HOST/OWNER/NAME"
        )
    return text.rstrip("/")
