"""admin/filters.py: the filters of the list of ratings."""

import re
from datetime import datetime
from urllib.parse import quote

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from grades.admin.filters import WordsFilter
from grades.models import Grade, RecountedUntil, SavedFilter, save_review
from grades.submissions.store import submit

from ..helpers.office import ACCOUNTS, CONFLICTS, GRADES, SHANGHAI, act, confirm, numbers

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("review=new", ["1", "2"]),
        ("review=followed_up", ["3"]),
        ("review=closed", ["4"]),
        ("lowest=1", ["1"]),
        ("lowest=2", ["1", "2"]),
        ("lowest=3", ["1", "2", "3"]),
        ("lowest=4", ["1", "2", "3", "4"]),
        ("remarks=yes", ["2", "4"]),
        ("remarks=no", ["1", "3"]),
        ("remarks=yes&review=new&lowest=2", ["2"]),
    ],
)
def test_a_filter_shows_the_matching_ratings(superuser_client, make_grade, query, found):
    now = timezone.now()
    make_grade(acc_nbr="4", grade1=5, grade2=5, grade3=4, txt1="", txt3="好", review_state="closed", reviewed_at=now)
    make_grade(acc_nbr="3", grade1=5, grade2=3, grade3=5, txt1="", review_state="followed_up", reviewed_at=now)
    make_grade(acc_nbr="2", grade1=2, grade2=5, grade3=5, txt1="好")
    make_grade(acc_nbr="1", grade1=5, grade2=5, grade3=1, txt1="")
    assert numbers(superuser_client.get(f"{GRADES}?{query}")) == found


def test_mine_are_the_ratings_that_the_reader_takes_care_of(superuser_client, superuser, staff, make_grade):
    for number, assignee in (("1", superuser), ("2", staff), ("3", None), ("4", superuser)):
        save_review(make_grade(acc_nbr=number).pk, 0, staff, "new", assignee, "")
    assert numbers(superuser_client.get(f"{GRADES}?assignee=me")) == ["4", "1"]
    assert numbers(superuser_client.get(f"{GRADES}?assignee=me&review=closed")) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("from=2026-11-02", ["last", "late", "early"]),
        ("to=2026-11-02", ["late", "early", "before"]),
        ("from=2026-11-02&to=2026-11-02", ["late", "early"]),
        ("from=&to=", ["last", "late", "early", "before"]),
        ("from=2026-11-03&to=2026-11-02", []),
        ("from=1980-01-01&to=2030-01-01", ["last", "late", "early", "before"]),
    ],
)
def test_dates_are_days_at_the_site_with_both_ends_included(superuser_client, make_grade, query, found):
    make_grade(acc_nbr="before", insert_time=datetime(2026, 11, 1, 23, 59, 59, 999999, SHANGHAI))
    make_grade(acc_nbr="early", insert_time=datetime(2026, 11, 2, 0, 0, tzinfo=SHANGHAI))
    make_grade(acc_nbr="late", insert_time=datetime(2026, 11, 2, 23, 59, 59, 999999, SHANGHAI))
    make_grade(acc_nbr="last", insert_time=datetime(2026, 11, 3, 0, 0, tzinfo=SHANGHAI))
    assert numbers(superuser_client.get(f"{GRADES}?{query}")) == found


def test_the_date_form_keeps_the_other_filters_and_the_search(superuser_client):
    text = superuser_client.get(f"{GRADES}?from=2026-11-02&review=new&q=138&p=2").text
    form = re.search(r'<form method="get" class="date-filter">.*?</form>', text, re.DOTALL)[0]
    fields = re.findall(r'name="(\w+)" value="([^"]*)"', form)
    assert sorted(fields) == [("from", "2026-11-02"), ("q", "138"), ("review", "new"), ("to", "")]


