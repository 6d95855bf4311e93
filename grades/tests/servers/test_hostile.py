"""Requests that no client should send: `/score` answers with a toast, other routes with an error below 500."""

import json
import re
import socket
import time
from urllib.parse import urlsplit

import pytest

from ..helpers.submissions import ARTICLE, FORM, raw_form, stored

pytestmark = pytest.mark.django_db(transaction=True)

HOST = b"Host: 127.0.0.1\r\nConnection: close\r\n"
RATING = raw_form().encode()
LENGTH = f"Content-Length: {len(RATING)}\r\n".encode()
AS_FORM = f"Content-Type: {FORM}\r\n".encode()


def send(address, data, hang_up=False):
    """Send bytes on a new connection; returns the status, the headers as bytes, and the body."""
    with socket.create_connection(("127.0.0.1", urlsplit(address).port), timeout=10) as connection:
        connection.sendall(data)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else None, head, body


def header(name, value):
    return f"{name}: {value}\r\n".encode("latin1")


def post(headers=b"", body=RATING, path=b"/score"):
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


def assert_toast(answer, status, error):
    got, head, body = answer
    assert (got, body) == (status, '"数据提交失败"'.encode())
    assert re.search(rb"(?i)x-score-error: ([^\r]*)", head)[1].decode() == error
    assert re.search(rb"(?i)content-type: ([^\r]*)", head)[1] == b"application/json"


@pytest.mark.parametrize(
    "parameters",
    ["charset*=bogus''x", "charset=rot13", "charset*=utf-16''x", "charset*0*=a; x*=", "; ;=;*=", "boundary*=b''x"],
)
def test_parameters_of_the_content_type_are_ignored(any_server, parameters):
    status, _, body = send(any_server, post(header("Content-Type", f"{FORM}; {parameters}") + LENGTH))
    assert (status, json.loads(body)) == (200, "数据提交成功")
    assert stored() == [ARTICLE]


@pytest.mark.parametrize("path", ["/score;x", "/./score", "/score%00", "/score/", "//score", "/score/x", "/score%20"])
def test_a_path_beside_score_gets_a_toast(any_server, path):
    assert_toast(send(any_server, post(AS_FORM + LENGTH, path=path.encode())), 404, "path: not found")
    assert stored() == []


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "PATH_INFO", "Script-Name"])
def test_a_header_cannot_change_the_path(any_server, name):
    status, _, body = send(any_server, post(AS_FORM + LENGTH + header(name, "/query")))
    assert (status, json.loads(body)) == (200, "数据提交成功")


CHUNKED = header("Transfer-Encoding", "chunked")
CHUNK = b"%x\r\n%s\r\n" % (len(RATING), RATING)


def test_a_chunked_body_is_stored_only_where_its_end_is_certain(any_server):
    """granian takes a chunked body that is cut off for a whole one, so it needs a length."""
    answer = send(any_server, post(AS_FORM + CHUNKED, CHUNK + b"0\r\n\r\n"))
    if b"server: granian" in answer[1]:
        assert_toast(answer, 411, "body: needs a Content-Length")
        assert stored() == []
    else:
        assert (answer[0], json.loads(answer[2])) == (200, "数据提交成功")
        assert stored() == [ARTICLE]


@pytest.mark.parametrize(
    "body",
    [
        CHUNK,
        CHUNK[:-20],
        CHUNK + b"5\r\nab",
        CHUNK + b"zz\r\n\r\n",
        CHUNK + b"-1\r\n\r\n",
        b"zz\r\n" + CHUNK + b"0\r\n\r\n",
        CHUNK + b"0;" + b"x" * 20 + b"\r\nbad trailer\r\n\r\n",
    ],
    ids=["no end", "cut", "second cut", "bad size", "negative size", "bad first size", "bad trailer"],
)
def test_a_malformed_chunked_body_stores_nothing(any_server, body):
    status, head, toast = send(any_server, post(AS_FORM + CHUNKED, body), hang_up=True)
    assert status in (400, 411)
    if b"granian" in head and status == 411:
        assert_toast((status, head, toast), 411, "body: needs a Content-Length")
    assert b"<" not in toast
    assert stored() == []


