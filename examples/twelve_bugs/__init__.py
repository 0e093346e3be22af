"""Twelve kinds of bug, each seen in a real installer: introduced, fixed, and caught.

| Kind | Caught by |
|---|---|
| missing_error_code, forgotten_call_site | `check(trial.error is None, ...)`: it has to survive |
| retry_never_fires | `assert_retried` |
| permanent_retried | `check_waits` |
| wrong_budget | `tolerance` |
| rollback_outside_try, mixed_versions | `check_atomic` |
| rollback_destroys | `check_nothing_lost` |
| not_resumable | `check_rerun` |
| leftovers | `check_no_leftovers` |
| swallowed_error, masked_error | `check_error` |

The functions `buggy` and `fixed` of a file are two versions of one installer; both meet the same test.
"""
