"""A package is gone after an uninstall, or all there: never something between."""

import pytest

from . import buggy, fixed

pytestmark = pytest.mark.fsfault(windows="11")
BUG = pytest.mark.xfail(strict=True, reason="the bug: RECORD goes first")
BOTH = pytest.mark.parametrize(
    "installer", [pytest.param(buggy, marks=BUG, id="buggy"), pytest.param(fixed, id="fixed")]
)


def prepare(site):
    (site / "polars.dist-info").mkdir()
    (site / "polars.dist-info/RECORD").write_text("polars.py polars.pyd")
    for name in ("polars.py", "polars.pyd"):
        (site / name).touch()


@pytest.fixture
def site(tmp_path):
    prepare(tmp_path)
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
    """Moving a file that is open is refused, too; a second run, later, succeeds."""
    with fsfault.windows().hold(site / "polars.py"), pytest.raises(PermissionError):
        installer.uninstall(site)
    assert (site / "polars.dist-info/RECORD").exists()
    installer.uninstall(site)
    assert list(site.iterdir()) == []


@BOTH
@pytest.mark.filterwarnings("ignore:.* is in use")
def test_whatever_is_refused_it_is_all_or_nothing(installer, fsfault):
    """Each step is refused in turn: rolled back, or committed with a warning; a second run gets there."""
    stash = ("~*",)
    for trial in fsfault.sweep(prepare, operations=("rename", "delete")):
        with trial as site:
            installer.uninstall(site)
        trial.check_atomic(ignore=stash)
        trial.check_error(ignore=stash)
        trial.check_rerun(installer.uninstall, ignore=stash)
