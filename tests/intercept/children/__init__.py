"""Child processes under the faults of their parent."""
