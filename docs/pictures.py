"""Make the pictures of the HTML report in `docs/pictures`, from real runs of the examples: `python docs/pictures.py`.

It needs Chromium and the package with its `test` extra; the examples run with a fixed seed. A picture has at most
200 kB, so that the repository stays small.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests/report/html"))
from browser import Chromium, program  # noqa: E402  # the client of the tests

MOST = 200_000
# For each picture: the arguments of pytest, the width of the page, what is opened in it, and which part is shown,
# down to which height.
PICTURES = {
    "report": (["managed_python", "two_jobs", "leftovers", "whole_suite"], 1100, "", "html", 820),
    "timeline": (["whole_suite"], 1000, "#t1", '.test[data-test="1"]', None),
    "matrix": (
        ["twelve_bugs/test_rollback_outside_try.py", "-k", "undone and buggy"],
        960,
        "#t0-1-trial-4",
        ".body",
        900,
    ),
    "patience": (["twelve_bugs/test_wrong_budget.py", "-k", "fixed"], 960, "#t0", ".body", 830),
}


def main() -> int:
    """Make all pictures, or those that are named; return 1 if one cannot be made."""
    if program() is None:
        sys.stderr.write("there is no Chromium here\n")
        return 1
    with tempfile.TemporaryDirectory() as place:
        examples = Path(place, "examples")
        shutil.copytree(ROOT / "examples", examples)
        browser = Chromium(Path(place, "profile"))
        browser.ask("Emulation.setScrollbarsHidden", hidden=True)
        try:
            return max(make(browser, examples, name) for name in sys.argv[1:] or PICTURES)
        finally:
            browser.close()


def make(browser: Chromium, examples: Path, name: str) -> int:
    """Run examples and take one picture; return 1 if it is too large."""
    arguments, width, opened, part, height = PICTURES[name]
    page, picture = examples / f"{name}.html", ROOT / "docs/pictures" / f"{name}.png"
    run(arguments, page)
    picture.parent.mkdir(exist_ok=True)
    browser.resize(width)
    browser.go(f"{page.as_uri()}{opened}")
    browser.picture(picture, part, height)
    size = picture.stat().st_size
    sys.stdout.write(f"{picture.relative_to(ROOT)}: {size:,} bytes\n")
    if size > MOST:
        sys.stderr.write(f"{picture.name} is larger than {MOST:,} bytes: make it smaller\n")
    return int(size > MOST)


def run(arguments: list[str], page: Path) -> None:
    """Run examples under a scanner, with their bugs; write the report."""
    subprocess.run(  # noqa: S603
        [
            sys.executable, "-m", "pytest", "-q", "--runxfail", "-p", "no:cacheprovider", "-p", "no:randomly",
            "--fsfault-profile", "defender", "--fsfault-seed", "5", "--fsfault-html", page.name, *arguments,
        ],
        cwd=page.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
