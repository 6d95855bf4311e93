"""The site and the score workers over HTTP, with the settings of production."""

import json
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from grades.models import Grade

from ..helpers.servers import SCORE_COMMAND, SCORE_SERVERS, kept_connection, read_answer, request, running
from ..helpers.submissions import ARTICLE, CONTENT, FAILURE, FORM, SUCCESS, corpus, raw_form, stored

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_corpus_gets_the_same_replies_over_http(any_server):
    for case in (param.values[0] for param in corpus()):
        status, headers, body = request(
            any_server, "POST", "/score", case["body"].encode(), {"Content-Type": case["content_type"]}
        )
        row = Grade.objects.values(*CONTENT).first()
        Grade.objects.all().delete()
        error = (headers["X-Score-Error"] or "").partition(":")[0] or None
        assert (status, json.loads(body), error, row) == (case["status"], case["reply"], case["error"], case["row"]), (
            case
        )
        assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "error"),
    [
        ("GET", "/score", {}, 405, "method: only POST is allowed"),
        ("POST", "/score/", {}, 404, "path: not found"),
        ("POST", "/score", {"Host": "evil.example"}, 400, "request: bad request"),
    ],
)
def test_errors_on_the_path_get_a_toast(any_server, method, path, headers, status, error):
    got, reply, body = request(any_server, method, path, headers=headers)
    assert (got, reply["X-Score-Error"], body) == (status, error, FAILURE)


def test_a_client_that_hangs_up_in_mid_body_stores_nothing(any_server):
    body = raw_form(txt3="很好")
    head = f"POST /score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n"
    for cut in (0, 1, len(body) - 1):
        with socket.create_connection(("127.0.0.1", urlsplit(any_server).port)) as client:
            client.sendall((head + body[:cut]).encode())
            client.shutdown(socket.SHUT_WR)
            client.recv(1000)  # the server has decided
    assert stored() == []


def test_a_kept_connection_takes_several_ratings_in_order(any_server):
    """Two are pipelined, one comes after a pause, one right after the answer."""
    bodies = [raw_form(grade1=grade) for grade in ("1", "2", "3", "4")]
    first, second, third, fourth = (
        f"POST /score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        for body in bodies
    )
    with kept_connection(any_server) as (client, answers):
        client.sendall(first + second)
        assert [read_answer(answers), read_answer(answers)] == [(200, SUCCESS)] * 2
        time.sleep(0.1)
        client.sendall(third)
        assert read_answer(answers) == (200, SUCCESS)
        client.sendall(fourth)
        assert read_answer(answers) == (200, SUCCESS)
    assert stored() == [ARTICLE | {"grade1": grade} for grade in (1, 2, 3, 4)]


@pytest.mark.parametrize("name", SCORE_SERVERS)
def test_busy_connections_do_not_delay_a_new_one(tmp_path, transactional_db, name):
    """Two clients that never pause on two threads: a third is answered in its turn, and the server can be stopped."""
    answers, over = [0, 0], threading.Event()

    def send_without_a_pause(number, address):
        with suppress(ConnectionError), kept_connection(address) as (client, server_answers):
            while not over.is_set():
                client.sendall(b"GET /score HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                assert read_answer(server_answers)[0] == 405
                answers[number] += 1

    with ThreadPoolExecutor(2) as clients:
        try:
            with running(
                tmp_path / "log", SCORE_COMMAND, SCORE_SERVER=name, SCORE_WORKERS="1", SCORE_THREADS="2"
            ) as process:
                futures = [clients.submit(send_without_a_pause, number, process.address) for number in range(2)]
                while min(answers) < 10:
                    assert not any(future.done() for future in futures), "a client that never pauses has ended"
                    time.sleep(0.01)
                # A server whose threads stay with their connections never answers this one: request() times out.
                status, _, body = request(
                    process.address, "POST", "/score", raw_form().encode(), {"Content-Type": FORM}
                )
                assert (status, body) == (200, SUCCESS)
                assert not any(future.done() for future in futures), "a client that never pauses has ended"
        finally:
            over.set()
    assert [future.result() for future in futures] == [None, None]
    assert stored() == [ARTICLE]


@pytest.mark.parametrize("with_id", [True, False])
def test_sixty_four_parallel_copies_are_one_row(any_server, with_id):
    body = raw_form(**({"submission_id": f'"{uuid.uuid4()}"'} if with_id else {}))
    with ThreadPoolExecutor(64) as pool:
        replies = list(
            pool.map(lambda _: request(any_server, "POST", "/score", body, {"Content-Type": FORM}), range(64))
        )
    assert {(status, text) for status, _, text in replies} == {(200, SUCCESS)}
    assert all(headers["X-Grade-Receipt"] for _, headers, _ in replies)
    assert stored() == [ARTICLE]


def test_the_access_log_has_no_query_string(server):
    """The fixture searches the whole log for the number when the server has stopped."""
    assert request(server, "GET", "/nowhere?phonenum=13800138000", headers={"Accept": "application/json"})[0] == 404
    assert request(server, "POST", "/score?acc_nbr=13800138000", headers={"Content-Type": FORM})[0] == 400
