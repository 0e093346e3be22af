"""A whole suite under a profile: ordinary tests without a rule, run with ``--fsfault-profile flaky``."""
