"""Vocabulary and decisions: standard library only, no I/O, knows no other room."""