def test_a_body_that_is_announced_too_long_is_refused_at_once(any_server):
    started = time.monotonic()
    assert_toast(send(any_server, post(AS_FORM + header("Content-Length", 300_000), b"x")), 413, "body: too large")
    status, _, body = send(any_server, post(AS_FORM + header("Content-Length", 10**20), b"x"))
    assert status in (400, 413)
    assert b"<" not in body
    for path in (b"/admin/grades/account/import/", b"/admin/login/", b"/query", b"/wechat/login"):
        status, _, _ = send(any_server, post(AS_FORM + header("Content-Length", 60_000_000), b"x", path))
        assert status in (403, 413)
        assert time.monotonic() - started < 10


@pytest.mark.parametrize("path", ["/", "/query", "/admin/login/", "/nowhere", "/wechat/login", "/score/form"])
@pytest.mark.parametrize(
    "headers",
    [
        header("Content-Type", "text/plain; charset*=bogus''x"),
        header("Accept", "text/html; x*=bogus''y"),
        header("Accept", "application/json;x*0=1;q=0.5, text/html;x*=bogus''y"),
        header("Accept-Language", "zh*=x''y, *;q=x"),
        header("Content-Type", "multipart/form-data; boundary=b; charset*=bogus''x"),
        header("Content-Type", "multipart/form-data"),
    ],
)
def test_a_malformed_header_is_not_a_server_error(any_server, path, headers):
    for method in (b"GET", b"POST"):
        request = method + b" " + path.encode() + b" HTTP/1.1\r\n" + HOST + headers + b"Content-Length: 0\r\n\r\n"
        status, _, _ = send(any_server, request)
        assert status < 500


def test_a_malformed_part_of_a_form_is_a_bad_request(any_server):
    part = b"--b\r\nContent-Disposition: form-data; name=\"a\"; filename*=bogus''x\r\n\r\nx\r\n--b--\r\n"
    headers = header("Content-Type", "multipart/form-data; boundary=b") + header("Content-Length", len(part))
    status, _, _ = send(any_server, post(headers, part, b"/query"))
    assert status in (400, 403)


@pytest.mark.parametrize("charset", ["hex", "bogus", "utf-16", "unicode_escape"])
@pytest.mark.parametrize("path", [b"/query", b"/credit", b"/admin/login/"])
def test_the_charset_of_a_form_is_ignored(server, path, charset):
    """The form is read as UTF-8: its CSRF token is found, and nothing is decoded by a codec that the client names."""
    token = "a" * 32
    fields = {"csrfmiddlewaretoken": token, "acc_nbr": "\\ud800", "acct_id": "\\ud800", "username": "\\ud800"}
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{fields[name]}\r\n' for name in fields]
    body = ("".join(parts) + "--b--\r\n").encode()
    headers = header("Content-Type", f"multipart/form-data; boundary=b; charset={charset}")
    headers += header("Content-Length", len(body)) + header("Cookie", f"csrftoken={token}")
    status, head, _ = send(server, post(headers, body, path))
    assert (status, b"/admin/login/" in head) == ((200, False) if path == b"/admin/login/" else (302, True))


def test_a_wrong_host_gets_a_toast_and_no_traceback(any_server):
    request = post(AS_FORM + LENGTH).replace(b"Host: 127.0.0.1", b"Host: evil.example")
    assert_toast(send(any_server, request), 400, "request: bad request")
    assert send(any_server, b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")[0] == 400
    assert stored() == []


def test_http_2_with_prior_knowledge_is_not_served(any_server):
    """Abandoned streams of HTTP/2 would hold the threads of granian."""
    with socket.create_connection(("127.0.0.1", urlsplit(any_server).port), timeout=10) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        received = connection.recv(1000)
    assert not received or received.startswith(b"HTTP/1.1 4") or received.startswith(b"HTTP/1.1 5")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /score HTTP/9.9\r\n" + HOST + b"\r\n",
        b"POST /score\xff HTTP/1.1\r\n" + HOST + b"\r\n",
        post(header("Content-Length", "-1")),
        post(header("Transfer-Encoding", "gzip")),
        post(header("X Y", "1")),
        post(header("X", "y" * 70_000)),
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    ],
    ids=["version", "bytes in the path", "negative length", "unknown coding", "header name", "huge header", "TLS"],
)
def test_a_request_that_the_server_cannot_read_gets_no_page(any_server, request_bytes):
    """A toast, or the empty reply of granian's parser."""
    status, head, body = send(any_server, request_bytes, hang_up=True)
    assert status in (None, 400, 404, 411, 415, 431)
    assert body in (b"", '"数据提交失败"'.encode())
    assert b"text/html" not in head
    assert stored() == []
