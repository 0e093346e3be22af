"""Each mistake in a rule gets one sentence that names the place and says what was expected."""

from __future__ import annotations

import time

import pytest

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.rules import Rule
from pytest_fsfault._core.language.tokens import duration, duration_text, size

SCHEDULES = "'always', 'once', 'first 3', 'nth 4', 'from 2', '2..5', 'every 3', '10%', 'for 2s' or 'until 1m'"
FAULTS = "a fault such as 'ERROR_ACCESS_DENIED', 'delay 250ms', 'short 512' or 'crash'"
WINERROR = "write 'WinError' and a number from 1 to 65535, such as 'WinError 32'"
QUOTES = "; write quotes round a path with blanks in it"
NORMAL = "; paths are normalised: write no '.', '..', '//' or '/' at the end"
DURATION = "; write a number and its unit, such as '250ms', '2.5s' or '1m'"
FROM_ONE = "; write a whole number from 1 on, of at most 15 digits"
ONE_COUNT = "; all conditions hold for one count"
PERCENT = "; write one above 0 and up to 100, such as '10%'"
ITSELF = r"; write '\\' for the character itself"
OF_THAT_NAME = "quotes round a file of that name"
ONLY_TWO = "; only an operation that has a second path takes it"
MISTAKES = [
    ("", "expected an operation such as 'os.replace' (column 1)"),
    (" ", "expected an operation such as 'os.replace' (column 2)"),
    ("-> EACCES", "expected an operation such as 'os.replace' (column 1)"),
    (", os.rename -> EACCES", "expected an operation such as 'os.replace' (column 1)"),
    ("os.rename,, os.replace -> EACCES", "expected an operation such as 'os.replace' (column 11)"),
    ("os.rename, -> EACCES", "expected an operation such as 'os.replace' (column 12)"),
    ("os.replce *.exe -> EACCES", "unknown operation 'os.replce' (column 1); did you mean 'os.replace'?"),
    ("os.open, Renam -> EACCES", "unknown operation or group 'Renam' (column 10); did you mean 'rename'?"),
    ("Path.unlink -> EACCES", "unknown operation 'Path.unlink' (column 1); did you mean 'os.remove'?"),
    ("move -> EACCES", "unknown operation or group 'move' (column 1); did you mean 'shutil.move'?"),
    (
        "xyzzy -> EACCES",
        "unknown operation or group 'xyzzy' (column 1); write a name such as 'os.replace', or a group such as 'rename'",
    ),
    (
        "os.rename os.replace -> EACCES",
        f"expected a path, not the operation 'os.replace' (column 11); write a comma before it, or {OF_THAT_NAME}",
    ),
    ("os.rename", "expected '->' and a fault such as 'ERROR_ACCESS_DENIED' (column 10)"),
    ("os.rename *.exe ", "expected '->' and a fault such as 'ERROR_ACCESS_DENIED' (column 17)"),
    ("os.rename *.exe EACCES", "there is no arrow; write '->' before 'EACCES' (column 17)"),
    ("os.rename *.exe: WinError 5", "there is no arrow; write '->' before 'WinError' (column 18)"),
    ("os.rename *.exe ENOTHING", f"expected '->', not 'ENOTHING' (column 17){QUOTES}"),
    ("os.rename --> EACCES", "the arrow is written '->', not '-->' (column 11)"),
    ("os.rename *.exe --> EACCES", "the arrow is written '->', not '-->' (column 17)"),
    ("os.rename *.exe = EACCES", "the arrow is written '->', not '=' (column 17)"),
    ("os.rename \u21d2 EACCES", "the arrow is written '->', not '\u21d2' (column 11)"),
    ("os.rename\u27a1EACCES", "the arrow is written '->', not '\u27a1' (column 10)"),
    ("os.rename *.exe => EACCES", "the arrow is written '->', not '=>' (column 17)"),
    ("os.rename => EACCES", "the arrow is written '->', not '=>' (column 11)"),
    ("os.rename > EACCES", "the arrow is written '->', not '>' (column 11)"),
    ("os.rename \u2192 EACCES", "the arrow is written '->', not '\u2192' (column 11)"),
    ("os.rename: EACCES", "the arrow is written '->', not ':' (column 10)"),
    ("os.rename=>EACCES", "the arrow is written '->', not '=>' (column 10)"),
    ("os.rename to a => EACCES", "the arrow is written '->', not '=>' (column 16)"),
    (
        "os.rename -> PermissionError",
        (
            "'PermissionError' is not a valid error name (column 14): it is a class; "
            "did you mean 'EACCES' or 'ERROR_ACCESS_DENIED'?"
        ),
    ),
    (
        "os.rename -> os error 5",
        f"'os error 5' is not a valid error name (column 14): {WINERROR}; did you mean 'WinError 5'?",
    ),
    (
        "defender",
        "unknown operation or group 'defender' (column 1); a profile is named by profile='defender'",
    ),
    ("os.rename with blank.txt -> EACCES", f"expected '->', not 'blank.txt' (column 16){QUOTES}"),
    ('os.rename a "b c" -> EACCES', f"""expected '->', not '"b c"' (column 13){QUOTES}"""),
    ("os.rename a to b to c -> EACCES", f"expected '->', not 'to' (column 18){QUOTES}"),
    (
        "os.rename to -> EACCES",
        "expected a path after 'to' (column 14); write quotes round a file of that name",
    ),
    ("os.rename a to", "expected a path after 'to' (column 15); write quotes round a file of that name"),
    ('os.rename "a b -> EACCES', "the quote is never closed (column 11)"),
    (
        'os.rename "a"b -> EACCES',
        r"expected a blank after the quote (column 14); write \" for a quote in a path",
    ),
    (
        'os.rename a"b -> EACCES',
        r"expected a blank before the quote (column 12); write \" for a quote in a path",
    ),
    ("os.rename a\\", rf"'\' escapes nothing (column 12){ITSELF}"),
    ("os.rename \\", rf"'\' escapes nothing (column 11){ITSELF}"),
    (
        r"os.rename [a\d] -> EACCES",
        r"'\d' escapes nothing (column 11); brackets take no separator, only characters",
    ),
    ('os.rename "" -> EACCES', "the path is empty (column 12); leave it out to match any path"),
    (
        "os.rename a\0 -> EACCES",
        r"'a\x00' matches no path, since none has a null character in it (column 11)",
    ),
    ("os.rename a/ -> EACCES", f"'a/' matches no path (column 11){NORMAL}"),
    ("os.rename a//b -> EACCES", f"'a//b' matches no path (column 11){NORMAL}"),
    (
        "os.rename a to ../b -> EACCES",
        f"'../b' matches no path, since none has '..' in it (column 16){NORMAL}",
    ),
    (r"os.rename \. -> EACCES", f"'/.' matches no path, since none has '.' in it (column 11){NORMAL}"),
    ('os.rename "C:\\a\\" -> EACCES', f"'C:/a/' matches no path (column 12){NORMAL}"),
    (
        r"os.rename \\.\pipe\x -> EACCES",
        f"'//./pipe/x' matches no path, since none has '.' in it (column 11){NORMAL}",
    ),
    ("os.rename a[b -> EACCES", r"'[' is never closed (column 12); write '\[' for the character itself"),
    ("os.rename [!] -> EACCES", r"'[' is never closed (column 11); write '\[' for the character itself"),
    ("os.rename [z-a] -> EACCES", "the range 'z-a' is empty (column 11); write 'a-z'"),
    ("os.rename [a/b] -> EACCES", "'[a/b]' cannot match '/' (column 11); leave it out of the brackets"),
    ("os.rename ->", f"expected {FAULTS} (column 13)"),
    ("os.rename -> when once", f"unknown fault 'when' (column 14); expected {FAULTS}"),
    ("os.rename -> dealy 3s", "unknown fault 'dealy' (column 14); did you mean 'delay'?"),
    ("os.rename -> WinError", "expected a number such as 32 after 'WinError' (column 22)"),
    ("os.rename -> delay", "expected a duration such as '250ms' after 'delay' (column 19)"),
    ("os.rename -> delay 250 ms", f"'250' is not a valid duration (column 20){DURATION}"),
    ("os.rename -> delay -1s", f"'-1s' is not a valid duration (column 20){DURATION}"),
    ("os.write -> short", "expected a size such as '512' or '4KiB' after 'short' (column 18)"),
    (
        "os.write -> short 4kb",
        "'4kb' is not a valid size (column 19); write whole bytes, such as '512', '4KiB' or '1MiB'",
    ),
    ("os.write -> short 4 the ENOSPC", "unexpected 'the' (column 21); did you mean 'then'?"),
    ("os.write -> short 4 then", "expected an error such as 'ENOSPC' after 'then' (column 25)"),
    (
        "os.write -> short 4 then after",
        "unknown fault 'after' (column 26); expected an error such as 'ENOSPC' after 'then'",
    ),
    (
        "os.rename -> delay 1s after",
        "'after' has no meaning (column 23); it goes with an error, and 'delay 1s' is none",
    ),
    (
        "os.rename -> crash after",
        "'after' has no meaning (column 20); it goes with an error, and 'crash' is none",
    ),
    ("os.rename -> EACCES wen first 2", "unexpected 'wen' (column 21); did you mean 'when'?"),
    ("os.rename -> EACCES !", "unexpected '!' (column 21); expected 'after', 'when', 'or never' or the end"),
    ("os.rename -> EACCES when", f"expected a schedule such as {SCHEDULES} (column 25)"),
    ("os.rename -> EACCES when frist 2", "unknown schedule 'frist' (column 26); did you mean 'first'?"),
    ("os.rename -> EACCES when per path", f"unknown schedule 'per' (column 26); expected {SCHEDULES}"),
    (
        "os.rename -> EACCES when 10 %",
        "unknown schedule '10' (column 26); a number alone is none, write 'nth 10', 'first 10' or '10%'",
    ),
    ("os.rename -> EACCES when nth", "expected a number such as 3 after 'nth' (column 29)"),
    ("os.rename -> EACCES when first 0", f"'0' is not a valid number of calls (column 32){FROM_ONE}"),
    ("os.rename -> EACCES when every two", f"'two' is not a valid number of calls (column 32){FROM_ONE}"),
    ("os.rename -> EACCES when from ²", f"'²' is not a valid number of calls (column 31){FROM_ONE}"),
    ("os.rename -> EACCES when 2..x", f"'x' is not a valid number of calls (column 29){FROM_ONE}"),
    ("os.rename -> EACCES when 0..2", f"'0' is not a valid number of calls (column 26){FROM_ONE}"),
    ("os.rename -> EACCES when 5..2", "the range '5..2' is empty (column 26); write '2..5'"),
    ("os.rename -> EACCES when 0%", f"'0%' is not a valid percentage (column 26){PERCENT}"),
    ("os.rename -> EACCES when 100.1%", f"'100.1%' is not a valid percentage (column 26){PERCENT}"),
    ("os.rename -> EACCES when -3%", f"'-3%' is not a valid percentage (column 26){PERCENT}"),
    (
        "os.rename -> EACCES when 10% and 20%",
        "there is a second percentage (column 34); a call is drawn for once, write one",
    ),
    ("os.rename -> EACCES when until", "expected a duration such as '2s' after 'until' (column 31)"),
    ("os.rename -> EACCES when for 2", f"'2' is not a valid duration (column 30){DURATION}"),
    ("os.rename -> EACCES when for 0s", "no call is ever due for '0s' (column 30); write a longer duration"),
    (
        "os.rename -> EACCES when once and",
        f"expected a schedule such as {SCHEDULES} after 'and' (column 34)",
    ),
    (
        "os.rename -> EACCES when first 2 and from 5",
        f"no call is ever due by 'first 2 and from 5' (column 26){ONE_COUNT}",
    ),
    (
        "os.rename -> EACCES when 4..5 and every 3",
        f"no call is ever due by '4..5 and every 3' (column 26){ONE_COUNT}",
    ),
    (
        "os.rename -> EACCES when every 2 and every 3 and first 5",
        f"no call is ever due by 'every 2 and every 3 and first 5' (column 26){ONE_COUNT}",
    ),
    (
        "os.rename -> EACCES when first 2 or nth 5",
        "unknown 'nth' after 'or' (column 37); only 'never' follows it, schedules are joined by 'and'",
    ),
    ("os.rename -> EACCES when once per", "expected 'path' or 'call site' after 'per' (column 34)"),
    ("os.rename -> EACCES when once per pth", "unknown 'pth' after 'per' (column 35); did you mean 'path'?"),
    (
        "os.rename -> EACCES when once per call",
        "unknown 'call' after 'per' (column 35); did you mean 'call site'?",
    ),
    (
        "os.rename -> EACCES when once per x",
        "unknown 'x' after 'per' (column 35); expected 'path' or 'call site'",
    ),
    (
        "os.rename -> EACCES when once per path and nth 1",
        "unexpected 'and' (column 40); expected 'or never' or the end",
    ),
    ("os.rename -> EACCES or nver", "unknown 'nver' after 'or' (column 24); did you mean 'never'?"),
    ("os.rename -> EACCES or", "expected 'never' after 'or' (column 23)"),
    ("os.rename -> EACCES or never when once", "unexpected 'when' (column 30); expected the end"),
    (
        "os.rename -> EACCES -> EBUSY",
        "unexpected '->' (column 21); expected 'after', 'when', 'or never' or the end",
    ),
    (
        "os.write, os.remove -> short 5",
        "'short' has no meaning for 'os.remove' (column 11); only an operation that transfers bytes takes it",
    ),
    (
        "write, rename -> short 5",
        "'short' has no meaning for 'rename' (column 8); no operation of that group transfers bytes",
    ),
    (
        "os.unlink to x -> EACCES",
        "'to' has no meaning for 'os.remove' (column 1); only an operation that has a second path takes it",
    ),
    (
        "delete to x -> EACCES",
        "'to' has no meaning for 'delete' (column 1); no operation of that group has a second path",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_a_mistake_is_told_with_its_place(text, sentence):
    """One sentence: what was written, what is wrong, where, and what to write instead."""
    with pytest.raises(FsFaultError) as caught:
        Rule.parse(text)
    assert f"rule {text!r}: {sentence}" == str(caught.value)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        (
            "os.rename -> EACCESS",
            "'EACCESS' is not a valid error name (column 14): ",
            "; did you mean 'EACCES'?",
        ),
        (
            "os.rename -> EACCES, EBUSY",
            "'EACCES,' is not a valid error name (column 14): ",
            "; did you mean 'EACCES'?",
        ),
        (
            "os.rename -> WinError 99999",
            "'WinError 99999' is not a valid error name (column 14): ",
            "such as 'WinError 32'",
        ),
        (
            "os.write -> short 5 then EBUZY",
            "'EBUZY' is not a valid error name (column 26): ",
            "; did you mean 'EBUSY'?",
        ),
    ],
)
def test_an_unknown_error_is_told_with_its_place(text, start, end):
    """The sentence about the error gets the column of the error."""
    with pytest.raises(FsFaultError) as caught:
        Rule.parse(text)
    assert f"rule {text!r}: {start}" == str(caught.value)[: len(f"rule {text!r}: {start}")]
    assert end == str(caught.value)[-len(end) :]


