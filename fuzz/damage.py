"""Requests that break HTTP: framing, request lines, headers, and other protocols on the same port."""

from hypothesis import strategies as st

from .messages import dice, pick, ratings

H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
H2_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
H2_HEADERS = b"\x83\x86\x04\x06/score\x01\x09127.0.0.1\x0f\x0d\x03100"  # POST http /score, content-length 100
H2_STREAM = H2_PREFACE + H2_SETTINGS + b"\x00\x00%c\x01\x04\x00\x00\x00\x01" % len(H2_HEADERS) + H2_HEADERS

LENGTHS = (
    b"-1", b"+5", b"0x5", b"5 5", b"5,5", b"5, 6", b"", b"1e2", b"\xb2", b"5\x00", b"NaN", b"5;x", b" ", b"9" * 30,
)  # fmt: skip
ANNOUNCED = (300_000, 60_000_000, 10**20, 2**63, 2**64 + 1)
ANNOUNCED_TO = (
    b"/score", b"/score",
    b"/wechat/login", b"/query", b"/admin/login/", b"/admin/grades/account/import/", b"/nowhere", b"/i18n/setlang/",
)  # fmt: skip
FIRST_LINES = (
    b"POST /score HTTP/9.9", b"POST /score", b"POST  /score HTTP/1.1",
    b"POST /score\xff HTTP/1.1", b"POST http://127.0.0.1/score HTTP/1.1", b"POST http://evil.example/score HTTP/1.1",
    b"POST * HTTP/1.1", b"CONNECT /score HTTP/1.1", b"post /score HTTP/1.1", b"POST /score HTTP/1.1 x",
    b"POST\t/score\tHTTP/1.1", b"\x00POST /score HTTP/1.1", b"POST /score http/1.1", b"POST /score HTTP/1.",
    b"P@ST /score HTTP/1.1", b"POST /score\x00 HTTP/1.1", b"POST /score\x0b HTTP/1.1", b"POST score HTTP/1.1",
    b"POST ?x HTTP/1.1", b"POST /" + b"x" * 9000 + b" HTTP/1.1", b"\r\n\r\nPOST /score HTTP/1.1",
    b"POST /score HTTP/1.1\rX: y", b"POST //[::1/score HTTP/1.1", b"POST http://[/score HTTP/1.1",
)  # fmt: skip
BAD_HEADERS = (
    b"X Y: 1", b": 1", b"X", b"X : 1", b" folded", b"X: a\x00b", b"X: a\rb", b"X\xff: 1", b"X: " + b"y" * 70_000,
    b"Host: evil.example", b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked, gzip",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding:\x0bchunked",
    b"Content-Type: text/plain", b"Content-Length: 5", b"Content-Length: 0", b"X-Forwarded-Proto: http",
    b"\r\n".join(b"X-%d: y" % n for n in range(400)), b"Expect: 200-maybe",
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAA",
    b"Proxy-Connection: x\r\nTE: trailers, chunked", b"Transfer_Encoding: chunked", b"Trailer: Content-Length",
)  # fmt: skip
CHUNK_TRICKS = (
    "no end", "cut", "second cut", "bad size", "negative size", "bad first size", "bad trailer", "huge size",
    "no line end", "extension", "wrong size", "spaces", "long trailer",
)  # fmt: skip


def chunked(trick, body):
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    return {
        "no end": chunk,
        "cut": chunk[: -2 - len(body) // 2],
        "second cut": chunk + b"5\r\nab",
        "bad size": chunk + b"zz\r\n\r\n",
        "negative size": chunk + b"-1\r\n\r\n",
        "bad first size": b"zz\r\n" + chunk + b"0\r\n\r\n",
        "bad trailer": chunk + b"0\r\nbad trailer\r\n\r\n",
        "huge size": b"ffffffffffffffffff\r\n" + body,
        "no line end": chunk[:-2] + b"0\r\n\r\n",
        "extension": b"%x;a=b\r\n%s\r\n0;%s\r\n\r\n" % (len(body), body, b"x" * 200),
        "wrong size": b"%x\r\n%s\r\n0\r\n\r\n" % (len(body) + 3, body),
        "spaces": b" %x \r\n%s\r\n0\r\n\r\n" % (len(body), body),
        "long trailer": chunk + b"0\r\n" + b"".join(b"T-%d: x\r\n" % n for n in range(300)) + b"\r\n",
    }[trick]


@st.composite
def damaged(draw):
    request = draw(ratings(0))
    request.framing, body = "length", request.body
    request.damage = damage = draw(
        pick(["chunks", "chunks", "length", "announced", "cut off", "line", "header", "protocol", "extra", "bytes"])
    )
    length = b"Content-Length: %d" % len(body)
    if damage == "chunks":
        trick = draw(pick(CHUNK_TRICKS))
        request.raw = request.head([b"Transfer-Encoding: chunked"]) + chunked(trick, body)
        request.may_store = trick in ("extension", "spaces", "long trailer")
        request.damage += f", {trick}"
    elif damage == "length":
        wrong = draw(pick(LENGTHS))
        lines = draw(
            pick(
                [
                    [b"Content-Length: " + wrong],
                    [length, b"Content-Length: " + wrong],
                    [length, length],
                    [length, b"Transfer-Encoding: chunked"],
                ]
            )
        )
        request.raw = request.head(lines) + body
        request.may_store = lines == [length, length]
    elif damage == "announced":
        request.target = draw(pick(ANNOUNCED_TO))
        request.raw = request.head([b"Content-Length: %d" % draw(pick(ANNOUNCED))]) + body[:10]
        request.may_store = False
    elif damage == "cut off":
        request.raw = (request.head([length]) + body)[: draw(st.integers(1, 200 + len(body))) - 1]
        request.may_store = False
        if len(request.raw) == len(request.head([length]) + body):
            request.raw = request.raw[:-1]
    elif damage == "line":
        _first, _, rest = request.encode().partition(b"\r\n")
        request.raw = draw(pick(FIRST_LINES)) + b"\r\n" + rest
    elif damage == "header":
        bad = draw(pick(BAD_HEADERS))
        request.raw = request.head([bad, length] if draw(st.booleans()) else [length, bad]) + body
        request.may_store = not bad.startswith((b"Transfer-Encoding", b"Content-Length"))
    elif damage == "protocol":
        request.raw = draw(
            pick(
                [
                    H2_PREFACE,
                    H2_STREAM,
                    H2_STREAM,
                    b"\x16\x03\x01\x02\x00\x01\x00" * 20,
                    b"GET /score\r\n\r\n",
                    b"\r\n" * 50,
                    b"{}",
                    b"\xff" * 300,
                ]
            )
        )
        request.may_store = False
    elif damage == "extra":
        request.raw = request.encode() + draw(
            pick([b"x" * 10, b"\r\n", b"GET /score/form HTTP/1.1\r\n\r\n", b"\x00" * 200])
        )
    else:
        raw = bytearray(request.encode())
        for _ in range(draw(st.integers(1, 3))):
            place = draw(st.integers(0, min(len(raw), 300) - 1))
            if draw(dice) < 50:
                raw[place] = draw(st.integers(0, 255))
            else:
                del raw[place]
        request.raw, request.may_store = bytes(raw), "any"
    return request
