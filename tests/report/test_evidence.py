"""The JSON says which hold refused a call, which call came nearest to a rule, and who is known to hold files."""

from __future__ import annotations

import pytest

from pytest_fsfault._report.policies import policy_facts

HELD = """
import os, subprocess, sys, time, pytest

def replace(directory):
    with open(directory / "a.dll", "w") as file:
        file.write("a")
    for _ in range(40):
        try:
            return os.replace(directory / "a.dll", directory / "b.dll")
        except PermissionError:
            time.sleep(1)

@pytest.mark.fsfault(windows="11")
def test_scanner(tmp_path, fsfault):
    fsfault.windows().scanner(hold="3s", on="a.dll")
    replace(tmp_path)

@pytest.mark.fsfault(windows="11")
def test_declared(tmp_path, fsfault):
    (tmp_path / "b.dll").touch()
    fsfault.windows().hold(tmp_path / "b.dll", seconds=2, by="scan.exe")
    replace(tmp_path)

@pytest.mark.fsfault(windows="11")
def test_below(tmp_path, fsfault):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").touch()
    with fsfault.windows().hold(tmp_path / "d" / "a"):
        with pytest.raises(PermissionError):
            os.rename(tmp_path / "d", tmp_path / "e")
        time.sleep(5)

CODE = "import os, sys; sys.exit(not os.path.exists(os.rename('a', 'b') or 'b'))"

@pytest.mark.fsfault(windows="11")
def test_child(tmp_path, fsfault, monkeypatch):
    (tmp_path / "a").touch()
    monkeypatch.chdir(tmp_path)
    fsfault.windows().hold(tmp_path / "a")
    assert subprocess.run([sys.executable, "-c", CODE], stderr=subprocess.DEVNULL).returncode
"""


def test_calls_name_the_hold_that_refused_them(told):
    """Each refused call has the number of a hold of its test, of a scanner, declared, below a directory, in a child."""
    data, result = told(HELD)
    result.assert_outcomes(passed=4)
    holds = {}
    for test in data["tests"]:
        (hold,) = test["holds"]
        refused = [call["hold"] for call in test["calls"] if call["outcome"] == "raised"]
        assert {hold["n"]} == set(refused), test["id"]
        assert [None] == [call["hold"] for call in test["calls"] if call["outcome"] == "ok"][:1] or not [
            call for call in test["calls"] if call["outcome"] == "ok"
        ]
        assert hold["met"]
        holds[test["id"].partition("::")[2]] = hold
    assert ("scanner", False) == (holds["test_scanner"]["scanner"], holds["test_scanner"]["declared"])
    assert 3 == pytest.approx(holds["test_scanner"]["to"] - holds["test_scanner"]["from"])
    assert (None, True, "scan.exe") == tuple(
        holds["test_declared"][key] for key in ("scanner", "declared", "by")
    )
    assert 5 <= holds["test_below"]["to"] < 6, "it was closed by its block"
    assert holds["test_child"]["to"] is None


def test_closest_call(told):
    """A rule that never fired has the closest call as data: of its operations, or of one that is alike."""
    data, _ = told("""
        import os, pytest
        @pytest.mark.fsfault("os.remove *.dll -> EBUSY", "os.rmdir -> EBUSY", "os.chdir -> EBUSY", "os.rename -> EIO")
        def test_it(tmp_path):
            (tmp_path / "a.exe").touch()
            os.remove(tmp_path / "a.exe")
            (tmp_path / "a").touch()
            os.replace(tmp_path / "a", tmp_path / "b")
    """)
    removed = {"operation": "os.remove", "path": "test_it0/a.exe", "target": None}
    replaced = {"operation": "os.replace", "path": "test_it0/a", "target": "test_it0/b"}
    assert [removed, removed, None, replaced] == [rule["closest"] for rule in data["tests"][0]["rules"]]


def test_calls_are_numbered_by_operation_path_and_target(told):
    """Equal calls are numbered from 1 whether or not a rule meets them; temporary names are one name."""
    data, _ = told("""
        import os, pytest, tempfile
        def test_it(tmp_path, fsfault):
            def make():
                handle, name = tempfile.mkstemp(dir=tmp_path)
                os.close(handle)
                os.replace(name, tmp_path / "a")
            make()
            make()
            (tmp_path / "b").touch()
            os.replace(tmp_path / "b", tmp_path / "a")
            fsfault.add("os.replace -> EACCES when from 9 or never")
            make()
    """)
    (call,) = data["tests"][0]["calls"]
    assert ("os.replace", 3) == (call["operation"], call["nth"])


def test_trials_are_not_numbered(told):
    """The calls of a sweep's trials have no numbers: a replay leaves them alone."""
    data, _ = told("""
        import os, pytest
        @pytest.mark.fsfault("os.remove -> EIO when from 99 or never")
        def test_it(tmp_path, fsfault):
            (tmp_path / "a").touch()
            os.remove(tmp_path / "a")
            for trial in fsfault.sweep(lambda root: (root / "a").touch(), faults=["EACCES"], persist=False):
                with trial as root:
                    os.remove(root / "a")
                trial.check(True, "")
            (tmp_path / "a").touch()
            os.remove(tmp_path / "a")
    """)
    numbers = [call["nth"] for call in data["tests"][0]["calls"]]
    assert (1, 2) == (numbers[0], numbers[-1])
    assert {0} == set(numbers[1:-1])


@pytest.mark.parametrize(
    ("profile", "acting"), [("off", []), ("defender", ["defender"]), ("own", ["scanner"])]
)
def test_scanners_of_the_run(told, pytester, profile, acting):
    """The run has the figures of all known scanners, with their source, and says which of them acted."""
    pytester.path.joinpath("pyproject.toml").write_text(
        '[tool.fsfault.profiles.own]\nwindows = "11"\nscanners = [{hold = "1s..3s"}]\n', "utf-8"
    )
    data, _ = told("def test_it(): pass", "--fsfault-profile", profile)
    found = {one["name"]: one for one in data["run"]["scanners"]}
    assert acting == [name for name, one in found.items() if one["acts"]]
    trellix = found["trellix"]
    assert (2, 30, None, "r") == tuple(trellix[key] for key in ("median", "p99", "range", "share"))
    assert "rustup#3636" in trellix["source"]
    assert found["avast"]["range"] == [pytest.approx(0.1), 2]
    if profile == "own":
        assert (2, 2.98, [1, 3], None) == tuple(
            found["scanner"][key] for key in ("median", "p99", "range", "source")
        )


def test_policies_of_the_run(told):
    """The run has the published retry policies, with the instants at which each tries."""
    policies = pytest.importorskip(
        "pytest_fsfault.policies", reason="tenacity is not installed", exc_type=ImportError
    )
    data, _ = told("def test_it(): pass")
    assert list(policies.POLICIES) == [one["name"] for one in data["run"]["policies"]]
    found = {one["name"]: one for one in data["run"]["policies"]}
    assert {"32": [0, 0.25, 0.5, 0.75, 1.0], "5": [0, 0.25, 0.5, 0.75, 1.0]} == found["pip_replace"][
        "instants"
    ]
    assert [0.0] == found["uv_rename"]["instants"]["32"]
    assert found["rustup_rename"]["jitter"]
    assert policy_facts([policies.POLICIES["rustup_rename"]]) == [found["rustup_rename"]]
