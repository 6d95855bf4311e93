"""Send the requests to one server, judge each answer, and collect the faults."""

import copy
import json
import random
import re
import time
from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote

from .contract import FAILURE, FIELDS, SUCCESS, Refused, read_submission
from .machines import PASSWORD
from .messages import NOISE, NUMBERS, WRONG_HOSTS, Request
from .wire import abandon, talk

LIMIT = 10  # seconds for one answer
SCORE_LINE = re.compile(rb"\s*\S+\s+(?:http://[^/ ]+)?/[/.]*(?:%2e/)?score(?![0-9A-Za-z_-])(?!/form[/ ?#])")
API = ("/score/form", "/graderesult", "/wechat/")
API_ERRORS = {
    "phonenum", "body", "content-type", "length_required", "too_large", "login", "forbidden", "method", "store",
    "code", "blocked", "not_configured", "rate", "wechat", "request", "not_found", "bad_request",
}  # fmt: skip
CAUSES = {*FIELDS, "submission_id", "body", "content-type", "method", "login", "store", "path", "request"}
CSRF = "f" * 32
SERVER_ERRORS = {501, 505}  # of the server's parser, for what is not HTTP/1
# The answer of WeChat's stub to /wechat/login that the contract documents with these statuses.
WECHAT_STATUSES = {400, 403, 429, 500, 503}


@dataclass
class Fault:
    name: str
    count: int = 0
    request: bytes = b""  # the shortest that showed it
    detail: str = ""


