"""codes/pictures.py: QR codes of links, and WeChat's pictures. browser/test_codes.py reads printed codes back."""

import base64
import re

import pytest

from grades.codes import CodesFailed, available_kinds
from grades.codes.pictures import picture_of

pytestmark = pytest.mark.django_db


def test_a_link_becomes_an_svg_without_inline_style(make_card, public_url):
    picture = picture_of(make_card(), "link")
    assert re.fullmatch(r'<svg viewBox="0 0 41 41"><path stroke="#000" d="[M0-9hmvz .-]+"/></svg>', picture)


def test_wechat_is_asked_for_the_score_page_with_the_code_as_scene(make_card, wechat):
    card = make_card()
    picture = picture_of(card, "wechat")
    assert wechat.orders == [
        {"scene": card.code, "page": "pages/score/score", "env_version": "release", "check_path": True, "width": 430}
    ]
    media_type, content = re.fullmatch(r'<img src="data:(.+);base64,(.+)" alt="">', picture).groups()
    assert (media_type, base64.b64decode(content)[:4]) == ("image/png", b"\x89PNG")


@pytest.mark.parametrize("env_version", ["trial", "develop"])
def test_a_trial_needs_no_published_page(make_card, wechat, env_version):
    picture_of(make_card(), "wechat", env_version)
    assert (wechat.orders[0]["env_version"], wechat.orders[0]["check_path"]) == (env_version, False)


@pytest.mark.parametrize(
    ("errcode", "reason"),
    [
        (45009, "已达到微信制作小程序码的上限，请稍后再试。"),
        (41030, "小程序还没有发布评价页。请先发布，或为体验版制作。"),
        (40097, "微信不接受二维码的参数，请检查小程序的页面。"),
        (40164, "微信不接受这台服务器的地址，请在微信公众平台把它加入 IP 白名单。"),
        (12345, "微信拒绝制作小程序码，errcode 12345。"),
    ],
)
def test_a_refusal_is_told_at_once_in_words(make_card, wechat, errcode, reason):
    wechat.faults = [errcode]
    with pytest.raises(CodesFailed) as failure:
        picture_of(make_card(), "wechat")
    assert str(failure.value) == reason
    assert wechat.hits["/wxa/getwxacodeunlimit"] == 1


def test_a_busy_wechat_is_asked_three_times(make_card, wechat, monkeypatch):
    monkeypatch.setattr("grades.codes.pictures.PAUSE_SECONDS", 0)
    card = make_card()
    wechat.faults = [-1, "garbage"]
    assert "image/png" in picture_of(card, "wechat")
    wechat.faults = [-1, "hang-up", "list"]
    with pytest.raises(CodesFailed, match="微信没有响应，请过几分钟再试。"):
        picture_of(card, "wechat")
    assert wechat.hits["/wxa/getwxacodeunlimit"] == 6


@pytest.mark.parametrize(
    ("appid", "address", "kinds"),
    [
        ("", "", []),
        ("wx1", "", ["wechat"]),
        ("", "https://a.cn", ["link"]),
        ("wx1", "https://a.cn", ["wechat", "link"]),
    ],
)
def test_the_settings_decide_the_kinds_of_codes(settings, appid, address, kinds):
    settings.WECHAT_APPID, settings.PUBLIC_URL = appid, address
    assert available_kinds() == kinds
