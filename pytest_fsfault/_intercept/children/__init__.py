"""Kin: the Python child processes that share the plan, the model, the clock and the journal of their parent."""
