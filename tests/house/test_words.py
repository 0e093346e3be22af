"""Messages, docstrings and pages say things in the field's words; kinds of sentences that were bettered stay away."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import pytest_fsfault

PACKAGE = Path(pytest_fsfault.__file__).parent
ROOT = Path(__file__).parents[2]
FILES = sorted(PACKAGE.rglob("*.py"))
#: Windows' own sentences.
QUOTED = {"_core/language/winerrors.py"}
# The slogan.
SLOGAN = "Make the file system say no, as Windows would"
#: What no message and no docstring says, with what says it better.
SENTENCES = {
    r"\b(some|no|any)body\b|\bwhoever\b": "who does it: a thread, a process, a scanner, the parent",
    r"\bcannot be\b": "what is valid: is not writable, is not valid; write ...",
    r"(?<![Tt]here )\bis no (?!longer\b|\")": "is not a",
    r"\btold\b(?!`)": "said, shown, logged, reported",
    r"\b[Tt]ake in\b": "Record",
    r"\bno \w+ known here\b": "a known, unknown",
    r"\b[Rr]ise through\b": "Propagate through",
    r"\b[Ee]nd it all\b": "Close all holds",
    r"\bsays? no\b(?! while)": "refuses",
    r"\bonce and for good\b": "once, and persistently",
    r"\bfails by itself\b": "fails even without a fault",
    r"\bpromise \d|\bdesign \d|\bwindows\.md\b": "what is in the repository",
}
#: What no page says.
ON_PAGES = (r"\b(some|no|any)body\b|\bwhoever\b", r"(?<![Tt]here )\bis no (?!longer\b)", r"\btold\b")


@cache
def texts(path):
    """Return the texts of a module, each with its line: strings, which become messages, and docstrings."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    strings = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [(one.lineno + n, line) for one in strings for n, line in enumerate(one.value.split("\n"))]


def found(pattern):
    """Return where a pattern is found in the package."""
    return [
        f"{name}:{number}: {line.strip()}"
        for path in FILES
        if (name := path.relative_to(PACKAGE).as_posix()) not in QUOTED
        for number, line in texts(path)
        if re.search(pattern, line) and " " in line.strip() and not line.startswith(SLOGAN)
    ]


@pytest.mark.parametrize("pattern", SENTENCES)
def test_a_sentence_says_what_it_means(pattern):
    """No message and no docstring has it: `SENTENCES` has what to write instead."""
    assert [] == found(pattern), SENTENCES[pattern]


@pytest.mark.parametrize("pattern", ON_PAGES)
def test_pages_do_so_too(pattern):
    """So does the documentation."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert [] == [
        f"{path.relative_to(ROOT)}: {line}"
        for path in pages
        for line in path.read_text("utf-8").replace("\nis no", " is no").split("\n")
        if re.search(pattern, line)
    ]


def test_the_search_finds_sentences(tmp_path):
    """A planted sentence is found: in a docstring and in a message."""
    path = tmp_path / "planted.py"
    path.write_text('"""What nobody knows."""\nraise ValueError(f"{1} is no number")\n')
    assert [(1, "What nobody knows.")] == [
        one for one in texts(path) if re.search(next(iter(SENTENCES)), one[1])
    ]
    assert [(2, " is no number")] == [one for one in texts(path) if re.search(r"\bis no ", one[1])]
