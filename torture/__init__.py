"""Fault injection: proves that a rating is stored exactly once (`make torture`; docs/torture.md)."""
