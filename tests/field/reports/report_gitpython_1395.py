"""The index is written while a descriptor of the old one is still open (gitpython-developers/GitPython#1395)."""

import git
import pytest


@pytest.mark.fsfault(windows="11")
def test_add_twice(tmp_path, fsfault):
    fsfault.windows().pretend("gitdb.util", "git.*")
    repo = git.Repo.init(tmp_path)
    for name in ("f.txt", "g.txt"):
        (tmp_path / name).write_text(name)
        repo.index.add(name)
    assert len(repo.index.entries) == 2
