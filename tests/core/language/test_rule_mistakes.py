"""Each mistake in a rule gets one sentence that names the place and says what was expected."""

from __future__ import annotations

import pytest

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.rules import Rule
from pytest_fsfault._core.language.tokens import duration, duration_text, size

SCHEDULES = "'always', 'once', 'first 3', 'nth 4', 'from 2', '2..5', 'every 3', '10%', 'for 2s' or 'until 1m'"
FAULTS = "a fault such as 'ERROR_ACCESS_DENIED', 'delay 250ms', 'short 512' or 'crash'"
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
    ("", "expected an operation such as 'os.replace' at column 1"),
    (" ", "expected an operation such as 'os.replace' at column 2"),
    ("-> EACCES", "expected an operation such as 'os.replace' at column 1"),
    (", os.rename -> EACCES", "expected an operation such as 'os.replace' at column 1"),
    ("os.rename,, os.replace -> EACCES", "expected an operation such as 'os.replace' at column 11"),
    ("os.rename, -> EACCES", "expected an operation such as 'os.replace' at column 12"),
    ("os.replce *.exe -> EACCES", "unknown operation 'os.replce' at column 1; did you mean 'os.replace'?"),
    ("os.open, Renam -> EACCES", "unknown operation or group 'Renam' at column 10; did you mean 'rename'?"),
    ("Path.unlink -> EACCES", "unknown operation 'Path.unlink' at column 1; did you mean 'os.remove'?"),
    ("move -> EACCES", "unknown operation or group 'move' at column 1; did you mean 'shutil.move'?"),
    ("xyzzy -> EACCES", "unknown operation or group 'xyzzy' at column 1"),
    (
        "os.rename os.replace -> EACCES",
        f"expected a path, not the operation 'os.replace', at column 11; write a comma before it, or {OF_THAT_NAME}",
    ),
    ("os.rename", "expected '->' and a fault such as 'ERROR_ACCESS_DENIED' at column 10"),
    ("os.rename *.exe ", "expected '->' and a fault such as 'ERROR_ACCESS_DENIED' at column 17"),
    ("os.rename *.exe EACCES", f"expected '->', not 'EACCES', at column 17{QUOTES}"),
    ("os.rename *.exe => EACCES", "expected '->', not '=>', at column 17; did you mean '->'?"),
    ("os.rename with blank.txt -> EACCES", f"expected '->', not 'blank.txt', at column 16{QUOTES}"),
    ('os.rename a "b c" -> EACCES', f"""expected '->', not '"b c"', at column 13{QUOTES}"""),
    ("os.rename a to b to c -> EACCES", f"expected '->', not 'to', at column 18{QUOTES}"),
    (
        "os.rename to -> EACCES",
        "expected a path after 'to' at column 14; write quotes round a file of that name",
    ),
    ("os.rename a to", "expected a path after 'to' at column 15; write quotes round a file of that name"),
    ('os.rename "a b -> EACCES', "the quote is never closed at column 11"),
    (
        'os.rename "a"b -> EACCES',
        r"expected a blank after the quote at column 14; write \" for a quote in a path",
    ),
    (
        'os.rename a"b -> EACCES',
        r"expected a blank before the quote at column 12; write \" for a quote in a path",
    ),
    ("os.rename a\\", rf"'\' escapes nothing at column 12{ITSELF}"),
    ("os.rename \\", rf"'\' escapes nothing at column 11{ITSELF}"),
    (
        r"os.rename [a\d] -> EACCES",
        r"'\d' escapes nothing at column 11; brackets take no separator, only characters",
    ),
    ('os.rename "" -> EACCES', "the path is empty at column 12; leave it out to match any path"),
    ("os.rename a/ -> EACCES", f"'a/' matches no path at column 11{NORMAL}"),
    ("os.rename a//b -> EACCES", f"'a//b' matches no path at column 11{NORMAL}"),
    (
        "os.rename a to ../b -> EACCES",
        f"'../b' matches no path, since none has '..' in it at column 16{NORMAL}",
    ),
    (r"os.rename \. -> EACCES", f"'/.' matches no path, since none has '.' in it at column 11{NORMAL}"),
    ('os.rename "C:\\a\\" -> EACCES', f"'C:/a/' matches no path at column 12{NORMAL}"),
    (
        r"os.rename \\.\pipe\x -> EACCES",
        f"'//./pipe/x' matches no path, since none has '.' in it at column 11{NORMAL}",
    ),
    ("os.rename a[b -> EACCES", r"'[' is never closed at column 12; write '\[' for the character itself"),
    ("os.rename [!] -> EACCES", r"'[' is never closed at column 11; write '\[' for the character itself"),
    ("os.rename [z-a] -> EACCES", "the range 'z-a' is empty at column 11; write 'a-z'"),
    ("os.rename [a/b] -> EACCES", "'[a/b]' cannot match '/' at column 11; leave it out of the brackets"),
    ("os.rename ->", f"expected {FAULTS} at column 13"),
    ("os.rename -> when once", f"unknown fault 'when' at column 14; expected {FAULTS}"),
    ("os.rename -> dealy 3s", "unknown fault 'dealy' at column 14; did you mean 'delay'?"),
    ("os.rename -> WinError", "expected a number such as 32 after 'WinError' at column 22"),
    ("os.rename -> delay", "expected a duration such as '250ms' after 'delay' at column 19"),
    ("os.rename -> delay 250 ms", f"'250' is no duration at column 20{DURATION}"),
    ("os.rename -> delay -1s", f"'-1s' is no duration at column 20{DURATION}"),
    ("os.write -> short", "expected a size such as '512' or '4KiB' after 'short' at column 18"),
    (
        "os.write -> short 4kb",
        "'4kb' is no size at column 19; write whole bytes, such as '512', '4KiB' or '1MiB'",
    ),
    ("os.write -> short 4 the ENOSPC", "unexpected 'the' at column 21; did you mean 'then'?"),
    ("os.write -> short 4 then", "expected an error such as 'ENOSPC' after 'then' at column 25"),
    (
        "os.write -> short 4 then after",
        "unknown fault 'after' at column 26; expected an error such as 'ENOSPC' after 'then'",
    ),
    (
        "os.rename -> delay 1s after",
        "'after' has no meaning at column 23; it goes with an error, and 'delay 1s' is none",
    ),
    (
        "os.rename -> crash after",
        "'after' has no meaning at column 20; it goes with an error, and 'crash' is none",
    ),
    ("os.rename -> EACCES wen first 2", "unexpected 'wen' at column 21; did you mean 'when'?"),
    ("os.rename -> EACCES !", "unexpected '!' at column 21; expected 'after', 'when', 'or never' or the end"),
    ("os.rename -> EACCES when", f"expected a schedule such as {SCHEDULES} at column 25"),
    ("os.rename -> EACCES when frist 2", "unknown schedule 'frist' at column 26; did you mean 'first'?"),
    ("os.rename -> EACCES when per path", f"unknown schedule 'per' at column 26; expected {SCHEDULES}"),
    (
        "os.rename -> EACCES when 10 %",
        "unknown schedule '10' at column 26; a number alone is none, write 'nth 10', 'first 10' or '10%'",
    ),
    ("os.rename -> EACCES when nth", "expected a number such as 3 after 'nth' at column 29"),
    ("os.rename -> EACCES when first 0", f"'0' is no number of calls at column 32{FROM_ONE}"),
    ("os.rename -> EACCES when every two", f"'two' is no number of calls at column 32{FROM_ONE}"),
    ("os.rename -> EACCES when from ²", f"'²' is no number of calls at column 31{FROM_ONE}"),
    ("os.rename -> EACCES when 2..x", f"'x' is no number of calls at column 29{FROM_ONE}"),
    ("os.rename -> EACCES when 0..2", f"'0' is no number of calls at column 26{FROM_ONE}"),
    ("os.rename -> EACCES when 5..2", "the range '5..2' is empty at column 26; write '2..5'"),
    ("os.rename -> EACCES when 0%", f"'0%' is no percentage at column 26{PERCENT}"),
    ("os.rename -> EACCES when 100.1%", f"'100.1%' is no percentage at column 26{PERCENT}"),
    ("os.rename -> EACCES when -3%", f"'-3%' is no percentage at column 26{PERCENT}"),
    (
        "os.rename -> EACCES when 10% and 20%",
        "there is a second percentage at column 34; a call is drawn for once, write one",
    ),
    ("os.rename -> EACCES when until", "expected a duration such as '2s' after 'until' at column 31"),
    ("os.rename -> EACCES when for 2", f"'2' is no duration at column 30{DURATION}"),
    ("os.rename -> EACCES when for 0s", "no call is ever due for '0s' at column 30; write a longer duration"),
    (
        "os.rename -> EACCES when once and",
        f"expected a schedule such as {SCHEDULES} after 'and' at column 34",
    ),
    (
        "os.rename -> EACCES when first 2 and from 5",
        f"no call is ever due by 'first 2 and from 5' at column 26{ONE_COUNT}",
    ),
    (
        "os.rename -> EACCES when 4..5 and every 3",
        f"no call is ever due by '4..5 and every 3' at column 26{ONE_COUNT}",
    ),
    (
        "os.rename -> EACCES when every 2 and every 3 and first 5",
        f"no call is ever due by 'every 2 and every 3 and first 5' at column 26{ONE_COUNT}",
    ),
    (
        "os.rename -> EACCES when first 2 or nth 5",
        "unknown 'nth' after 'or' at column 37; only 'never' follows it, schedules are joined by 'and'",
    ),
    ("os.rename -> EACCES when once per", "expected 'path' or 'call site' after 'per' at column 34"),
    ("os.rename -> EACCES when once per pth", "unknown 'pth' after 'per' at column 35; did you mean 'path'?"),
    (
        "os.rename -> EACCES when once per call",
        "unknown 'call' after 'per' at column 35; did you mean 'call site'?",
    ),
    (
        "os.rename -> EACCES when once per x",
        "unknown 'x' after 'per' at column 35; expected 'path' or 'call site'",
    ),
    (
        "os.rename -> EACCES when once per path and nth 1",
        "unexpected 'and' at column 40; expected 'or never' or the end",
    ),
    ("os.rename -> EACCES or nver", "unknown 'nver' after 'or' at column 24; did you mean 'never'?"),
    ("os.rename -> EACCES or", "expected 'never' after 'or' at column 23"),
    ("os.rename -> EACCES or never when once", "unexpected 'when' at column 30; expected the end"),
    (
        "os.rename -> EACCES -> EBUSY",
        "unexpected '->' at column 21; expected 'after', 'when', 'or never' or the end",
    ),
    (
        "os.write, os.remove -> short 5",
        "'short' has no meaning for 'os.remove' at column 11; only an operation that transfers bytes takes it",
    ),
    (
        "write, rename -> short 5",
        "'short' has no meaning for 'rename' at column 8; no operation of that group transfers bytes",
    ),
    (
        "os.unlink to x -> EACCES",
        "'to' has no meaning for 'os.remove' at column 1; only an operation that has a second path takes it",
    ),
    (
        "delete to x -> EACCES",
        "'to' has no meaning for 'delete' at column 1; no operation of that group has a second path",
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
        ("os.rename -> EACCESS", "'EACCESS' is no error at column 14: ", "; did you mean 'EACCES'?"),
        ("os.rename -> EACCES, EBUSY", "'EACCES,' is no error at column 14: ", "; did you mean 'EACCES'?"),
        (
            "os.rename -> WinError 99999",
            "'WinError 99999' is no error at column 14: ",
            "such as 'WinError 32'",
        ),
        ("os.write -> short 5 then EBUZY", "'EBUZY' is no error at column 26: ", "; did you mean 'EBUSY'?"),
    ],
)
def test_an_unknown_error_is_told_with_its_place(text, start, end):
    """The sentence about the error gets the column of the error."""
    with pytest.raises(FsFaultError) as caught:
        Rule.parse(text)
    assert f"rule {text!r}: {start}" == str(caught.value)[: len(f"rule {text!r}: {start}")]
    assert end == str(caught.value)[-len(end) :]


