"""access.py: who reaches which route. admin/test_permissions.py has the ladder of the back office."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.admindocs.views import extract_views_from_urlpatterns, simplify_regex
from django.contrib.auth.models import AnonymousUser, Permission
from django.test import Client
from django.urls import get_resolver

from grades import access
from grades.models import Credit, Grade

from .helpers.headers import ENGLISH, FRAGMENT, HTML, JQUERY, JSON

pytestmark = pytest.mark.django_db

STAFF_PATHS = ["/query", "/credit", "/credit/withdraw", "/query/export"]
LOGIN = "/admin/login/?next=%2Fquery"
FIELDS = {"acc_nbr": "13800138000", "acct_id": "A1", "credit_amount": "149", "format": "csv"}

# Status for a customer (a user who is not staff), staff without any right, and staff with the right.
# An anonymous caller is always sent to the login.
LADDER = [
    ("GET", "/query", 403, 200, 200),
    ("POST", "/query", 403, 200, 200),
    ("GET", "/query/export", 403, 405, 405),
    ("POST", "/query/export", 403, 200, 200),
    ("GET", "/credit", 403, 405, 405),
    ("POST", "/credit", 403, 403, 200),
]

# Routes that need no login. Every other route of the project must send an anonymous caller to the login.
OPEN_ROUTES = {
    "/",
    "/score",
    "/score/form",
    "/score/code",
    "/r/1",
    "/graderesult",
    "/wechat/login",
    "/wechat/receipts",
    "/admin/login/",
    "/admin/logout/",
    "/i18n/setlang/",
    "/healthz",
    "/readyz",
}


def client_of(user):
    client = Client(headers=HTML | ENGLISH)
    client.force_login(user)
    return client


@pytest.fixture
def customer(django_user_model):
    """A user who is not staff."""
    return django_user_model.objects.create_user("customer")


@pytest.fixture
def retired(django_user_model):
    """A client whose session outlives its user's account."""
    user = django_user_model.objects.create_user("retired", is_staff=True)
    client = Client()
    client.force_login(user)
    user.is_active = False
    user.save()
    return client


@pytest.fixture
def may_credit(django_user_model):
    user = django_user_model.objects.create_user("may-credit", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="add_credit"))
    return user


# --- The ladder -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "for_customer", "for_staff", "with_right"), LADDER)
def test_a_staff_route_answers_by_the_right_of_the_caller(
    customer, staff, may_credit, make_account, make_grade, method, path, for_customer, for_staff, with_right
):
    make_account()
    make_grade()
    call = method.lower()
    anonymous = getattr(Client(headers=HTML), call)(path, FIELDS)
    back = LOGIN if method == "POST" else f"/admin/login/?next={path.replace('/', '%2F')}"
    assert (anonymous.status_code, anonymous["Location"]) == (302, back)
    responses = [getattr(client_of(user), call)(path, FIELDS) for user in (customer, staff, may_credit)]
    for response in responses:
        response.getvalue()  # reads a download to its end, which closes it
    assert [response.status_code for response in responses] == [for_customer, for_staff, with_right]
    assert Credit.objects.count() == ((method, path) == ("POST", "/credit"))


@pytest.mark.parametrize("path", STAFF_PATHS)
def test_only_active_staff_get_in(customer, retired, path):
    outsider = Client()
    outsider.force_login(customer)
    for client in (Client(), retired):
        for headers in (JSON, JQUERY, FRAGMENT):
            response = client.post(path, {"acc_nbr": "1"}, headers=headers | ENGLISH)
            assert response.status_code == 401
            assert response.json() == {
                "error": "login_required",
                "message": "Your session has ended. Please log in again.",
                "login": LOGIN,
            }
        assert client.post(path, {"acc_nbr": "1"}, headers=HTML).headers["Location"] == LOGIN
    for headers in (JSON, JQUERY, FRAGMENT):
        response = outsider.post(path, {"acc_nbr": "1"}, headers=headers | ENGLISH)
        assert response.status_code == 403
        assert response.json() == {"error": "staff_only", "message": "This page is for staff.", "login": LOGIN}
    response = outsider.post(path, {"acc_nbr": "1"}, headers=HTML | ENGLISH)
    assert response.status_code == 403
    assert "<h1>Not allowed</h1>" in response.content.decode()