class Player:
    def __init__(self, server, ledger, seed, is_https=False, has_wechat=False):
        self.server = server
        self.ledger = ledger
        self.random = random.Random(seed)
        self.is_https = is_https
        self.has_wechat = has_wechat
        self.requests = 0
        self.statuses = Counter()
        self.kinds = Counter()
        self.faults = {}
        self.receipts = {}  # receipt → content
        self.sessions = {}  # session → openid
        self.cookies = {}
        self.slowest = 0.0
        self.hangs = 0

    def fault(self, name, request, detail=""):
        if name not in self.faults:
            self.faults[name] = Fault(name)
            print(f"{self.server.name}: the first time: {name}", flush=True)
        found = self.faults[name]
        found.count += 1
        if not found.request or len(request) < len(found.request):
            found.request, found.detail = request, str(detail)

    # --- Sending ------------------------------------------------------------------------------

    def send(self, data, methods, to_the_end=False, keeps=False):
        self.requests += len(methods)
        found = talk(self.server.port, data, methods, LIMIT, to_the_end)
        self.slowest = max(self.slowest, found.seconds)
        for answer in found.answers:
            self.statuses[answer.status] += 1
        if found.ending == "hang":
            self.fault("no answer within the time limit", data, f"{len(found.answers)} answers in {LIMIT} s")
            self.hangs += 1
            if self.hangs >= 3:
                self.fault("the server answers nothing any more", data)
                self.restart()
        else:
            self.hangs = 0
        if found.ending == "garbage":
            self.fault("an answer that is not HTTP/1", data)
        for answer in found.answers:
            self.check_any(answer, data)
        return found

    def restart(self):
        self.hangs = 0
        self.server.stop()
        self.server.start()

    def check_any(self, answer, data):
        if any(name == "x-injected" for name, _value in answer.headers):
            self.fault("a header of the answer that the request injected", data, answer)
        if b"Traceback (most recent call last)" in answer.body or b"DJANGO_SETTINGS_MODULE" in answer.body:
            self.fault("an answer with a traceback", data, answer)

    # --- Open routes --------------------------------------------------------------------------

    def play(self, request, variation):
        """Send a request, then two variations of it that depend on the number `variation`."""
        self.play_once(request)
        chance = random.Random(variation)
        for _ in range(2):
            if (varied := vary(request, chance)) is not None:
                self.play_once(varied)

    def play_once(self, request):
        self.kinds[request.damage or request.kind] += 1
        if request.damage:
            self.play_damaged(request)
        elif request.kind in ("result", "result with receipts", "form", "login", "receipts"):
            self.play_api(request)
        elif request.kind in ("page", "path"):
            self.play_page(request)
        else:
            self.play_rating(request)

    def play_rating(self, request):
        """A request to /score that is valid HTTP."""
        try:
            submission, refusals = read_submission(request.content_type, request.body), set()
        except Refused as refused:
            submission, refusals = None, {refused.refusal}
        refusals |= request.refusals
        if request.framing == "chunked" and self.server.name == "granian":
            refusals.add((411, "body"))
        if not request.content_type.isascii():  # granian empties a header with bytes beyond ASCII
            request.doubts.add((415, "content-type"))
        openid = self.person(request, refusals)
        data = request.encode()
        found = self.send(data, [request.method])
        if not found.answers:
            if found.ending == "closed" and not request.doubts:
                self.fault("/score closed the connection without an answer", data)
            if submission and not refusals:
                self.ledger.note_unanswered(submission, openid)
            return
        answer = found.answers[0]
        self.check_toast(answer, data, request.method)
        cause = (answer.header("x-score-error") or "").partition(":")[0]
        expected = self.ledger.expected(submission, openid) if submission and not refusals else set()
        if answer.status == 409 and 409 in expected:
            self.ledger.note_conflict(submission, openid)
        elif answer.status == 200:
            if 200 in expected:
                self.ledger.acknowledge(submission, openid)
                self.keep_receipt(answer, submission, data)
            else:
                self.fault(f"/score acknowledges what the contract refuses: {sorted(refusals) or 409}", data, answer)
        elif (answer.status, cause) not in refusals | request.doubts:
            wanted = sorted(refusals) or sorted(expected)
            self.fault(f"/score answers {answer.status} {cause or '-'}, and the contract {wanted}", data, answer)

    def person(self, request, refusals):
        """The openid of the session that the request shows."""
        tokens = [value for name, value in request.headers if name == b"Authorization" and value.startswith(b"Bearer")]
        others = [
            value for name, value in request.headers if name == b"Authorization" and not value.startswith(b"Bearer")
        ]
        if not self.has_wechat:
            return None
        if tokens and others:  # each server takes another of the two
            request.doubts |= {(401, "login")}
        elif len(tokens) == 1 and (known := self.sessions.get(tokens[0][7:].decode("latin1"))):
            return known
        elif tokens:
            refusals.add((401, "login"))
        elif not others and request.kind == "rating" and self.sessions and self.random.random() < 0.2:
            session, openid = self.random.choice(list(self.sessions.items()))
            request.headers.append((b"Authorization", b"Bearer " + session.encode()))
            return openid
        return None

    def check_toast(self, answer, data, method):
        """The form of every answer of /score: a JSON string for a toast, and a cause."""
        words = SUCCESS if answer.status == 200 else FAILURE
        body = b"" if method == b"HEAD" else json.dumps(words, ensure_ascii=False).encode()
        if answer.body != body:
            self.fault(f"/score answers {answer.status} without its toast", data, answer)
        if answer.media_type != "application/json":
            self.fault(f"/score answers {answer.status} as {answer.media_type or 'no type'}", data, answer)
        if answer.status >= 500 or answer.status in (301, 302):
            self.fault(f"/score answers {answer.status}", data, answer)
        error = answer.header("x-score-error")
        if answer.status != 200 and not (error and re.fullmatch(r"[a-z0-9_-]+: [\x20-\x7e]{1,80}", error)):
            self.fault("a malformed X-Score-Error", data, answer)
        elif error and error.partition(":")[0] not in CAUSES:
            self.fault(f"an unknown cause in X-Score-Error: {error}", data, answer)

    def keep_receipt(self, answer, submission, data):
        receipt = answer.header("x-grade-receipt") or ""
        if not re.fullmatch(r"[0-9A-Za-z_:.-]{20,160}", receipt):
            self.fault("an acknowledgement without a receipt", data, answer)
        elif len(self.receipts) < 500:
            self.receipts[receipt] = submission.content

    def play_damaged(self, request):
        data = request.encode()
        is_announced = request.damage == "announced"
        if request.damage == "protocol" and data.startswith(b"PRI") and self.random.random() < 0.7:
            self.requests += 1
            return abandon(self.server.port, data, LIMIT)
        found = self.send(data, [data.partition(b" ")[0]], to_the_end=not is_announced)
        submission = None
        if request.may_store == "any":
            submission = interpret(data)
        elif request.may_store:
            submission = read_or_none(request.content_type, request.body)
        is_score = SCORE_LINE.match(data) is not None
        for answer in found.answers:
            if answer.status >= 500 and answer.status not in SERVER_ERRORS:
                self.fault(f"a request that breaks HTTP ({request.damage}) gets {answer.status}", data, answer)
        if not found.answers:
            if submission:
                self.ledger.note_unanswered(submission, None)
            return
        first = found.answers[0]
        toasts = [json.dumps(words, ensure_ascii=False).encode() for words in (SUCCESS, FAILURE)]
        if is_score and first.body and (first.body not in toasts or first.media_type != "application/json"):
            self.fault(f"a damaged request to /score ({request.damage}) gets {first.status} and no toast", data, first)
        if first.status == 200 and first.body == toasts[0]:
            if submission is None or 200 not in self.ledger.expected(submission, None):
                self.fault(f"/score acknowledges a damaged request ({request.damage})", data, first)
            else:
                self.ledger.acknowledge(submission, None)
        elif submission and first.status == 409:
            self.ledger.note_conflict(submission, None)
        elif is_announced and first.status not in (400, 403, 404, 405, 411, 413, 302, 301):
            self.fault(f"an announced body gets {first.status}", data, first)

    def play_api(self, request):
        shown = ()
        if request.kind == "result with receipts":
            shown = self.show_receipts(request)
        data = request.encode()
        found = self.send(data, [request.method])
        if not found.answers:
            return self.fault(f"{request.kind}: no answer", data, found.ending)
        answer = found.answers[0]
        if request.kind == "login" and self.has_wechat and answer.status in WECHAT_STATUSES:
            pass
        elif answer.status >= 500:
            return self.fault(f"{request.kind} gets {answer.status}", data, answer)
        if self.is_https and request.is_secure and answer.status == 301:
            return self.fault("a redirect to https of a request that came by https", data, answer)
        if answer.status in (301, 304) or request.method == b"HEAD":
            return None
        content = read_json(answer)
        first_line = data.partition(b"\r")[0]
        if answer.status == 400 and (len(first_line) > 4094 or not first_line.isascii()):
            return None  # gunicorn does not read such a first line, and answers with a toast
        if content is None:
            return self.fault(f"{request.kind} gets {answer.status} without JSON", data, answer)
        if answer.status >= 400 and content.get("error") not in API_ERRORS:
            self.fault(f"{request.kind} gets an unknown error: {content.get('error')}", data, answer)
        if request.expects and not request.refusals and answer.status not in request.expects:
            self.fault(f"{request.kind} gets {answer.status}, and the contract {sorted(request.expects)}", data, answer)
        if request.kind == "login" and answer.status == 200:
            self.sessions[content["session"]] = openid_of(request)
        if shown and answer.status == 200:
            ratings = sorted((tuple(rating["grades"]), tuple(rating["remarks"])) for rating in content["ratings"])
            if ratings != sorted({(content[1:4], content[4:]) for content in shown}):
                self.fault("/graderesult shows other ratings than those of the receipts", data, answer)
        elif shown and not request.refusals and request.method == b"GET":
            self.fault(f"/graderesult answers {answer.status} to valid receipts", data, answer)
        return None

    def show_receipts(self, request):
        """Write receipts into the request, some forged; returns the contents that the answer must show."""
        phone = self.random.choice(NUMBERS)
        request.target = b"/graderesult?phonenum=" + quote(phone).encode()
        request.headers = [each for each in request.headers if each[0] != b"X-Grade-Receipt"]
        # A receipt of the same content is that of the same rating; an id makes another rating of it.
        own = list({content: receipt for receipt, content in self.receipts.items() if content[0] == phone}.values())
        shown = self.random.sample(own, min(len(own), self.random.randint(0, 6)))
        others = [receipt for receipt, content in self.receipts.items() if content[0] != phone]
        sent = shown + self.random.sample(others, min(len(others), self.random.randint(0, 3)))
        for receipt in list(sent):
            cut = self.random.randrange(len(receipt))
            sent.append(
                self.random.choice([receipt[:cut], receipt[:cut] + "A" + receipt[cut + 1 :], "", ":::", receipt[:-1]])
            )
        self.random.shuffle(sent)
        if any(sent):
            request.headers.append((b"X-Grade-Receipt", ",".join(sent).encode()))
        if request.method == b"GET":
            request.expects = frozenset({200} if shown else {403})
        return [self.receipts[receipt] for receipt in shown]

    def play_page(self, request):
        """An address beside /score, which gets a toast, or a page."""
        data = request.encode()
        found = self.send(data, [request.method])
        if not found.answers:
            return self.fault(f"{request.kind}: no answer", data, found.ending)
        answer = found.answers[0]
        if SCORE_LINE.match(data):
            self.check_toast(answer, data, request.method)
            if answer.status < 400:
                # `/./score` and the like may be /score itself for a server that normalises the path.
                self.fault(f"an address beside /score gets {answer.status}", data, answer)
        elif answer.status >= 500:
            self.fault(f"a page gets {answer.status}: {request.target[:20]!r}", data, answer)
        return None

    # --- Staff --------------------------------------------------------------------------------

    def log_in(self, who):
        fields = f"csrfmiddlewaretoken={CSRF}&username=fuzz-{who}&password={PASSWORD}&next=/query"
        found = self.send(
            self.staff_head(
                "POST", "/admin/login/", "nobody", {}, "application/x-www-form-urlencoded", fields.encode()
            ),
            [b"POST"],
        )
        cookies = [value for name, value in found.answers[0].headers if name == "set-cookie"] if found.answers else []
        sessions = [match[0] for cookie in cookies if (match := re.match(r"sessionid=\w+", cookie))]
        if not sessions:
            self.server.make_staff()  # a request may have changed the user
            self.cookies.pop(who, None)
        else:
            self.cookies[who] = sessions[0]

    def staff_head(self, method, target, who, headers, content_type, body):
        cookie = f"csrftoken={CSRF}" + (f"; {self.cookies[who]}" if who in self.cookies else "")
        lines = [
            f"{method} {target} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Cookie: {cookie}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        if method == "POST":
            lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "\r\n"]).encode("latin1") + body

    def play_staff(self, request):
        self.kinds[f"staff: {request.kind}"] += 1
        if request.who != "nobody" and request.who not in self.cookies:
            self.log_in(request.who)
        content_type, body = request.body(CSRF) if request.method == "POST" else ("", b"")
        data = self.staff_head(request.method, request.target, request.who, request.headers, content_type, body)
        found = self.send(data, [request.method.encode()])
        if not found.answers:
            return self.fault(f"staff, {request.kind}: no answer", data, found.ending)
        answer = found.answers[0]
        if answer.status >= 500:
            self.fault(f"staff, {request.kind}: {answer.status} for {request.path[:28]}", data, answer)
        if request.expects and answer.status not in request.expects:
            self.fault(f"staff, {request.kind}: {answer.status} without a CSRF token", data, answer)
        if request.hides_rows and b'name="_selected_action" value=' in answer.body:
            self.fault("staff: a search for NUL is dropped and shows rows", data, answer)
        if "application/json" in request.headers.get("Accept", "") and request.kind in ("query", "credit"):
            if answer.status != 302 and answer.media_type != "application/json":
                self.fault(f"staff, {request.kind}: {answer.status} without JSON", data, answer)
        location = answer.header("location") or ""
        if (request.who != "nobody" and "/admin/login/" in location) or request.path == "/admin/logout/":
            self.cookies.pop(request.who, None)
        if "evil.example" in location and request.path != "/admin/login/":
            self.fault("a redirect to another site", data, answer)
        return None


