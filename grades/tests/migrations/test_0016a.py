"""migrations/0016a: dispatches with a credit that stands are marked."""

import importlib

import pytest
from django.apps import apps
from django.db import connection

from grades.models import Account

migration = importlib.import_module("grades.migrations.0016a_mark_credits")


@pytest.mark.django_db(transaction=True)
def test_dispatches_with_a_credit_that_stands_are_marked(make_account, superuser, monkeypatch):
    monkeypatch.setattr(migration, "BATCH", 2)
    accounts = [make_account(acct_id=f"A{number}") for number in range(6)]
    for account in accounts[:5]:
        account.confirm_credit(superuser)[0].withdraw(superuser, "x")
    for account in accounts[:3]:
        account.confirm_credit(superuser)
    Account.objects.update(is_credited=False)
    for _run in range(2):
        with connection.schema_editor() as editor:
            migration.mark_credits(apps, editor)
        assert list(Account.objects.order_by("pk").values_list("is_credited", flat=True)) == [True] * 3 + [False] * 3