@pytest.mark.parametrize("value", [3, None, b"os.rename -> EACCES"])
def test_what_is_no_text_is_no_rule(value):
    """`parse` names what it was given."""
    with pytest.raises(FsFaultError) as caught:
        Rule.parse(value)
    assert f"{value!r} is not a rule; write a text such as 'os.replace *.exe -> EACCES'" == str(caught.value)


NAMES = "must be a name such as 'os.replace', or a sequence of names"
GLOB = "must be a glob such as '*.exe', or a Path object for one file"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"operations": 3}, f"operations=3 {NAMES}"),
        ({"operations": b"os.open"}, f"operations=b'os.open' {NAMES}"),
        ({"operations": ["os.open", 3]}, f"operations=['os.open', 3] {NAMES}"),
        ({"operations": []}, "operations '': expected an operation such as 'os.replace' (column 1)"),
        (
            {"operations": ["os.open", "os.replce"]},
            "operations 'os.open, os.replce': unknown operation 'os.replce' (column 10); did you mean 'os.replace'?",
        ),
        (
            {"operations": "os.open a"},
            "operations 'os.open a': unexpected 'a' (column 9); expected ',' or the end",
        ),
        ({"path": 3}, f"path=3 {GLOB}"),
        ({"to": b"x"}, f"to=b'x' {GLOB}"),
        ({"path": "[a"}, r"path '[a': '[' is never closed (column 1); write '\[' for the character itself"),
        ({"to": "a\\"}, f"to 'a\\\\': 'a/' matches no path (column 1){NORMAL}"),
        ({"fault": 3}, f"3 is not a fault; write {FAULTS}"),
        (
            {"fault": "EACCES when once"},
            "fault 'EACCES when once': unexpected 'when' (column 8); expected 'after' or the end",
        ),
        ({"when": 3}, f"3 is not a schedule; write {SCHEDULES}"),
        (
            {"when": "once or never"},
            "schedule 'once or never': unexpected 'or' (column 6); expected 'and', 'per' or the end",
        ),
        ({"optional": "yes"}, "optional='yes' must be True or False"),
        (
            {"to": "x", "operations": "os.stat"},
            f"operations 'os.stat': 'to' has no meaning for 'os.stat' (column 1){ONLY_TWO}",
        ),
    ],
)
def test_a_wrong_argument_is_named(arguments, sentence):
    """The object form refuses what the text form refuses, and other types."""
    with pytest.raises(FsFaultError) as caught:
        Rule(**{"operations": "os.rename", "fault": "EACCES", **arguments})
    assert sentence == str(caught.value)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: duration("5x"), f"'5x' is not a valid duration{DURATION}"),
        (lambda: duration(5), f"5 is not a valid duration{DURATION}"),
        (lambda: duration("9" * 400 + "m"), f"'{'9' * 400}m' is not a valid duration{DURATION}"),
        (
            lambda: duration_text(-1.0),
            "-1.0 is not a valid duration; it must be a number of seconds from 0 on",
        ),
        (
            lambda: duration_text(float("nan")),
            "nan is not a valid duration; it must be a number of seconds from 0 on",
        ),
        (
            lambda: size("5KB"),
            "'5KB' is not a valid size; write whole bytes, such as '512', '4KiB' or '1MiB'",
        ),
        (lambda: size(5), "5 is not a valid size; write whole bytes, such as '512', '4KiB' or '1MiB'"),
    ],
)
def test_a_wrong_duration_or_size_is_told(call, sentence):
    """Durations and sizes are texts with known units."""
    with pytest.raises(FsFaultError) as caught:
        call()
    assert sentence == str(caught.value)


