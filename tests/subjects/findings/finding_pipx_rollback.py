"""A change of an environment of pipx fails while another process has one of its files open."""

import pytest
from pipx import paths
from pipx.commands.transaction import preserve_venv
from pipx.util import rmdir


@pytest.mark.fsfault(windows="11")
def test_the_environment_survives_a_failed_change(tmp_path, monkeypatch, fsfault):
    monkeypatch.setenv("PIPX_HOME", str(tmp_path))
    paths.ctx.make_local()
    venv = tmp_path / "venvs/demo"
    (venv / "lib").mkdir(parents=True)
    for name in ("pyvenv.cfg", "lib/demo.py", "lib/held.log"):
        (venv / name).write_text("old")
    with fsfault.windows().hold(venv / "lib/held.log"):
        with pytest.raises((RuntimeError, OSError)), preserve_venv(venv, enabled=True):
            raise RuntimeError("no network")
    rmdir(paths.ctx.trash, safe_rm=False)  # what each start of pipx does
    assert (venv / "lib/demo.py").exists()
