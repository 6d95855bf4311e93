"""What every database access stands on: retries, group commit, paging. Knows no model and no HTTP."""
