"""What the benchmark of the office asks for: every page with its filters, and the tasks that stock admin can do too."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from office_browser import Page

TIME_ZONE = "Asia/Shanghai"
RATINGS, DISPATCHES, CREDITS = "/admin/grades/grade/", "/admin/grades/account/", "/admin/grades/credit/"
CONFLICTS, DUPLICATES = "/admin/grades/conflict/", "/admin/grades/repeat/"
WORDS = "掉线"
STOCK = {RATINGS: "/admin/stock_admin/grade/", DISPATCHES: "/admin/stock_admin/account/"}
PER_PAGE = 50


class Choices:
    """Days, and values of the filters, from what is in the database."""

    def __init__(self, store, database):
        def values(sql):
            return [row[0] for row in store.query(sql.format(grade=f"{database}.grade", account=f"{database}.account"))]

        def by_size(column):
            return values(f"SELECT {column} FROM {{account}} GROUP BY {column} ORDER BY COUNT(*) DESC, {column}")

        zone = ZoneInfo(TIME_ZONE)
        [oldest] = values("SELECT MIN(insert_time) FROM {grade}")
        self.first_day = oldest.replace(tzinfo=UTC).astimezone(zone).date()
        self.today = datetime.now(zone).date()
        self.areas, self.products = by_size("area"), by_size("product")
        # in the middle of the list
        [self.dispatch] = values(
            "SELECT id FROM {account} WHERE id >= (SELECT MAX(id) DIV 2 FROM {account}) ORDER BY id LIMIT 1"
        )
        [self.number] = values(f"SELECT number FROM {{account}} WHERE id = {self.dispatch}")
        # of as many dispatches as a list of ratings looks through for a name
        [self.name] = values(
            "SELECT customer_name FROM {account} GROUP BY customer_name HAVING COUNT(*) <= 2000"
            " ORDER BY COUNT(*) DESC, customer_name LIMIT 1"
        )
        [self.frequent] = values("SELECT number FROM {grade} GROUP BY number ORDER BY COUNT(*) DESC, number LIMIT 1")
        [self.unlisted] = values(
            "SELECT number FROM {grade} WHERE NOT EXISTS (SELECT * FROM {account} WHERE account.number = grade.number)"
            " ORDER BY insert_time DESC LIMIT 1"
        )
        [self.rating] = values(
            "SELECT id FROM {grade} WHERE review_version > 0 OR review_note <> '' ORDER BY id DESC LIMIT 1"
        )
        [self.clerk] = values(f"SELECT id FROM {database}.auth_user WHERE username = 'admin'")
        [self.ratings] = values("SELECT COUNT(*) FROM {grade}")
        [self.dispatches] = values("SELECT COUNT(*) FROM {account}")
        by_day = f"DATE(insert_time + INTERVAL {datetime.now(zone).utcoffset().seconds} SECOND)"
        self.ratings_by_day = store.query(f"SELECT {by_day}, COUNT(*) FROM {database}.grade GROUP BY 1 ORDER BY 1")
        self.prefix = self.number[:7]

    def month(self):
        """Filters for the last whole month."""
        last = self.today.replace(day=1) - timedelta(days=1)
        return {"from": last.replace(day=1), "to": last}

    def days(self, first, last):
        """Filters from `first` to `last` days before today."""
        return {"from": self.today - timedelta(days=first), "to": self.today - timedelta(days=last)}

    def period_of(self, rows):
        """(first day, last day, ratings) of the first days with about `rows` ratings."""
        total = 0
        for last_day, count in self.ratings_by_day:
            total += count
            if total >= rows:
                return self.first_day, last_day, total


def address(path, filters):
    return f"{path}?{urlencode(filters)}" if filters else path


# --- Pages without a list ------------------------------------------------------------------------


def single_pages(choices):
    """{group: {name: Page}}."""
    month, everything = choices.month(), {"from": choices.first_day, "to": choices.today}
    complete = '(?s)^(?!.*(are still missing|is still missing|Not all ratings are counted)).*id="{}"'
    overview, coverage = complete.format("overview"), complete.format("coverage")
    periods = [
        *(({"days": days}, f"{days} days") for days in (7, 30, 90)),
        (month, "a month"),
        (everything, "everything"),
    ]
    queue = f"{RATINGS}queue/"
    return {
        "Overview and coverage": {
            "overview, today": Page(address("/admin/", {"days": 1}), overview),
            **{f"overview, {name}": Page(address("/admin/", filters), overview) for filters, name in periods},
            "coverage, 7 days": Page(address("/admin/coverage/", {"days": 7}), coverage),
            "coverage, a month": Page(address("/admin/coverage/", month), coverage),
            "coverage, everything": Page(address("/admin/coverage/", everything), coverage),
        },
        "Single pages": {
            "queue, low and new": Page(f"{queue}?show=low", 'id="queue-form"'),
            "queue, other new": Page(f"{queue}?show=others", 'id="queue-form"'),
            "queue, mine": Page(f"{queue}?show=mine", 'id="queue-form"'),
            "a rating": Page(f"{RATINGS}{choices.rating}/change/", 'name="review_state"'),
            "a dispatch": Page(f"{DISPATCHES}{choices.dispatch}/change/", 'name="customer_name"'),
            "import": Page(f"{DISPATCHES}import/", 'type="file"'),
            "first steps": Page("/first-steps", "<h1>First steps"),
            "query page": Page("/query", 'name="acc_nbr"'),
            "look-up, a dispatched number": Page("/query", 'id="dispatches"', {"acc_nbr": choices.number}),
            "look-up, the number with most ratings": Page("/query", 'id="ratings"', {"acc_nbr": choices.frequent}),
            "look-up, not on the list": Page("/query", "not on the dispatch list", {"acc_nbr": choices.unlisted}),
            "look-up, incomplete": Page("/query", "Is .* incomplete", {"acc_nbr": choices.prefix}),
            "jobs": Page("/jobs", "(?s)<h1>My background jobs</h1>.*<tbody>"),
        },
    }


# --- Lists ----------------------------------------------------------------------------------------


def lists(choices):
    """{group: {name: Page}}, the first page of each list."""
    groups = [
        ("Ratings", RATINGS, "Ratings", rating_filters(choices)),
        ("Dispatch list", DISPATCHES, "Dispatch list", dispatch_filters(choices)),
        ("Credits", CREDITS, "Credits", credit_filters(choices)),
        (
            "Conflicts",
            CONFLICTS,
            "Conflicting submissions",
            {"all": {}, "open": {"state": "open"}, "kept": {"state": "kept"}},
        ),
        ("Duplicates", DUPLICATES, "Repeats", {"all": {}, "a month": choices.month()}),
    ]
    return {
        group: {
            name: Page(
                address(path, filters), list_pattern(title), may_be_refused=filters.get("q") == choices.number[:3]
            )
            for name, filters in all_filters.items()
        }
        for group, path, title, all_filters in groups
    }


def list_pattern(title):
    return f'(?s)<h1>{title}</h1>.*(id="result_list"|No row matches)'


def combined(name, filters, others):
    return {", ".join(filter(None, (name, more))): filters | other for more, other in others.items()}


def rating_filters(choices):
    month, week = choices.month(), {"period": "7days"}
    new, low, closed = {"review": "new"}, {"lowest": 2}, {"review": "closed"}
    name = {"q": f'"{choices.name}"'}
    remarks, no_remarks, mine = {"remarks": "yes"}, {"remarks": "no"}, {"assignee": "me"}
    prefix, digits, words = {"q": choices.prefix}, {"q": f"*{choices.number[-4:]}"}, {"words": WORDS}
    large_area, small_area = {"area": choices.areas[0]}, {"area": choices.areas[-1]}
    large_product, small_product = {"product": choices.products[0]}, {"product": choices.products[-1]}
    unlisted, graded = {"listed": "no"}, {"grade1": 2}
    return {
        "all": {},
        "new": new,
        "closed": closed,
        "followed up or closed": {"review": "reviewed"},
        "1 or below": {"lowest": 1},
        "4 or below": {"lowest": 4},
        "with remarks": remarks,
        "without remarks": no_remarks,
        "new, 2 or below": new | low,
        "new, 2 or below, with remarks": new | low | remarks,
        "2 or below, with remarks": low | remarks,
        "today": {"period": "today"},
        "7 days": week,
        "last week, 2 or below": {"period": "last-week"} | low,
        "this month": {"period": "month"},
        "a year": choices.days(500, 135),
        "a month, 2 or below": month | low,
        "a month, 2 or below, followed up or closed": month | low | {"review": "reviewed"},
        "a month, 2 or below, with remarks": month | low | remarks,
        "a month, without remarks": month | no_remarks,
        "a number": {"q": f'"{choices.number}"'},
        "the number with most ratings, new": {"q": f'"{choices.frequent}"'} | new,
        "prefix of 7 digits": prefix,
        "prefix of 7 digits, new, 1 or below": prefix | new | {"lowest": 1},
        "prefix of 7 digits, a month, with remarks": prefix | month | remarks,
        "prefix of 3 digits": {"q": choices.number[:3]},
        "last four digits": digits,
        "last four digits, 2 or below": digits | low,
        "a customer's name": name,
        "a customer's name, new, 2 or below": name | new | low,
        "words": words,
        "words, new, 2 or below": words | new | low,
        "words, a month": words | month,
        "mine": mine,
        "mine, new, 2 or below": mine | new | low,
        "mine, a month": mine | month,
        **combined("the largest area", large_area, {"": {}, "a month": month, "new, 2 or below": new | low}),
        **combined("the largest area", large_area, {"a month, 2 or below": month | low, "7 days, new": week | new}),
        **combined("the smallest area", small_area, {"": {}, "a month": month, "a month, 2 or below": month | low}),
        **combined(
            "the largest product", large_product, {"": {}, "a month": month, "a month, 2 or below": month | low}
        ),
        **combined("the smallest product", small_product, {"": {}, "a month": month, "new, 2 or below": new | low}),
        **combined("not on the list", unlisted, {"": {}, "a month": month, "new, 2 or below": new | low}),
        **combined("not on the list", unlisted, {"a month, 2 or below": month | low, "7 days, new": week | new}),
        **combined("one grade", graded, {"": {}, "new": new, "2 or below": low, "a month": month}),
        **combined("one grade", graded, {"a month, new": month | new, "7 days": week, "with remarks": remarks}),
    }


def dispatch_filters(choices):
    month, large_area, small_area = choices.month(), {"area": choices.areas[0]}, {"area": choices.areas[-1]}
    large_product, small_product = {"product": choices.products[0]}, {"product": choices.products[-1]}
    filters = {
        "all": {},
        "a month": month,
        "7 days": {"period": "7days"},
        "a number": {"q": f'"{choices.number}"'},
        "prefix of 7 digits": {"q": choices.prefix},
        "last four digits": {"q": f"*{choices.number[-4:]}"},
        "a customer's name": {"q": f'"{choices.name}"'},
        **combined("the largest area", large_area, {"": {}, "a month": month}),
        **combined("the smallest area", small_area, {"": {}, "a month": month}),
        **combined("the largest product", large_product, {"": {}, "a month": month, "the smallest area": small_area}),
        **combined("the smallest product", small_product, {"": {}, "a month": month, "the smallest area": small_area}),
    }
    linked = {
        "not yet rated": {"rated": "no"},
        "rated": {"rated": "yes"},
        "rated low": {"rated": "low"},
        "rated more than once": {"rated": "more"},
        "credited": {"credited": "yes"},
    }
    for name, link in linked.items():
        filters |= combined(name, link, {"": {}, "a month": month, "the smallest area": small_area})
        filters |= combined(name, link, {"a month, the smallest area": month | small_area})
        filters |= combined(name, link, {"a month, the smallest product": month | small_product})
    return filters


def credit_filters(choices):
    month, clerk, withdrawn = choices.month(), {"clerk": choices.clerk}, {"withdrawn": "yes"}
    return {
        "all": {},
        "withdrawn": withdrawn,
        "not withdrawn": {"withdrawn": "no"},
        "of a clerk": clerk,
        "of a clerk, withdrawn": clerk | withdrawn,
        "of a clerk, a month": clerk | month,
        "a month": month,
        "a month, withdrawn": month | withdrawn,
        "a number": {"q": f'"{choices.number}"'},
        "prefix of 7 digits": {"q": choices.prefix},
        "last four digits": {"q": f"*{choices.number[-4:]}"},
    }


# --- Pages of a list ------------------------------------------------------------------------------


def linked_page(page, text, rel):
    """The first, previous, next or last page of a list, or None; `text` is that of `page`."""
    match = re.search(f'<a rel="{rel}" href="([^"]+)"', text)
    return replace(page, address=page.address.partition("?")[0] + unescape(match[1])) if match else None


def page_at(site, first, place):
    """The page of a list at a place, or of this number, reached from page to page: our addresses have no numbers."""
    if place == "first":
        return first
    if place == "last":
        return linked_page(first, site.ask(first), "last") or first
    page = first
    for _page in range(place - 1):
        page = linked_page(page, site.ask(page), "next")
    return page


# --- Beside stock admin ---------------------------------------------------------------------------


def tasks(choices):
    """{task: (Page of the office, "first", "last" or the number of the page, Page of stock admin)}."""
    # a quick look may find no row
    month, rows = choices.month(), 'id="result_list"|No row matches|class="paginator"'
    last = -(-choices.ratings // PER_PAGE)
    far = min(100, last)  # a quick look has fewer pages
    stock_month = stock_days("insert_time", month["from"], month["to"])
    ratings = [
        ("ratings, first page", {}, "first", {}),
        ("ratings, page 100", {}, far, {"p": far}),
        ("ratings, last page", {}, "last", {"p": last}),
        ("ratings: new", {"review": "new"}, "first", {"review_state__exact": "new"}),
        ("ratings: first grade 1", {"grade1": 1}, "first", {"grade1__exact": 1}),
        (
            "ratings: new, first grade 1",
            {"grade1": 1, "review": "new"},
            "first",
            {"grade1__exact": 1, "review_state__exact": "new"},
        ),
        ("ratings: a month", month, "first", stock_month),
        ("ratings: prefix of 7 digits", {"q": choices.prefix}, "first", {"q": choices.prefix}),
    ]
    dispatches = [
        ("dispatch list, first page", {}, "first", {}),
        ("dispatch list, last page", {}, "last", {"p": -(-choices.dispatches // PER_PAGE)}),
        ("dispatch list: an area", {"area": choices.areas[0]}, "first", {"area": choices.areas[0]}),
        ("dispatch list: prefix of 7 digits", {"q": choices.prefix}, "first", {"q": choices.prefix}),
    ]
    change = f"{choices.rating}/change/"
    return {
        **{
            name: (Page(address(path, ours), rows), place, Page(address(STOCK[path], stock), rows))
            for path, listed in ((RATINGS, ratings), (DISPATCHES, dispatches))
            for name, ours, place, stock in listed
        },
        "a rating": (
            Page(RATINGS + change, 'name="review_state"'),
            "first",
            Page(STOCK[RATINGS] + change, 'name="review_state"'),
        ),
    }


def tuned(page):
    """The page of stock admin without `date_hierarchy` and the second count."""
    return replace(page, address=page.address.replace("/admin/", "/tuned/", 1))


def stock_days(field, first, last):
    """The filter by a range of days, as the links of stock admin write it."""
    return {f"{field}__gte": f"{first} 00:00:00+08:00", f"{field}__lt": f"{last + timedelta(days=1)} 00:00:00+08:00"}
