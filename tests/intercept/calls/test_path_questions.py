"""What `os.path` asks Windows by functions in C from Python 3.12 on is asked by `os.stat`."""

import os
from types import SimpleNamespace

import pytest

from pytest_fsfault import inject
from pytest_fsfault._intercept.calls.path_questions import QUESTIONS, patches


@pytest.fixture
def questions():
    """Return stand-ins for a module whose questions are in C, and what replaces them."""
    space = SimpleNamespace(**dict.fromkeys(QUESTIONS, len))
    return {patch.name: patch for patch in patches(space)}


@pytest.fixture
def tree(tmp_path):
    """Lay out a file, a directory, links to either and to nothing."""
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    for name, target in {"link": "file", "lost": "nowhere"}.items():
        try:
            (tmp_path / name).symlink_to(target)
        except OSError:
            pytest.skip("links may not be made here")
    return tmp_path


@pytest.mark.parametrize("name", [name for name in QUESTIONS if hasattr(os.path, name)])
def test_the_answers_are_those_of_the_standard_library(questions, tree, name):
    """For each kind of file, for what is missing, and for a path that no file can have."""
    with inject(roots=[tree]):
        for path in ("file", "directory", "link", "lost", "missing", "file/below", "a\0b"):
            for spelled in (f"{tree}/{path}", os.fsencode(f"{tree}/{path}"), tree / path):
                assert getattr(os.path, name)(spelled) is questions[name].wrapper(spelled), (path, spelled)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_rule_meets_the_question(questions, tree, name):
    """By the operation that answers it; what may not be looked at is not there."""
    operation = f"os.{QUESTIONS[name][0]}"
    with inject(f"{operation} -> EACCES", roots=[tree]) as fsfault:
        assert False is questions[name].wrapper(str(tree / "file"))
    assert [operation] == [entry.operation for entry in fsfault.journal]
    assert fsfault.journal[0].call_site.startswith(__file__)


def test_wrong_arguments_are_refused_by_the_real_one(questions):
    """With its own words."""
    with pytest.raises(TypeError, match=r"len\(\) takes exactly one argument"):
        questions["exists"].wrapper("a", "b")
    with pytest.raises(TypeError):
        questions["exists"].wrapper(None)


def test_on_this_system_rules_meet_the_questions(tmp_path):
    """Also where they were bound early, and whatever they are made of."""
    for name in ("exists", "lexists", "isdir", "isfile", "islink"):
        operation = f"os.{QUESTIONS[name][0]}"
        with inject(f"{operation} -> EACCES when once", roots=[tmp_path]) as fsfault:
            assert False is getattr(os.path, name)(tmp_path)
        assert operation == fsfault.journal[0].operation
