"""Check an installed wheel: its description has addresses, and the README's first example does what it shows.

Run by the Python of an environment that has the wheel: `python .ci/first_example.py README.md ADDRESS`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from importlib.metadata import metadata, version
from pathlib import Path


def main(readme: str, address: str) -> int:
    """Return 0 if all is as it should be; else say what is not."""
    found = metadata("pytest-fsfault")
    text = found.get_payload() if not found["Description"] else found["Description"]
    links = re.findall(
        r"\]\(([^)#\s][^)\s]*)\)", re.sub(r"^```.*?^```$", "", str(text), flags=re.MULTILINE | re.DOTALL)
    )
    lost = [link for link in links if not link.startswith("https://")]
    if lost or not links:
        return tell(f"the description has {len(links)} links, and these lead nowhere: {lost}")
    if f"Source, {address.rstrip('/')}" not in found.get_all("Project-URL", []):
        return tell(f"the metadata do not name {address} as the source")
    return example(Path(readme).read_text("utf-8"))


def example(text: str) -> int:
    """Run the first example in a new directory, and compare it with what the page shows."""
    code, shown = re.findall(r"^```(?:python|console)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[:2]
    name = code.split("\n", 1)[0].removeprefix("# ")
    command = shown.split("\n", 1)[0].removeprefix("$ pytest ").split()
    wanted = [line for line in shown.splitlines() if "WinError" in line and "test_put0/" not in line]
    with tempfile.TemporaryDirectory() as place:
        Path(place, name).write_text(code, "utf-8")
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "pytest", *command],
            cwd=place, capture_output=True, text=True, check=False,
        )  # fmt: skip
    missing = [line for line in [*wanted, f"to reproduce: pytest {name}"] if line not in done.stdout]
    if done.returncode != 1 or missing or not wanted:
        return tell(f"the first example prints no {missing}, but:\n{done.stdout}{done.stderr}")
    sys.stdout.write(f"pytest-fsfault {version('pytest-fsfault')}: the first example does what it shows\n")
    return 0


def tell(what: str) -> int:
    """Say what is wrong; return 1."""
    sys.stderr.write(what + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
