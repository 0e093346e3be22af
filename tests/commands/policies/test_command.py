"""`python -m pytest_fsfault policies`: what it prints, and what it says to mistakes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_fsfault.__main__ import main
from pytest_fsfault.policies import POLICIES

HELP = "see python -m pytest_fsfault policies --help"
TIMES = "'31ms..800ms' (a range), 'lognormal(31ms, 265ms)' (median and 99th percentile) or '250ms'"
SHARING = """\
hold: 4 drawn from 300ms with seed 0; a try meanwhile meets WinError 32 (ERROR_SHARING_VIOLATION)

policy                      retries                                         waits at most          survives           worst wait
llvm_rename                 any but not found; then 5, 32 (EACCES)          1.99 s, 400 calls      4 of 4 (100.00 %)  0.300 s
graceful_fs_rename          5, 32, 33 (EACCES, EPERM, EBUSY), if no target  60 s, about 600 calls  4 of 4 (100.00 %)  0.360 s
pnpm_rename                 5, 32, 33 (EPERM, EBUSY)                        60 s, about 600 calls  4 of 4 (100.00 %)  0.360 s
conda                       EACCES, EPERM, such as 5, 32, 33                6.3 to 6.9 s, 7 calls  4 of 4 (100.00 %)  0.413 s
pip_replace                 any exception                                   1 s, 5 calls           4 of 4 (100.00 %)  0.500 s
pip_rmtree                  any exception                                   3 s, 7 calls           4 of 4 (100.00 %)  0.500 s
hatch_wait                  any OSError                                     5 s, 11 calls          4 of 4 (100.00 %)  0.500 s
uv_rename                   5                                               10.23 s, 11 calls      0 of 4 (0.00 %)    does not retry 32
rustup_rename               5 (EACCES, EPERM)                               up to 318 s, 27 calls  0 of 4 (0.00 %)    does not retry 32
rustup_rename_as_commented  5 (EACCES, EPERM)                               28.656 s, 22 calls     0 of 4 (0.00 %)    does not retry 32
rimraf                      4, 32, 33 (EMFILE, ENFILE, EBUSY)               0.165 s, 24 calls      0 of 4 (0.00 %)    -
git_for_windows             5, 32                                           0.071 s, 6 calls       0 of 4 (0.00 %)    -
"""


def rows(text):
    """Return the cells of a table's rows by policy."""
    lines = [line for line in text.splitlines() if line.partition(" ")[0] in POLICIES]
    return {line.split()[0]: line for line in lines}


def test_output(capsys):
    """The table: the policy that survives most holds first, then the one that waits least."""
    assert 0 == main(["policies", "--hold", "300ms", "--holds", "4"])
    assert SHARING == capsys.readouterr().out


def test_another_error(capsys):
    """With error 5 others survive, and rimraf does not."""
    assert 0 == main(["policies", "--hold", "300ms", "--holds", "4", "--error", "5"])
    said = capsys.readouterr().out
    assert "meets WinError 5 (ERROR_ACCESS_DENIED)" in said
    assert "4 of 4 (100.00 %)  0.310 s" in rows(said)["uv_rename"]
    assert rows(said)["rimraf"].endswith("0 of 4 (0.00 %)    does not retry 5")


def test_scanners(capsys):
    """Each scanner gets a table of its own."""
    assert 0 == main(["policies", "--scanner", "avast", "--scanner", "indexer", "--holds", "1000"])
    first, second = capsys.readouterr().out.split("\n\nindexer: ")
    drawn = "1,000 drawn from {} with seed 0; a try meanwhile meets WinError 32 (ERROR_SHARING_VIOLATION)\n"
    assert first.startswith("avast: " + drawn.format("100ms..2s"))
    assert second.startswith(drawn.format("lognormal(31ms, 265ms)"))
    assert set(POLICIES) == set(rows(first)) == set(rows(second))
    assert "1,000 of 1,000 (100.00 %)" in rows(first)["pip_rmtree"]


def test_defender_by_default(capsys):
    """Without a choice it is Defender, and ten thousand holds."""
    assert 0 == main(["policies"])
    said = capsys.readouterr().out
    assert said.startswith("defender: 10,000 drawn from lognormal(10ms, 275ms) with seed 0; ")
    assert " 10,000 of 10,000 (100.00 %)  " in rows(said)["pnpm_rename"]


