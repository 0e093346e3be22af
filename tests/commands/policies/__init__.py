"""Published retry policies, held against scanners."""
