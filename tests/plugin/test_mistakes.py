"""What users get for a mistake: one sentence, where they made it, and nothing is changed."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

NAMES = "corporate, defender, flaky, observe, off, windows, windows-10, windows-server-2019, windows-server-2022, windows-server-2025 or wsl1"
VERSIONS = "write '7', 'server-2019', '10', 'server-2022', '11' or 'server-2025'"
NO_OPERATION = "unknown operation 'os.repalce' (column 1); did you mean 'os.replace'?"
BAD = "os.repalce -> EIO"
CHANGES = "import os\ndef test_it(tmp_path): open(os.environ['WITNESS'], 'w').close()"


@pytest.fixture(autouse=True)
def witness(tmp_path_factory, monkeypatch):
    """Watch that a run which is refused runs no test."""
    path = tmp_path_factory.mktemp("witness") / "ran"
    monkeypatch.setenv("WITNESS", str(path))
    yield
    assert not path.exists()


def refused(result, pytester, message):
    """Assert that pytest ended with one line and exit code 4."""
    lines = [line for line in result.errlines if line]
    assert [f"ERROR: {message}"] == lines
    assert 4 == result.ret
    assert not list(pytester.path.glob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--fsfault-profile", "flakey"],
            "--fsfault-profile: unknown profile 'flakey'; did you mean 'flaky'?",
        ),
        (["--fsfault-profile", "x"], f"--fsfault-profile: unknown profile 'x'; write {NAMES}"),
        (["--fsfault-profile="], f"--fsfault-profile: unknown profile ''; write {NAMES}"),
        (
            ["--fsfault-profile", "defendr"],
            "--fsfault-profile: unknown profile 'defendr'; did you mean 'defender'?",
        ),
        (["--fsfault-rule", BAD], f"--fsfault-rule: rule '{BAD}': {NO_OPERATION}"),
        (
            ["--fsfault-rule", ""],
            "--fsfault-rule: rule '': expected an operation such as 'os.replace' (column 1)",
        ),
        (["--fsfault-seed", "x"], "--fsfault-seed 'x' is not a number; write a whole number, or last"),
        (["--fsfault-seed", "1.5"], "--fsfault-seed '1.5' is not a number; write a whole number, or last"),
        (
            ["--fsfault-seed", "last"],
            "--fsfault-seed last: no previous run recorded a seed; write a whole number",
        ),
        (
            ["--fsfault-seed", "last", "-p", "no:cacheprovider"],
            "--fsfault-seed last: no previous run recorded a seed; write a whole number",
        ),
        (["--fsfault-json", "."], "--fsfault-json '.' is a directory; write the path of a file"),
        (["--fsfault-json="], "--fsfault-json '' is a directory; write the path of a file"),
        (
            ["--fsfault-json", "no/a.json"],
            "--fsfault-json 'no/a.json' is in no directory that exists; make it first",
        ),
        (
            ["--fsfault-json", "run.x", "--fsfault-html", "./run.x"],
            "--fsfault-html and --fsfault-json name one file, 'run.x'; write two paths",
        ),
        (["--fsfault-show", "fault"], "--fsfault-show 'fault' is not known; did you mean 'faults'?"),
        (["--fsfault-show", "x"], "--fsfault-show 'x' is not known; write faults or all"),
        (["-o", "fsfault_profile=x"], f"fsfault_profile: unknown profile 'x'; write {NAMES}"),
        (["-o", f"fsfault_rules={BAD}"], f"fsfault_rules: rule '{BAD}': {NO_OPERATION}"),
        (["-o", "fsfault_seed=x"], "fsfault_seed = 'x' is not a number; write a whole number"),
        (
            ["-o", "fsfault_seed=x", "--fsfault-seed", "3"],
            "fsfault_seed = 'x' is not a number; write a whole number",
        ),
        (["-o", "fsfault_strict=yes"], "fsfault_strict = 'yes' is not known; write 'true', 'false' or 'all'"),
        (["-o", "fsfault_clock=fast"], "fsfault_clock = 'fast' is not known; write 'virtual' or 'real'"),
        (["-o", "fsfault_children=x"], "fsfault_children = 'x' is not known; write 'true' or 'false'"),
        (["-o", "fsfault_native=x"], "fsfault_native = 'x' is not known; write 'true' or 'false'"),
        (["-o", "fsfault_outside=x"], "fsfault_outside = 'x' is not known; write 'allow' or 'refuse'"),
        (
            ["-o", "fsfault_roots=/"],
            "fsfault_roots: '{top}' is not allowed as a root: it holds the whole file system; write a directory of the test's own",
        ),
    ],
)
def test_command_line_and_ini(run, pytester, arguments, message):
    """A mistake on the command line or in the ini file ends pytest at once, with one line and exit code 4."""
    # The root of the drive that the ini file is on.
    message = message.replace("{top}", pytester.path.anchor.replace("\\", "/"))
    refused(run(CHANGES, *arguments), pytester, message)


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0,
    reason="POSIX fact: a directory that is forbidden, which root is not",
)
def test_json_that_may_not_be_written(run, pytester):
    """A place that cannot be written is refused before the tests run."""
    pytester.mkdir("mine").chmod(0o500)
    refused(
        run(CHANGES, "--fsfault-json", "mine/a"),
        pytester,
        "--fsfault-json 'mine/a' is not writable; choose another place",
    )


def test_json_that_cannot_be_written_in_the_end(run, pytester):
    """If the place is gone when the tests are through, pytest says so in one line, and ends with exit code 4."""
    pytester.mkdir("there")
    result = run("import os\ndef test_it(): os.rmdir('there')", "--fsfault-json", "there/a")
    assert (4, 0) == (result.ret, result.stdout.str().count("INTERNALERROR"))
    result.stderr.fnmatch_lines(["Exit: --fsfault-json: [[]Errno 2[]] No such file or directory: '*there*a'"])


T = "tool.fsfault.profiles"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (f"[{T}.mine]\nrules = ['{BAD}']", f"{T}.mine: rule '{BAD}': {NO_OPERATION}"),
        (
            f"[{T}.mine]\nrules = [3]",
            f"{T}.mine: 3 is not a rule; write a text such as 'os.replace *.exe -> EACCES'",
        ),
        (
            f"[{T}.mine]\nrules = 'x'",
            f"{T}.mine: rules = 'x' is not a list; write rules = ['os.replace -> EACCES']",
        ),
        (f"[{T}.mine]\nseed = '7'", f"{T}.mine: seed = '7' is not a number; write a whole number"),
        (f"[{T}.mine]\nseed = true", f"{T}.mine: seed = True is not a number; write a whole number"),
        (f"[{T}.mine]\nclock = 'fast'", f"{T}.mine: clock = 'fast' is not known; write 'virtual' or 'real'"),
        (f"[{T}.mine]\nrule = []", f"{T}.mine: unknown key 'rule'; did you mean 'rules'?"),
        (
            f"[{T}.mine]\nx = 1",
            f"{T}.mine: unknown key 'x'; write extends, rules, windows, scanners, pretend, clock, children, native, seed, outside or baseline",
        ),
        (f"[{T}.mine]\nextends = 'x'", f"{T}.mine: extends: unknown profile 'x'; write {NAMES}"),
        (
            f"[{T}.mine]\nscanners = ['defender']",
            f"{T}.mine: scanners needs the Windows model; write windows = '11' as well",
        ),
        (f"[{T}.mine]\nextends = 3", f"{T}.mine: extends = 3 is not a name; write the name of one profile"),
        (
            f"[{T}.a]\nextends = 'b'\n[{T}.b]\nextends = 'a'",
            f"{T}.a extends itself (a -> b -> a); let the chain end",
        ),
        (
            f"[{T}.mine]\nwindows = '12'",
            f"{T}.mine: windows='12' is not a known version of Windows; {VERSIONS}",
        ),
        (
            f"[{T}.mine]\nnative = 1",
            f"{T}.mine: native = 1 is not known; write true or false",
        ),
        (
            f"[{T}.mine]\noutside = 'no'",
            f"{T}.mine: outside = 'no' is not known; write 'allow' or 'refuse'",
        ),
        (
            f"[{T}.mine]\nbaseline = 3",
            f"{T}.mine: baseline = 3 is not a path; write that of a file",
        ),
        (
            f"[{T}.mine]\nchildren = 1",
            f"{T}.mine: children = 1 is not known; write true or false",
        ),
        (f"[{T}.flaky]", f"{T}.flaky has the name of a built-in profile; choose another name"),
        (f"[{T}.windows]", f"{T}.windows has the name of a built-in profile; choose another name"),
        (f"[{T}]\nmine = 3", f"{T}.mine is 3, not a table; write keys such as rules = [...]"),
        ("[tool.fsfault]\nprofiles = 3", f"{T} is 3, not a table of profiles by name"),
        ("[tool]\nfsfault = 3", f"{T} is 3, not a table of profiles by name"),
        (
            "[tool.fsfault]\nrules = []",
            "tool.fsfault: unknown key 'rules'; write [tool.fsfault.profiles.NAME]",
        ),
    ],
)
def test_pyproject(run, pytester, toml, message):
    """So does one in `pyproject.toml`, even if nobody uses that profile."""
    pytester.makepyprojecttoml(toml)
    refused(run(CHANGES), pytester, message)


def test_broken_pyproject(run, pytester):
    """A `pyproject.toml` that pytest does not read itself must be readable if it speaks of us."""
    pytester.makefile(".ini", pytest="[pytest]")
    pytester.makepyprojecttoml("[tool.fsfault.profiles.mine\n")
    why = "Expected ']' at the end of a table declaration (at end of document)"
    refused(
        run(CHANGES, "-c", "pytest.ini"),
        pytester,
        f"{pytester.path / 'pyproject.toml'} is not readable: {why}",
    )


H = "pytest_fsfault_profiles"


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (f"{{'mine': {{'rules': ['{BAD}']}}}}", f"{H}.mine: rule '{BAD}': {NO_OPERATION}"),
        ("['mine']", f"{H} is ['mine'], not a table of profiles by name"),
        ("{'off': {}}", f"{H}.off has the name of a built-in profile; choose another name"),
    ],
)
def test_hook(run, pytester, returned, message):
    """So does one in a profile of a plugin."""
    pytester.makeconftest(f"def pytest_fsfault_profiles(): return {returned}")
    refused(run(CHANGES), pytester, message)


# In a message a path has one form.
PREFIX, BASE_PREFIX = (Path(path).absolute().as_posix() for path in (sys.prefix, sys.base_prefix))
# On Windows that of the drive on which the run within the test is.
TOP = Path(tempfile.gettempdir()).absolute().anchor.replace(os.sep, "/")
OWN = "write a directory of the test's own"
#: What marker and `inject` may be given, and the sentence that they get for it.
ARGUMENTS = [
    (repr(BAD), f"rule '{BAD}': {NO_OPERATION}"),
    ("3", "3 is not a rule; write a text such as 'os.replace *.exe -> EACCES'"),
    ("'os.replace -> EIO', profile='off'", "profile='off' switches all faults off, rules included; leave out one of the two"),
    ("profile='flakey'", "unknown profile 'flakey'; did you mean 'flaky'?"),
    ("profile=3", "profile=3 is not a name; write a profile's name, such as 'flaky'"),
    ("profile='off', windows='11'", "profile='off' switches all faults off, windows='11' included; leave out one of the two"),
    ("windows='12'", f"windows='12' is not a known version of Windows; {VERSIONS}"),
    ("windows=11", f"windows=11 is not a known version of Windows; {VERSIONS}; did you mean '11'?"),
    ("children='no'", "children='no' is not known; write True or False"),
    ("native='no'", "native='no' is not known; write True or False"),
    ("outside='no'", "outside='no' is not known; write 'allow' or 'refuse'"),
    ("seed='7'", "seed='7' is not a number; write a whole number, such as seed=7"),
    ("seed=True", "seed=True is not a number; write a whole number, such as seed=7"),
    ("seed=1.5", "seed=1.5 is not a number; write a whole number, such as seed=7"),
    ("clock='virtuel'", "clock='virtuel' is not known; write 'virtual' or 'real'; did you mean 'virtual'?"),
    ("clock=1", "clock=1 is not known; write 'virtual' or 'real'"),
    ("strict='yes'", "strict='yes' is not known; write True, False or 'all'"),
    ("strict=1", "strict=1 is not known; write True, False or 'all'"),
    ("roots='/'", "roots='/' is a single path; write roots=['/']"),
    ("roots=[]", "roots=[] watches nothing, so no fault could happen; write a directory"),
    ("roots=3", "roots=3 is not a list; write a list of directories"),
    ("roots=[3]", "3 is not a path; write a directory to watch"),
    ("roots=['']", "'' is not a path; write a directory to watch"),
    ("roots=['a\\0b']", "'a\\x00b' is not a path; write a directory to watch"),
    ("roots=['/']", f"{TOP!r} is not allowed as a root: it holds the whole file system; {OWN}"),
    ("roots=[os.path.expanduser('~')]", f"'{{home}}' is not allowed as a root: it is the home directory; {OWN}"),
    ("roots=[os.path.expanduser('~/..')]", f"'{{above}}' is not allowed as a root: it holds the home directory; {OWN}"),
    ("roots=[sys.prefix]", f"'{PREFIX}' is not allowed as a root: it is the prefix of the running Python; {OWN}"),
    ("roots=[sys.base_prefix]", f"'{BASE_PREFIX}' is not allowed as a root: it is the prefix of the running Python; {OWN}"),
]  # fmt: skip
UNKNOWN = [
    ("profil='flaky'", "the fsfault marker has no keyword 'profil'; did you mean 'profile'?"),
    (
        "xyz=1",
        "the fsfault marker has no keyword 'xyz'; write profile, windows, roots, clock, seed, strict, children, native or outside",
    ),
]
PRELUDE = "import os, sys, pytest, pytest_fsfault\nfrom pytest_fsfault import *\n"


def places(message):
    """Return `message` with the directories of the run that is going on."""
    home = Path("~").expanduser().as_posix()
    return message.replace("{home}", home).replace("{above}", os.path.dirname(home))


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS + UNKNOWN)
def test_marker(run, arguments, message):
    """A mistake in a marker refuses the test, with one sentence and no traceback; others run."""
    source = f"@pytest.mark.fsfault({arguments})\n{CHANGES.partition(chr(10))[2]}\ndef test_other(): pass"
    result = run(PRELUDE + source)
    result.assert_outcomes(errors=1, passed=1)
    lines = result.outlines
    start = next(n for n, line in enumerate(lines) if "ERROR at setup of test_it" in line)
    assert [places(message)] == lines[
        start + 1 : next(n for n, line in enumerate(lines) if "short test summary" in line)
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [("'flakey'", "unknown profile 'flakey'; did you mean 'flaky'?"), ("3", "profile=3 is not a name; write a profile's name, such as 'flaky'")],
)  # fmt: skip
@pytest.mark.parametrize("late", [False, True])
def test_parameter(run, value, message, late):
    """So does one in the fixture's parameter, and in the marker of a test that asks for the fixture late."""
    source = f"@pytest.mark.parametrize('fsfault', [{value}], indirect=True)\ndef test_it(fsfault): 1 / 0"
    if late:
        source = f"def test_it(request):\n    request.node.add_marker(pytest.mark.fsfault(profile={value}))\n    request.getfixturevalue('fsfault')"
    result = run(PRELUDE + source)
    result.assert_outcomes(**({"failed": 1} if late else {"errors": 1}))
    assert message in result.outlines
    assert not [line for line in result.outlines if "Traceback" in line or "Error: " in line]


