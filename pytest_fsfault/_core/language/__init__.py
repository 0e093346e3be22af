"""What a rule says: operations, paths, faults, schedules, and the errors of Windows."""
