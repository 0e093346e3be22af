"""Tests of the command procmon."""
