"""Messages as both sides send them, and mutations of them."""

from __future__ import annotations

from pytest_fsfault._core.engine.endings import SimulatedCrash
from pytest_fsfault._core.language.errors import windows_error
from pytest_fsfault._core.language.operations import GROUPS, OPERATIONS, Operation
from pytest_fsfault._intercept.children.protocol import encode_failure, encode_operation, pack

STRANGE = (
    None, True, False, 0, 1, -1, 2**31, 2**56, 2**63, -(2**63), 10**30, 0.5, float("inf"), "", "a", "\0", "/", "..", "x" * 300,
    "os.mkdir", "ok", "raised", "decided", "/tmp/\udcff", b"", b"\xff", [], [[]], ["a"], [1], [None] * 11, {}, {"os.mkdir": [1, ["a"]]},
    {"\0b": 1}, {"\0s": [[]]}, {"a": {}}, frozenset(["any"]), [[["a"]]], "EACCES", "delay 1s", "short 1 then EIO", "crash",
    {"os.open": [[["match", "(", 0]]]}, [["match", "a", 0]],
)  # fmt: skip


def operations(root):
    """Return an operation of each kind, below a root."""
    return [
        Operation(
            name,
            f"{root}/bad{number % 3}",
            f"{root}/to" if kind.two_paths else None,
            frozenset(group for group, members in GROUPS.items() if name in members),
            f"{root}/bad",
            call_site="a.py:1",
        )
        for number, (name, kind) in enumerate(OPERATIONS.items())
    ]


def questions(root, chance):
    """Return a question of each kind."""
    row = encode_operation(chance.choice(operations(root)))
    error = encode_failure(windows_error(chance.choice([5, 32, 145]), f"{root}/a"))
    number = chance.randrange(40)
    return [
        ("hello",), ("attached",), ("rules",), ("ask", 5, {"os.open": [3, ["a", "b"]]}, row, None, False),
        ("ask", 5, {}, row, [["a.py", 1], ["b.py", 2]], True), ("models", number), ("perform", number),
        ("performed", number, None), ("performed", number, ["a", "B"]), ("performed", number, [b"a"]),
        ("translate", row, error), ("note", number, "ok", None, None, ""), ("note", number, "raised", error, "EACCES", "r"),
        ("note", number, "crashed", encode_failure(SimulatedCrash("x")), "crash", "r"), ("count", {"os.open": [9, []]}, {"os.mkdir": "/x"}),
        ("escape", "told"), ("missed", 3, "why"), ("start", ["a", "b"], "", "a.py:1"), ("spend", 10), ("advance", 10, 5),
        ("wait", 10, 1, 50, False, 0, True), ("cancel", 1), ("slept", 5, 6), ("bar", 500), ("back", 20), ("idles", True), ("stamps", "5:6", [5, 6]), ("stamped", "5:6", [7, 8]), ("thread", 4, 5, 6, 7),
        ("log", "12-0123abcd"), ("read", 10), ("stray", "/x", row, error), ("entry", 5, "os.mkdir", f"{root}/a", None, "a.py:1", "failed", error, ""),
    ]  # fmt: skip


def answers(root, chance):
    """Return an answer of each kind."""
    error = encode_failure(windows_error(chance.choice([5, 32]), f"{root}/a"))
    decision = chance.choice(
        [
            None,
            ["EACCES", "r", "", 0, None],
            ["delay 1ms", "r", "n", 1, None],
            ["ERROR_ACCESS_DENIED", "r", "", 0, None],
        ]
    )
    models = chance.choice(
        [None, ["later"], ["refused", 5, "r"], ["allowed", f"{root}/a", None, False, False, True]]
    )
    tests = {"os.mkdir": [[["match", ".*bad", 0]]], "os.rename": [True, False]}
    return [
        ("done",), ("decided", 4, 0.5, True, decision, models), ("allowed", f"{root}/a", None, True, False, True), ("refused", 32, "r"),
        ("result", None), ("result", ["a"]), ("failed", error), ("rules", 3, [root], tests, True, None, None, False, False, None),
        ("rules", 3, [root], tests, True, [["shutil", "_USE", True]], ["SimulatedCrash", "x"], True, True, ["/tmp"]), ("read", 0, 4096),
        ("ended", "SimulatedCrash", "x"), ("ended", "RetryStorm", "x"), ("due",), ("notified",), ("welcome", True, {"a": 1}, ["m"], 5),
    ]  # fmt: skip


def mutated(message, chance):
    """Return a message in which something is otherwise: a value, its place, or how many there are."""
    values = list(message)
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        place = chance.randrange(len(values)) if values else 0
        match chance.randrange(5):
            case 0 | 1 | 2 if place:
                values[place] = _other(values[place], chance)
            case 3:
                values.insert(place + 1, chance.choice(STRANGE))
            case 4 if place:
                del values[place]
    return tuple(values)


def _other(value, chance):
    """Return another value: one like it, in most cases."""
    if isinstance(value, (list, tuple)) and value and chance.random() < 0.7:
        inner = list(value)
        place = chance.randrange(len(inner))
        inner[place] = _other(inner[place], chance)
        return inner
    if isinstance(value, dict) and value and chance.random() < 0.5:
        return {key: _other(one, chance) for key, one in value.items()}
    if type(value) is int and chance.random() < 0.5:
        return value + chance.choice([-1, 1, 2**20, 2**40, 2**55])
    if type(value) is str and chance.random() < 0.3:
        return value + chance.choice(["", "x", "/..", "\udc80", "\n"])
    return chance.choice(STRANGE)


def on_the_wire(number, message, chance):
    """Return a message as bytes, of which in some cases some are others, missing or twice there."""
    try:
        data = pack((number, *message))
    except (TypeError, ValueError):
        data = pack((number, "escape", "none of ours can be sent"))
    if chance.random() > 0.02:
        return data
    place = chance.randrange(len(data))
    return chance.choice(
        [
            data[:place],
            data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :],
            data[:place] + data,
            bytes(chance.randrange(256) for _ in range(30)),
            (2**32 - 1).to_bytes(4, "big") + data,
            data[:4] + b"[" * 200_000,
        ]
    )
