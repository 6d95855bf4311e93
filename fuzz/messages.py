"""Requests to /score and the other open routes: valid ones, mutated ones, and ones that break HTTP."""

import json
import uuid
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from hypothesis import strategies as st

from .contract import FIELDS, FORM, JSON

ODD_TEXTS = (
    "", " ", "\0", "a\0b", "\x01", "\x1b[31m", "\x7f", "\x85", "\r\nX-Injected: 1", "\t\n\r", "\u202e", "\u2028",
    "\ufeff", "\ufffe", "😀" * 500, "😀" * 501, "好" * 500, "好" * 501, "null", "undefined", "NaN", "-Infinity",
    "1e999999999", "9" * 5000, "-1", "0", "6", "1.50", "4.7", "5.0", "05", "+5", "٣", "５", "0x5", "5e0", "50e-1",
    "true", "[]", "{}", "<script>alert(1)</script>", "' OR 1=1 --", "%s%n%(x)s", "{0}{{7*7}}", "a" * 33, "a" * 32,
    "../../etc", "%00", "%", "%u4e00", "&", "=", "+", ";",
)  # fmt: skip
# JSON as it stands in a value of a form or of an object; some is malformed.
ODD_JSON = (
    "null", "undefined", "true", "false", "5", "5.0", " 5 ", "4.7", "4.9999999999999999999", "-5", "-0", "05", "5e0",
    "0.5e1", "50e-1", "1e400", "1e999999999999999999999", "-1e-999999999999", "5.", ".5", "+5", "0x5", "NaN",
    "Infinity", "-Infinity", '"', '"5', "'5'", "[", "[5]", "[]", "{}", '{"a":1}', '{"a":1,"a":2}', "[" * 100,
    "[" * 100 + "]" * 100, r'"\u0000"', r'"\ud800"', r'"\udc00x"', r'"\ud83d\ude00"', r'"\x"', r'"a\u000bb"',
    r'"\u202e"', "9" * 400, "1" * 33, "1" * 32, '"5"', '"05"', '" 5"', '"5.0"', '"٣"', "\ufeff5", "5 5", "5,",
    "/*5*/", "1_000", "١", "12345678123456781234567812345678",
)  # fmt: skip
NUMBERS = [f"13977{number:06}" for number in range(0, 240, 8)] + ["ADSL13977_88@163.gd", "013977.x+y"]
REMARKS = ["", "密语很好👍", '密语 "引号" \\ / %s', "密语\n二\t三", "密语" + "𠮷" * 498]
IDS = [str(uuid.UUID(int=(number << 64) + 7)) for number in range(1, 40)]

pick = st.sampled_from
numbers, remarks, odd_json, odd_text = pick(NUMBERS), pick(REMARKS), pick(ODD_JSON), pick(ODD_TEXTS)
dice = st.integers(0, 99)
free_text = st.text(max_size=12).map("密语{}".format)


@dataclass
class Request:
    """One request and the facts that the oracle needs; `headers` without Host and framing."""

    kind: str
    method: bytes = b"POST"
    target: bytes = b"/score"
    headers: list = field(default_factory=list)  # (name, value) as bytes
    body: bytes = b""
    host: bytes = b"127.0.0.1"
    version: bytes = b"HTTP/1.1"
    framing: str = "length"  # length, chunked or none
    content_type: str = ""
    refusals: set = field(default_factory=set)  # (status, cause) that this request deserves
    doubts: set = field(default_factory=set)  # refusals that are allowed besides the usual answer
    openid: str | None = None
    damage: str = ""  # the part of HTTP that the bytes break
    may_store: bool = True  # whether a server may take a damaged request for a rating
    raw: bytes | None = None  # the bytes of a damaged request
    is_secure: bool = True  # tells the server that the proxy was asked by https
    expects: frozenset = frozenset()  # allowed statuses, for routes besides /score; empty for any below 500
    receipts: tuple = ()  # contents that /graderesult must show

    def head(self, framing):
        lines = [b" ".join([self.method, self.target, self.version]), b"Host: " + self.host]
        if self.is_secure:
            lines.append(b"X-Forwarded-Proto: https")
        if self.content_type:
            lines.append(b"Content-Type: " + self.content_type.encode("latin1"))
        lines += [name + b": " + value for name, value in self.headers] + framing
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def encode(self):
        if self.raw is not None:
            return self.raw
        if self.framing == "chunked":
            half = len(self.body) // 2
            chunks = [self.body[:half], self.body[half:]] if half else [self.body]
            sent = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk) + b"0\r\n\r\n"
            return self.head([b"Transfer-Encoding: chunked"]) + sent
        framing = [] if self.framing == "none" else [b"Content-Length: %d" % len(self.body)]
        return self.head(framing) + self.body


