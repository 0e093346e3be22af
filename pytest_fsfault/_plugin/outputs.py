"""Write what a run has shown to the files that were asked for, and to the page of a CI job."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pytest_fsfault._core.language.mistakes import FsFaultError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    #: The lines of a failed test's journal, by its ID.
    Journals = Mapping[str, Sequence[str]]

# GitHub takes 1 MiB for each step, and refuses the whole text if it is longer; other tools write there as well.
# https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary
_LIMIT = 200 * 1024


def write(document: Mapping[str, Any], journals: Journals, targets: Mapping[str, Path], page: str) -> str:
    """Write the document in each form that was asked for; raise FsFaultError for a file that refuses it.

    What GitHub is to show on the page of a job is appended to `page`, if that is named. Return why it refuses it,
    which does not fail the run; nothing if it was written.
    """
    for option, path in targets.items():
        try:
            if option == "json":
                path.write_text(json.dumps(document, indent=2) + "\n", "ascii")
            elif option == "html":
                path.write_text(_page(document, path, targets.get("json")), "utf-8", newline="\n")
            elif option == "markdown":
                path.write_text(_markdown(document, journals), "utf-8", newline="\n")
        except OSError as error:
            raise FsFaultError(f"--fsfault-{option}: {error}") from None
    if not page:
        return ""
    try:
        with open(page, "a", encoding="utf-8", newline="\n") as file:
            file.write(_markdown(document, journals, _LIMIT))
    except OSError as error:
        return f"GITHUB_STEP_SUMMARY: {error}"
    return ""


def _page(document: Mapping[str, Any], path: Path, data: Path | None) -> str:
    """Return the run as a page at `path`, with a link to the same as JSON if that is written, too."""
    from pytest_fsfault._report.html.page import page  # noqa: PLC0415  # for who asks for it

    link = ""
    if data is not None:
        with suppress(ValueError):  # another drive
            link = quote(os.path.relpath(data, path.parent).replace(os.sep, "/"))
    return page(document, json_link=link)


def _markdown(document: Mapping[str, Any], journals: Journals, limit: int | None = None) -> str:
    from pytest_fsfault._report.markdown import markdown  # noqa: PLC0415  # for who asks for it

    return markdown(document, journals, limit)
