"""A test whose luck shows which of its files met an error."""

#: Text of a module: replace forty files, and return the numbers of those that met an error.
LUCK = """
import os, pytest
def fate(directory):
    met = []
    for n in range(40):
        try:
            (directory / f"file{n}").write_text("")
            os.replace(directory / f"file{n}", directory / f"done{n}")
        except PermissionError:
            met.append(n)
    assert met
    return met
"""
