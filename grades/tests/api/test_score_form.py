"""`GET /score/form`: the questions of the form. None of these tests may use the database."""

import pytest

DEFAULTS = {
    "grade_labels": ["服务态度", "专业水平", "响应速度"],
    "grade_min": 1,
    "grade_max": 5,
    "remark_prompts": ["服务态度如何？", "专业水平如何？", "还有什么要说的？"],
    "remark_length": 500,
    "privacy": "我们收集您填写的号码、评分、留言和提交时间，只用于改进服务和回访；"
    "使用微信登录时，还收集您的微信身份标识（openid）。",
    "wechat_login": False,
    "wechat_login_required": False,
}


def test_it_has_labels_range_prompts_and_privacy_text(client):
    response = client.get("/score/form")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response.json() == DEFAULTS


def test_it_follows_the_settings(client, settings):
    settings.GRADE_LABELS, settings.REMARK_PROMPTS = ["a", "b", "c"], ["d", "e", "f"]
    settings.GRADE_MIN, settings.GRADE_MAX, settings.PRIVACY_TEXT = 0, 10, "Everything."
    settings.WECHAT_APPID, settings.REQUIRE_WECHAT_LOGIN = "wx1", True
    assert client.get("/score/form").json() == {
        "grade_labels": ["a", "b", "c"],
        "grade_min": 0,
        "grade_max": 10,
        "remark_prompts": ["d", "e", "f"],
        "remark_length": 500,
        "privacy": "Everything.",
        "wechat_login": True,
        "wechat_login_required": True,
    }


def test_public_caches_may_keep_it_five_minutes(client):
    client.cookies["sessionid"] = "x" * 32
    response = client.get("/score/form", headers={"accept": "text/html", "accept-language": "en"})
    assert response["Cache-Control"] == "public, max-age=300"
    assert "Cookie" not in response["Vary"]
    assert not response.cookies
    assert response.json() == DEFAULTS


def test_an_etag_is_valid_until_a_setting_changes(client, settings):
    etag = client.get("/score/form")["ETag"]
    response = client.get("/score/form", headers={"if-none-match": etag})
    assert (response.status_code, response.content) == (304, b"")
    assert (response["ETag"], response["Cache-Control"]) == (etag, "public, max-age=300")

    settings.GRADE_LABELS = ["a", "b", "c"]
    response = client.get("/score/form", headers={"if-none-match": etag})
    assert response.status_code == 200
    assert response["ETag"] != etag
    assert response.json() == DEFAULTS | {"grade_labels": ["a", "b", "c"]}


def test_head_is_answered_like_get(client):
    response = client.head("/score/form")
    assert (response.status_code, response.content) == (200, b"")
    assert response["ETag"] == client.get("/score/form")["ETag"]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_other_methods_are_refused_with_json_and_not_cached(client, method):
    response = getattr(client, method)("/score/form", headers={"accept": "text/html"})
    assert (response.status_code, response["Allow"], response["Cache-Control"]) == (405, "GET, HEAD", "no-store")
    assert response.json() == {"error": "method", "message": "only GET or HEAD is allowed"}


def test_errors_below_its_path_are_json(client):
    response = client.get("/score/form", headers={"host": "evil.example", "accept": "text/html"})
    assert (response.status_code, response.json()) == (400, {"error": "bad_request", "message": ""})
    response = client.get("/score/form/", headers={"accept": "text/html"})
    assert (response.status_code, response.json()) == (404, {"error": "not_found", "message": ""})
