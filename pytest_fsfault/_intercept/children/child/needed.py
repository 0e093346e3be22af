"""All that a call needs which fails or is refused, in one import.

It is loaded as a child attaches: later there may be no descriptor left to load it by, or the program may forbid
imports, as `pip install` does from 26.3 on.
"""

import pytest_fsfault._core.engine.refusals
import pytest_fsfault._core.language.error_rows
import pytest_fsfault._core.language.legible
import pytest_fsfault._intercept.children.message_log  # noqa: F401
