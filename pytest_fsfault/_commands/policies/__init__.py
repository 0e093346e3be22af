"""Published retry policies against the holds of scanners: which outlasts which."""
