"""Requests of staff with a session: lists, searches, filters, actions, forms, exports and uploads."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from hypothesis import strategies as st

from .messages import NUMBERS, ODD_TEXTS, dice, numbers, odd_text, pick

LISTS = ("grade", "account", "credit", "conflict")
ACTIONS = {
    "grade": ("mark_followed_up", "mark_closed", "reopen", "export_xlsx", "export_csv", "delete_selected"),
    "account": ("delete_selected",),
    "credit": ("delete_selected",),
    "conflict": ("keep_selected", "delete_selected"),
}
KEYS = (
    "1", "2", "7", "601", "0", "-1", "x", "", "\0", "9" * 25, "1.5", "٣", " 1", "1 ", "1,2", "None",
    "null", "9223372036854775808", "_5F", "'", "1\n", "+1",
)  # fmt: skip
PARAMETERS = (
    "q", "q", "q", "p", "p", "show", "after", "review", "lowest", "remarks", "from", "to", "state", "rating", "o", "ot",
    "all", "e", "_facets", "_popup", "_to_field", "acc_nbr", "acc_nbr__regex", "id__exact",
    "reviewer__password__startswith", "pk", "q__isnull", "\0", "next",
)  # fmt: skip
ODD_VALUES = (
    "1", "0", "-1", "2", "3", "99999999999999999999", "1e5", "last", "yes", "no", "new", "open", "kept",
    "followed_up", "2026-11-27", "2026-02-30", "0001-01-01", "9999-12-31", "1900-01-01", "9000-12-31", "20261127",
    "2026-W01-1", "now", '"13977000000"', '""', '"', "“138”", "13", "\ud7ff", "\U0010ffff", "1.2.3", "-1.-2", "%",
    "_", "\\", "'", "None", "true", "a" * 3000, "１２",
)  # fmt: skip
odd_values = st.one_of(pick(ODD_VALUES), pick(ODD_VALUES), odd_text)
ACCOUNT = {
    "acc_nbr": "13977000008", "customer_name": "密语先生", "area": "城东", "product": "套餐", "pay_type": "postpaid",
    "state": "在用", "dispatched_on": "2026-11-01", "monthly_fee": "99.00", "acct_id": "71",
}  # fmt: skip
MONEY = ("149", "149.00", "-1", "1e3", "NaN", "Infinity", "1" * 40, "0.001", "१", "", "1,000", "sNaN", "1e999999999")
CSV = (
    "号码,客户名称,区域,产品,付费类型,状态,派单日期,月租,acct_id\n"
    "13977000008,密语,城东,套餐,后付费,在用,2026-11-01,99,7300000001\n"
)
FILES = (
    CSV.encode(),
    CSV.encode("gb18030"), CSV.encode("utf-16"), b"", b"\0" * 5000, b"PK\x03\x04" + b"x" * 400, b"\xff\xfe",
    CSV.encode()[:70], CSV.encode() + b"\x00,\x01,,,,,,,\n" * 40, b'"' * 3000, b"a,b\n1,2\n",
    CSV.replace(",99,", ",1e999,").encode(), b"\n" * 4000, b"," * 4000,
    CSV.replace("2026-11-01", "9999-99-99").encode(), CSV.replace("7300000001", "=1+1").encode(),
    CSV.replace("号码", "号码,号码").encode(),
)  # fmt: skip
FILE_NAMES = (
    "a.csv", "a.xlsx", "a.CSV", "a", "../../a.csv", "a%00.csv", "密.csv", 'a.csv"; x="', ".csv", "a" * 300 + ".csv",
    "\x01.xlsx",
)  # fmt: skip
PAGES = (
    "/admin/", "/query", "/first-steps", "/admin/password_change/", "/admin/jsi18n/",
    "/admin/autocomplete/", "/admin/grades/account/import/", "/admin/grades/account/import/template.xlsx",
    "/admin/grades/", "/admin/r/1/1/", "/admin/grades/account/add/", "/admin/auth/user/add/",
    "/admin/grades/grade/queue/",
)  # fmt: skip


@dataclass
class StaffRequest:
    kind: str
    path: str
    method: str = "GET"
    query: list = field(default_factory=list)
    form: list | None = None
    upload: tuple | None = None  # (file name, content)
    who: str = "chief"  # chief has all rights, clerk has none, nobody has no session
    has_token: bool = True
    headers: dict = field(default_factory=dict)
    hides_rows: bool = False  # the list may not show a row
    expects: tuple = ()  # allowed statuses; empty for any below 500

    @property
    def target(self):
        query = urlencode(self.query, errors="surrogatepass")
        return self.path + ("?" + query if query else "")

    def body(self, token):
        fields = list(self.form or [])
        if self.has_token:
            fields.append(("csrfmiddlewaretoken", token))
        if self.upload is None:
            return "application/x-www-form-urlencoded", urlencode(fields, errors="surrogatepass").encode()
        parts = [part(f'name="{name}"', str(value).encode("utf-8", "surrogatepass")) for name, value in fields]
        parts.append(part(f'name="file"; filename="{self.upload[0]}"', self.upload[1]))
        return "multipart/form-data; boundary=b", b"".join(parts) + b"--b--\r\n"


def part(disposition, content):
    return f"--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + content + b"\r\n"


@st.composite
def lists(draw):
    """A list with a search, filters and a page."""
    model = draw(pick(LISTS))
    request = StaffRequest("list", f"/admin/grades/{model}/")
    for _ in range(draw(st.integers(1, 2))):
        request.query.append((draw(pick(PARAMETERS)), draw(odd_values)))
    searched = [value for name, value in request.query if name == "q"]
    # Stock admin reads the last of them, and drops a search for NUL.
    request.hides_rows = bool(searched) and "\0" in searched[-1]
    if draw(dice) < 10:
        request.path = draw(pick(["/admin/auth/user/", "/admin/auth/group/"]))
        request.hides_rows = False
    return request


@st.composite
def actions(draw):
    """A bulk action, with and without its confirmation. The chief may not delete ratings."""
    model = draw(pick(LISTS))
    action = (
        draw(pick(ACTIONS[model])) if draw(dice) < 90 else draw(pick(["", "delete", "\0", "__class__", "export_xlsx"]))
    )
    form = [("action", action), ("index", draw(pick(["0", "0", "0", "1", "x", "", "-1", "9" * 30])))]
    form += [("_selected_action", draw(pick(KEYS))) for _ in range(draw(st.integers(0, 2)))]
    form.append(("select_across", draw(pick(["0", "0", "1", "", "x"]))))
    request = StaffRequest("action", f"/admin/grades/{model}/", "POST", form=form)
    if draw(dice) < 50:
        form += [
            ("confirmed", "1"),
            (
                "until",
                draw(
                    pick(
                        ["2026-11-01", "2030-01-01 00:00:00", "x", "", "\0", "9999-12-31T23:59:59+00:00", "0001-01-01"]
                    )
                ),
            ),
        ]
        form.append(("note", draw(odd_text)))
    if draw(dice) < 30:
        request.query.append((draw(pick(PARAMETERS)), draw(odd_values)))
    return request


@st.composite
def pages(draw):
    """The page of one row, its history and deletion, and pages of the back office."""
    if draw(dice) < 25:
        path = draw(
            pick(PAGES)
        )  # fmt: skip
        return StaffRequest("page", path, query=[(draw(pick(PARAMETERS)), draw(odd_values))])
    model = draw(
        pick(["grades/grade", "grades/account", "grades/credit", "grades/conflict", "auth/user", "auth/group"])
    )
    key = urlencode({"k": draw(pick(KEYS))})[2:]
    path = f"/admin/{model}/{key}/{draw(pick(['change/', 'history/', 'delete/', '', 'keep/', 'password/']))}"
    request = StaffRequest("row", path, draw(pick(["GET", "GET", "POST"])))
    if request.method == "POST":
        is_user = model.startswith("auth")
        if is_user and "delete" in path:  # the fuzzer's own logins must remain
            request.method = "GET"
        elif is_user:
            names = ("username", "name", "groups", "permissions", "user_permissions", "date_joined_0")
            request.form = [(name, draw(odd_text if name[-4:] == "name" else pick(KEYS))) for name in names]
        else:
            request.form = [
                ("review_state", draw(pick(["new", "closed", "", "x", "\0"]))),
                ("note", draw(odd_text)),
                ("assignee", draw(pick(KEYS))),
                ("version", draw(pick(KEYS))),
                ("post", "yes"),
            ]
    return request


@st.composite
def forms(draw):
    """The query page, credits, exports, and the form of a dispatch."""
    kind = draw(
        pick(
            [
                "query",
                "query",
                "credit",
                "withdraw",
                "export",
                "export",
                "dispatch",
                "dispatch",
                "upload",
                "login",
                "language",
                "user",
            ]
        )
    )
    headers = draw(
        pick(
            [
                {},
                {"Accept": "application/json"},
                {"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"},
                {"Accept": "text/html; x*=bogus''y"},
            ]
        )
    )
    acc_nbr = draw(numbers) if draw(dice) < 50 else draw(odd_text)
    request = StaffRequest(kind, f"/{kind}", "POST", headers=headers)
    if kind == "query":
        request.form = [("acc_nbr", acc_nbr)]
    elif kind == "credit":
        request.form = [
            ("acct_id", draw(pick(["7100000001", "71", "\0", "x" * 40, ""]))),
            ("credit_amount", draw(pick(MONEY))),
        ]
    elif kind == "withdraw":
        request.path = "/credit/withdraw"
        request.form = [("credit", draw(pick(["1", "2", "0", "-1", "x", "9" * 30, ""]))), ("reason", draw(odd_text))]
    elif kind == "export":
        request.path = "/query/export"
        request.form = [("acc_nbr", acc_nbr), ("format", draw(pick(["xlsx", "csv", "csv", "pdf", "", "\0"])))]
    elif kind == "dispatch":
        request.path = "/admin/grades/account/add/"
        values = ACCOUNT | {"acct_id": str(draw(st.integers(8_000_000_000, 9_000_000_000)))}
        name = draw(pick(list(values)))
        values[name] = (
            draw(pick(MONEY)) if name == "monthly_fee" else draw(st.one_of(pick(ODD_TEXTS), pick(ODD_VALUES)))
        )
        request.form = list(values.items())
    elif kind == "upload":
        request.path = "/admin/grades/account/import/"
        request.form = [("dry_run", "on")] if draw(st.booleans()) else []
        request.upload = (draw(pick(FILE_NAMES)), draw(pick(FILES)))
    elif kind == "login":
        request.path, request.who = "/admin/login/", "nobody"
        request.form = [("username", draw(odd_text)), ("password", draw(odd_text)), ("next", draw(odd_values))]
    elif kind == "language":
        request.path = "/i18n/setlang/"
        request.form = [
            ("language", draw(odd_values)),
            ("next", draw(pick(["//evil.example/", "/query", "\r\nX-Injected: 1", "\0", "javascript:1"]))),
        ]
    else:
        request.path = "/admin/auth/user/add/"
        request.form = [
            ("username", draw(odd_text)),
            ("password1", draw(odd_text)),
            ("password2", "x"),
            ("usable_password", "true"),
        ]
    return request


@st.composite
def staff_requests(draw):
    request = draw(st.one_of(lists(), lists(), actions(), pages(), forms(), forms()))
    chance = draw(dice)
    if chance < 5 and request.who == "chief":
        request.who = draw(pick(["clerk", "nobody"]))
    elif chance < 8 and request.method == "POST":
        request.has_token, request.expects = False, (400, 403, 405, 413)
        if "%0A" in request.path:  # no route has a line feed, and the token is not looked for
            request.expects += (404,)
    elif chance < 11:
        request.query.append(("\0x%0a", "%0aforged"))
    elif chance < 14:
        request.path += draw(pick(["%0aforged", "%00", "%ff", "%E5%AF%86"]))
    return request


assert all("13977" in number for number in NUMBERS)
