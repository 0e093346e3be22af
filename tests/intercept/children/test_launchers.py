"""Scripts of Windows are programs: which report is that of which start."""

from __future__ import annotations

import pytest

from pytest_fsfault._intercept.children.parent import started
from pytest_fsfault._intercept.children.parent.started import StartedProcess, StartedProcesses

ME, PYTHON = 10, "python.exe"


@pytest.mark.parametrize(
    ("typed", "script", "reached"),
    [
        ("pip", "Scripts/pip.exe", True),
        ("PIP.EXE", "Scripts/pip.exe", True),
        ("Scripts/pip.exe", "Scripts/pip.exe", True),
        ("pip3", "Scripts/pip.exe", False),
    ],
)
def test_a_script_is_started_without_its_ending(monkeypatch, typed, script, reached):
    """Python is told the whole name of what stands for it."""
    monkeypatch.setattr(started, "IGNORES_CASE", True)
    processes = StartedProcesses()
    processes.add(StartedProcess((typed, "install"), "it is not a Python program", "a.py:1"), ME)
    processes.report_alive(("12", "11", PYTHON, script, "install"))
    assert reached is ([] == list(processes.unreached()))
