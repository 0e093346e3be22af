"""On a fake file system of pyfakefs: the same rules, the same model, the same proofs."""
