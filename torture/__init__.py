"""Proves by force that a rating is stored exactly once: `make torture`, described in docs/torture.md."""
