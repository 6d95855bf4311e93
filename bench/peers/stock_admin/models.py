"""The tables of the project as plain models: what `manage.py inspectdb` makes of them, with choices."""

from django.conf import settings
from django.db import models


def grade():
    return models.SmallIntegerField(choices=[(value, value) for value in range(1, 6)])


class Grade(models.Model):
    acc_nbr = models.CharField(max_length=32)
    number = models.CharField(max_length=32, editable=False)  # the project computes and indexes it
    grade1 = grade()
    grade2 = grade()
    grade3 = grade()
    txt1 = models.CharField(max_length=500, blank=True)
    txt2 = models.CharField(max_length=500, blank=True)
    txt3 = models.CharField(max_length=500, blank=True)
    insert_time = models.DateTimeField()
    review_state = models.CharField(max_length=16, choices=[(name, name) for name in ("new", "followed_up", "closed")])
    review_note = models.CharField(max_length=1000, blank=True)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "grade"
        managed = False

    def __str__(self):
        return f"#{self.pk}"


class Account(models.Model):
    acc_nbr = models.CharField(max_length=32)
    number = models.CharField(max_length=32, editable=False)
    customer_name = models.CharField(max_length=64, blank=True)
    area = models.CharField(max_length=64, blank=True)
    product = models.CharField(max_length=128, blank=True)
    pay_type = models.CharField(max_length=8, choices=[(name, name) for name in ("postpaid", "prepaid")])
    state = models.CharField(max_length=32, blank=True)
    dispatched_on = models.DateField()
    monthly_fee = models.DecimalField(max_digits=10, decimal_places=2)
    acct_id = models.CharField(max_length=32)

    class Meta:
        db_table = "account"
        managed = False

    def __str__(self):
        return f"#{self.pk}"
