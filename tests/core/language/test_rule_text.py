"""The rule language: text and object, forth and back, and every mistake with its place."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pytest_fsfault._core.language.errors import parse_error
from pytest_fsfault._core.language.faults import Fault
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.operations import ALIASES, GROUPS, OPERATIONS, Operation
from pytest_fsfault._core.language.rules import Rule
from pytest_fsfault._core.language.schedules import Schedule
from pytest_fsfault._core.language.tokens import duration, duration_text, size, size_text

EXAMPLES = [
    "os.replace **/archive-v0/* -> ERROR_ACCESS_DENIED when first 3",
    "rename *.exe -> WinError 32 when first 2 per path",
    'os.rename, os.replace "with blank.txt" -> EBUSY when from 2 and every 3',
    "file.write *.whl -> short 512 then ENOSPC when nth 4",
    "delete -> delay 250ms",
    "os.rename to **/cache/* -> EACCES when 10% or never",
    "shutil.rmtree -> ERROR_DIR_NOT_EMPTY after when once",
    "mutate -> crash when nth 17",
]

counts = st.integers(1, 10**15 - 1)
seconds = st.floats(0, allow_infinity=False, exclude_min=True)
errors = st.sampled_from(
    ["ERROR_SHARING_VIOLATION", "ERROR_ACCESS_DENIED", "WinError 32", "WinError 9999", "EACCES"]
)
fault_texts = st.one_of(
    st.builds("{}{}".format, errors, st.sampled_from(["", " after"])),
    st.builds(lambda time: f"delay {duration_text(time)}", st.floats(0, allow_infinity=False)),
    st.builds("short {}".format, st.integers(0, 2**40)),
    st.builds("short {}KiB then {}".format, st.integers(0, 2**20), errors),
    st.just("crash"),
)
conditions = st.one_of(
    st.sampled_from(["always", "once"]),
    st.builds("{} {}".format, st.sampled_from(["first", "nth", "from", "every"]), counts),
    st.builds(lambda low, more: f"{low}..{low + more}", st.integers(1, 99), st.integers(0, 99)),
    st.builds(lambda unit, time: f"{unit} {duration_text(time)}", st.sampled_from(["for", "until"]), seconds),
)
percentages = st.builds("{:.3f}%".format, st.floats(0.001, 100))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Schedules of several conditions that can be due together."""
    terms = draw(st.lists(conditions, min_size=1, max_size=4)) + draw(st.lists(percentages, max_size=1))
    per = draw(st.sampled_from(["", " per path", " per call site"]))
    try:
        return Schedule.parse(" and ".join(draw(st.permutations(terms))) + per)
    except FsFaultError as error:
        assume("no call is ever due" not in str(error))
        raise