@pytest.mark.parametrize("path", STAFF_PATHS)
def test_a_post_without_the_csrf_token_is_refused(staff, make_account, path):
    make_account()
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)

    response = client.post(path, FIELDS, headers=JSON | ENGLISH)
    assert response.status_code == 403
    assert response.json() == {"error": "csrf", "message": "The page is out of date. Load it again."}

    response = client.post(path, FIELDS, headers=HTML | ENGLISH)
    assert response.status_code == 403
    assert "<h1>The page is out of date</h1>" in response.content.decode()
    assert not Credit.objects.exists()


@pytest.mark.parametrize("path", STAFF_PATHS)
def test_no_cache_keeps_a_staff_page(staff, path):
    for client in (client_of(staff), Client()):
        response = client.get(path)
        assert "no-store" in response["Cache-Control"]
        assert {"Accept", "X-Requested-With", "Cookie"} <= set(response["Vary"].split(", "))


# --- An expired session -----------------------------------------------------------------------------


def expired():
    """A client whose browser still has the cookie of a session that has ended."""
    client = Client(headers=HTML | ENGLISH)
    client.cookies["sessionid"] = "x" * 32
    return client


@pytest.mark.parametrize(("method", "path"), [("get", "/query"), ("post", "/query"), ("post", "/credit")])
def test_an_expired_session_is_announced_and_the_number_waits_for_the_login(staff, make_account, method, path):
    make_account()
    staff.set_password("correct horse")
    staff.save()
    client = expired()
    response = getattr(client, method)(path, FIELDS, follow=True)
    assert response.redirect_chain == [(LOGIN, 302)]
    assert "Your session has ended. Please log in again." in response.text
    assert "13800138000" not in response.text
    page = client.post(LOGIN, {"username": "clerk", "password": "correct horse", "next": "/query"}, follow=True)
    assert page.redirect_chain == [("/query", 302)]
    assert ("王小明" in page.text) is (method == "post")
    assert not Credit.objects.exists()


GRADES = "/admin/grades/grade/"


def log_in_again(client, user, response):
    """The page after the login to which a response sends."""
    user.set_password("correct horse")
    user.save()
    assert response.status_code == 302
    assert "Your session has ended. Please log in again." in client.get(response.url).text
    next_page = parse_qs(urlsplit(response.url).query)["next"][0]
    return client.post(
        response.url, {"username": user.username, "password": "correct horse", "next": next_page}, follow=True
    )


@pytest.mark.parametrize("path", ["/admin/grades/grade/?lowest=2&period=7days", "/admin/coverage/?days=7", "/admin/"])
def test_the_login_leads_back_to_the_page_of_the_back_office(superuser, path):
    client = expired()
    page = log_in_again(client, superuser, client.get(path))
    assert (page.redirect_chain, page.status_code) == ([(path, 302)], 200)


@pytest.mark.parametrize(
    ("path", "sent_from"),
    [
        (f"{GRADES}export/?lowest=2", f"{GRADES}?lowest=2"),
        (f"{GRADES}filters/save/", f"{GRADES}?lowest=2"),
        ("/admin/overview/export/?days=7", "/admin/?days=7"),
        ("/admin/coverage/export/?days=7", "/admin/coverage/?days=7"),
        (f"{GRADES}export/", "https://other.example/"),
        (f"{GRADES}export/", ""),
    ],
)
def test_after_a_form_of_the_back_office_the_login_leads_back_to_its_page(superuser, path, sent_from):
    client = expired()
    referer = f"http://testserver{sent_from}" if sent_from.startswith("/") else sent_from
    page = log_in_again(client, superuser, client.post(path, {"format": "csv"}, headers={"referer": referer}))
    expected = sent_from if sent_from.startswith("/") else "/admin/"
    assert (page.redirect_chain, page.status_code) == ([(expected, 302)], 200)


