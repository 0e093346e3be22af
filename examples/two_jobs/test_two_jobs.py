"""A job cleans what it can, whatever the other one does."""

import shutil

import pytest

from . import buggy, fixed

BUG = pytest.mark.xfail(raises=OSError, strict=True, reason="the bug: it stops at the first entry in use")
BOTH = pytest.mark.parametrize(
    "job", [pytest.param(buggy, marks=BUG, id="buggy"), pytest.param(fixed, id="fixed")]
)
pytestmark = pytest.mark.fsfault(windows="11")


@pytest.fixture
def cache(tmp_path):
    for name in ("numpy", "pandas", "polars"):
        (tmp_path / "cache" / name).mkdir(parents=True)
        (tmp_path / "cache" / name / "data").touch()
    return tmp_path / "cache"


@BOTH
def test_the_other_job_reads(job, cache, fsfault):
    """What it has open stays; all else goes."""
    fsfault.windows().hold(cache / "numpy" / "data")
    assert job.clean(cache) == ["numpy"]
    assert [path.name for path in cache.iterdir()] == ["numpy"]


@BOTH
def test_the_other_job_was_faster(job, cache, monkeypatch):
    """An entry that was there a moment ago is gone."""
    entries = list(cache.iterdir())
    shutil.rmtree(cache / "pandas")
    monkeypatch.setattr(type(cache), "iterdir", lambda _: iter(entries))
    assert job.clean(cache) == []