CALLS = [
    *((f"inject({arguments})", message) for arguments, message in ARGUMENTS),
    (f"fsfault.add('{BAD}')", f"rule '{BAD}': {NO_OPERATION}"),
    (f"Rule.parse('{BAD}')", f"rule '{BAD}': {NO_OPERATION}"),
    ("Rule('os.repalce', fault='EIO')", f"operations 'os.repalce': {NO_OPERATION}"),
    ("fsfault.add_root('/')", f"{TOP!r} is not allowed as a root: it holds the whole file system; {OWN}"),
    (
        "fsfault.assert_retried('rename', attempts=1)",
        "attempts=1 is not valid; a retry takes 2 or more, the first included",
    ),
]


def test_calls(run):
    """A mistake in a call is an FsFaultError; pytest shows the user's own line as its place."""
    tests = "\n".join(f"def test_{n}(fsfault):\n    {call}" for n, (call, _) in enumerate(CALLS))
    result = run(PRELUDE + tests, "--tb=short", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=len(CALLS))
    found = [
        line.removeprefix("E   pytest_fsfault.FsFaultError: ")
        for line in result.outlines
        if line.startswith("E   ")
    ]
    assert [places(message) for _, message in CALLS] == found
    places_shown = [line for line in result.outlines if ": in " in line]
    assert [f"test_it.py:{2 * n + 4}: in test_{n}" for n in range(len(CALLS))] == places_shown


