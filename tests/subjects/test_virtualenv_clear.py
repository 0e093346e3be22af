"""Subject P5: virtualenv clears an environment of which somebody has a file open."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import json, os, sys
import virtualenv
from pytest_fsfault import inject

destination = os.path.join(sys.argv[1], "env")
stale = os.path.join(destination, "stale.txt")
virtualenv.cli_run([destination, "--no-seed", "--copies"])
open(stale, "w").close()
error = None
with inject(windows="11", roots=[sys.argv[1]]) as fsfault:
    fsfault.windows().hold(stale)
    try:
        virtualenv.cli_run([destination, "--clear", "--no-seed", "--copies"])
    except OSError as caught:
        error = caught.winerror
print(json.dumps({"error": error, "stale": os.path.exists(stale)}))
"""


@pytest.mark.parametrize(
    ("requirement", "error"), [("virtualenv==20.26.6", None), ("virtualenv==21.15.7", 32)]
)
def test_a_held_file(release, tmp_path, requirement, error):
    """The old one reports success with the stale file in place; the new one raises."""
    found = release(requirement).run(SCRIPT, tmp_path)
    assert (error, True) == (found["error"], found["stale"])
