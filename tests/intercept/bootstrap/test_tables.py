"""What the dormant bootstrap watches is what the table of operations has."""

from __future__ import annotations

import os
import time

import pytest

from pytest_fsfault._intercept.bootstrap import dormant
from pytest_fsfault._intercept.calls.functions import EVENTS_ONLY, FUNCTIONS
from pytest_fsfault._intercept.virtual_time.time_functions import VirtualTime

# The functions of this module need it to be imported, which activates where a rule may be about them.
ON_IMPORT = {"shutil"}


def of_os(shape):
    """Return the functions of `os` of one shape that this system has."""
    found = {row.function for row in FUNCTIONS if row.module == "os" and row.shape == shape}
    return {name for name in found if hasattr(os, name)}


@pytest.mark.parametrize(("shape", "names"), [("path", dormant._ONE_PATH), ("two paths", dormant._TWO_PATHS)])
def test_every_function_of_a_path_has_a_forwarder(shape, names):
    """None is missing, and none is there that no rule can concern."""
    assert of_os(shape) == {name for name in names.split() if hasattr(os, name)}


def test_every_clock_has_a_forwarder():
    """All functions of `time` that virtual time exchanges."""
    exchanged = {original.__name__ for original in VirtualTime.exchanges if original.__module__ == "time"}
    forwarded = {*dormant._CLOCKS.split(), *dormant._CALENDAR}
    assert exchanged == {name for name in forwarded if hasattr(time, name)}


def test_every_audit_event_is_heard():
    """Those of the functions, and of what is met by its event alone, unless an import activates before."""
    wanted = {row.event for row in FUNCTIONS if row.event and row.shape != "descriptor"} | set(EVENTS_ONLY)
    heard = dormant._EVENTS | (dormant._STARTS & wanted)
    assert {event for event in wanted if event.partition(".")[0] not in ON_IMPORT} == heard


def test_modules_that_announce_themselves_activate_on_demand():
    """Where all of the standard library may work otherwise, or a rule may be about their functions."""
    assert ON_IMPORT <= dormant._ON_DEMAND["s"] <= dormant._ON_DEMAND["a"]
