import pytest


@pytest.fixture
def superuser(django_user_model):
    return django_user_model.objects.create_superuser("boss")


@pytest.fixture
def staff(django_user_model):
    """Staff without any further right."""
    return django_user_model.objects.create_user("clerk", is_staff=True)


@pytest.fixture
def make_account(db):
    """A row of the dispatch list; any column may be given."""
    from grades.models import Account

    def make(**columns):
        return Account.objects.create(
            **{
                "acc_nbr": "13800138000",
                "customer_name": "王小明",
                "area": "城东",
                "product": "畅享 129 套餐",
                "pay_type": "postpaid",
                "state": "在用",
                "dispatched_on": "2026-11-01",
                "monthly_fee": "99.00",
                "acct_id": "A1",
                **columns,
            }
        )

    return make


@pytest.fixture
def make_grade(db):
    """A stored rating; any column may be given."""
    from grades.models import Grade

    def make(**columns):
        return Grade.objects.create(
            **{"acc_nbr": "13800138000", "grade1": 5, "grade2": 4, "grade3": 3, "txt1": "服务态度很好", **columns}
        )

    return make