@st.composite
def fields(draw, odds):
    """Name → JSON text of a submission; about `odds` percent of the submissions have an odd value."""
    found = {
        "acc_nbr": json.dumps(draw(numbers)),
        **{name: str(draw(st.integers(1, 5))) for name in FIELDS[1:4]},
        **{name: json.dumps(draw(remarks), ensure_ascii=False) for name in FIELDS[4:]},
    }
    if draw(dice) < 60:
        found["txt2"] = json.dumps(draw(free_text), ensure_ascii=draw(st.booleans()))
    chance = draw(dice)
    if chance < 25:
        found["submission_id"] = json.dumps(draw(pick(IDS)))
    elif chance < 40:
        found["submission_id"] = json.dumps(str(uuid.UUID(int=draw(st.integers(1 << 100, (1 << 128) - 1)))))
    for _ in range(draw(st.integers(1, 2)) if draw(dice) < odds else 0):
        name = draw(pick([*FIELDS, "submission_id"]))
        chance = draw(dice)
        if chance < 45:
            found[name] = draw(odd_json)
        elif chance < 85:
            found[name] = json.dumps(draw(odd_text), ensure_ascii=draw(st.booleans()))
        else:
            found.pop(name, None)
    return found


def as_bytes(text):
    return text.encode("utf-8", "surrogatepass")


def as_form(found, encoding):
    if encoding == "every byte":
        encode = lambda text: "".join(f"%{byte:02x}" for byte in as_bytes(text)).encode()  # noqa: E731
    elif encoding == "bare":
        encode = lambda text: as_bytes(text.replace("%", "%25").replace("&", "%26").replace("+", "%2B"))  # noqa: E731
    else:
        encode = lambda text: (quote if encoding == "quote" else quote_plus)(as_bytes(text)).encode()  # noqa: E731
    return b"&".join(encode(name) + b"=" + encode(value) for name, value in found.items())


BODY_TRICKS = (
    "cut", "twice", "flip", "junk", "many", "unknown", "bom", "utf16", "huge", "deep", "empty", "list", "other type",
    "overlong",
)  # fmt: skip
FLIPS = (
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"%ed%a0%80",
    b"%ff",
    b"%00",
    b"&",
    b"=",
    b'"',
    b"{",
    b"\n",
    b"%",
)


def play_trick(draw, trick, body, is_json):
    """The body, changed at one place."""
    place = draw(st.integers(0, max(len(body) - 1, 0)))
    if trick == "cut":
        return body[:place]
    if trick == "twice":
        again = b'"grade1":4,' if is_json else b"grade%31=4&"
        return body[:1] + again + body[1:] if is_json else again + body
    if trick == "flip":
        return body[:place] + draw(pick(FLIPS)) + body[place + 1 :]
    if trick == "junk":
        return draw(st.binary(max_size=60))
    if trick == "many":
        extra = 93 + place % 12
        if is_json:
            return b"{" + b"".join(b'"x%d":1,' % n for n in range(extra)) + body[1:]
        return body + b"".join(b"&x%d=1" % n for n in range(extra))
    if trick == "unknown":
        return body[:-1] + b',"openid":"o","deep":[[{"a":[1]}]]}' if is_json else body + b"&openid=%22o%22&x&=&&"
    if trick == "bom":
        return b"\xef\xbb\xbf" + body
    if trick == "utf16":
        return body.decode("utf-8", "replace").encode("utf-16")
    if trick == "huge":
        size = draw(pick([200_000, 262_144, 262_145, 300_000, 1_500_000])) - len(body)
        filling = b" " * max(size, 0)
        return body + filling if is_json else body + b"&x=" + filling[3:].replace(b" ", b"y")
    if trick == "deep":
        nest = b"[" * 100_000 + b"]" * (100_000 if place % 2 else 0)
        return body[:-1] + b',"x":' + nest + b"}" if is_json else body + b"&x=" + nest
    if trick == "empty":
        return b""
    if trick == "list":
        return b"[" + body + b"]"
    return body.replace(b"a", b"\xe0\x81\xa1" if is_json else b"%c1%a1")  # an overlong encoding


TYPES = (
    "", "text/plain", "text/html", "multipart/form-data; boundary=x", "application/xml", "application/jsonx", "*/*",
    "; charset=utf-8",
)  # fmt: skip
PARAMETERS = (
    "charset*=bogus''x", "charset=rot13", "charset=utf-16", "charset=",
    "charset=zlib", "charset=\xff", "charset*0*=a; x*=", ";=;*=", "boundary*=b''x", 'charset="utf-8', "charset=idna",
    "q=1; q=2", "x" * 3000,
)  # fmt: skip


