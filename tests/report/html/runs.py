"""Runs as the JSON has them, to be shown as a page: each state, made from a few calls."""

from __future__ import annotations

import json
from importlib.resources import files

from skips import WINE, imported

from pytest_fsfault._report.summary import Replayed, document

# It needs a DLL that Wine lacks; pages are pages there nevertheless.
jsonschema = None if WINE else imported("jsonschema")

HOSTILE = (
    "<b>bold</b>",
    "</script><script>alert(1)</script>",
    "\x1b[31mred",
    "\u202egpj.dll",
    "zero\u200bwidth\ufeff",
    "byte\udcff",
    "line\nbreak",
    "<!--",
    "]]>",
    "' onload='alert(1)",
    '" onerror="alert(1)',
    "&lt;entity&gt;",
    "{{ 7 * 7 }}{% raw %}",
    "{#",
    "</title></style></noscript></template>",
)

SCHEMA = json.loads(files("pytest_fsfault").joinpath("_report/schema.json").read_text("utf-8"))
SCANNERS = [
    {
        "name": name, "acts": name == "defender", "process": f"{name}.exe", "hold": "lognormal(10ms, 275ms)",
        "median": median, "p99": p99, "range": span, "delay": "0ms", "share": "rwd", "on": ["*.dll"],
        "source": "somebody/project#1", "note": None,
    }
    for name, median, p99, span in [
        ("defender", 0.01, 0.275, None), ("indexer", 0.031, 0.265, None), ("avast", 1.05, 1.98, [0.1, 2.0]),
        ("mcafee", 1.0, 28.0, None), ("trellix", 2.0, 30.0, None),
    ]
]  # fmt: skip
POLICIES = [
    {
        "name": name, "project": name, "function": "rename", "source": "https://example.org", "retries": "5, 32",
        "budget": "some", "jitter": False, "instants": {"32": instants},
    }
    for name, instants in [("git", [0, 0.001, 0.071]), ("pip", [0, 0.25, 0.5, 1.0]), ("never", [0])]
]  # fmt: skip


def error(path, winerror=5):
    """Return an error as a call has it."""
    text = f"[WinError {winerror}] Access is denied: {path!r}"
    return {"class": "PermissionError", "errno": 13, "winerror": winerror, "name": "EACCES", "text": text}


def call(n, operation="os.replace", path="a.dll", outcome="ok", *, at=None, target=None, **given):
    """Return one call."""
    bad = outcome in ("raised", "failed")
    return {
        "n": n, "operation": operation, "path": path, "target": target, "outcome": outcome,
        "fault": "ERROR_ACCESS_DENIED" if outcome == "raised" else None,
        "reason": f"{operation} -> ERROR_ACCESS_DENIED: call {n}" if outcome == "raised" else "",
        "hold": None, "error": error(path) if bad else None, "at": n / 10 if at is None else at, "thread": 1,
        "process": 100, "program": None, "site": "cache.py:61", "nth": n, **given,
    }  # fmt: skip


def test(name="test_it.py::test_one", outcome="passed", calls=(), **given):
    """Return one test."""
    faults = sum(one["outcome"] == "raised" for one in calls)
    return {
        "id": name, "outcome": outcome,
        "failure": {"text": "PermissionError: it", "check": None} if outcome == "failed" else None,
        "reproduce": "pytest 'test_it.py::test_one' --fsfault-profile defender --fsfault-seed 7", "profile": "defender",
        "seed": 7, "seconds": 0.004, "virtual_end": max((one["at"] for one in calls), default=0.0), "baseline": None,
        "kept_step": {}, "replay": None, "observed": False, "numbered": True,
        "counts": [["os.replace", "ERROR_ACCESS_DENIED", faults]] if faults else [], "calls": list(calls),
        "rules": [], "holds": [], "retries": [], "waits": [], "processes": [], "unreached": [], "outside": None, "sweeps": [],
        "tolerances": [], **given,
    }  # fmt: skip


test.__test__ = False


def retried(name, attempts=3, *, outcome="ok", test_outcome="passed", path="a.dll", **given):
    """Return a test in which a file was refused until the last attempt."""
    calls = [call(n, path=path, outcome="raised", target="b.dll") for n in range(attempts - 1)]
    calls.append(call(attempts - 1, path=path, outcome="ok" if outcome == "ok" else "raised", target="b.dll"))
    waits = [{"from": n / 10, "to": (n + 1) / 10, "thread": 1, "process": 100} for n in range(attempts - 1)]
    retry = {
        "operation": "os.replace", "path": path, "attempts": attempts, "waits": [0.1] * (attempts - 1),
        "total_wait": 0.1 * (attempts - 1), "outcome": outcome,
    }  # fmt: skip
    return test(name, test_outcome, calls, waits=waits, retries=[retry], **given)


