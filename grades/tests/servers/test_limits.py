"""The rate limits over several real servers: exactly so many ratings as the limit allows."""

import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from grades.models import Grade

from ..helpers.servers import SCORE_COMMAND, SCORE_SERVERS, request, running
from ..helpers.submissions import FAILURE, FORM, NUMBER, SUCCESS, raw_form

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ONE_NUMBER = {"RATE_LIMIT_ACCOUNT": "10/3600"}
ONE_ADDRESS = {"RATE_LIMIT_ADDRESS": "10/3600"}


def send(server, number, address):
    headers = {"Content-Type": FORM, "X-Forwarded-For": address}
    body = raw_form(acc_nbr=f'"{number}"', submission_id=f'"{uuid.uuid4()}"')
    status, headers, text = request(server, "POST", "/score", body, headers)
    return status, text, headers.get("X-Score-Error"), headers.get("Retry-After")


@pytest.mark.parametrize("name", SCORE_SERVERS)
@pytest.mark.parametrize("limit", [ONE_NUMBER, ONE_ADDRESS], ids=["number", "address"])
def test_of_two_hundred_at_once_two_servers_store_exactly_ten(tmp_path, settings, counters_in, name, limit):
    """Two servers stand for two hosts: they share Redis, or the database, and nothing else."""
    options = {"SCORE_SERVER": name, "SCORE_THREADS": "8", "REDIS_URL": settings.REDIS_URL, **limit}
    with (
        running(tmp_path / "1.log", SCORE_COMMAND, **options) as one,
        running(tmp_path / "2.log", SCORE_COMMAND, **options) as other,
        ThreadPoolExecutor(100) as pool,
    ):
        servers = [one.address, other.address]

        def submit(position):
            number, address = NUMBER, f"203.0.113.{position}"
            if limit is ONE_ADDRESS:
                number, address = str(position), f"2001:db8:1:2::{position}"
            return send(servers[position % 2], number, address)

        replies = list(pool.map(submit, range(200)))
        time.sleep(1)  # granian stops sooner when its connections have ended
    accepted = [reply for reply in replies if reply[0] == 200]
    refused = [reply for reply in replies if reply[0] != 200]
    assert accepted == [(200, SUCCESS, None, None)] * 10
    error = "rate: too many for this account number" if limit is ONE_NUMBER else "rate: too many from this address"
    assert {reply[:3] for reply in refused} == {(429, FAILURE, error)}
    assert all(re.fullmatch("3[56][0-9]{2}", reply[3]) for reply in refused)
    assert len(refused) == 190
    assert Grade.objects.count() == 10
