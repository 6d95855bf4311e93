"""A code as a picture: a QR code of a link, or WeChat's own mini program code."""

import base64
import time

import segno
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import wechat
from .cards import Card

LINK, WECHAT = "link", "wechat"
ATTEMPTS, PAUSE_SECONDS = 3, 1.0
QUIET_ZONE = 4  # modules; a decoder needs this margin


class CodesFailed(Exception):
    """No codes can be made; the text says why, and how to mend it."""


REASONS = {
    40013: gettext_lazy("WeChat does not know this app. Check WECHAT_APPID."),
    40097: gettext_lazy("WeChat refuses the parameters of a code. Check the mini program's pages."),
    40125: gettext_lazy("WeChat refuses the app's secret. Check WECHAT_SECRET."),
    40129: gettext_lazy("WeChat refuses the parameters of a code. Check the mini program's pages."),
    40164: gettext_lazy(
        "WeChat does not accept this server's address. Add it to the IP whitelist in WeChat's console."
    ),
    41030: gettext_lazy("The mini program has no published score page. Publish it first, or make codes for its trial."),
    45009: gettext_lazy("WeChat's limit for codes is reached. Try again later."),
    45011: gettext_lazy("WeChat's limit for codes is reached. Try again later."),
    48001: gettext_lazy("This mini program may not make codes. Check its rights in WeChat's console."),
}


def available_kinds() -> list[str]:
    """The kinds of codes that the settings allow, the better one first."""
    kinds = [(WECHAT, settings.WECHAT_APPID), (LINK, settings.PUBLIC_URL)]
    return [kind for kind, setting in kinds if setting]


def picture_of(card: Card, kind: str, env_version: str = "release") -> SafeString:
    """The code of `card` as HTML: an inline SVG, or an image with its data. Raises `CodesFailed`."""
    if kind == LINK:
        return qr_code(card.link)
    media_type, content = ask_wechat(card.code, env_version)
    return format_html('<img src="data:{};base64,{}" alt="">', media_type, base64.b64encode(content).decode())


def qr_code(text: str) -> SafeString:
    # Level M survives 15 % of dirt and folds; a Micro QR code is unknown to WeChat.
    code = segno.make_qr(text, error="m")
    return mark_safe(code.svg_inline(border=QUIET_ZONE, omitsize=True, svgclass=None, lineclass=None))  # noqa: S308


def ask_wechat(code: str, env_version: str) -> tuple[str, bytes]:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return wechat.unlimited_code(code, env_version)
        except wechat.Unavailable:
            if attempt == ATTEMPTS:
                raise CodesFailed(_("WeChat does not answer. Try again in a few minutes.")) from None
            time.sleep(PAUSE_SECONDS)
        except wechat.Refused as refusal:
            unknown = _("WeChat refuses to make codes, errcode %(errcode)d.") % {"errcode": refusal.errcode}
            raise CodesFailed(str(REASONS.get(refusal.errcode, unknown))) from None
    raise AssertionError("unreachable")