@pytest.mark.parametrize(
    ("text", "period", "found"),
    [
        ("Today", "today", ["26"]),
        ("7 days", "7days", ["26", "25", "20"]),
        ("Last week", "last-week", ["20", "16"]),
        ("This month", "month", ["26", "25", "20", "16", "15", "01"]),
    ],
)
def test_a_period_is_of_days_at_the_site_and_keeps_other_filters(superuser_client, make_grade, text, period, found):
    for month, day in ((10, 31), (11, 1), (11, 15), (11, 16), (11, 20), (11, 25), (11, 26)):
        make_grade(acc_nbr=f"{day:02}", insert_time=datetime(2026, month, day, 0, 10, tzinfo=SHANGHAI))
    with time_machine.travel(datetime(2026, 11, 26, 0, 30, tzinfo=SHANGHAI), tick=False):  # a Thursday
        page = superuser_client.get(f"{GRADES}?review=new&from=2020-01-01").text
        links = dict(re.findall(r'<a href="\?([^"]*)"[^>]*>([^<]+)</a>', page))
        address = {label: link for link, label in links.items()}[text].replace("&amp;", "&")
        assert address == f"period={period}&review=new"
        chosen = superuser_client.get(f"{GRADES}?{address}")
    assert numbers(chosen) == found
    assert re.findall(r'aria-current="true">([^<]+)</a>', chosen.text) == ["New", "All", "All", "All", text]
    assert re.findall(r'name="(?:from|to)" value="([^"]*)"', chosen.text) == ["", ""]


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "to=2026-02-30",
        "from=0001-01-01",
        "to=9999-12-31",
        "review=none",
        "lowest=5",
        "lowest=x",
        "remarks=2",
        "assignee=1",
        "period=ever",
    ],
)
def test_an_invalid_filter_is_removed_and_no_action_runs(superuser_client, make_grade, query):
    grade = make_grade()
    for response in (
        superuser_client.get(f"{GRADES}?{query}"),
        act(
            superuser_client,
            "mark_closed",
            [grade.pk],
            True,
            f"?{query}",
            confirmed="yes",
            until=timezone.now().isoformat(),
        ),
        act(superuser_client, "export_csv", [grade.pk], True, f"?{query}"),
    ):
        assert (response.status_code, response["Location"]) == (302, f"{GRADES}?e=1")
    assert Grade.objects.get().review_state == "new"
    assert superuser_client.get(f"{GRADES}?e=1").status_code == 200


@pytest.mark.parametrize(
    ("url", "query"),
    [
        (GRADES, "lowest=99"),
        (GRADES, "review=none"),
        (GRADES, "remarks=2"),
        (GRADES, "period=ever"),
        (GRADES, "listed=yes"),
        (GRADES, "grade1=x"),
        (GRADES, "e=1&lowest=99"),
        (ACCOUNTS, "credited=no"),
        (CONFLICTS, "rating=x"),
    ],
)
def test_a_value_that_does_not_exist_is_reported(superuser_client, url, query):
    response = superuser_client.get(f"{url}?{query}", follow=True)
    assert response.redirect_chain == [(f"{url}?e=1", 302)]
    assert "A filter has a value that does not exist. The filters were removed." in response.text


@pytest.mark.parametrize("url", [GRADES, ACCOUNTS])
def test_a_first_day_after_the_last_one_is_reported(superuser_client, url):
    told = "The first day is after the last one."
    assert told in superuser_client.get(f"{url}?from=2026-11-03&to=2026-11-02").text
    assert told not in superuser_client.get(f"{url}?from=2026-11-02&to=2026-11-02").text


def test_an_invalid_date_is_reported(superuser_client):
    response = superuser_client.get(f"{GRADES}?from=yesterday", follow=True)
    assert "This is not a date. The filter was removed." in response.text


@pytest.mark.parametrize(
    "lookup", ["txt1__icontains=x", "acc_nbr__contains=8", "grade1__gt=3", "reviewer__username=boss", "id__gt=0"]
)
def test_only_columns_with_a_filter_can_be_filtered(superuser_client, lookup):
    assert superuser_client.get(f"{GRADES}?{lookup}").status_code == 400


# --- Dispatches -----------------------------------------------------------------------------------


@pytest.fixture
def dispatches(make_grade, make_account):
    """Ratings 1 and 2 in 城东, 3 in an area without a name, 4 before its dispatch, 5 of a number without one."""
    for number, area, product in (("1", "城东", "甲"), ("2", "城东", "乙"), ("3", "", "乙"), ("4", "城东", "甲")):
        make_account(acc_nbr=number, acct_id=number, area=area, product=product, dispatched_on="2026-11-02")
        make_grade(acc_nbr=number, insert_time=datetime(2026, 11, 5 - int(number), 12, tzinfo=SHANGHAI))
    make_grade(acc_nbr="5", grade1=1, insert_time=datetime(2026, 11, 1, 11, tzinfo=SHANGHAI))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("area=城东", ["1", "2"]),
        ("area=", ["3"]),
        ("area=城北", []),
        ("product=乙", ["2", "3"]),
        ("listed=no", ["4", "5"]),
        ("listed=no&lowest=1", ["5"]),
        ("area=城东&from=2026-11-04", ["1"]),
        ("area=城东&q=2", ["2"]),
        ("area=城东&lowest=1", []),
        ("product=乙&review=new&remarks=yes&lowest=3&to=2026-11-02", ["3"]),
    ],
)
def test_ratings_are_filtered_by_the_dispatch_that_they_are_about(superuser_client, dispatches, query, found):
    assert numbers(superuser_client.get(f"{GRADES}?{query}")) == found


