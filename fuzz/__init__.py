"""Hostile requests to every route, compared with a model of the contract (`make fuzz`; docs/fuzz.md)."""
