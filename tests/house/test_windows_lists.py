"""Each file of tests runs under CPython for Windows: it stands in a list of `.ci/windows`, by itself or by its folder."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_file_of_tests_is_in_a_list():
    """What does not apply there is skipped in the file, for a reason that is told."""
    lines = [
        line for name in ("", "-all") for line in (ROOT / f".ci/windows-tests{name}").read_text().splitlines()
    ]
    listed = [ROOT / line for line in lines if line and line[0] not in "#-"]
    files = (ROOT / "tests").rglob("test_*.py")
    assert [] == [str(file) for file in files if not any(file.is_relative_to(one) for one in listed)]
    assert [] == [str(one) for one in listed if not one.exists()], "what stands there exists"
