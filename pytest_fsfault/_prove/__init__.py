"""What the code under test proved: retries, and later rollback."""