def test_unknown_keyword_of_inject(run):
    """`inject` offers the nearest keyword, as the marker does."""
    facade = sys.modules["pytest_fsfault"]
    with pytest.raises(facade.FsFaultError) as caught:
        facade.inject(profil="flaky")
    assert "inject() has no keyword 'profil'; did you mean 'profile'?" == str(caught.value)


USES = {
    "its object": (
        lambda block: block.journal,
        "inject() has no attribute 'journal'; write `with inject(...) as fsfault:` and ask fsfault",
    ),
    "what nothing has": (lambda block: block.jurnal, "inject() has no attribute 'jurnal'"),
    "a decorator": (
        lambda block: block(print),
        "inject() is not a decorator; write `with inject(...):` in the function, or mark a test by @pytest.mark.fsfault(...)",
    ),
    "async with": (
        lambda block: block.__aenter__().send(None),
        "inject() takes no `async with`; write `with inject(...) as fsfault:`, which may have awaits in it",
    ),
}


@pytest.mark.parametrize(("use", "message"), USES.values(), ids=USES)
def test_inject_that_is_used_otherwise(use, message, tmp_path):
    """What is no block says so; an attribute that is not there is one for `hasattr`, too."""
    facade = sys.modules["pytest_fsfault"]
    block = facade.inject("os.stat -> EIO or never", roots=[tmp_path])
    with pytest.raises((facade.FsFaultError, AttributeError)) as caught:
        use(block)
    assert message == str(caught.value)
    with block as fsfault:
        assert not hasattr(block, "add")
        assert [] == list(fsfault.journal)


BARE = ("@pytest.mark.fsfault", "@pytest.mark.fsfault()")


@pytest.mark.parametrize("marker", BARE)
def test_a_marker_without_arguments_is_no_silent_promise(pytester, marker):
    """No fault acts; with the fixture it only serves to select tests."""
    pytester.makepyfile(
        f"""
import pytest
{marker}
def test_it(): pass
{marker}
def test_fixture(fsfault): pass
"""
    )
    result = pytester.runpytest_inprocess("-p", "no:asyncio", "-p", "no:randomly")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["the fsfault marker has no argument, so that no fault acts; write a rule, *"]
    )
    pytester.runpytest_inprocess("-p", "no:asyncio", "--fsfault").assert_outcomes(passed=2)
