"""Virtual time: its law, and everything that lives by it."""