def held(name="test_it.py::test_held", path="unpacked/lib.dll"):
    """Return a test that failed since a scanner had a file open."""
    hold = {
        "n": 4, "path": path, "kind": "handle", "access": 1, "share": 1, "by": None, "scanner": "defender",
        "from": 0.0, "to": 1.5, "met": True, "declared": False,
    }  # fmt: skip
    found = retried(name, 4, outcome="failed", test_outcome="failed", holds=[hold])
    for one in found["calls"]:
        one |= {"hold": 4, "reason": f"{path} is held by defender for another 1.20 s (sharing read)"}
    return found | {"failure": {"text": f"PermissionError: {error('a.dll')['text']}", "check": None}}


def trial(number, step, fault, *, persist=False, verdicts=(), sweep=1, **given):
    """Return one trial of a sweep."""
    return {
        "sweep": sweep, "id": str(number), "step": step, "fault": fault, "persist": None if fault == "crash" else persist,
        "occurrence": [1, 3], "operation": "os.replace", "site": f"install.py:{90 + step}", "caller": "install.py:41",
        "paths": ["site/new.tmp", f"site/{step}.exe"], "then": [], "applies": True, "crashed": fault == "crash",
        "verdicts": [{"check": check, "text": text} for check, text in verdicts], "rerun": "not asked",
        "difference": [
            {"path": "site/old.exe", "change": "removed", "before": 6, "after": None},
            {"path": "site/new.tmp", "change": "added", "before": None, "after": 7},
        ] if verdicts else [],
        "reproduce": f"pytest --fsfault-trial {number} --fsfault-seed 7", **given,
    }  # fmt: skip


def swept(name="test_it.py::test_atomic", steps=3, outcome="failed"):
    """Return a test with a sweep, some of whose trials failed; after crashes a second run put things right."""
    rows, number = [trial(0, 1, None) | {"step": None, "operation": None, "site": None, "paths": []}], 0
    for step in range(1, steps + 1):
        for fault in ("ERROR_ACCESS_DENIED", "ERROR_DISK_FULL"):
            for persist in (False, True):
                number += 1
                bad = (
                    [("check_atomic", "neither old nor new:\n- site/old.exe")]
                    if step == 2 and persist
                    else []
                )
                rows.append(
                    trial(number, step, fault, persist=persist, verdicts=bad if outcome == "failed" else ())
                )
        number += 1
        rows.append(trial(number, step, "crash") | {"rerun": "healed"})
    rows.append(trial(None, 1, "ERROR_SHARING_VIOLATION") | {"id": None, "applies": False, "reproduce": None})
    return test(name, outcome, sweeps=rows)


def tolerance(survives=10.23, fails_at=10.24):
    """Return a test that looked how long a hold may last."""
    found = {
        "survives": survives, "fails_at": fails_at, "attempts": 11, "waits": [0.1, 0.2], "kind": "handle",
        "reason": "",
    }  # fmt: skip
    return test("test_it.py::test_patience", tolerances=[found])


def run(*tests, **given):
    """Return a run, and check it against the schema."""
    facts = {
        "profile": "defender", "rules": [], "seed": 7,
        "versions": {"pytest-fsfault": "0.4.0", "pytest": "9.2.0", "python": "3.13.1"}, "platform": "linux",
        "windows": "11", "scanners": SCANNERS, "policies": POLICIES, "command": "pytest --fsfault-profile defender",
        "arguments": "--fsfault-profile defender --fsfault-seed 7", "replay_of": None, "started": 1795911836.1,
    } | given  # fmt: skip
    replayed = None if facts["replay_of"] is None else Replayed(facts["replay_of"], 3)
    found = document(list(tests), facts, replayed)
    if jsonschema is not None and len(tests) < 50:
        jsonschema.validate(found, SCHEMA)
    return found


def many(count, calls=20):
    """Return a run of many tests: one in a hundred failed, one in ten retried."""
    tests = []
    for n in range(count):
        name = f"tests/test_{n // 100}.py::test_{n}"
        if n % 100 == 7:
            tests.append(retried(name, calls, outcome="failed", test_outcome="failed", path=f"pkg-{n}/a.dll"))
        elif n % 10 == 3:
            tests.append(retried(name, calls, path=f"pkg-{n}/a.dll"))
        else:
            tests.append(
                test(
                    name,
                    calls=[call(i, "open", f"pkg-{n}/{i}.py", site=f"mirror.py:{i}") for i in range(calls)],
                )
            )
    return run(*tests)


def long_journal(count=5000):
    """Return a test with so many calls that only those in view are drawn."""
    calls = [
        call(i, ("open", "file.write", "os.replace")[i % 3], f"mirror/pkg-{i // 3:04}.whl",
             "raised" if i % 30 == 2 else "ok", at=i / 100)
        for i in range(count)
    ]  # fmt: skip
    return test("test_it.py::test_long", calls=calls)
