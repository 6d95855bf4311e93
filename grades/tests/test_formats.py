"""formats.py: how figures are written for people."""

import pytest
from django.utils.translation import override

from grades.formats import duration, mean, percent, signed, thousands


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (thousands, 1234567, "1,234,567"),
        (signed, 1200, "+1,200"),
        (signed, -5, "−5"),
        (signed, 0, "0"),
        (percent, 0.12345, "12.3 %"),
        (percent, None, "–"),
        (mean, 4.126, "4.13"),
        (mean, None, "–"),
        (duration, None, "–"),
        (duration, 60, "1 minute"),
        (duration, 1800, "30 minutes"),
        (duration, 3600 * 5, "5.0 hours"),
        (duration, 3600 * 60, "2.5 days"),
    ],
)
def test_a_figure_is_written_for_people(write, value, text):
    with override("en"):
        assert write(value) == text
