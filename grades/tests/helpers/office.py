"""The back office as staff use it: lists, actions, confirmation pages."""

import re
from html import unescape
from zoneinfo import ZoneInfo

from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client

from grades.models import review_many

GRADES = "/admin/grades/grade/"
ACCOUNTS = "/admin/grades/account/"
CREDITS = "/admin/grades/credit/"
CONFLICTS = "/admin/grades/conflict/"
IMPORT = f"{ACCOUNTS}import/"
SHANGHAI = ZoneInfo("Asia/Shanghai")


def log_in(user):
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def grant(user, *codenames):
    """Give a user exactly these permissions."""
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def messages(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def numbers(response):
    """The account numbers on a list, from top to bottom."""
    return [row.acc_nbr for row in response.context["cl"].result_list]


def act(client, action, pks=(), across=False, query="", url=GRADES, **data):
    """Press Go on a list."""
    return client.post(
        f"{url}{query}",
        {"action": action, "index": "0", "select_across": int(across), "_selected_action": list(pks), **data},
    )


def confirm(client, page, **data):
    """Send the form of a confirmation page; `data` is typed into it."""
    assert page.status_code == 200
    address, form = re.search(r'id="confirm-form" action="([^"]*)"(.*)', page.text, re.DOTALL).groups()
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    fields = {}
    for name, value in hidden:
        fields.setdefault(name, []).append(value)
    return client.post(unescape(address), fields | data)


def make_credit(account, user):
    credit, _created = account.confirm_credit(user)
    return credit


def review(ratings, state="closed"):
    """Review these ratings as some member of staff."""
    reviewer, _created = User.objects.get_or_create(username="reviewer", is_staff=True)
    review_many(ratings, reviewer, state)
