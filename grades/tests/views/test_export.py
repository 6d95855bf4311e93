"""views/query.py: the export of the ratings of one account."""

import pytest

pytestmark = pytest.mark.django_db


def test_the_ratings_of_one_account_are_downloaded_by_post(client, make_grade):
    make_grade(acc_nbr="01088886666", txt1="=1+1")
    make_grade(acc_nbr="13800138001")

    response = client.post("/query/export", {"acc_nbr": "01088886666", "format": "csv"})

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="grades_number_1-rows_')
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("01088886666,5,4,3,'=1+1,")
    xlsx = client.post("/query/export", {"acc_nbr": "01088886666", "format": "xlsx"})
    assert b"".join(xlsx.streaming_content).startswith(b"PK")


@pytest.mark.parametrize("fields", [{}, {"acc_nbr": "1"}, {"acc_nbr": "1", "format": "exe"}, {"format": "csv"}])
def test_an_export_without_a_number_or_known_format_is_404(client, fields):
    assert client.post("/query/export", fields).status_code == 404


def test_other_methods_are_refused(client):
    assert client.get("/query/export").status_code == 405


def test_an_export_of_a_number_without_ratings_is_a_message(client):
    response = client.post("/query/export", {"acc_nbr": "13800138000", "format": "csv"})
    assert response.status_code == 409
    assert "没有符合条件的数据，无需导出。" in response.text
    assert 'value="13800138000"' not in response.text
