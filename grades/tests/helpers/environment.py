"""A `.env` of a test."""

KEY = "SECRET_KEY=a-key-that-is-long-enough"  # the one setting without a default