@pytest.mark.parametrize("value", [3, None, b"os.rename -> EACCES", ["os.rename"]])
def test_what_is_no_text_is_no_rule(value):
    """`parse` names what it was given."""
    with pytest.raises(FsFaultError) as caught:
        Rule.parse(value)
    assert f"{value!r} is no rule; write a text such as 'os.replace *.exe -> EACCES'" == str(caught.value)


NAMES = "must be a name such as 'os.replace', or a sequence of names"
GLOB = "must be a glob such as '*.exe', or a Path object for one file"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"operations": 3}, f"operations=3 {NAMES}"),
        ({"operations": b"os.open"}, f"operations=b'os.open' {NAMES}"),
        ({"operations": ["os.open", 3]}, f"operations=['os.open', 3] {NAMES}"),
        ({"operations": []}, "operations '': expected an operation such as 'os.replace' at column 1"),
        (
            {"operations": ["os.open", "os.replce"]},
            "operations 'os.open, os.replce': unknown operation 'os.replce' at column 10; did you mean 'os.replace'?",
        ),
        (
            {"operations": "os.open a"},
            "operations 'os.open a': unexpected 'a' at column 9; expected ',' or the end",
        ),
        ({"path": 3}, f"path=3 {GLOB}"),
        ({"to": b"x"}, f"to=b'x' {GLOB}"),
        ({"path": "[a"}, r"path '[a': '[' is never closed at column 1; write '\[' for the character itself"),
        ({"to": "a\\"}, f"to 'a\\\\': 'a/' matches no path at column 1{NORMAL}"),
        ({"fault": 3}, f"3 is no fault; write {FAULTS}"),
        (
            {"fault": "EACCES when once"},
            "fault 'EACCES when once': unexpected 'when' at column 8; expected 'after' or the end",
        ),
        ({"when": 3}, f"3 is no schedule; write {SCHEDULES}"),
        (
            {"when": "once or never"},
            "schedule 'once or never': unexpected 'or' at column 6; expected 'and', 'per' or the end",
        ),
        ({"optional": "yes"}, "optional='yes' must be True or False"),
        (
            {"to": "x", "operations": "os.stat"},
            f"operations 'os.stat': 'to' has no meaning for 'os.stat' at column 1{ONLY_TWO}",
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
        (lambda: duration("5x"), f"'5x' is no duration{DURATION}"),
        (lambda: duration(5), f"5 is no duration{DURATION}"),
        (lambda: duration("9" * 400 + "m"), f"'{'9' * 400}m' is no duration{DURATION}"),
        (lambda: duration_text(-1.0), "-1.0 is no duration; it must be a number of seconds from 0 on"),
        (lambda: duration_text(float("nan")), "nan is no duration; it must be a number of seconds from 0 on"),
        (lambda: size("5KB"), "'5KB' is no size; write whole bytes, such as '512', '4KiB' or '1MiB'"),
        (lambda: size(5), "5 is no size; write whole bytes, such as '512', '4KiB' or '1MiB'"),
    ],
)
def test_a_wrong_duration_or_size_is_told(call, sentence):
    """Durations and sizes are texts with known units."""
    with pytest.raises(FsFaultError) as caught:
        call()
    assert sentence == str(caught.value)
