"""admin/pages.py: first, previous, next and last page of a list, by keyset paging."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from grades.admin.pages import AFTER, BEFORE, LAST, Cursor
from grades.models import Account, Conflict, Credit, Grade

from ..helpers.office import ACCOUNTS, CONFLICTS, CREDITS, GRADES, act, make_credit, numbers

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def ratings(make_grade):
    """120 ratings, three of each second; from the newest to the oldest."""
    for number in range(120):
        make_grade(acc_nbr=f"{number:03}", insert_time=NOON + timedelta(seconds=number // 3))
    return [f"{number:03}" for number in reversed(range(120))]


def links(response):
    """{rel: address} of the links between pages."""
    return dict(re.findall(r'<a rel="(\w+)" href="([^"]+)">', response.text.replace("&amp;", "&")))


def follow(client, response, rel, url=GRADES):
    return client.get(f"{url}{links(response)[rel]}")


def test_next_pages_show_each_row_once_up_to_the_last(superuser_client, ratings):
    response = superuser_client.get(GRADES)
    pages = [numbers(response)]
    assert set(links(response)) == {"next", "last"}
    while "next" in links(response):
        response = follow(superuser_client, response, "next")
        pages.append(numbers(response))
    assert pages == [ratings[:50], ratings[50:100], ratings[100:]]
    assert set(links(response)) == {"first", "prev"}


def test_previous_pages_lead_from_the_last_to_the_first(superuser_client, ratings):
    response = follow(superuser_client, superuser_client.get(GRADES), "last")
    pages = [numbers(response)]
    assert set(links(response)) == {"first", "prev"}
    while "prev" in links(response):
        response = follow(superuser_client, response, "prev")
        pages.append(numbers(response))
    # the first page is a whole page
    assert pages == [ratings[70:], ratings[20:70], ratings[:50]]
    assert links(response)["next"] == links(superuser_client.get(GRADES))["next"]


def test_first_leads_to_the_list_without_a_cursor(superuser_client, ratings):
    last = superuser_client.get(GRADES, {"p": "last", "review": "new"})
    assert links(last)["first"] == "?review=new"
    assert numbers(follow(superuser_client, last, "first")) == ratings[:50]


def test_links_keep_filters_and_search(superuser_client, ratings):
    response = superuser_client.get(GRADES, {"review": "new", "q": "0"})
    assert links(response)["last"] == "?p=last&q=0&review=new"
    assert numbers(follow(superuser_client, response, "next")) == [number for number in ratings if number < "050"]


def test_a_page_stays_the_same_while_ratings_come_in(superuser_client, ratings, make_grade):
    address = links(superuser_client.get(GRADES))["next"]
    make_grade(acc_nbr="999", insert_time=NOON + timedelta(days=1))
    response = superuser_client.get(f"{GRADES}{address}")
    assert numbers(response) == ratings[50:100]
    response = follow(superuser_client, response, "prev")
    assert numbers(response) == ratings[:50]
    assert numbers(follow(superuser_client, response, "prev")) == ["999", *ratings[:49]]


def test_a_page_whose_rows_were_deleted_is_the_last_one(superuser_client, ratings):
    address = links(superuser_client.get(GRADES, {"p": "last"}))["prev"].replace(BEFORE, AFTER)
    oldest = Grade.objects.order_by("insert_time")[50]
    Grade.objects.filter(insert_time__lte=oldest.insert_time).delete()
    response = superuser_client.get(f"{GRADES}{address}")
    assert numbers(response) == numbers(superuser_client.get(GRADES, {"p": "last"}))


def test_one_page_has_no_links(superuser_client, make_grade):
    make_grade()
    assert links(superuser_client.get(GRADES)) == {}
    assert links(superuser_client.get(GRADES, {"p": "last"})) == {}


def test_an_empty_list_has_no_links(superuser_client):
    for place in ("", "last", "after-20261122T120000000000-7", "before-20261122T120000000000-7"):
        response = superuser_client.get(GRADES, {"p": place})
        assert (numbers(response), links(response)) == ([], {})


@pytest.mark.parametrize(
    "text",
    [
        "2", "x", "first", "after", "after-", "after-1-1", "after-20261122-7", "after-20261322T120000000000-7",
        "after-20261122T120000000000-x", "after-20261122T120000000000-", "after-20261122T120000000000-7-7",
        "before-20261122T120000000000--7", "after-20261122T120000000000-" + "9" * 30, "last-1", "LAST", "\x00",
    ],
)  # fmt: skip
def test_a_damaged_cursor_says_so_and_shows_the_newest_rows(superuser_client, ratings, text):
    response = superuser_client.get(GRADES, {"p": text, "review": "new"})
    assert response.status_code == 200
    assert numbers(response) == ratings[:50]
    assert "The address of this page is damaged. These are the newest rows." in response.text


@pytest.mark.parametrize(
    ("cursor", "text"),
    [
        (Cursor(LAST), "last"),
        (Cursor(AFTER, (datetime(2026, 11, 2, 3, 4, 5, 6, UTC), 7)), "after-20261102T030405000006-7"),
        (Cursor(BEFORE, (date(2026, 11, 2), 7)), "before-20261102-7"),
    ],
)
def test_a_cursor_holds_place_time_and_id(cursor, text):
    assert cursor.write() == text
    field = "dispatched_on" if cursor.key and not isinstance(cursor.key[0], datetime) else "insert_time"
    model = Account if field == "dispatched_on" else Grade
    parsed = Cursor.parse(text, model._meta.get_field(field))
    assert (parsed.place, parsed.key) == (cursor.place, cursor.key)


@pytest.mark.parametrize("url", [ACCOUNTS, CREDITS, CONFLICTS])
def test_every_list_has_pages(superuser, superuser_client, make_account, make_conflict, url):
    for number in range(101):
        if url == CONFLICTS:
            make_conflict()
        else:
            account = make_account(acc_nbr=f"{number:03}", acct_id=f"A{number}")
            if url == CREDITS:
                make_credit(account, superuser)
    model = {ACCOUNTS: Account, CREDITS: Credit, CONFLICTS: Conflict}[url]
    response, shown = superuser_client.get(url), []
    for rel in ("next", "next", None):
        shown += [row.pk for row in response.context["cl"].result_list]
        response = rel and follow(superuser_client, response, rel, url)
    time = {ACCOUNTS: "dispatched_on", CREDITS: "confirmed_at", CONFLICTS: "received_at"}[url]
    assert shown == list(model.objects.order_by(f"-{time}", "-id").values_list("pk", flat=True))


def test_an_action_on_a_later_page_gets_the_ticked_rows_or_all(superuser_client, ratings):
    query = links(superuser_client.get(GRADES))["next"]
    page = superuser_client.get(f"{GRADES}{query}")
    ticked = [row.pk for row in page.context["cl"].result_list][:2]
    assert act(superuser_client, "mark_closed", ticked, query=query).context["count"] == "2"
    assert act(superuser_client, "mark_closed", ticked, True, query).context["count"] == "120"