def read_json(answer):
    try:
        content = json.loads(answer.body)
    except ValueError:
        return None
    return content if isinstance(content, dict) and answer.media_type == "application/json" else None


def openid_of(request):
    code = re.search(rb"fuzzcode-\d", request.body)[0]
    return f"oFuzz{sum(code) % 7}"


def interpret(data):
    """The submission in a request with changed bytes, if it is still one."""
    head, *rest = re.split(rb"\r?\n\r?\n", data, maxsplit=1)
    body = b"".join(rest)
    head = head.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")  # gunicorn takes a line feed for a line end
    kinds = re.findall(rb"(?i)\r\nContent-Type:[ \t]*([^\r\n]*)", head)
    lengths = re.findall(rb"(?i)\r\nContent-Length:[ \t]*(\d+)[ \t]*(?=\r\n|$)", head)
    if kinds and not lengths and re.search(rb"(?i)\r\nTransfer-Encoding:[ \t]*chunked", head):
        return read_or_none(kinds[0].decode("latin1"), join_chunks(body))
    if not (kinds and lengths) or int(lengths[0]) > len(body):
        return None
    return read_or_none(kinds[0].decode("latin1"), body[: int(lengths[0])])


def join_chunks(body):
    joined = b""
    while match := re.match(rb"([0-9a-fA-F]+)[^\r\n]*\r\n", body):
        size = int(match[1], 16)
        joined += body[match.end() : match.end() + size]
        body = body[match.end() + size + 2 :]
    return joined