globs = st.text('ab.*?[]!-\\/" ,>~\t\né', min_size=1, max_size=9) | st.sampled_from(
    ["to", "->", "when", "os.open"]
)
literals = st.builds(PurePosixPath, st.text('ab.*?[]!-\\/" ,>', max_size=9))
paths = st.none() | globs | literals


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Rules with every operation and group, and hostile file names."""
    operations = draw(st.lists(st.sampled_from([*OPERATIONS, *ALIASES, *GROUPS]), min_size=1, max_size=3))
    path, to, fault = draw(paths), draw(paths), Fault.parse(draw(fault_texts))
    when, optional = draw(schedules()), draw(st.booleans())
    try:
        return Rule(operations, path=path, to=to, fault=fault, when=when, optional=optional)
    except FsFaultError as error:
        assume("no meaning" not in str(error))
        assume(not str(error).startswith(("path", "to")))
        raise


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_published_examples_print_as_they_are_written(text):
    """What the documentation shows is canonical."""
    assert text == str(Rule.parse(text))


@settings(deadline=None)
@given(rules())
def test_a_rule_parses_back_from_its_text(rule):
    """Parsing is the inverse of printing, and the text is stable."""
    back = Rule.parse(str(rule))
    assert rule == back
    assert (hash(rule), rule.names, str(rule)) == (hash(back), back.names, str(back))


@settings(deadline=None)
@given(rules())
def test_a_rule_shows_the_call_that_makes_it(rule):
    """The repr can be pasted."""
    assert rule == eval(repr(rule), {"Rule": Rule})


@settings(deadline=None)
@given(rules())
def test_a_rule_is_rebuilt_from_its_attributes(rule):
    """The object form says all that the text says."""
    again = Rule(
        rule.operations,
        path=rule.path,
        to=rule.to,
        fault=str(rule.fault),
        when=str(rule.when),
        optional=rule.optional,
    )
    assert rule == again


@settings(deadline=None)
@given(schedules())
def test_a_schedule_parses_back_from_its_text(schedule):
    """Parsing is the inverse of printing for schedules alone."""
    assert schedule == Schedule.parse(str(schedule))


@settings(deadline=None)
@given(fault_texts)
def test_a_fault_parses_back_from_its_text(text):
    """Parsing is the inverse of printing for faults alone."""
    fault = Fault.parse(text)
    assert fault == Fault.parse(str(fault))


@settings(deadline=None)
@given(st.floats(0, allow_infinity=False))
@example(5e-324)
@example(1.7e308)
def test_a_duration_parses_back_exactly(value):
    """No bit of a duration is lost in its text."""
    assert value == duration(duration_text(value))


@settings(deadline=None)
@given(st.integers(0, 10**15 - 1))
def test_a_size_parses_back(value):
    """No byte of a size is lost in its text."""
    assert value == size(size_text(value))


WORDS = [
    *EXAMPLES[1].split(),
    *EXAMPLES[2].split(),
    *EXAMPLES[3].split(),
    ",",
    '"',
    "\\",
    "or",
    "never",
    "to",
    "per",
]
WORDS += [
    "->",
    "when",
    "and",
    "call",
    "site",
    "10%",
    "2..5",
    "..",
    "%",
    "for",
    "until",
    "1m",
    "0",
    "[",
    "\0",
    "/",
    ".",
]


def read(text):
    """Return the rule, or the sentence that refuses it."""
    try:
        return Rule.parse(text)
    except FsFaultError as error:
        return str(error)


@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=12), st.sampled_from([" ", " ", "", "\n"]))
def test_any_text_is_a_rule_or_one_sentence(words, blank):
    """Nonsense gets one line that quotes it and names a place, and never another exception."""
    text = blank.join(words)
    found = read(text)
    start = f"rule {text!r}: "
    if isinstance(found, Rule):
        assert found == Rule.parse(str(found))
    else:
        assert start == found[: len(start)]
        assert re.fullmatch(r".+ \(column [0-9]+\)([:;] .+)?", found[len(start) :])


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("os.unlink -> EACCES", "os.remove -> EACCES"),
        ("io.open, builtins.open -> EACCES", "open -> EACCES"),
        ("os.rename ,os.replace->EACCES", "os.rename, os.replace -> EACCES"),
        ("  os.rename\n*.exe\tto b->EACCES  when  always ", "os.rename *.exe to b -> EACCES"),
        (r"os.rename with\ blank.txt -> EACCES", 'os.rename "with blank.txt" -> EACCES'),
        ('os.rename "plain.txt" -> EACCES', "os.rename plain.txt -> EACCES"),
        (r'os.rename "a\"b" -> EACCES', r'os.rename "a\"b" -> EACCES'),
        (r"os.rename a\"b -> EACCES", r'os.rename "a\"b" -> EACCES'),
        ('os.rename "to" to "to" -> EACCES', 'os.rename "to" to "to" -> EACCES'),
        ('os.rename ",a" -> EACCES', 'os.rename ",a" -> EACCES'),
        ("os.rename a,b -> EACCES", "os.rename a,b -> EACCES"),
        ('os.rename "a->b" -> EACCES', 'os.rename "a->b" -> EACCES'),
        ('os.rename "os.replace" -> EACCES', 'os.rename "os.replace" -> EACCES'),
        (r"os.rename \[a\].\*,! -> EACCES", r"os.rename \[a].\*,! -> EACCES"),
        (r"os.rename [\]\-\!\^] -> EACCES", r"os.rename [\]\-\!^] -> EACCES"),
        ("os.rename ./setup.py -> EACCES", "os.rename ./setup.py -> EACCES"),
        ("os.rename when -> EACCES", "os.rename when -> EACCES"),
        ("os.rename -> delay 60s", "os.rename -> delay 1m"),
        ("os.rename -> delay 0.1m", "os.rename -> delay 6s"),
        ("os.rename -> delay 0.25s", "os.rename -> delay 250ms"),
        ("os.rename -> delay 1500ms", "os.rename -> delay 1.5s"),
        ("os.rename -> delay 0.1ms", "os.rename -> delay 0.1ms"),
        ("os.rename -> delay 0s", "os.rename -> delay 0ms"),
        ("file.write -> short 0", "file.write -> short 0"),
        ("file.write -> short 1024", "file.write -> short 1KiB"),
        ("file.write -> short 3072KiB", "file.write -> short 3MiB"),
        ("file.write -> short 1025", "file.write -> short 1025"),
        ("file.write -> short 2GiB then WinError 112", "file.write -> short 2GiB then WinError 112"),
        ("os.rename -> EACCES when first 007", "os.rename -> EACCES when first 7"),
        ("os.rename -> EACCES when 10.50%", "os.rename -> EACCES when 10.5%"),
        ("os.rename -> EACCES when 0.00001%", "os.rename -> EACCES when 0.00001%"),
        ("os.rename -> EACCES when always per path", "os.rename -> EACCES when always per path"),
        (
            "os.rename -> EACCES when 2..5 and for 2s and until 1m per call site or never",
            "os.rename -> EACCES when 2..5 and for 2s and until 1m per call site or never",
        ),
    ],
)
def test_a_rule_prints_in_one_form(text, canonical):
    """Blanks, quotes, escapes, aliases and units come out in one way."""
    assert canonical == str(Rule.parse(text))
    assert Rule.parse(text) == Rule.parse(canonical)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (r"C:\Users\me\in/*a", "C:/Users/me/in/*a"),  # as an f-string with a `tmp_path` gives it
        (r"c:\new\*.exe", "c:/new/*.exe"),
        (r"C:\a\[x]\b", "C:/a/[x]/b"),
        (r"C:\a*\[b", r"C:/a*\[b"),  # behind the first glob character there are escapes
        (r'"C:\Program Files\x"', "C:/Program Files/x"),
        (r'"C:\Users\me\[ab]\"c"', 'C:/Users/me/[ab]"c'),
        (r"\\?\C:\long\*.txt", "C:/long/*.txt"),
        (r"\\.\C:\x", "C:/x"),
        (r"\\?\UNC\server\share\x", "//server/share/x"),
        (r"\\?\C:/long\x", "C:/long/x"),
        (r"//?/C:/long\*.txt", "C:/long/*.txt"),
        ("//?/c:/long/*.txt", "c:/long/*.txt"),
        ("//./C:/x", "C:/x"),
        (r"\\?/C:\x", "C:/x"),
        ("//?/unc/server/share/x", "//server/share/x"),
        (r"\\server\share\in/*a", "//server/share/in/*a"),
        (r"\\localhost\C$\new\*.exe", "//localhost/C$/new/*.exe"),
        (r'"\\10.0.0.1\my share\[x]\y"', "//10.0.0.1/my share/[x]/y"),
        ("//?/Volume{0-1}/x", "//?/Volume{0-1}/x"),
        ("C:*.txt", "C:*.txt"),
        (r"sub\name", "sub/name"),
        (r"**\cache\*", r"**/cache\*"),
        (r"\t\a", "/t/a"),
        (r"a\-b", "a/-b"),
        (r"a\*b", r"a\*b"),
        (r"a\ b", "a b"),
        (r"a\[b\]", r"a\[b]"),
        (r"\\a", r"\\a"),
        (r"\\\?\x", r"\\\?/x"),
    ],
)
def test_a_backslash_separates_unless_it_escapes(written, path):
    """It escapes a glob character, a quote, a blank and itself; a path of Windows has no escapes before its first glob."""
    rule = Rule.parse(f"os.replace {written} -> EBUSY")
    assert path == rule.path
    assert rule == Rule.parse(str(rule))


def test_a_name_that_looks_like_a_prefix_of_windows_reads_back():
    """On POSIX a name may begin with a backslash; its rule does not turn into a path of Windows."""
    rule = Rule.parse(r"os.remove [\\]?\*x -> EACCES")
    assert rule == Rule.parse(str(rule))
    assert rule.matches(Operation("os.remove", r"/t/\y*x"), ())
    assert rule == Rule("os.remove", path=rule.path, fault="EACCES")


def test_the_object_form_is_the_text_form():
    """A rule built by its arguments equals the one that was written."""
    rule = Rule(
        "os.replace",
        path="**/archive-v0/*",
        to=None,
        fault="ERROR_ACCESS_DENIED",
        when="first 3",
        optional=False,
    )
    assert Rule.parse(EXAMPLES[0]) == rule
    assert (("os.replace",), "**/archive-v0/*", None) == (rule.operations, rule.path, rule.to)
    assert Fault("error", parse_error("ERROR_ACCESS_DENIED")) == rule.fault
    assert (Schedule.parse("first 3"), False) == (rule.when, rule.optional)
    assert "Rule.parse('os.replace **/archive-v0/* -> ERROR_ACCESS_DENIED when first 3')" == repr(rule)
    assert "pytest_fsfault" == Rule.__module__


def test_several_operations_are_a_text_or_a_sequence_and_named_once():
    """The first argument takes both forms; an alias and its operation are one."""
    rule = Rule(["os.rename", "os.remove", "os.unlink"], fault="EACCES")
    assert rule == Rule("os.rename, os.unlink", fault=Fault.parse("EACCES"), when=Schedule())
    assert ("os.rename", "os.remove") == rule.operations


def test_a_path_object_means_that_very_file():
    """Glob characters in it are literal, and it is made absolute."""
    very = PurePosixPath("/t/[1]*?\\.exe")
    rule = Rule("os.rename", path=very, to=PureWindowsPath("c:/a/../*"), fault="EACCES")
    assert (r"/t/\[1]\*\?\\.exe", r"c:/\*") == (rule.path, rule.to)
    assert rule.matches(Operation("os.rename", "/t/[1]*?\\.exe", "c:/*"), ())
    assert not rule.matches(Operation("os.rename", "/t/1xx\\.exe", "c:/*"), ())
    assert "c:/x" == Rule("os.rename", path=PureWindowsPath("//?/c:/x"), fault="EACCES").path


def test_a_path_object_of_this_system_is_made_absolute():
    """On Windows a path without a drive lies on the current one."""
    drive = os.path.splitdrive(os.getcwd())[0]
    assert f"{drive}/t/a" == Rule("os.rename", path=Path("/t/b/../a"), fault="EACCES").path


def test_whatever_stands_for_a_path_is_literal(tmp_path):
    """An object of another library that has `__fspath__` is a path object, too."""
    with os.scandir(tmp_path.parent) as entries:
        entry = next(entry for entry in entries if entry.name == tmp_path.name)
    assert Rule("os.rename", path=tmp_path, fault="EACCES") == Rule("os.rename", path=entry, fault="EACCES")


def test_a_relative_path_object_starts_in_the_current_directory(tmp_path, monkeypatch):
    """It means the file that `open` would find."""
    monkeypatch.chdir(tmp_path)
    rule = Rule("os.rename", path=Path("a/../[b]"), fault="EACCES")
    assert Rule("os.rename", path=tmp_path / "[b]", fault="EACCES") == rule


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("rename -> EACCES", {"os.rename", "os.replace"}),
        ("delete, os.stat -> EACCES", {"os.remove", "os.rmdir", "os.stat"}),
        ("any -> EACCES", set(GROUPS["any"])),
        ("mutate to x -> EACCES", {name for name in GROUPS["mutate"] if OPERATIONS[name].two_paths}),
        ("write -> short 5", {"os.write", "os.sendfile", "os.copy_file_range", "file.write"}),
        ("any to x -> short 5", {"os.sendfile", "os.copy_file_range"}),
        ("shutil.move to x -> EACCES", {"shutil.move"}),
    ],
)
def test_a_rule_knows_which_operations_it_can_match(text, names):
    """Groups are expanded, and narrowed to where `short` and `to` have a meaning."""
    assert names == Rule.parse(text).names


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_can_be_written(name):
    """Each name of the table makes a rule that matches just that operation."""
    rule = Rule.parse(f"{name} -> EACCES")
    assert frozenset([name]) == rule.names
    assert rule.matches(Operation(name, "/r/a"), ["/r"])


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_can_be_written(group):
    """Each group makes a rule for its members."""
    assert GROUPS[group] == Rule.parse(f"{group} -> EACCES").names


@pytest.mark.parametrize("name", ["open", "os.open"])
def test_a_group_takes_an_open_by_its_mode(name):
    """A rule for writes leaves an open for reading alone; one that names the operation takes both."""
    reads, writes = (
        Operation(name, "/r/a", groups=frozenset(group)) for group in (["read"], ["write", "mutate"])
    )
    found = [
        (
            Rule.parse(f"{names} -> EACCES").matches(reads, ["/r"]),
            Rule.parse(f"{names} -> EACCES").matches(writes, []),
        )
        for names in ("write", "read", "mutate, read", name, f"create, {name}")
    ]
    assert [(False, True), (True, False), (True, True), (True, True), (True, True)] == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rename -> EACCES", True),
        ("mutate -> EACCES", True),
        ("os.rename, os.replace -> EACCES", True),
        ("os.rename -> EACCES", False),
        ("delete -> EACCES", False),
    ],
)
def test_a_call_known_by_its_group_alone_meets_rules_for_the_whole_group(text, expected):
    """Where rename and replace cannot be told apart, a rule for one of them does not apply."""
    assert expected == Rule.parse(text).matches(Operation("rename", "/r/a", "/r/b"), ["/r"])


@pytest.mark.parametrize(
    ("text", "path", "target", "expected"),
    [
        ("os.rename *.exe -> EACCES", "/r/a.exe", "/r/b", True),
        ("os.rename *.exe -> EACCES", "/r/a", "/r/b.exe", False),
        ("os.rename to *.exe -> EACCES", "/r/a", "/r/b.exe", True),
        ("os.rename to *.exe -> EACCES", "/r/a.exe", "/r/b", False),
        ("os.rename to *.exe -> EACCES", "/r/a.exe", None, False),
        ("os.rename a to b -> EACCES", "/r/a", "/r/b", True),
        ("os.rename a to b -> EACCES", "/r/b", "/r/b", False),
        ("os.replace -> EACCES", "/r/a", "/r/b", False),
    ],
)
def test_the_path_is_the_source_and_to_the_target(text, path, target, expected):
    """Two-path operations match on either side."""
    assert expected == Rule.parse(text).matches(Operation("os.rename", path, target), ["/r"])


def test_case_is_ignored_on_request():
    """Under the Windows model names match without regard to case."""
    rule, operation = (
        Rule.parse("os.rename A/*.EXE to [x]* -> EACCES"),
        Operation("os.rename", "/R/a/b.Exe", "/r/X"),
    )
    assert [True, False] == [rule.matches(operation, ["/r"], ignore_case) for ignore_case in (True, False)]


def test_parsing_the_same_text_again_gives_the_same_object():
    """Rules are immutable and parsed once, since every test's set-up asks for them."""
    assert Rule.parse(EXAMPLES[0]) is Rule.parse(EXAMPLES[0])