@st.composite
def ratings(draw, odds=45):
    """POST /score, valid HTTP."""
    found = draw(fields(odds))
    is_json = draw(st.booleans())
    if is_json:
        body = as_bytes("{" + ",".join(f'"{name}":{value}' for name, value in found.items()) + "}")
    else:
        body = as_form(found, draw(pick(["quote", "plus", "bare", "every byte"])))
    content_type, kind = JSON if is_json else FORM, "rating"
    chance = draw(dice)
    if chance < 18:
        kind = draw(pick(BODY_TRICKS))
        if kind in ("huge", "deep") and draw(dice) < 70:
            kind = "cut"
        if kind == "other type":
            content_type = draw(pick(TYPES))
        else:
            body = play_trick(draw, kind, body, is_json)
    elif chance < 30:
        kind, content_type = "parameters", f"{content_type}{draw(pick([';', '; ', ' ;']))}{draw(pick(PARAMETERS))}"
    elif chance < 33:
        content_type = content_type.upper()
    request = Request(kind, content_type=content_type, body=body)
    if draw(dice) < 5:
        request.framing = "chunked"
    return request


NAMES = (
    "SCRIPT_NAME", "PATH_INFO", "Script-Name", "REMOTE_USER", "wsgi.input_terminated", "CONTENT_LENGTH", "HTTP_HOST",
)  # fmt: skip
NOISE = (
    *((name.encode(), b"/query") for name in NAMES), (b"Accept", b"text/html; x*=bogus''y"),
    (b"Accept", b"text/html"), (b"Accept", b"application/json;x*0=1;q=0.5, text/html;x*=b''y"),
    (b"Accept", b"*/*;q=NaN, a/b;q=1e99"), (b"Accept", b"\xff\xfe"), (b"Accept", b"," * 500),
    (b"Accept-Language", b"zh*=x''y, *;q=x"), (b"Accept-Language", b"en," * 400),
    (b"Accept-Language", b"\xe4\xb8\xad"), (b"Accept-Encoding", b"gzip;q=x, \xff"),
    (b"Cookie", b"sessionid=\xff\x80; csrftoken=" + b"x" * 5000), (b"Cookie", b"=;;=\"; a=\"\\999\""),
    (b"Cookie", b"django_language=\xe4"), (b"X-Requested-With", b"XMLHttpRequest"),
    (b"X-HTTP-Method-Override", b"DELETE"), (b"Range", b"bytes=0-1,5-,-1"), (b"If-None-Match", b"*, \"\xff\", W/"),
    (b"If-Modified-Since", b"Thu, 99 Foo 99999 99:99:99"), (b"Expect", b"100-continue"),
    (b"Content-Encoding", b"gzip"), (b"Connection", b"close"),
    (b"Connection", b"keep-alive, Upgrade, HTTP2-Settings"), (b"X-Forwarded-For", b"1.2.3.4, evil"),
    (b"X-Forwarded-Host", b"evil.example"), (b"Forwarded", b"for=_x;host=evil"), (b"Origin", b"null"),
    (b"Referer", b"http://\xff/"), (b"User-Agent", b"\xe5\xaf\x86 %0aforged"), (b"X-Grade-Receipt", b"\xff," * 60),
    (b"Date", b"\x80"), (b"X", b"y" * 7000), (b"Authorization", b"Basic YTpi"),
)  # fmt: skip
WRONG_HOSTS = (
    b"evil.example", b"127.0.0.1.evil.example", b"a b", b"\xff", b"127.0.0.1, x", b"[::1", b"127.0.0.1@evil", b"*",
    b"%00", b"x" * 300,
)  # fmt: skip


@st.composite
def noise(draw, request):
    """Headers that must not change the answer, and now and then a wrong Host."""
    chance = draw(dice)
    if chance < 35:
        for _ in range(draw(st.integers(1, 3))):
            request.headers.append(draw(pick(NOISE)))
    elif chance < 38:
        request.headers += [(b"X-%d" % n, b"y") for n in range(draw(pick([40, 85, 90])))]
    elif chance < 43:
        request.host = draw(pick(WRONG_HOSTS))
        request.refusals.add((400, "request"))
    elif chance < 46:
        token = draw(pick([b"", b"x", b"\xff\xfe", b"a:b:c", b"x" * 3000]))
        request.headers.append((b"Authorization", b"Bearer " + token))
    elif chance < 47:
        request.version, request.doubts = b"HTTP/1.0", request.doubts | {(400, "request")}
        request.framing = "length" if request.framing == "chunked" else request.framing
    if any(name in (b"wsgi.input_terminated", b"CONTENT_LENGTH") for name, _value in request.headers):
        request.doubts |= {(400, "request")}
    return request


