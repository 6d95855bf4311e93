"""The headings of a dispatch list, and the columns that they name."""

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from ..models import Account
from .refusals import ImportFailed

# Accepted in every language of the site, with the names of the model's fields in addition.
HEADINGS = {
    "acc_nbr": ("号码", "电话号码", "用户号码", "手机号码", "手机号", "业务号码"),
    "customer_name": ("客户姓名", "姓名", "客户名称", "用户姓名"),
    "area": ("区域", "所属区域", "地区"),
    "product": ("套餐", "产品", "套餐名称", "产品名称"),
    "pay_type": ("付费类型", "付费方式"),
    "state": ("状态", "用户状态"),
    "dispatched_on": ("派单日期", "派单时间"),
    "monthly_fee": ("月租费", "月租", "月租费(元)", "月租费（元）"),
    "acct_id": ("账户标识", "帐户标识", "账户ID", "帐户ID"),
}


FIELDS = {field.name: field for field in Account._meta.fields if field.name in HEADINGS}


def label(column: str) -> str:
    """The name of a column in the active language."""
    return str(FIELDS[column].verbose_name)


def known_headings() -> dict[str, str]:
    """The column of every accepted heading, by the casefolded heading."""
    known: dict[str, str] = {}
    for column, names in HEADINGS.items():
        known.update(dict.fromkeys((name.casefold() for name in (column, *names)), column))
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            for column in HEADINGS:
                known.setdefault(label(column).casefold(), column)
    return known


def find_columns(headings: list[str], known: dict[str, str]) -> dict[str, int]:
    """The position of each of the nine columns; other columns are ignored."""
    places: dict[str, int] = {}
    for place, heading in enumerate(headings):
        if column := known.get(heading.casefold()):
            if column in places:
                raise ImportFailed(
                    _("Two columns mean the same: “%(first)s” and “%(second)s”. Remove one.")
                    % {"first": headings[places[column]], "second": heading}
                )
            places[column] = place
    if missing := [label(column) for column in HEADINGS if column not in places]:
        raise ImportFailed(
            _("The first row must name the columns. Missing: %(columns)s.") % {"columns": ", ".join(missing)}
        )
    return places
