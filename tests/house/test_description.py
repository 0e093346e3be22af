"""The description on the package index: the README, with links that lead somewhere from there."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
ADDRESS = "https://forge.example/owner/name"
_LINKS = re.compile(r"\]\(([^)#\s][^)\s]*)\)")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def hook(monkeypatch):
    """Return what hatch_build.py has; what builds packages is not installed where tests run."""
    names = [
        "hatchling",
        "hatchling.metadata",
        "hatchling.metadata.plugin",
        "hatchling.metadata.plugin.interface",
    ]
    for name in names:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules[names[-1]].MetadataHookInterface = type("MetadataHookInterface", (), {"root": str(ROOT)})
    monkeypatch.delenv("FSFAULT_REPOSITORY", raising=False)
    return runpy.run_path(str(ROOT / "hatch_build.py"))


def _metadata(hook, **given):
    found = {"version": "1.2.3", **given}
    hook["DescriptionHook"]().update(found)
    return found


def _links(text):
    return _LINKS.findall(_FENCED.sub("", text))


def test_with_an_address_each_link_is_absolute(hook, monkeypatch):
    """A link leads to the file of the release's tag, a picture to its bytes; nothing else of the README changes."""
    monkeypatch.setenv("FSFAULT_REPOSITORY", f"{ADDRESS}/")
    found = _metadata(hook)
    text = found["readme"]["text"]
    assert len(_links(README)) == len(_links(text)) > 40
    assert [] == [link for link in _links(text) if not link.startswith("https://")]
    assert f"]({ADDRESS}/blob/v1.2.3/docs/tutorial.md)" in text
    assert f"]({ADDRESS}/tree/v1.2.3/examples)" in text
    assert f"]({ADDRESS}/raw/v1.2.3/docs/pictures/timeline.png)" in text
    assert _LINKS.sub("", README) == _LINKS.sub("", text)
    assert ADDRESS == found["urls"]["Source"]


def test_without_an_address_no_link_is_left(hook):
    """Nobody invents one: a link is its text, and the project has no addresses."""
    found = _metadata(hook)
    text = found["readme"]["text"]
    assert "text/markdown" == found["readme"]["content-type"]
    assert [] == [link for link in _links(text) if not link.startswith("https://")]
    assert "- Tutorial: from an installer to a red test" in text
    assert _FENCED.findall(README) == _FENCED.findall(text)
    assert "urls" not in found


def test_a_source_distribution_keeps_its_description(hook, monkeypatch):
    """What it brings along is not made anew where it is built."""
    monkeypatch.setenv("FSFAULT_REPOSITORY", ADDRESS)
    assert {"version": "1.2.3", "readme": "as it came"} == _metadata(hook, readme="as it came")


def test_code_is_no_link(hook):
    """Brackets in code stay, fenced or not."""
    text = "`a[0](b)` [c](README.md)\n```\n[d](e)\n```\n"
    release = hook["Release"]("", "v1", ROOT)
    assert "`a[0](b)` c\n```\n[d](e)\n```\n" == release.described(text)


def test_a_link_that_leads_nowhere_is_said(hook):
    """It would lead nowhere on the package index either."""
    with pytest.raises(FileNotFoundError, match=r"README\.md links to docs/no\.md, which is not there"):
        hook["Release"](ADDRESS, "v1", ROOT).described("[c](docs/no.md)")


@pytest.mark.parametrize(
    "address", ["forge.example/owner/name", "http://forge.example/o/n", "https://forge.example"]
)
def test_an_address_has_to_be_one(hook, address):
    """The message says what to write."""
    with pytest.raises(
        ValueError, match=r"is not the address of a repository; write https://HOST/OWNER/NAME"
    ):
        hook["address_of"](address)
