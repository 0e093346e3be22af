"""What it costs to be there: a session's start and end, loading the plugin, and a run that uses neither.

Run by hand: ``python benchmarks/setup.py``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from time import perf_counter

REAL_TIME = (perf_counter,)  # in a tuple no exchange of names finds it
RULES = (
    "os.replace *.exe -> ERROR_ACCESS_DENIED when first 3 or never",
    "os.stat *.dll -> ERROR_SHARING_VIOLATION when 10% or never",
    "delete -> ERROR_ACCESS_DENIED when nth 4 per path or never",
    "open *.pyd -> ERROR_SHARING_VIOLATION or never",
)
TESTS = (
    "import pytest\n@pytest.mark.parametrize('n', range(2000))\ndef test_nothing(n, tmp_path_factory): pass\n"
)


def session(rounds=2000, modules=1000):
    """Return the median of entering and leaving `inject`, in seconds, with so many modules loaded."""
    from pytest_fsfault import inject

    for number in range(max(0, modules - len(sys.modules))):
        module = types.ModuleType(f"filler_{number}")
        vars(module).update({f"name_{i}": i for i in range(40)})
        sys.modules[module.__name__] = module
    with tempfile.TemporaryDirectory() as root:
        taken = []
        for _ in range(rounds):
            start = REAL_TIME[0]()
            with inject(*RULES, roots=[root]):
                pass
            taken.append(REAL_TIME[0]() - start)
    return statistics.median(taken[len(taken) // 10 :])


def loading(rounds=15):
    """Return medians of importing pytest alone, and of what the plugin adds, in seconds."""
    code = (
        "import time; start = time.perf_counter(); import pytest, _pytest.config; middle = time.perf_counter();"
        "import pytest_fsfault.plugin, pytest_fsfault._plugin.run; print(middle - start, time.perf_counter() - middle)"
    )
    runs = [_run(code).split() for _ in range(rounds)]
    return [statistics.median(float(run[place]) for run in runs) for place in (0, 1)]


def unused(rounds=5):
    """Return the median ratio of a run of 2,000 tests with the plugin, unused, to one without it."""
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_nothing.py").write_text(TESTS)
        for _ in range(rounds):
            without = _pytest(folder, "-p", "no:fsfault")
            ratios.append(_pytest(folder) / without)
    return statistics.median(ratios)


def _pytest(folder, *options):
    start = REAL_TIME[0]()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    return REAL_TIME[0]() - start


def _run(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def main():
    print(f"session, {len(RULES)} rules, virtual clock, 1,000 modules: {session() * 1000:.3f} ms")
    alone, added = loading()
    print(f"import: pytest {alone * 1000:.1f} ms, the plugin {added * 1000:.1f} ms more")
    print(f"2,000 tests that do not use it: {unused():.2f}x")


if __name__ == "__main__":
    main()
