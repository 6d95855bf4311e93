"""The overview and the coverage, for the benchmark of the office: (name, path) of each page to measure."""

from datetime import date, timedelta


def office_urls(today: date, first_day: date) -> list[tuple[str, str]]:
    """`first_day` is the day of the oldest rating."""
    last_month = today.replace(day=1) - timedelta(days=1)
    month = f"from={last_month.replace(day=1)}&to={last_month}"
    accounts, grades = "/admin/grades/account/", "/admin/grades/grade/"
    return [
        *((f"overview, {days} days", f"/admin/?days={days}") for days in (1, 7, 30, 90)),
        ("overview, a month", f"/admin/?{month}"),
        ("overview, everything", f"/admin/?from={first_day}&to={today}"),
        ("coverage, a month", f"/admin/coverage/?{month}"),
        ("coverage, 7 days", "/admin/coverage/?days=7"),
        ("dispatches not yet rated, a month", f"{accounts}?{month}&rated=no"),
        ("dispatches rated low, a month", f"{accounts}?{month}&rated=low"),
        ("dispatches rated low", f"{accounts}?rated=low"),
        ("ratings off the list, a month", f"{grades}?{month}&listed=no"),
        ("ratings with one grade, a month", f"{grades}?{month}&grade1=2"),
        ("low ratings followed up, a month", f"{grades}?{month}&lowest=2&review=reviewed"),
    ]