def test_a_share_is_rounded_down(capsys):
    """One hold lost in a hundred thousand is not 100 %."""
    assert 0 == main(["policies", "--scanner", "defender", "--holds", "100000"])
    share = rows(capsys.readouterr().out)["pip_rmtree"]
    assert " 99,999 of 100,000 (99.99 %) " in share


def test_seeds(capsys):
    """The same seed prints the same, another one others."""
    said = []
    for seed in ("7", "7", "-7"):
        assert 0 == main(["policies", "--seed", seed, "--holds", "500", "--scanner", "mcafee"])
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert [*rows(said[0]).values()] != [*rows(said[2]).values()]


def test_sources(capsys):
    """--sources names for each policy the function and where it is."""
    assert 0 == main(["policies", "--hold", "1s", "--holds", "1", "--sources"])
    said = capsys.readouterr().out.splitlines()[15:]
    assert [
        "",
        "pip_replace: pip, filesystem.replace",
        "    https://github.com/pypa/pip/blob/26.3/src/pip/_internal/utils/filesystem.py",
    ] == said[:3]
    assert 1 + 2 * len(POLICIES) == len(said)


def test_help(capsys):
    """--help lists the command, and the command its options."""
    assert 0 == main(["--help"])
    summary = "policies        print how many holds of a scanner each published retry policy survives"
    assert summary in capsys.readouterr().out.splitlines()
    with pytest.raises(SystemExit) as ended:
        main(["policies", "--help"])
    assert 0 == ended.value.code
    assert "--scanner NAME" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scanner", "defnder"], "unknown scanner 'defnder'; did you mean 'defender'?"),
        (
            ["--scanner", "42"],
            "unknown scanner '42'; write defender, trellix, crowdstrike, avast, mcafee, zscaler or indexer",
        ),
        (["--hold", "soon"], f"hold='soon': 'soon' is not a valid duration; write {TIMES}"),
        (["--hold", "2s..1s"], "hold='2s..1s' ends before it begins; write the shorter time first"),
        (["--hold", "0ms"], "hold='0ms' holds nothing; write a time above 0"),
        (
            ["--hold", "1s", "--scanner", "avast"],
            f"argument --scanner: not allowed with argument --hold; {HELP}",
        ),
        (["--error", "2"], "--error '2' is not what a hold raises; write 32 (an open file) or 5"),
        (["--error", "EACCES"], "--error 'EACCES' is not what a hold raises; write 32 (an open file) or 5"),
        (["--holds", "0"], "--holds '0' is not a number of holds; write 1 to 1000000"),
        (["--holds", "1000001"], "--holds '1000001' is not a number of holds; write 1 to 1000000"),
        (["--holds", "-1"], "--holds '-1' is not a number of holds; write 1 to 1000000"),
        (["--holds", "many"], "--holds 'many' is not a number of holds; write 1 to 1000000"),
        (["--holds", "9" * 5000], f"--holds '{'9' * 5000}' is not a number of holds; write 1 to 1000000"),
        (["--seed", "x"], "--seed 'x' is not a seed; write a whole number of at most 18 digits"),
        (["--seed", "1.5"], "--seed '1.5' is not a seed; write a whole number of at most 18 digits"),
        (["--scaner", "avast"], f"unrecognized arguments: --scaner avast; {HELP}"),
        (["defender"], f"unrecognized arguments: defender; {HELP}"),
    ],
)
def test_mistakes(arguments, message, capsys):
    """A mistake on the command line is one sentence and exit code 2; nothing is printed."""
    assert 2 == main(["policies", *arguments])
    assert ("", f"{message}\n") == capsys.readouterr()


def test_without_tenacity(monkeypatch, capsys):
    """Who lacks tenacity is told what to install."""
    monkeypatch.setitem(sys.modules, "tenacity", None)
    monkeypatch.delitem(sys.modules, "pytest_fsfault.policies")
    assert 2 == main(["policies"])
    told = 'pytest_fsfault.policies needs tenacity; install it with: pip install "pytest-fsfault[tenacity]"\n'
    assert ("", told) == capsys.readouterr()


def test_as_a_module():
    """The command runs as `python -m pytest_fsfault`, without pytest."""
    told = subprocess.run(
        [sys.executable, "-m", "pytest_fsfault", "policies", "--hold", "300ms", "--holds", "4"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, SHARING, "") == (told.returncode, told.stdout, told.stderr)
