"""Calls are known again in another run by their operation and by paths without what is new in each run."""

from __future__ import annotations

import pytest

from pytest_fsfault._core.engine.numbering import CallNumbers, call_key, stable_path
from pytest_fsfault._core.language.operations import Operation


@pytest.mark.parametrize(
    ("path", "stable"),
    [
        ("test_it0/a.exe", "test_it/a.exe"),
        ("test_it12/Lib/A.exe", "test_it/lib/a.exe"),
        ("test_it0/tmpab3defgh", "test_it/tmp*"),
        ("test_it0/tmpabcdefgh/x", "test_it/tmp*/x"),
        ("test_it0/tmpabcdefgh.zip", "test_it/tmp*.zip"),
        ("test_it0/pip-unpack-abcdefgh/x.whl", "test_it/pip-*/x.whl"),
        ("test_it0/pip-ephem-wheel-cache-ab_d3fgh/x", "test_it/pip-*/x"),
        ("test_it0/mine-abc4efgh/x", "test_it/mine-*/x"),
        ("test_it0/site-packages/pip", "test_it/site-packages/pip"),
        ("test_it0/rustcAbC123/x", "test_it/*/x"),
        ("test_it0/wheels/c2/e0/8d/8996e1ad6b0a78ab3818087be7/x", "test_it/wheels/*/x"),
        ("test_it0/INSTALLERabcdefgh.tmp", "test_it/installer*.*"),
        ("/tmp/somewhere/else/a.whl", "/a.whl"),
        ("C:/Users/x/AppData/a.whl", "/a.whl"),
        ("", ""),
    ],
)
def test_stable_path(path, stable):
    """Counters, temporary names, case, and directories outside the roots do not count."""
    assert stable == stable_path(path, numbered=True)


def test_a_number_of_the_project_counts():
    """Below a root of the project's own a name keeps its number."""
    assert "v1/a" == stable_path("v1/a", numbered=False)


def test_numbers_count_by_key():
    """Each operation on each path and target has its own numbers."""
    numbers = CallNumbers(numbered=True, ignore_case=False)
    roots = ("/r",)
    calls = [("os.remove", "/r/t0/a", None), ("os.remove", "/r/t1/a", None), ("os.rename", "/r/t0/a", "/r/t0/b"),
             ("os.rename", "/r/t0/a", "/o/b"), ("os.rename", "/r/t0/a", "/p/b"), ("os.remove", "/r/t0/b", None)]  # fmt: skip
    found = [numbers.count(Operation(*call), roots) for call in calls]
    assert [1, 2, 1, 1, 2, 1] == [nth for _, nth in found]
    assert call_key("os.rename", "t7/a", "t7/b", numbered=True) == found[2][0]


@pytest.mark.parametrize("root", ["/", "C:/", "C:"])
def test_a_whole_file_system_is_no_root(root):
    """On a fake file system all is watched, and paths are known as they are told: in full."""
    numbers = CallNumbers(numbered=False, ignore_case=False)
    key, nth = numbers.count(Operation("os.remove", f"{root.rstrip('/')}/build/d/a.x"), (root,))
    assert (call_key("os.remove", f"{root.rstrip('/')}/build/d/a.x", None, numbered=False), 1) == (key, nth)