def test_a_list_of_rules_is_refused():
    """It says how several rules are written."""
    with pytest.raises(FsFaultError) as caught:
        Rule.parse(["os.rename -> EACCES"])
    assert (
        "['os.rename -> EACCES'] is not a rule; write each rule as an argument of its own, "
        "such as 'os.replace *.exe -> EACCES'" == str(caught.value)
    )


LONG = {
    "a name": "a{}",
    "operations": "os.rename, {}",
    "a path": "os.rename {} -> EACCES",
    "a fault": "os.rename -> {}",
    "words": "os.rename -> EACCES {}",
    "a schedule": "os.rename -> EACCES when {}",
}
FILLS = ("a", "A", "1", "!", "E ", "*a", "[", "[a]", "\\", '"', "-", "->", ",", "\n", "every 7 and ", "to ")


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("place", LONG)
def test_a_long_text_is_read_in_linear_time(place, fill):
    """A megabyte takes about a second at most; a message quotes only its ends."""
    text = LONG[place].format(fill * (200_000 // len(fill)))
    began = time.process_time()
    try:
        Rule.parse(text)
    except FsFaultError as error:
        assert len(str(error)) < 3_000
    assert time.process_time() - began < 2


def test_many_steps_have_no_common_number_that_takes_long():
    """Their least common multiple would have a hundred thousand digits."""
    began = time.process_time()
    Rule.parse("os.rename -> EACCES when " + " and ".join(f"every {10**14 + n}" for n in range(10_000)))
    assert time.process_time() - began < 2
