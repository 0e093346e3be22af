"""The summary of a run in Markdown, as pages of CI services show it (GitHub Flavored Markdown)."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.legible import legible, legible_lines
from pytest_fsfault._report.summary import number, phase, seconds, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# At most so many rows of a table, and lines and characters of one text; the JSON has them all.
_ROWS = 30
_LINES = 120
_WIDTH = 2000
_BACKTICKS = re.compile(r"`+")
# What starts markup inside a line; as a number of its character it does not.
_SPECIAL = re.compile(r"[^\w ./,=()'+-]")


def markdown(document: Mapping[str, Any], journals: Mapping[str, Sequence[str]], limit: int | None) -> str:
    """Return a text of at most `limit` bytes: the sums, then what failed, each test folded up, then what never fired."""
    blocks = [
        *_head(document),
        *_failed(document, journals),
        *_never_fired(document["totals"]["never_fired"]),
    ]
    kept: list[str] = []
    room = float("inf") if limit is None else limit - len(_cut(len(blocks)).encode())
    for block in blocks:
        room -= len(block.encode())
        if room < 0:
            kept.append(_cut(len(blocks) - len(kept)))
            break
        kept.append(block)
    return "".join(kept)


def _cut(count: int) -> str:
    return f"\n{number(count, 'part')} left out: the page has no room for more; `--fsfault-json` writes everything.\n\n"


def _head(document: Mapping[str, Any]) -> Iterator[str]:
    total, run = document["totals"], document["run"]
    title = (
        f"{number(total['tests'], 'test')} under fault, {number(total['faults'], 'fault')}, {verdict(total)}"
    )
    yield f"## pytest-fsfault: {title}\n\n"
    rules = "".join(f", rule {code(rule)}" for rule in run["rules"])
    yield f"Profile {code(run['profile'])}{rules}. To reproduce: {code('pytest ' + run['arguments'])}\n\n"
    yield _table(("Operation", "Fault", "Times"), [(code(a), code(b), str(c)) for a, b, c in total["counts"]])
    lines = list(_sums(total))
    if lines:
        yield "".join(f"- {line}\n" for line in lines) + "\n"


def _sums(total: Mapping[str, Any]) -> Iterator[str]:
    if total["retried"]:
        yield f"retried: {number(total['retried'], 'file')}, at most {total['most_attempts']} attempts"
    if total["sweeps"]:
        yield f"sweeps: {total['sweeps']} ({number(total['trials'], 'trial')} with a fault, {total['trials_failed']} failed)"
    if total["waits_skipped"]:
        yield f"waits skipped: {seconds(total['waits_skipped'])}; the tests took {seconds(total['seconds'])}"
    if (outside := total["outside"])["tests"]:
        yield f"changed files outside the roots alone: {number(outside['tests'], 'test')}, such as {code(outside['path'])}"
    for one in total["unreached"][:_ROWS]:
        yield f"a child process without faults ({one['count']}): {code(one['reason'])}"


def _failed(document: Mapping[str, Any], journals: Mapping[str, Sequence[str]]) -> Iterator[str]:
    failed = [test for test in document["tests"] if test["outcome"] == "failed"]
    if failed:
        yield "### Failed\n\n"
    for test in failed:
        yield "".join(_test(test, journals.get(test["id"], ())))


def _test(test: Mapping[str, Any], journal: Sequence[str]) -> Iterator[str]:
    """Yield one failed test, which opens with a click: why, the journal around its faults, how to run it again."""
    yield f"<details><summary><code>{html.escape(legible(test['id']))}</code></summary>\n\n"
    if test["failure"] is not None:
        yield _fenced(f"{phase(test)}{test['failure']['text']}".split("\n"))
    if journal:
        yield _fenced(journal)
    rows = [row for row in test["sweeps"] if row["verdicts"]]
    yield _table(
        ("Trial", "Fault", "Operation", "Paths", "What is wrong", "Run only this trial"), map(_trial, rows)
    )
    yield f"To reproduce: {code(test['reproduce'])}\n\n</details>\n\n"


def _trial(row: Mapping[str, Any]) -> tuple[str, ...]:
    wrong = row["verdicts"][0]
    how = " every time" if row["persist"] else ""
    cells = (
        str(row["id"]), f"{row['fault'] or 'none'}{how}", row["operation"] or "", " -> ".join(row["paths"]),
        f"{wrong['check']}: {wrong['text'].partition(chr(10))[0]}", row["reproduce"] or "",
    )  # fmt: skip
    return tuple(code(cell) for cell in cells)


def _never_fired(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if found:
        yield "### Never fired\n\n"
        rows = [
            (
                code(one["rule"]),
                ", ".join(map(code, one["tests"][:3])) + _more(one["tests"][3:]),
                code(one["reason"]),
            )
            for one in found
        ]
        yield _table(("Rule", "Tests", "Why"), rows)


def _more(left: Sequence[object]) -> str:
    return f" and {len(left)} more" if left else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, and how many rows it leaves out; nothing without rows."""
    found = list(rows)
    if not found:
        return ""
    lines = [heads, ["---"] * len(heads), *found[:_ROWS]]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return text + (f"\n{len(found) - _ROWS} more rows\n" if len(found) > _ROWS else "") + "\n"


def _fenced(lines: Iterable[str]) -> str:
    """Return lines as they are, in a fence that none of them can close."""
    found = [legible_lines(line)[:_WIDTH] for line in lines]
    text = "\n".join(found[:_LINES])
    if len(found) > _LINES:
        text += f"\n... {len(found) - _LINES} more lines"
    fence = "`" * max(3, *(len(run) + 1 for run in _BACKTICKS.findall(text)), 3)
    return f"{fence}text\n{text}\n{fence}\n\n"


def code(text: str) -> str:
    """Return a text as code in one line, also in a table: nothing in it is markup."""
    shown = legible(text)[:_WIDTH]
    if not shown.strip():
        return ""
    if "|" in shown:  # would end the cell
        return f"<code>{_SPECIAL.sub(lambda found: f'&#{ord(found[0])};', shown)}</code>"
    ticks = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(shown)), default=0))
    blank = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{ticks}{blank}{shown}{blank}{ticks}"
