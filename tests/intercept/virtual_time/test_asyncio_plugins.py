"""Plugins that run tests in an event loop of asyncio, under the virtual clock."""

from __future__ import annotations

import os

import pytest
from skips import wine_differs

from pytest_fsfault import inject

_PYTEST_ASYNCIO = """
import asyncio, os, time
import pytest, pytest_asyncio

@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def began():
    return asyncio.get_running_loop().time()

@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.fsfault("os.replace -> ERROR_ACCESS_DENIED when first 2")
async def test_retry(count, began, tmp_path, fsfault):
    (tmp_path / "a").write_text("")
    for attempt in range(3):
        try:
            os.replace(tmp_path / "a", tmp_path / "b")
        except PermissionError:
            await asyncio.sleep(60)
    assert [60, 60] == fsfault.clock.slept
    assert count * 120 == pytest.approx(asyncio.get_running_loop().time() - began, abs=30)

@pytest.mark.asyncio(loop_scope="session")
async def test_real():
    before = asyncio.get_running_loop().time(), time.perf_counter()
    await asyncio.sleep(0.05)
    after = asyncio.get_running_loop().time(), time.perf_counter()
    assert after[1] - before[1] == pytest.approx(after[0] - before[0], abs=0.04)
"""

_ANYIO = """
import os, time
import anyio, anyio.to_thread, pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
@pytest.mark.fsfault("os.replace -> ERROR_ACCESS_DENIED when first 2")
async def test_retry(tmp_path, fsfault):
    (tmp_path / "a").write_text("")
    for attempt in range(3):
        try:
            os.replace(tmp_path / "a", tmp_path / "b")
        except PermissionError:
            await anyio.sleep(60)
    assert [60, 60] == fsfault.clock.slept
    with pytest.raises(TimeoutError):
        with anyio.fail_after(60):
            await anyio.sleep_forever()
    with anyio.fail_after(100):
        await anyio.to_thread.run_sync(time.sleep, 60)
    assert 240 == pytest.approx(fsfault.clock.now, abs=1)
"""


@pytest.mark.parametrize(
    ("module", "code", "passed"), [("pytest_asyncio", _PYTEST_ASYNCIO, 4), ("anyio", _ANYIO, 1)]
)
def test_companions_run_their_tests_under_the_clock(pytester, apart, module, code, passed):
    """Retry loops with sleeps of a minute, hundreds of seconds in all, in a loop that other tests share as well."""
    pytest.importorskip(module)
    pytester.makepyfile(code)
    apart(plugins=[module.removeprefix("pytest_")]).assert_outcomes(passed=passed)


@wine_differs("no socket tells its base handle, which trio asks for")
@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_trio_keeps_working(tmp_path, clock):
    """Its loop has a time of its own, which stays real: sleeps end, time-outs hold, threads answer."""
    trio = pytest.importorskip("trio")

    async def main():
        with trio.move_on_after(0.05) as scope:
            await trio.sleep(3600)
        with trio.fail_after(60):
            await trio.sleep(0.05)
            await trio.to_thread.run_sync(os.mkdir, tmp_path / "a")
        return scope.cancelled_caught

    with inject("os.mkdir -> delay 100ms", roots=[tmp_path], clock=clock):
        assert trio.run(main)
    assert (tmp_path / "a").is_dir()
