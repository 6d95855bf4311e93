"""A stub of WeChat's API: it stands in for api.weixin.qq.com in tests and knows nothing of WeChat.

    python e2e/wechat_stub.py PORT

It follows WeChat's document of code2Session: `GET /sns/jscode2session?appid&secret&js_code&grant_type`
is answered with HTTP 200, and `openid` and `session_key`, or `errcode` and `errmsg`; as `text/plain`,
like the original. A code works once. The code chooses the answer:

    code-NAME          openid o-NAME; so is code-NAME.1, code-NAME.2 …, since a person logs in again and again
    errcode-N          the errcode N, e.g. errcode-45011, errcode--1
    garbage            a page of HTML with status 200
    list               JSON, but no object
    no-openid          JSON without an openid
    status-N           HTTP status N with an empty body; 3xx with a Location of this stub
    slow               the answer of code-slow, after `SLOW_SECONDS`
    drip               an answer that comes byte by byte and does not end
    huge               an openid after megabytes of nothing
    hang-up            the connection is closed without an answer

An app id that does not begin with "wx" gets 40013, a secret that begins with "wrong" 40125.

Codes: `POST /cgi-bin/stable_token` gives the token of the app, and `POST /wxa/getwxacodeunlimit?access_token` a
picture. WeChat's own picture is round; the stub's is a QR code of the scene, so that a test can read it. `faults` is
the list of what the next pictures become: an errcode, or a name of `SPECIAL`. `forget_token` ends the token.

`hits` counts the requests of each code, and of each other path; set WECHAT_API_URL=http://127.0.0.1:PORT to use it.
"""

import contextlib
import io
import json
import re
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SESSION_KEY = "c3R1Yi1zZXNzaW9uLWtleQ=="  # what the real one keeps secret; a log that has it is at fault
SLOW_SECONDS = 20
LARGE = 4 * 1024 * 1024  # bytes

ERRMSG = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40013: "invalid appid",
    40029: "invalid code",
    40125: "invalid appsecret",
    40129: "invalid scene",
    40163: "code been used",
    40226: "code blocked",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41030: "invalid page",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
}


class WeChatStub(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.hits = Counter()
        self.lock = threading.Lock()
        self.token_number = 1
        self.faults = []
        self.orders = []  # what was asked for with each picture

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def token(self):
        return f"access-token-of-the-stub-{self.token_number}"

    def forget_token(self):
        self.token_number += 1

    def handle_error(self, request, client_address):
        """A client that gives up is what some of the codes are for."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        address = urlsplit(self.path)
        if address.path != "/sns/jscode2session":
            self.server.hits[address.path] += 1
            return self.reply(404, b"")
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        code = query.get("js_code", "")
        with self.server.lock:
            self.server.hits[code] += 1
            first = self.server.hits[code] == 1
        errcode = self.fault_of(query)
        if errcode:
            return self.reply_error(errcode)
        if match := re.fullmatch(r"errcode-(-?\d+)", code):
            return self.reply_error(int(match[1]))
        if match := re.fullmatch(r"status-(\d{3})", code):
            return self.reply(int(match[1]), b"", Location=f"{self.server.address}/elsewhere")
        if code in SPECIAL:
            return SPECIAL[code](self)
        match = re.fullmatch(r"code-([^.]{1,60})(\..*)?", code)
        if match is None:
            return self.reply_error(40029)
        if not first:
            return self.reply_error(40163)
        return self.reply_openid(f"o-{match[1]}")

    def fault_of(self, query):
        """The errcode for what is missing or wrong beside the code, or None."""
        if "appid" not in query:
            return 41002
        if "secret" not in query:
            return 41004
        if "js_code" not in query:
            return 41008
        if query.get("grant_type") != "authorization_code":
            return 40002
        if not query["appid"].startswith("wx"):
            return 40013
        if query["secret"].startswith("wrong"):
            return 40125
        return None

    def do_POST(self):
        address = urlsplit(self.path)
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.hits[address.path] += 1
        if address.path == "/cgi-bin/stable_token":
            if not order["appid"].startswith("wx"):
                return self.reply_error(40013)
            if order["secret"].startswith("wrong"):
                return self.reply_error(40125)
            return self.reply(200, json.dumps({"access_token": self.server.token, "expires_in": 7200}).encode())
        if address.path != "/wxa/getwxacodeunlimit":
            return self.reply(404, b"")
        if parse_qs(address.query).get("access_token") != [self.server.token]:
            return self.reply_error(40001)
        self.server.orders.append(order)
        if self.server.faults:
            fault = self.server.faults.pop(0)
            return self.reply_error(fault) if isinstance(fault, int) else SPECIAL[fault](self)
        if not re.fullmatch(r"[0-9A-Za-z!#$&'()*+,/:;=?@._~-]{1,32}", order["scene"]):
            return self.reply_error(40129)
        if order["check_path"] and order["page"] != "pages/score/score":
            return self.reply_error(41030)
        return self.reply_picture(order)

    def reply_picture(self, order):
        import segno  # not above: logins need no pictures

        code, picture = segno.make_qr(order["scene"]), io.BytesIO()
        code.save(picture, kind="png", scale=order["width"] // code.symbol_size()[0])
        self.reply(200, picture.getvalue())

    def reply_openid(self, openid):
        self.reply(200, json.dumps({"session_key": SESSION_KEY, "openid": openid}).encode())

    def reply_error(self, errcode):
        errmsg = f"{ERRMSG.get(errcode, 'unknown')}, rid: 00000000-00000000-00000000"
        self.reply(200, json.dumps({"errcode": errcode, "errmsg": errmsg}).encode())

    def reply_slowly(self):
        time.sleep(SLOW_SECONDS)
        self.reply_openid("o-slow")

    def drip(self):
        self.send_head(200, LARGE)
        for _ in range(int(SLOW_SECONDS / 0.05)):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.05)
        self.close_connection = True

    def send_huge(self):
        self.reply(200, b" " * LARGE + json.dumps({"session_key": SESSION_KEY, "openid": "o-huge"}).encode())

    def hang_up(self):
        self.close_connection = True

    def reply(self, status, body, **headers):
        self.send_head(status, len(body), **headers)
        self.wfile.write(body)

    def send_head(self, status, length, **headers):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args):
        """The request line has the secret."""


SPECIAL = {
    "garbage": lambda handler: handler.reply(200, b"<!DOCTYPE html><title>Log in to this network</title>"),
    "list": lambda handler: handler.reply(200, b'["openid"]'),
    "no-openid": lambda handler: handler.reply(200, b'{"session_key": "x", "openid": null}'),
    "slow": Handler.reply_slowly,
    "drip": Handler.drip,
    "huge": Handler.send_huge,
    "hang-up": Handler.hang_up,
}


if __name__ == "__main__":
    stub = WeChatStub(int(sys.argv[1]))
    print(f"A stub of WeChat's API on {stub.address}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        stub.serve_forever()
