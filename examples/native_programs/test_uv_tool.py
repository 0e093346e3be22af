"""`uv tool install` where one file of a new environment is refused: the next run takes half an environment for a whole one."""

import sys

import pytest

from .tools import VERSION, install, prepare
from .uv import UV, UvError

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="POSIX fact: native programs are reached on Linux"),
    pytest.mark.skipif(UV is None, reason="uv is not on the path"),
]


def test_a_rule_leaves_half_an_environment(tmp_path, fsfault):
    """The second run installs beside the base interpreter, and says that all is well."""
    prepare(tmp_path)
    with fsfault.add("os.open **/tools/tiny/pyvenv.cfg -> ERROR_ACCESS_DENIED"), pytest.raises(UvError):
        install(tmp_path)
    install(tmp_path)
    assert (tmp_path / "base/lib" / VERSION / "site-packages/tiny.py").exists()


def sweep(fsfault):
    faults = ["ERROR_ACCESS_DENIED"]
    for trial in fsfault.sweep(
        prepare, faults=faults, operations="os.symlink", persist=False, expect=UvError
    ):
        with trial as tree:
            install(tree)
        trial.check_rerun(install, ignore=("cache", "cache/**"))


def test_a_sweep_finds_it(fsfault):
    """Each link of an installation is refused once: what a second run leaves is compared with a plain run."""
    with pytest.raises(AssertionError, match=r"\+ base/bin/tiny"):
        sweep(fsfault)
