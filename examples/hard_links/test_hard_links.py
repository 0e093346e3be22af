"""An environment can be removed while a program runs from another one."""

import pytest

from . import buggy, fixed

BUG = pytest.mark.xfail(raises=PermissionError, strict=True, reason="the bug: one lock for both environments")


@pytest.mark.fsfault(windows="11", strict=False)
@pytest.mark.parametrize(
    "installer", [pytest.param(buggy, marks=BUG, id="buggy"), pytest.param(fixed, id="fixed")]
)
def test_a_program_blocks_only_its_own_environment(installer, tmp_path, fsfault):
    """`ruff server` runs from the first environment; the second goes away."""
    first, second, cache = (tmp_path / name for name in ("first", "second", "cache"))
    cache.mkdir()
    for name in ("ruff.exe", "ruff.py"):
        (cache / name).touch()
    installer.install(cache, first)
    installer.install(cache, second)
    fsfault.windows().run(first / "ruff.exe")
    installer.remove(second)
    assert not second.exists()
