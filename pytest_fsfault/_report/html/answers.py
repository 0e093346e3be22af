"""What a test shows, in one sentence, and in a few more; and why tests failed, by cause."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._report.html.axis import limits, span
from pytest_fsfault._report.html.drawing import hold_of, known_holds, short_error
from pytest_fsfault._report.html.journal import ends
from pytest_fsfault._report.html.templates import Markup, filled, shown
from pytest_fsfault._report.summary import phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_BAD = ("raised", "failed", "short", "crashed")
# So many recorded calls that never came are named.
_FEW = 6
_REMARK = re.compile(r", bound early\b.*")


class Explanation(Row):
    """The sentence that says it, those that explain it, and whether it is good, a warning, or neither."""

    say: Markup
    more: list[Markup]
    tone: str
    brief: str  # for the list of tests


def answer(test: Mapping[str, Any]) -> Explanation:
    """Return what a test shows."""
    found = next(filter(None, (one(test) for one in (_swept, _tolerated, _unfired, _gave_up))), None)
    if found is None:
        found = _failed(test) if test["outcome"] == "failed" else _passed(test)
    return _replayed(found, test.get("replay"))


def _replayed(found: Explanation, replay: Mapping[str, Any] | None) -> Explanation:
    """Return an explanation that says how a replay went, too."""
    if replay is None:
        return found
    lost = replay["never_came"]
    told = f"{replay['as_recorded']:,} calls as recorded"
    if lost:
        told += f", {len(lost):,} recorded call{'' if len(lost) == 1 else 's'} never came"
    more = [shown(told), *(shown(f"Never came: {call}") for call in lost[:_FEW]), *found.more]
    return found._replace(more=more, brief=told if lost else found.brief)


def first_line(test: Mapping[str, Any]) -> str:
    """Return the first line of why a test failed, as pytest says it."""
    failure = test["failure"]
    return phase(test) + failure["text"].strip().partition("\n")[0] if failure else "it failed"


def trials(test: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the trials of all sweeps of a test that had a fault."""
    return [row for row in test["sweeps"] if row["applies"] and row["fault"] is not None]


