"""Build the documentation: Sphinx, with Furo for narrow screens and dark mode, and MyST for Markdown."""

import re
from importlib.metadata import version as installed
from pathlib import Path

from sphinx.application import Sphinx

project = "pytest-fsfault"
copyright = "pytest-fsfault contributors"  # noqa: A001  # Sphinx reads this name
version = release = installed("pytest-fsfault")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_links_external_new_tab = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_display_short_literal_types = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
html_theme = "furo"
html_title = f"pytest-fsfault {release}"
html_show_sphinx = False


def as_seen_from_here(app: Sphinx, file: Path, page: str, content: list[str]) -> None:  # noqa: ARG001
    """Let links of an included file lead where they led: to pages of this site, or to files beside the file."""
    if file.parent.name == "adoption":
        content[0] = re.sub(r"\]\((\w+\.patch)\)", r"](../examples/adoption/\1)", content[0])
    else:
        content[0] = content[0].replace("](docs/", "](").replace("](ARCHITECTURE.md)", "](architecture.md)")


def setup(app: Sphinx) -> None:
    """Register the above; every warning is an error in CI: `sphinx-build -W`."""
    app.connect("include-read", as_seen_from_here)
