"""Wrappers and audit hook, call by call."""
