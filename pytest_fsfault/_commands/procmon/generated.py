"""The text of a test file: each refusal of a log as a test that runs as it is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_fsfault._commands.procmon.python_calls import CALLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_fsfault._commands.procmon.refusals import Evidence, Refusal
    from pytest_fsfault._commands.procmon.scenarios import Scenario, StagedHold

_HEAD = '''\
"""{what}

Written by `python -m pytest_fsfault procmon`. Each test makes one call of the log in a tree of the same names:
put the code that made it in the place of `retried(...)`.
"""

import os
import time

import pytest
'''
_HELPERS = '''\


def make(root, directories, files):
    """Make the tree of a test."""
    for directory in directories:
        (root / directory).mkdir(parents=True, exist_ok=True)
    for file in files:
        (root / file).write_bytes(b"old")


def retried(call, *arguments):
    """Stand in for the code under test: make a call until it is no longer refused."""
    wait = 0.05
    for _ in range(TRIES):
        try:
            return call(*arguments)
        except OSError:
            time.sleep(wait)
            wait = min(wait * 2, 3600)
    return call(*arguments)
'''
_UPDATE = '''\


def update(path, content):
    """Write into a file that is there."""
    with path.open("r+b") as file:
        file.write(content)
'''
# Calls that a test makes at most, more than any rule refuses; and beside what a rule refuses, when it is tried out.
_TRIES, _SPARE = 500, 30
_WIDEST = 108


def text(log: str, evidence: Evidence, tests: Sequence[tuple[Refusal, Scenario, str]]) -> str:
    """Return the whole file; each test is a refusal, its scenario, and why it is refused."""
    lines: list[str] = []
    for number, (refusal, scenario, why) in enumerate(tests, 1):
        lines += ["", "", one_test(refusal, scenario, why, number)]
    what = f"What Process Monitor saw of {evidence.process}: the calls that were refused in {log}."
    return _HEAD.format(what=_docstring(what)) + _module(lines, _TRIES)


def one_test(refusal: Refusal, scenario: Scenario, why: str, number: int = 1) -> str:
    """Return one test, without the helpers that it uses."""
    lines = _test(_name(number, scenario), scenario, _said(refusal, why))
    return "\n".join([f"@pytest.mark.fsfault({_marker(scenario)})", *lines])


def source(scenario: Scenario) -> str:
    """Return the test of one scenario alone, as a function `test`; `pytest` has to be among its names."""
    lines = _test("test", scenario, iter(["One call."]))
    return "import os, time\n" + _module(lines, scenario.attempts + _SPARE)


def _module(lines: Iterable[str], tries: int) -> str:
    body = "".join(f"{line}\n" for line in lines)
    return (
        _HELPERS.replace("TRIES", str(tries))
        + (_UPDATE if "update, path" in body or "update(path" in body else "")
        + body
    )


def _test(name: str, scenario: Scenario, said: Iterator[str]) -> Iterator[str]:
    call = CALLS[scenario.call]
    yield f"def {name}(tmp_path, fsfault):"
    yield from _sentences(said)
    yield f"    path = tmp_path / {_quoted(scenario.path)}"
    if scenario.target:
        yield f"    target = tmp_path / {_quoted(scenario.target)}"
    yield "    with fsfault.paused():"
    yield from _call("        make", ["tmp_path", _list(scenario.directories), _list(scenario.files)])
    for holder in scenario.holders:
        yield from _holding(holder)
    for path in scenario.deleted:
        delete = "os.rmdir" if path in scenario.directories else "os.remove"
        yield f"    {delete}(tmp_path / {_quoted(path)})  # its deletion is pending while it is held"
    if scenario.wait:
        yield f"    fsfault.clock.advance({_number(scenario.wait)})  # so much later came the call"
    if scenario.lasts:
        function, _, arguments = call.text.partition(", ")
        yield "    # The log ends before it is let go, so that trying again does not help here."
        yield "    with pytest.raises(OSError):"
        yield f"        {function}({arguments})"
        return
    yield f"    retried({call.text})"
    yield f'    fsfault.assert_retried("{call.operation}")'


def _marker(scenario: Scenario) -> str:
    if scenario.rule:
        return _quoted(scenario.rule)
    return 'windows="11"' if scenario.posix_delete else 'windows={"version": "11", "posix_delete": False}'


def _name(number: int, scenario: Scenario) -> str:
    verb = re.sub(r"\W+", "_", scenario.call.removeprefix("os."))
    noun = re.sub(r"[^a-z0-9]+", "_", scenario.path.rpartition("/")[2].lower()).strip("_")
    return f"test_{number}_{verb}_{noun[:40]}".rstrip("_")


def _said(refusal: Refusal, why: str) -> Iterator[str]:
    row = refusal.first
    times = f"{refusal.count} times" if refusal.count > 1 else "once"
    until = f" to {refusal.last_text}" if refusal.count > 1 else ""
    yield f"{row.operation} was refused {times} with {row.result}, {row.time}{until}".rstrip(".") + "."
    yield row.path
    if refusal.target:
        yield f"to {refusal.target}"
    elif CALLS[refusal.call].text.endswith(", target"):
        yield "The log does not say to which name; the one below is made up."
    if why:
        yield f"{why[0].upper()}{why[1:]}."


def _sentences(lines: Iterator[str]) -> Iterator[str]:
    first, *rest = [_docstring(line) for line in lines]
    yield f'    """{first}'
    yield ""
    for line in rest:
        yield from (f"    {part}" for part in _folded(line))
    yield '    """'


def _folded(line: str) -> Iterator[str]:
    words, width = line.split(" "), 0
    part: list[str] = []
    for word in words:
        if part and width + len(word) > _WIDEST:
            yield " ".join(part)
            part, width = [], 0
        part.append(word)
        width += len(word) + 1
    yield " ".join(part)


def _docstring(line: str) -> str:
    plain = "".join(character if character.isprintable() else "?" for character in line)
    return plain.replace("\\", "\\\\").replace('"""', '\\"\\"\\"').rstrip('"')


def _holding(holder: StagedHold) -> Iterator[str]:
    if holder.after:
        yield f"    fsfault.clock.advance({_number(holder.after)})"
    parts = [f"tmp_path / {_quoted(holder.path)}"]
    if holder.kind == "hold":
        parts += [f"access={_quoted(holder.access)}", f"share={_quoted(holder.share)}"]
    if holder.seconds is not None:
        parts.append(f"seconds={_number(holder.seconds)}")
    parts.append(f"by={_quoted(holder.by)}")
    yield from _call(f"    fsfault.windows().{holder.kind}", parts)


def _call(function: str, arguments: Sequence[str]) -> Iterator[str]:
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= _WIDEST:
        yield line
        return
    indent = " " * (len(function) - len(function.lstrip()))
    yield f"{function}("
    yield from (f"{indent}    {argument}," for argument in arguments)
    yield f"{indent})"


def _quoted(text: str) -> str:
    plain = repr(text)
    return plain if '"' in text else '"' + plain[1:-1].replace("\\'", "'") + '"'


def _list(names: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, names))}]"


def _number(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".") if seconds != int(seconds) else str(int(seconds))
