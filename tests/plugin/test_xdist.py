"""Under pytest-xdist: shards of a sweep together are the whole, reports join, a worker's death loses no other's."""

from __future__ import annotations

import json
import re
import shlex

import pytest

pytest.importorskip("xdist")

SWEEP = """
import json, os, pytest

def prepare(root):
    for name in "abc":
        (root / name).write_text("old")

def install(root):
    for name in "abc":
        (root / f"{name}.new").write_text("new")
        os.replace(root / f"{name}.new", root / name)
    os.mkdir(root / "done")

@pytest.mark.parametrize("shard", SHARDS)
def test_sweep(fsfault, pytestconfig, shard):
    trials = []
    try:
        for trial in fsfault.sweep(prepare, faults=("EACCES", "ERROR_SHARING_VIOLATION"), shard=shard):
            with trial as root:
                install(root)
            trial.check("os.mkdir" not in [entry.operation for entry in trial.injected], "never there")
            trials.append([trial.id, trial.fault, [(one.operation, os.path.basename(one.path)) for one in trial.injected]])
    finally:
        (pytestconfig.rootpath / f"{str(shard)[0]}.trials").write_text(json.dumps(trials))
"""


@pytest.fixture
def spread(pytester, monkeypatch):
    """Return a function that runs pytest with these options beside xdist, and returns its result and what it told."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)

    def spread(*arguments, order=("xdist", "fsfault")):
        loaded = [word for name in order for word in ("-p", name)]
        result = pytester.runpytest_subprocess(*loaded, "--fsfault-json", "told.json", *arguments)
        return result, json.loads(pytester.path.joinpath("told.json").read_text("utf-8"))

    return spread


@pytest.fixture
def trials(pytester):
    """Return a function that returns the trials that tests have noted, their files in this order."""

    def trials(*names):
        return [json.loads(pytester.path.joinpath(f"{name}.trials").read_text("utf-8")) for name in names]

    return trials


def test_shards_over_workers(spread, trials, pytester):
    """One line of parametrization: together the shards are the whole, in trials and reports; one trial runs alone."""
    pytester.makepyfile(
        test_shards=SWEEP.replace("SHARDS", '["1/2", "2/2"]'), test_whole=SWEEP.replace("SHARDS", "[None]")
    )
    sharded, told = spread("-n2", "test_shards.py")
    whole, told_of_whole = spread("test_whole.py")
    (every,), shares = trials("N"), trials("1", "2")
    assert every[0] == shares[0][0] == shares[1][0] == ["0", None, []]
    assert every[1::2] == shares[0][1:]
    assert every[2::2] == shares[1][1:]
    for key in ("counts", "faults", "trials", "trials_failed"):
        assert told_of_whole["totals"][key] == told["totals"][key]
    assert (2, 2) == (told["totals"]["sweeps"], told["totals"]["trials_failed"])
    sharded.stdout.fnmatch_lines(["sweeps: 2 (26 trials with a fault, 2 failed)"])
    whole.stdout.fnmatch_lines(["sweeps: 1 (26 trials with a fault, 2 failed)"])
    # In CI pytest shows the verdict a second time, in its summary.
    line = re.search(r"trial 26: .*?run only this trial: pytest ([^\n]*)", sharded.stdout.str(), re.DOTALL)
    assert line
    alone, told = spread(*shlex.split(line[1]))
    alone.stdout.fnmatch_lines(
        ["E * 1 of 1 trial failed", "E * trial 26: os.mkdir done: EACCES every time, *"]
    )
    assert [["0", "26"]] == [[trial[0] for trial in share] for share in trials("2")]
    rows = [row for row in told["tests"][0]["sweeps"] if row["fault"] and row["applies"]]
    assert [["26", ["check"]]] == [[row["id"], [one["check"] for one in row["verdicts"]]] for row in rows]


DYING = """
import os, pytest

@pytest.mark.fsfault("os.mkdir -> EACCES when once")
@pytest.mark.parametrize("n", range(8))
def test_it(tmp_path, n):
    with pytest.raises(PermissionError):
        os.mkdir(tmp_path / str(n))
    if n in {2, 5}:
        os._exit(3)
"""


@pytest.mark.parametrize("order", [("xdist", "fsfault"), ("fsfault", "xdist")])
def test_a_worker_that_dies(spread, pytester, order):
    """What it has reported is told, what others and its successor report as well, all under one seed."""
    pytester.makepyfile(DYING)
    result, told = spread("-n2", order=order)
    result.assert_outcomes(passed=6, failed=2)
    assert [0, 1, 3, 4, 6, 7] == sorted(int(test["id"][-2]) for test in told["tests"])
    assert 6 * [[["os.mkdir", "EACCES", 1]]] == [test["counts"] for test in told["tests"]]
    assert {str(told["run"]["seed"])} == {test["seed"].partition(":")[0] for test in told["tests"]}
    result.stdout.fnmatch_lines(["6 tests under fault, 6 faults; *"])
