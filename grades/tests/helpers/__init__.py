"""Shared by several test modules: submissions and their replies, servers, and the pages of the back office."""

import pytest

for module in ("files", "legacy", "office", "processes", "servers", "submissions"):
    pytest.register_assert_rewrite(f"{__name__}.{module}")
