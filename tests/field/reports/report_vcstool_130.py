"""`vcs import --force` removes a clone, in which objects are read-only (dirk-thomas/vcstool#130)."""

import subprocess

import pytest
from vcstool.commands.import_ import main


@pytest.mark.fsfault(windows="11")
def test_import(tmp_path, fsfault):
    fsfault.windows().pretend("vcstool.*")
    words = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for name in ("old", "new"):
        subprocess.run([*words, "init", "-q", "-b", "main", name], check=True)
        subprocess.run([*words, "-C", name, "commit", "-q", "--allow-empty", "-m", name], check=True)
    subprocess.run([*words, "clone", "-q", "old", "here"], check=True)
    repos = f"repositories: {{here: {{type: git, url: {tmp_path}/new, version: main}}}}"
    (tmp_path / "x.repos").write_text(repos)
    assert main(["--force", "--input", str(tmp_path / "x.repos"), str(tmp_path)]) == 0
    log = subprocess.run([*words, "-C", "here", "log"], check=False, capture_output=True, text=True).stdout
    assert "new" in log
    assert fsfault.journal.faults