def verdict(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return which check failed in a trial, and what it said."""
    first = row["verdicts"][0]
    return first["check"], "\n".join(one["text"] for one in row["verdicts"])


def _swept(test: Mapping[str, Any]) -> Explanation | None:
    tried = trials(test)
    if not tried:
        return None
    passed = test["outcome"] == "passed"
    red = [row for row in tried if row["verdicts"]]
    more = list(_rerun(tried))
    if not red:
        more += _ended(test)
        tone = "good" if passed else ""
        return Explanation(
            shown(f"All {len(tried)} trials passed"), more, tone, f"{len(tried)} trials passed"
        )
    reasons = {verdict(row) for row in red}
    text = f"{len(red)} of {len(tried)} trials failed"
    say = shown(text + (f", for {len(reasons)} reasons" if len(reasons) > 1 else ""))
    return Explanation(say, [_first_trial(red[0]), *more], "warned" if passed else "", text)


def _first_trial(row: Mapping[str, Any]) -> Markup:
    """Say what happened in the first trial that failed."""
    check, said = verdict(row)
    how = "" if row["fault"] == "crash" else " persistently" if row["persist"] else " once"
    return filled("The first is trial {}: in step {}, <code>{}</code> meets {}{}; {}: {}", row["id"], row["step"], shown(f"{row['operation']} {' → '.join(row['paths'])}"), row["fault"], how, check,
        shown(said.partition("\n")[0].rstrip(":")),
    )  # fmt: skip


def _rerun(tried: Iterable[Mapping[str, Any]]) -> Iterator[Markup]:
    crashes = [row for row in tried if row["crashed"] and row["rerun"] != "not asked"]
    if crashes:
        healed = sum(row["rerun"] == "healed" for row in crashes)
        yield shown(f"A second run healed {healed} of {len(crashes)} crashes.")


def _tolerated(test: Mapping[str, Any]) -> Explanation | None:
    if not test["tolerances"]:
        return None
    say, more = [], []
    for one in test["tolerances"]:
        what = "refusals of a rule for" if one["kind"] == "rule" else "a hold of"
        survives, fails = limits(one["survives"], one["fails_at"])
        end = f"fails at {fails}" if fails else "never fails"
        say.append(f"Survives {what} {survives} ({one['attempts']} attempts), {end}")
        if one.get("reason"):
            more.append(shown(one["reason"]))
    more += _ended(test)
    return Explanation(shown("; ".join(say)), more, "good" if test["outcome"] == "passed" else "", say[0])


def unfired(test: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the rules that the test itself asked for and that never acted."""
    rules: Iterable[Mapping[str, Any]] = test["rules"]
    return [rule for rule in rules if rule["own"] and rule["reason"] is not None and not rule["fired"]]


def _unfired(test: Mapping[str, Any]) -> Explanation | None:
    missed = unfired(test)
    if not missed or (test["outcome"] == "failed" and any(call["error"] for call in test["calls"])):
        return None
    if test["outcome"] == "failed" and not (test["failure"] and test["failure"]["check"]):
        return None
    say = filled("<code>{}</code> never fired", shown(missed[0]["rule"]))
    more = [shown(missed[0]["reason"])]
    more += [
        filled("<code>{}</code> never fired, either: {}", shown(rule["rule"]), shown(rule["reason"]))
        for rule in missed[1:4]
    ]
    tone = "" if test["outcome"] == "failed" else "warned"
    return Explanation(say, more, tone, f"never fired: {missed[0]['rule']}")


def last_chain(test: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the calls of the last file that the code gave up on, or of the last that met an error at all."""
    bad = [call for call in test["calls"] if call["outcome"] in _BAD]
    lost = [retry for retry in test["retries"] if retry["outcome"] == "failed"] or test["retries"]
    for retry in reversed(lost):
        wanted = (retry["operation"], retry["path"])
        found = [call for call in bad if (call["operation"], call["path"]) == wanted]
        if found:
            return found
    return bad[-1:]


def _gave_up(test: Mapping[str, Any]) -> Explanation | None:
    """Say who refused the calls of the file that the code gave up on."""
    if test["outcome"] != "failed" or checked(test):
        return None
    chain = last_chain(test)
    if not chain:
        return None
    more = [_tried(chain)]
    hold = hold_of(chain[-1], known_holds(test))
    if hold is not None and hold.end is not None and hold.end > chain[-1]["at"]:
        early = span(hold.end - chain[-1]["at"])
        more.append(shown(f"The last attempt came {early} before {hold.who} closed the file."))
    if _surfaced(test, chain[-1]) is None:
        more.append(shown(f"The test failed: {first_line(test)}"))
    error = chain[-1]["error"]
    brief = f"{short_error(error) if error else chain[-1]['outcome']} · {chain[-1]['operation']}"
    return Explanation(_note(chain[0]), more, "", f"{hold.who} · {brief}" if hold else brief)


def checked(test: Mapping[str, Any]) -> bool:
    """Return whether a check of ours said that the test failed."""
    return bool(test["failure"] and test["failure"]["check"])


def _surfaced(test: Mapping[str, Any], call: Mapping[str, Any]) -> str | None:
    """Return the error of a call if the test failed by it."""
    text = call["error"]["text"] if call["error"] else ""
    return text if text and test["failure"] and text in test["failure"]["text"] else None


def _note(call: Mapping[str, Any]) -> Markup:
    reason = _REMARK.sub("", call["reason"])
    if not reason:
        return filled("<code>{}</code> failed by itself", shown(call["operation"]))
    if "->" in reason:
        return filled(
            "<code>{}</code> was refused by the rule <code>{}</code>",
            shown(call["operation"]),
            shown(reason.rpartition(": ")[0] or reason),
        )
    return shown(reason)


def _tried(chain: Sequence[Mapping[str, Any]]) -> Markup:
    call, last = chain[0], chain[-1]
    what = filled("<code>{} {}</code>", shown(call["operation"]), shown(ends(call)))
    if len(chain) == 1:
        return filled(
            "So {} {} once, at {}, and the code did not try again.", what, _became(call), span(call["at"])
        )
    return filled(
        "So {} {} {} times, from {} to {}, and the code gave up.",
        what,
        _became(call),
        len(chain),
        span(call["at"]),
        span(last["at"]),
    )


def _became(call: Mapping[str, Any]) -> str:
    return {"raised": "was refused", "failed": "failed by itself", "short": "was cut short"}.get(
        call["outcome"], "met a crash"
    )


def _failed(test: Mapping[str, Any]) -> Explanation:
    refused = sum(call["outcome"] in _BAD for call in test["calls"])
    told = "No call was refused." if not refused else f"{refused} calls were refused before."
    return Explanation(shown(first_line(test)), [shown(told)], "", first_line(test))


def _passed(test: Mapping[str, Any]) -> Explanation:
    if (test.get("baseline") or {}).get("status") == "known":
        say = f"failed, as the baseline lists it: {_listed(test['baseline']['expected'])}"
        return Explanation(shown(say[0].upper() + say[1:]), [], "warned", say)
    if test["outcome"] != "passed":
        (told,) = _ended(test)
        return Explanation(told, [], "warned", f"{told[0].lower()}{told[1:]}")
    counts = Counter(call["outcome"] for call in test["calls"])
    refused = sum(counts[one] for one in _BAD)
    if not refused:
        return Explanation(shown("No call was refused"), [], "good", "no call was refused")
    again = [retry for retry in test["retries"] if retry["attempts"] > 1]
    say = f"{_many(refused, 'call')} refused{_again(again)}"
    return Explanation(shown(say), list(_waited(again)), "good", say)


def _ended(test: Mapping[str, Any]) -> list[Markup]:
    """Return how a test has ended, as a sentence, unless it has passed."""
    told = _ENDS.get(test["outcome"])
    return [] if told is None else [shown(told.format(first_line(test)))]


_ENDS = {
    "failed": "The test failed: {}",
    "skipped": "Skipped",
    "interrupted": "Interrupted by {}",
    "rerun": "Failed, and was run again: {}",
}


def _listed(known: Mapping[str, Any]) -> str:
    """Return a known failure as the terminal says it."""
    number = "" if known["winerror"] is None else f" {known['winerror']}"
    return f"{known['class']}{number}" + (f" by {known['operation']}" if known["operation"] else "")


def _again(again: Sequence[Mapping[str, Any]]) -> str:
    if not again:
        return ""
    most = max(retry["attempts"] for retry in again)
    ends = Counter(retry["outcome"] for retry in again)
    became = (
        f"{ends['failed']} given up"
        if ends["failed"]
        else "none given up"
        if ends["unknown"]
        else "all succeeded"
    )
    return f"; {_many(len(again), 'file')} tried again, at most {most} attempts, {became}"


def _waited(retries: Sequence[Mapping[str, Any]]) -> Iterator[Markup]:
    waits = [retry["total_wait"] for retry in retries]
    if waits and max(waits):
        yield shown(f"The longest wait for one file was {span(max(waits))}.")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" + (" was" if count == 1 else "s were")