@pytest.mark.parametrize("path", ["queue/?show=low", "{pk}/change/"])
def test_the_note_of_a_review_waits_for_the_login(superuser, make_grade, path):
    rating = make_grade(grade1=1)
    fields = {"rating": rating.pk, "review_state": "closed", "version": 0, "note": "打过电话，\n明天再打"}
    client = expired()
    page = log_in_again(client, superuser, client.post(GRADES + path.format(pk=rating.pk), fields))
    form = f"{GRADES}{rating.pk}/change/"
    assert page.redirect_chain == [(form, 302)]
    told = "Your session had ended before the note was saved. It is in the form again."
    for address in (form, f"{GRADES}queue/?show=low"):
        page = client.get(address)
        assert "打过电话，\n明天再打</textarea>" in page.text
        assert told in page.text
    assert rating.thread == []
    assert client.post(form, fields).status_code == 302
    rating = Grade.objects.get()
    assert ([entry.text for entry in rating.thread], rating.review_state) == (["打过电话，\n明天再打"], "closed")
    page = client.get(form)
    assert told not in page.text
    assert "明天再打</textarea>" not in page.text


def test_a_kept_note_is_shown_with_its_rating_only(superuser, make_grade):
    rating, other = make_grade(grade1=1), make_grade(acc_nbr="2", grade1=1)
    client = expired()
    response = client.post(f"{GRADES}queue/?show=low", {"rating": rating.pk, "note": "a secret"})
    log_in_again(client, superuser, response)
    assert "a secret" not in client.get(f"{GRADES}{other.pk}/change/").text


def test_a_first_visitor_is_not_told_that_a_session_has_ended():
    response = Client(headers=HTML | ENGLISH).get("/query", follow=True)
    assert response.redirect_chain == [(LOGIN, 302)]
    assert "session has ended" not in response.text


def test_a_script_of_another_program_collects_no_messages():
    assert "messages" not in Client().post("/query", FIELDS, headers=JQUERY).cookies


# --- Every route ----------------------------------------------------------------------------------


def all_paths():
    """A path for every URL pattern of the project; a variable part is 1, or the name of an app."""
    routes = [
        simplify_regex(route) for _view, route, *_rest in extract_views_from_urlpatterns(get_resolver().url_patterns)
    ]
    return [re.sub(r"<(\w+:)?\w+>", "1", route.replace("<app_label>", "grades")) for route in routes]


def test_every_route_that_is_not_listed_as_open_requires_a_login():
    paths = all_paths()
    assert set(paths) >= OPEN_ROUTES
    assert {"/query", "/query/export", "/credit", "/admin/", "/admin/grades/account/import/"} <= set(paths)
    for path in set(paths) - OPEN_ROUTES:
        for method in ("GET", "POST"):
            response = Client(headers=HTML).generic(method, path)
            answer = (method, path, response.status_code, response.get("Location", "").partition("?")[0])
            assert answer == (method, path, 302, "/admin/login/")


def test_every_route_that_is_not_listed_as_open_refuses_customers(customer):
    for path in set(all_paths()) - OPEN_ROUTES:
        in_admin = path.startswith("/admin/")
        for method in ("GET", "POST"):
            status = client_of(customer).generic(method, path).status_code
            assert (method, path, status) == (method, path, 302 if in_admin else 403)


# --- Rights ---------------------------------------------------------------------------------------

RIGHTS = {name: value for name, value in vars(access).items() if name.isupper()}


def test_every_right_names_permissions_that_exist():
    assert RIGHTS["CONFIRM_CREDIT"] == ("grades.add_credit",)
    stored = {f"{app}.{name}" for app, name in Permission.objects.values_list("content_type__app_label", "codename")}
    assert {permission for right in RIGHTS.values() for permission in right} <= stored


@pytest.mark.parametrize("right", RIGHTS.values(), ids=RIGHTS)
def test_a_right_needs_an_active_member_of_staff_with_all_permissions(django_user_model, right):
    def user(name, **columns):
        return django_user_model.objects.create_user(name, **columns)

    codenames = [permission.partition(".")[2] for permission in right]
    holder, customer = user("holder", is_staff=True), user("customer")
    for one in (holder, customer):
        one.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    assert access.may(holder, right)
    assert access.may(user("boss", is_staff=True, is_superuser=True), right)
    assert not access.may(customer, right)
    assert not access.may(user("retired", is_staff=True, is_superuser=True, is_active=False), right)
    assert not access.may(AnonymousUser(), right)
    for number, codename in enumerate(codenames):
        lacking = user(f"lacking-{number}", is_staff=True)
        lacking.user_permissions.set(Permission.objects.filter(codename__in=set(codenames) - {codename}))
        assert not access.may(lacking, right)
