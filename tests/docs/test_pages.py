"""The documentation runs: its files are written, its commands executed, their output compared."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest
from skips import WINDOWS, WINE, posix_fact, wine_differs

import pytest_fsfault
from pytest_fsfault._core.language.operations import GROUPS, OPERATIONS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
_BLOCK = re.compile(r"^```(python|toml|console|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^##+ (.*)$", re.MULTILINE)

# What differs from run to run: numbers of seconds and seeds, the base temporary directory, rulers.
_VARYING = (
    (re.compile(r"(?<=the tests took )[\d.]+ s\b"), "T s"),  # "19 s" for 19.0
    (re.compile(r"\d+\.\d+ s\b"), "T s"),
    (re.compile(r"\d+\.\d+s\b"), "Ts"),
    (re.compile(r"--fsfault-seed \d+"), "--fsfault-seed N"),
    (re.compile(r"^#(\d+) +T s"), r"#\1 T s"),
    (re.compile(r"([=_-])\1{3,}"), r"\1\1\1"),
)

# How Wine words an error, and how Windows does.
_WORDS = {
    "[WinError 32] Sharing violation": "[WinError 32] The process cannot access the file because it is being used by "
    "another process",
}


class Block(NamedTuple):
    """A fenced block: the heading above it, its language, its text."""

    heading: str
    language: str
    text: str


def _blocks() -> list[Block]:
    headings = [(found.start(), found[1]) for found in _HEADING.finditer(README)]
    return [
        Block(
            next((name for at, name in reversed(headings) if at < found.start()), "first screen"),
            *found.groups(),
        )
        for found in _BLOCK.finditer(README)
    ]


# A page of the documentation is one story: its files build on each other. The README has one for each heading.
SECTIONS = {
    f"README.md, {heading}": list(blocks)
    for heading, blocks in groupby(_blocks(), key=lambda block: block.heading)
    if heading not in {"Two commands", "The examples"}
} | {
    page: [Block(page, *found.groups()) for found in _BLOCK.finditer(text)]
    for page, text in PAGES.items()
    if page not in {"README.md", "docs/index.md"} and _BLOCK.search(text)
}


def _run(command: str, directory: Path, base: Path, plugins: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run a command of a page, with our plugin, xdist and those named; return its exit code and its output."""
    program, *arguments = shlex.split(command)
    head = {"pytest": [sys.executable, "-m", "pytest"], "python": [sys.executable]}[program]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))
    }
    environment |= {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": f"-p {' -p '.join(('fsfault', 'xdist', *plugins))} --basetemp="
        + shlex.quote(str(base)),
        "PYTHONPATH": str(Path(pytest_fsfault.__file__).parents[1]),
        "COLUMNS": "80",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        [*head, *arguments], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def _settled(line: str) -> str:
    for words, meant in _WORDS.items() if WINE else ():
        line = line.replace(words, meant)
    for pattern, text in _VARYING:
        line = pattern.sub(text, line)
    return line.rstrip()


def _with_posix_paths(output: str, base: Path) -> str:
    """Return an output with the base temporary directory of the pages, and paths below it as they stand there."""
    # In messages of errors a path is quoted, in ours it has the one separator.
    for form in dict.fromkeys((repr(str(base))[1:-1], str(base), base.as_posix())):
        output = re.sub(
            rf"{re.escape(form)}([^'\s]*)",
            lambda found: "/tmp/pytest-0" + (re.sub(r"\\+", "/", found[1]) if WINDOWS else found[1]),
            output,
        )
    return output


def assert_shown(expected: str, output: str, base: Path) -> None:
    """Assert that `expected` is what was printed; a line of ``...`` stands for any number of lines."""
    settled = [_settled(line) for line in _with_posix_paths(output, base).splitlines()]
    chunks = [
        list(group)
        for dots, group in groupby(expected.splitlines(), key=lambda line: line == "...")
        if not dots
    ]
    at = 0
    for chunk in chunks:
        wanted = [_settled(line) for line in chunk]
        places = [
            place for place in range(at, len(settled)) if settled[place : place + len(wanted)] == wanted
        ]
        assert places, "not printed, or not there:\n" + "\n".join(chunk) + "\n\nprinted was:\n" + output
        at = places[0] + len(wanted)
    if "...\n" not in expected:
        assert len(settled) == at, output


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_section_does_what_it_shows(heading, tmp_path):
    """The files of a section are written; its commands print what stands there; tests without a command pass."""
    directory, base = tmp_path / "project", tmp_path / "pytest-0"
    directory.mkdir()
    tests, shown = [], 0
    plugins = ("fakefs",) if any("pyfakefs" in block.text for block in SECTIONS[heading]) else ()
    for block in SECTIONS[heading]:
        if block.language == "console":
            command, _, expected = block.text.removeprefix("$ ").partition("\n")
            place = ROOT if " examples/" in command or " tests/" in command else directory
            assert_shown(expected, _run(command, place, base, plugins)[1], base)
            shown += 1
            tests = [name for name in tests if name not in command]
            continue
        name = re.match(r"# (\S+)\n", block.text)
        assert name, f"the first line of a block names its file: {block.text[:60]!r}"
        (directory / name[1]).write_text(block.text, "utf-8")
        tests += [name[1]] if name[1].startswith("test_") else []
    if tests:
        code, output = _run(shlex.join(["pytest", "-W", "error", *tests]), directory, base, plugins)
        assert 0 == code, output
    assert tests or shown


@wine_differs("an environment is made of the launcher of CPython's installer, and an example starts one")
def test_the_main_job_ends_as_shown(tmp_path):
    """The summary of the examples is the one in the README."""
    [shown] = [
        block.text for block in _blocks() if block.heading == "The examples" and block.language == "console"
    ]
    command, _, expected = shown.removeprefix("$ ").partition("\n")
    # Whether uv is on the path is the machine's business.
    options = "-p no:cacheprovider --ignore examples/native_programs"
    code, output = _run(f"{command} {options}", ROOT, tmp_path / "pytest-0")
    assert 0 == code, output
    assert_shown(expected, output, tmp_path / "pytest-0")


def test_the_two_commands_share_their_start():
    """Each of the two commands does all the set-up, then runs the examples or the tests."""
    setup = (
        "python3 -m venv .venv && .venv/bin/python -m pip install -e '.[test]' && .venv/bin/python -m pytest"
    )
    commands = [
        block.text.strip()
        for block in _blocks()
        if block.heading == "Two commands" and block.language == "sh"
    ]
    assert [f"{setup} examples", f"{setup} -n logical"] == commands


@posix_fact("a script of bash")
def test_ci_runs_the_second_command():
    """The continuous integration takes the command that runs the tests out of the README."""
    found = subprocess.run(
        ["bash", ROOT / ".ci/run", "--print-command"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    commands = [block.text for block in _blocks() if block.language == "sh"]
    assert commands[1] == found.stdout


def test_the_reference_is_complete(pytester):
    """Operations, groups, public names, options, settings and marker keywords all stand in the documentation."""
    names = [*OPERATIONS, *GROUPS, *pytest_fsfault.__all__]
    help_text = pytester.runpytest_subprocess("--help").stdout.str()
    names += re.findall(r"^ +(--fsfault[a-z-]*|fsfault_[a-z]+)", help_text, re.MULTILINE)
    markers = pytester.runpytest_subprocess("--markers").stdout.str()
    signature = re.search(r"@pytest.mark.fsfault\((.*?)\)", markers)
    assert signature
    names += re.findall(r"(\w+)=", signature[1])
    spans = [span for text in PAGES.values() for span in re.findall(r"`([^`]+)`", _FENCED.sub("", text))]
    words = {word for span in spans for word in re.findall(r"[\w.-]+", span)}
    assert [] == [name for name in names if name not in words]


LINKS = [
    pytest.param(page, link, id=f"{page}: {link}")
    for page, text in PAGES.items()
    for link in re.findall(r"\]\(((?!http)[^)#]+)\)", text)
]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_links_lead_somewhere(page, link):
    """Each relative link names a file or directory of the project, as seen from its page."""
    assert ((ROOT / page).parent / link).exists()
