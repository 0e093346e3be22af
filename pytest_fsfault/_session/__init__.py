"""Sessions: what wires the rooms together for one test, and its proofs."""
