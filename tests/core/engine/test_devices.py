"""What of Windows' devices may be written to wherever changes outside the roots are refused."""

from __future__ import annotations

import pytest

from pytest_fsfault._core.engine.guard import Guard


@pytest.mark.parametrize(
    ("path", "stray"),
    [
        ("//./nul", False),  # as `subprocess.DEVNULL` opens it
        ("//./NUL", False),
        ("//./CONOUT$", False),
        ("//./pipe/a", False),
        ("//./COM1", False),
        ("//./lpt9", False),
        ("//./COM\u00b2", False),
        ("//./AUX", False),
        ("//./prn", False),
        ("//./COM0", True),
        ("//./CON.txt/a", True),
        ("//./PhysicalDrive0", True),
        ("//./GLOBALROOT/Device/HarddiskVolume1/a", True),
        ("C:/nul/a", True),
    ],
)
def test_devices(path, stray):
    """The null device, the console, ports and pipes; not what leads to a disk."""
    found = Guard(tuple).stray("os.open", {"mutate"}, (path, None), ("C:/root",))
    assert stray is (found == path)
