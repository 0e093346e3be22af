"""What Windows answers, one function for each of its own."""