def test_a_rating_of_this_moment_is_in_its_area_at_once(superuser_client, dispatches):
    submit(acc_nbr="1", grade1=5, grade2=5, grade3=5, txt1="", txt2="", txt3="")
    assert numbers(superuser_client.get(f"{GRADES}?area=城东")) == ["1", "1", "2"]
    submit(acc_nbr="6", grade1=5, grade2=5, grade3=5, txt1="", txt2="", txt3="")
    assert numbers(superuser_client.get(f"{GRADES}?listed=no")) == ["6", "4", "5"]


@pytest.mark.parametrize("query", ["product=乙", "listed=no"])
def test_an_area_takes_the_place_of_a_product_or_the_missing_dispatch(superuser_client, dispatches, query):
    page = superuser_client.get(f"{GRADES}?{query}&review=new").text
    links = re.findall(r'href="\?([^"]*area=[^"]*)"', page)
    assert links == [f"area={quote('城东')}&amp;review=new"]


@pytest.mark.parametrize(
    "query", ["area=城东&product=乙", "area=&listed=no", "product=乙&listed=no", "area=城东&product=乙&listed=no"]
)
def test_area_product_and_missing_dispatch_exclude_each_other(superuser_client, dispatches, query):
    page = superuser_client.get(f"{GRADES}?{query}", follow=True)
    assert page.redirect_chain == [(f"{GRADES}?e=1", 302)]
    text = "Area, product and “not on the dispatch list” exclude each other. The filters were removed."
    assert [str(message) for message in page.context["messages"]] == [text]
    response = act(superuser_client, "export_csv", [], True, f"?{query}")
    assert (response.status_code, response["Location"]) == (302, f"{GRADES}?e=1")


def test_a_list_that_is_not_complete_yet_says_so(superuser_client, dispatches, monkeypatch):
    RecountedUntil.objects.all().delete()
    monkeypatch.setattr("grades.models.coverage.STEP", 2)
    monkeypatch.setattr("grades.admin.filters.LOOK_SECONDS", -1)
    assert "Not all ratings are counted yet." in superuser_client.get(f"{GRADES}?area=城东").text


# --- Words in remarks -----------------------------------------------------------------------------


@pytest.fixture
def remarks(make_grade):
    for number, texts in enumerate([("水管漏水", "", ""), ("", "漏水了 100%", ""), ("很好", "", "A_b"), ("", "", "")]):
        make_grade(acc_nbr=str(number), txt1=texts[0], txt2=texts[1], txt3=texts[2], grade1=number + 1)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("words=漏水", ["1", "0"]),
        ("words= 漏水 ", ["1", "0"]),
        ("words=漏水&lowest=1", ["0"]),
        ("words=漏水&q=1", ["1"]),
        ("words=漏水&q=%221%22&review=new", ["1"]),
        ("words=漏水&remarks=no", []),
        ("words=100%25", ["1"]),
        ("words=%25", ["1"]),
        ("words=A_", ["2"]),
        ("words=没有", []),
        ("words=", ["3", "2", "1", "0"]),
    ],
)
def test_words_are_found_in_any_remark(superuser_client, remarks, query, found):
    response = superuser_client.get(f"{GRADES}?{query}")
    assert numbers(response) == found
    assert "Searches the newest 3,000 ratings with remarks that match the other filters." in response.text


def test_words_are_searched_in_the_newest_of_what_the_other_filters_leave(superuser_client, remarks, monkeypatch):
    monkeypatch.setattr(WordsFilter, "LIMIT", 2)
    assert numbers(superuser_client.get(f"{GRADES}?words=漏水")) == ["1"]
    assert numbers(superuser_client.get(f"{GRADES}?words=漏水&q=0")) == ["0"]
    assert numbers(superuser_client.get(f"{GRADES}?words=漏水&lowest=2")) == ["1", "0"]


@pytest.mark.parametrize("words", ["长" * 101, "a\x00b"])
def test_words_that_cannot_be_searched_are_refused(superuser_client, remarks, words):
    response = superuser_client.get(GRADES, {"words": words}, follow=True)
    assert response.redirect_chain == [(f"{GRADES}?e=1", 302)]
    assert "The words in remarks are too long or hold unknown characters." in response.text


def test_an_action_on_all_that_words_match_logs_no_word(superuser_client, remarks):
    page = act(superuser_client, "mark_closed", [1], True, f"?words={quote('漏水')}")
    confirm(superuser_client, page)
    assert set(Grade.objects.filter(review_state="closed").values_list("acc_nbr", flat=True)) == {"0", "1"}
    assert LogEntry.objects.get().change_message == "Closed: all rows that matched “searched=yes”"


def test_words_are_not_saved_with_a_filter(superuser_client, remarks):
    superuser_client.post(f"{GRADES}filters/save/", {"name": "a", "query": "words=漏水&review=new"})
    assert SavedFilter.objects.get().query == "review=new"
