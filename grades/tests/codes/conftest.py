import pytest

from grades.codes import make_cards


@pytest.fixture
def public_url(settings):
    settings.PUBLIC_URL = "https://rate.example.cn"
    return settings.PUBLIC_URL


@pytest.fixture
def make_card(make_account):
    """The card of a dispatch; any column of the dispatch may be given."""
    return lambda **columns: next(make_cards([make_account(**columns)]))
