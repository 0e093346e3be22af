"""A package is gone after an uninstall, or all there: never something between."""

import pytest

from . import buggy, fixed

pytestmark = pytest.mark.fsfault(windows="11")
BUG = pytest.mark.xfail(strict=True, reason="the bug: RECORD goes first")
BOTH = pytest.mark.parametrize(
    "installer", [pytest.param(buggy, marks=BUG, id="buggy"), pytest.param(fixed, id="fixed")]
)


@pytest.fixture
def site(tmp_path):
    (tmp_path / "polars.dist-info").mkdir()
    (tmp_path / "polars.dist-info/RECORD").write_text("polars.py polars.pyd")
    for name in ("polars.py", "polars.pyd"):
        (tmp_path / name).touch()
    return tmp_path


@BOTH
@pytest.mark.filterwarnings("ignore:.* is in use")
def test_a_loaded_extension_is_moved_aside(installer, site, fsfault):
    """It stays in a directory of its own; the package is uninstalled."""
    fsfault.windows().load(site / "polars.pyd")
    installer.uninstall(site)
    left = [path.name for path in site.iterdir() if not path.name.startswith("~")]
    assert left == []


@BOTH
def test_a_held_file_stops_it_without_harm(installer, site, fsfault):
    """A file that somebody has open cannot be moved, either; a second run, later, succeeds."""
    with fsfault.windows().hold(site / "polars.py"), pytest.raises(PermissionError):
        installer.uninstall(site)
    assert (site / "polars.dist-info/RECORD").exists()
    installer.uninstall(site)
    assert list(site.iterdir()) == []