def read_or_none(content_type, body):
    try:
        return read_submission(content_type, body)
    except Refused:
        return None


def vary(request, chance):
    """The same request again, with other headers, or with changed bytes; None if it must not be varied."""
    if request.damage and request.damage != "bytes":
        return None
    varied = copy.copy(request)
    varied.headers = list(request.headers)
    varied.refusals, varied.doubts = set(request.refusals), set(request.doubts)
    kind = chance.random()
    if kind < 0.25 and not request.damage:
        return varied
    if kind < 0.6 and not request.damage:
        varied.headers += chance.sample(NOISE, chance.randint(1, 3))
        if chance.random() < 0.1:
            varied.host = chance.choice(WRONG_HOSTS)
            varied.refusals.add((400, "request"))
        if chance.random() < 0.05:
            varied.is_secure = False
        return varied
    varied.headers = [each for each in request.headers if each[0] != b"Authorization"]  # nobody's
    raw = bytearray(varied.encode())
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(min(len(raw), 400))
        if chance.random() < 0.5:
            raw[place] = chance.randrange(256)
        elif chance.random() < 0.5:
            del raw[place]
        else:
            raw[place:place] = chance.choice([b"\r\n", b"\0", b"%0a", b" ", b"\xff", b":", b"\n"])
    if re.match(rb"[^?#\r]*13977", raw):
        return None  # a number in the path is logged; every other place must not be
    return Request("bytes", method=request.method, raw=bytes(raw), damage="bytes", may_store="any")


def wait_for_silence(seconds=0.5):
    """Requests that were abandoned may still be at work."""
    time.sleep(seconds)
