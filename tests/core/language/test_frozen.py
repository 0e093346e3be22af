"""Frozen classes are what `dataclasses` makes of the same class, and compile nothing."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from pytest_fsfault._core.language import frozen


def classes(module):
    """Return two classes made by `dataclass` and `field` of a module."""

    @module.dataclass(frozen=True)
    class Scan:
        """A scanner and what it has seen."""

        name: str
        hold: float = 0.5
        seen: dict[str, int] = module.field(default_factory=dict)
        luck: float = module.field(init=False, repr=False, compare=False)

        def __post_init__(self):
            vars(self)["luck"] = self.hold * 2

    @module.dataclass(frozen=True, init=False, repr=False)
    class Name:
        """A name in lower case."""

        name: str
        length: int = module.field(compare=False)

        def __init__(self, name, length=None):
            vars(self).update(name=name.lower(), length=length or len(name))

        def __repr__(self):
            return f"<{self.name}>"

    Scan.__qualname__ = Name.__qualname__ = "Made"
    return Scan, Name


Scan, Name = classes(frozen)


def outcome(function, *arguments):
    """Return what a call returns, or the kind of error that it raises."""
    try:
        return function(*arguments)
    except Exception as error:  # noqa: BLE001
        return type(error)


def changed(one):
    """Change a field, one that is not there, and delete one; return how each ends."""
    ways = ((setattr, "name", "x"), (setattr, "other", 1), (delattr, "name"))
    return [outcome(do, one, *rest) for do, *rest in ways]


def told(kind):
    """Return what `dataclasses` says of the fields."""
    return [(one.name, one.type, one.init, one.repr, one.compare) for one in dataclasses.fields(kind)]


FACTS = {
    "defaults": lambda scan, _: vars(scan("a")),
    "values": lambda scan, _: vars(scan("a", 1.0, seen={"b": 1})),
    "a factory for each": lambda scan, _: scan("a").seen is scan("b").seen,
    "a default of the class": lambda scan, _: scan.hold,
    "no value": lambda scan, _: outcome(scan),
    "too many values": lambda scan, _: outcome(scan, "a", 1, {}, 4),
    "a value twice": lambda scan, _: outcome(lambda: scan("a", name="b")),
    "an unknown name": lambda scan, _: outcome(lambda: scan("a", size=2)),
    "a field that is no argument": lambda scan, _: outcome(lambda: scan("a", luck=2)),
    "how it prints": lambda scan, name: (repr(scan("a")), repr(name("a"))),
    "equal": lambda scan, name: (
        scan("a") == scan("a"),
        name("A") == name("a", 7),
        len({name("a"), name("A")}),
    ),
    "not equal": lambda scan, name: (scan("a") == scan("b"), scan("a") != scan("a", 0.1), name("a") == "a"),
    "no hash of a dictionary": lambda scan, _: outcome(hash, scan("a")),
    "changes": lambda scan, name: (changed(scan("a")), changed(name("a"))),
    "for a match": lambda scan, _: scan.__match_args__,
    "fields": lambda scan, name: (told(scan), told(name("a"))),
    "documentation": lambda scan, name: (scan.__doc__, name.__doc__),
    "replaced by dataclasses": lambda scan, _: vars(dataclasses.replace(scan("a"), hold=3)),
    "a dictionary": lambda scan, _: dataclasses.asdict(scan("a")),
    "a data class": lambda scan, name: (dataclasses.is_dataclass(scan), dataclasses.is_dataclass(name("a"))),
    "copied": lambda scan, _: vars(copy.deepcopy(scan("a"))),
}


@pytest.mark.parametrize("fact", FACTS)
def test_it_is_a_data_class(fact):
    """Whatever is asked of it, the answer is that of the model."""
    assert FACTS[fact](*classes(dataclasses)) == FACTS[fact](Scan, Name)


def test_replace():
    """A copy has other values in the fields that are named, and works out anew what follows from them."""
    assert ("b", 0.5, 1.0) == ((one := frozen.replace(Scan("a"), name="b")).name, one.hold, one.luck)
    assert 4 == frozen.replace(Scan("a"), hold=2).luck


def test_a_rule_is_pickled():
    """A rule, which is made this way, survives pickling."""
    from pytest_fsfault import Rule

    rule = Rule.parse("os.replace *.exe -> EACCES when first 3")
    assert rule == pickle.loads(pickle.dumps(rule))
