"""What only a real server shows: the site and the pool for ratings with the settings of production, over HTTP."""

import http.client
import json
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from grades.models import Grade

from .test_score import ARTICLE, CONTENT, FORM, corpus, raw_form, stored

pytestmark = pytest.mark.django_db(transaction=True)


def request(server, method, path, body=None, headers=None):
    """(status, headers, body as text) of one request on a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def test_every_line_of_the_corpus_over_http(any_server):
    for case in (param.values[0] for param in corpus("score_requests.jsonl")):
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
def test_errors_on_the_path_answer_with_the_string(any_server, method, path, headers, status, error):
    got, reply, body = request(any_server, method, path, headers=headers)
    assert (got, reply["X-Score-Error"], body) == (status, error, '"数据提交失败"')


def test_a_chunked_body_is_a_body(any_server):
    chunks = iter([raw_form().encode()[:20], raw_form().encode()[20:]])
    status, _, body = request(any_server, "POST", "/score", chunks, {"Content-Type": FORM})
    assert (status, body) == (200, '"数据提交成功"')
    assert stored() == [ARTICLE]


def test_a_client_that_hangs_up_in_mid_body_leaves_nothing(any_server):
    body = raw_form(txt3="很好")
    head = f"POST /score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n"
    for cut in (0, 1, len(body) - 1):
        with socket.create_connection(("127.0.0.1", urlsplit(any_server).port)) as client:
            client.sendall((head + body[:cut]).encode())
            client.shutdown(socket.SHUT_WR)
            client.recv(1000)  # the server has decided
    assert stored() == []


@pytest.mark.parametrize("with_id", [True, False])
def test_sixty_four_parallel_copies_are_one_row(any_server, with_id):
    body = raw_form(**({"submission_id": f'"{uuid.uuid4()}"'} if with_id else {}))
    with ThreadPoolExecutor(64) as pool:
        replies = list(
            pool.map(lambda _: request(any_server, "POST", "/score", body, {"Content-Type": FORM}), range(64))
        )
    assert {(status, text) for status, _, text in replies} == {(200, '"数据提交成功"')}
    assert all(headers["X-Grade-Receipt"] for _, headers, _ in replies)
    assert stored() == [ARTICLE]


def test_the_access_log_has_no_query_string(server):
    """The fixture reads the whole log when the server has stopped; this puts the number in its way."""
    assert request(server, "GET", "/nowhere?phonenum=13800138000", headers={"Accept": "application/json"})[0] == 404
    assert request(server, "POST", "/score?acc_nbr=13800138000", headers={"Content-Type": FORM})[0] == 400
