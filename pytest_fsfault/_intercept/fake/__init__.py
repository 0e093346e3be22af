"""A fake file system of pyfakefs in the place of the real one: all that is known here about its privates."""
