"""What is decided about one call, and what is written down about it."""
