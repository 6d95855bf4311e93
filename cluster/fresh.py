"""`python -m cluster.fresh NUMBER`: store ratings as /score does and read each from the readers at once.

Prints how many were stale: with the product's alias, and in a session that does not wait for the writer.
"""

import os
import sys
import uuid

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "scoring_site.settings"
django.setup()

from django.db import connections  # noqa: E402 - after django.setup()

from grades.database.routers import from_readers  # noqa: E402
from grades.models import Grade  # noqa: E402
from grades.submissions.store import submit  # noqa: E402

NUMBER = "stale"


def stale_reads(count):
    """Store ratings and look for each by the readers at once; returns how many were not found."""
    stale = 0
    for _ in range(count):
        submission_id = uuid.uuid4()
        submit(submission_id=submission_id, acc_nbr=NUMBER, grade1=5, grade2=4, grade3=3, txt1="", txt2="", txt3="")
        with from_readers():
            stale += not Grade.objects.filter(submission_id=submission_id).exists()
    return stale


def main():
    count = int(sys.argv[1])
    with from_readers() as alias:
        assert alias == "readers"  # noqa: S101 - or nothing is proved
    waiting = stale_reads(count)
    with connections["readers"].cursor() as cursor:
        cursor.execute("SET SESSION wsrep_sync_wait=0")
    print(waiting, stale_reads(count // 5))
    Grade.objects.filter(acc_nbr=NUMBER).delete()


main()
