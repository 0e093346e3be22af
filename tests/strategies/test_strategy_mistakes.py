"""Mistakes in what a strategy is asked for: one sentence each, when it is asked and not when it draws."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import PurePosixPath

import pytest

from pytest_fsfault import FsFaultError, strategies

MISTAKES = [
    (
        {"operations": "os.renam"},
        "operations 'os.renam': unknown operation 'os.renam' (column 1); did you mean 'os.rename'?",
    ),
    ({"operations": ()}, "operations '': expected an operation such as 'os.replace' (column 1)"),
    ({"operations": 3}, "operations=3 must be a name such as 'os.replace', or a sequence of names"),
    (
        {"errors": ["EACCESS"]},
        (
            "'EACCESS' is not a valid error name: write a Windows name such as 'ERROR_SHARING_VIOLATION', a number as in "
            "'WinError 32', or an errno name of this system such as 'EACCES'; did you mean 'EACCES'?"
        ),
    ),
    ({"errors": "EACCES"}, "errors='EACCES' is a single one; write errors=('EACCES',)"),
    ({"errors": ()}, "errors=() is empty; write errors=('ERROR_ACCESS_DENIED',), or leave it out"),
    ({"errors": {"EIO"}}, "errors={'EIO'} is not a sequence; write errors=('ERROR_ACCESS_DENIED',)"),
    (
        {"operations": "os.stat", "errors": ["ENOTEMPTY"]},
        "errors=['ENOTEMPTY'] cannot happen to 'os.stat'; write one that can, such as 'ERROR_ACCESS_DENIED'",
    ),
    (
        {"operations": ["os.rmdir", "os.stat"], "errors": ["EMFILE"], "kinds": ["short", "after"]},
        (
            "'short' among the kinds has no meaning for ['os.rmdir', 'os.stat']; only an operation that transfers "
            "bytes takes it, such as 'file.write'"
        ),
    ),
    (
        {"operations": "delete", "errors": ["EMFILE"], "kinds": ["crash", "after"]},
        "errors=['EMFILE'] cannot happen to 'delete'; write one that can, such as 'ERROR_SHARING_VIOLATION'",
    ),
    (
        {"errors": ["EIO"], "kinds": ["delay", "crash"]},
        "errors=['EIO'] have no use with kinds=['delay', 'crash']; add 'error' to the kinds, or leave them out",
    ),
    ({"kinds": "error"}, "kinds='error' is a single one; write kinds=('error',)"),
    ({"kinds": []}, "kinds=[] is empty; write kinds=('error',), or leave it out"),
    (
        {"kinds": ["error", "shot"]},
        (
            "kinds=['error', 'shot']: 'shot' is none; write 'error', 'after', 'short', 'delay' or 'crash'; "
            "did you mean 'short'?"
        ),
    ),
    ({"kinds": [[]]}, "kinds=[[]]: [] is none; write 'error', 'after', 'short', 'delay' or 'crash'"),
]
OF_RULES = [
    ({"paths": "*.exe"}, "paths='*.exe' is a single one; write paths=('*.exe',)"),
    (
        {"paths": PurePosixPath("/a")},
        "paths=PurePosixPath('/a') is a single one; write paths=(PurePosixPath('/a'),)",
    ),
    ({"paths": []}, "paths=[] is empty; write paths=('*.exe',), or leave it out"),
    ({"paths": 3}, "paths=3 is not a sequence; write paths=('*.exe',)"),
    ({"paths": [""]}, "paths '': the path is empty (column 1); leave it out to match any path"),
    ({"paths": [3]}, "paths=3 must be a glob such as '*.exe', or a Path object for one file"),
    ({"optional": "no"}, "optional='no' must be True or False"),
]
OF_PLANS = [
    ({"max_rules": 0}, "max_rules=0 is not valid; write a number of rules from 1 on"),
    ({"max_rules": -1}, "max_rules=-1 is not valid; write a number of rules from 1 on"),
    ({"max_rules": True}, "max_rules=True is not valid; write a number of rules from 1 on"),
    ({"max_rules": "3"}, "max_rules='3' is not valid; write a number of rules from 1 on"),
    ({"max_rules": 2.5}, "max_rules=2.5 is not valid; write a number of rules from 1 on"),
    ({"min_rules": -1}, "min_rules=-1 is not valid; write a number of rules from 0 to max_rules=3"),
    ({"min_rules": 4}, "min_rules=4 is not valid; write a number of rules from 0 to max_rules=3"),
]


@pytest.mark.parametrize(
    ("strategy", "arguments", "sentence"),
    [
        *(("faults", *mistake) for mistake in MISTAKES),
        *(("rules", *mistake) for mistake in MISTAKES + OF_RULES),
        *(("plans", *mistake) for mistake in MISTAKES + OF_RULES + OF_PLANS),
    ],
)
def test_a_mistake_is_told_at_once(strategy, arguments, sentence):
    """What was written, why it cannot be, what to write instead."""
    with pytest.raises(FsFaultError) as caught:
        getattr(strategies, strategy)(**arguments)
    assert sentence == str(caught.value)


def test_without_hypothesis(monkeypatch):
    """Who lacks Hypothesis is told what to install."""
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "pytest_fsfault.strategies")
    with pytest.raises(ImportError) as caught:
        import_module("pytest_fsfault.strategies")
    assert (
        'pytest_fsfault.strategies needs hypothesis; install it with: pip install "pytest-fsfault[hypothesis]"'
        == str(caught.value)
    )