METHODS = (
    b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"PROPFIND", b"FOO",
)  # fmt: skip
SCORE_PATHS = (
    b"/score;x", b"/./score", b"/score%00", b"/score/", b"//score", b"/score/x", b"/score%20", b"/score.",
    b"/../score", b"/score%0aforged", b"/score%ff", b"/score;jsessionid=1", b"/score%2f", b"///score", b"/.//score",
    b"/score/;", b"/score%c0%80", b"/score.json", b"/%2e/score", b"/score%E5%AF%86",
)  # fmt: skip
OPEN_PATHS = (
    b"/", b"/query", b"/credit", b"/query/export", b"/admin/", b"/admin/login/", b"/nowhere", b"/static/nothing.css",
    b"/static/../x", b"/i18n/setlang/", b"/nowhere%0aforged", b"/%ff%fe", b"/admin/%00", b"/admin/login", b"/scorex",
    b"/wechat", b"/wechat/login/", b"/graderesult/", b"/admin/jsi18n/", b"/favicon.ico", b"//evil.example/",
    b"/%5cevil", b"/admin/r/1/1/", b"/graderesult;x", b"/score/form/", b"/admin/login/?next=//evil.example",
    b"/admin/logout/", b"/%E5%AF%86", b"/" + b"x" * 3000,
)  # fmt: skip
QUERIES = (
    b"",
    b"?",
    b"?a=%00",
    b"?%ff=%fe",
    b"?" + b"&".join([b"a=1"] * 1200),
    b"?phonenum[]=1",
    b"?a=%0d%0aX-Injected:1",
    b"?next=%0d%0ax",
    b"#x",
    b"?\xe4\xb8\xad",
)


@st.composite
def paths_and_methods(draw):
    """Addresses beside /score, other methods, and pages that need no login."""
    chance = draw(dice)
    if chance < 35:
        request = draw(ratings(10))
        request.kind, request.target = "path", draw(pick(SCORE_PATHS))
    elif chance < 50:
        request = draw(ratings(10))
        request.kind, request.method = "method", draw(pick(METHODS))
        request.refusals.add((405, "method"))
    else:
        request = Request("page", method=draw(pick([b"GET", b"GET", b"GET", b"HEAD", b"POST", b"PUT", b"OPTIONS"])))
        request.target = draw(pick(OPEN_PATHS)) + draw(pick(QUERIES))
        if request.method in (b"POST", b"PUT"):
            request.content_type = draw(
                pick([FORM, JSON, "multipart/form-data; boundary=b", *TYPES, f"{FORM}; charset*=bogus''x"])
            )
            request.body = draw(
                pick(
                    [
                        b"",
                        b"a=1&b=%00",
                        b"next=//evil.example&language=%00",
                        b"{" * 30,
                        multipart(b"filename*=bogus''x"),
                    ]
                )
            )
        else:
            request.framing = "none"
    return request


def multipart(parameter, name=b"file", content=b"x"):
    return b'--b\r\nContent-Disposition: form-data; name="%s"; %s\r\n\r\n%s\r\n--b--\r\n' % (name, parameter, content)


CODES = (
    '"fuzzcode-1"', '"fuzzcode-2"', '"fuzzcode-used"', '"fuzzcode-busy"', '"fuzzcode-blocked"', '"fuzzcode-often"',
    '"fuzzcode-list"', '"fuzzcode-broken"', '"fuzzcode-deep"', '"fuzzcode-odd"', '"fuzzcode-code"', '""', "5", "null",
    r'"\ud800"', r'"\u0000"', '"' + "x" * 129 + '"', "[]",
)  # fmt: skip
PHONES = (
    b"", b"%00", b"%ff", b"1&phonenum=2", b"a%20b", b"9" * 33, b"%F0%9F%98%80", b"%0a", b"[]",
)  # fmt: skip


@st.composite
def api_requests(draw):
    """The other endpoints of the mini program. `play.Player` fills in receipts and sessions."""
    kind = draw(pick(["form", "result", "result", "result with receipts", "result with receipts", "login", "receipts"]))
    if kind == "login":
        code = draw(pick(CODES))
        is_json = draw(st.booleans())
        body = as_bytes(f'{{"code":{code}}}') if is_json else b"code=" + quote(as_bytes(code)).encode()
        content_type = draw(pick([JSON if is_json else FORM] * 5 + [f"{JSON}; charset=rot13", "text/plain"]))
        return Request(kind, target=b"/wechat/login", content_type=content_type, body=body)
    request = Request(kind, method=b"GET", framing="none")
    if kind == "form":
        request.target = b"/score/form" + draw(pick(QUERIES))
    elif kind == "receipts":
        request.target = b"/wechat/receipts" + draw(pick(QUERIES))
    elif kind == "result":
        is_good = draw(st.booleans())
        phone = quote(draw(numbers)).encode() if is_good else draw(pick(PHONES))
        request.target = b"/graderesult?phonenum=" + phone
        request.expects = frozenset({403} if is_good else {400})
    if draw(dice) < 8:
        request.method, request.expects = draw(pick([b"HEAD", b"DELETE", b"OPTIONS", b"PUT"])), frozenset()
        request.framing = "length"
    return request
