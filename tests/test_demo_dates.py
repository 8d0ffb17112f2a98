"""The days of the next editions in the demo, on whatever day it is loaded."""

from datetime import date, timedelta

import pytest

from events_site.demo.dates import spread

LENGTHS = [1, 2, 1, 3, 2, 1, 2, 1, 5, 2, 1, 2]
A_YEAR = [timedelta(days=n) for n in range(366)]


@pytest.mark.parametrize("year", range(2026, 2034))
def test_editions_lie_ahead_on_fitting_days_whatever_today_is(year):
    for passed in A_YEAR:
        today = date(year, 1, 1) + passed

        found = spread(LENGTHS, today=today)

        ahead = [(day - today).days for day in found]
        assert ahead == sorted(ahead)
        assert ahead[0] >= 21
        assert 28 <= ahead[1] <= 48, "about a month"
        assert ahead[-1] <= 250, "within eight months"
        assert {day.weekday() for day in found} <= {0, 1, 2}
        meetings = zip(found, LENGTHS, strict=True)
        days = {first + timedelta(days=n) for first, length in meetings for n in range(length)}
        feasts = {
            date(y, *feast) for y in (year, year + 1) for feast in ((12, 25), (12, 31), (1, 1))
        }
        assert not days & feasts
