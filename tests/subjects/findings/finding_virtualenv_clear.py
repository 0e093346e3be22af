"""An environment is cleared while another process has one of its files open."""

import pytest
import virtualenv


@pytest.mark.fsfault(windows="11")
def test_what_is_not_cleared_is_an_error(tmp_path, fsfault):
    options = [str(tmp_path / "env"), "--no-seed", "--copies"]
    virtualenv.cli_run(options)
    stale = tmp_path / "env/stale.txt"
    stale.touch()
    fsfault.windows().hold(stale)
    with pytest.raises(PermissionError):
        virtualenv.cli_run([*options, "--clear"])
