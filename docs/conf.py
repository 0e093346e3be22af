"""Build the documentation: Sphinx, with Furo for narrow screens and dark mode, and MyST for Markdown."""

from importlib.metadata import version as installed

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
# Every warning is an error in CI: `sphinx-build -W`.
suppress_warnings = ["myst.xref_missing"]  # the map and the changelog link files of the repository
