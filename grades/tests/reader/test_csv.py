"""CSV files: encodings, separators, row numbers."""

import pytest

from ..helpers.files import TWO_COLUMNS, TWO_HEADINGS, read, refusal


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("name", ["list.csv", "LIST.CSV", "list.txt"])
def test_every_encoding_that_spreadsheets_write_is_read(encoding, name):
    assert read(TWO_COLUMNS.encode(encoding), name) == (TWO_HEADINGS, [(2, ["138", "王小明"])])


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_the_separator_is_found_by_the_known_headings(separator):
    content = TWO_COLUMNS.replace(",", separator).replace("王", "王|").encode()
    assert read(content, "list.csv") == (TWO_HEADINGS, [(2, ["138", "王|小明"])])


def test_rows_have_spreadsheet_numbers_and_blank_rows_are_skipped():
    content = '号码,姓名\r\n\r\n138,"王\r\n小明"\r\n , \r\n139,李雷'.encode()
    assert read(content, "list.csv")[1] == [(3, ["138", "王\r\n小明"]), (5, ["139", "李雷"])]


def test_a_character_across_two_chunks_is_decoded():
    names = "明" * (1 << 19)  # 1.5 MB, and no multiple of three bytes before it
    for encoding in ("utf-8", "gb18030"):
        content = ("号码,姓名\n1," + "\n1,".join(names[i : i + 1000] for i in range(0, len(names), 1000))).encode(
            encoding
        )
        assert "".join(cells[1] for _number, cells in read(content, "list.csv")[1]) == names


def test_a_damaged_utf_8_file_is_not_read_as_gb18030():
    damaged = ("号码,姓名\n" + "138,王小明\n" * 20).encode() + b"139,\xe7\x8e\n"
    assert damaged.decode("gb18030", "replace")
    for content in (damaged, b"\xef\xbb\xbf" + damaged):
        assert refusal(content, "list.csv") == (
            "Line 22 holds a character that is neither UTF-8 nor GB18030: save the file as “CSV UTF-8” or .xlsx."
        )


def test_an_unknown_encoding_is_refused_with_the_line():
    assert refusal("号码,姓名\n138,".encode("gb18030") + b"\xff\xff\n", "list.csv") == (
        "Line 2 holds a character that is neither UTF-8 nor GB18030: save the file as “CSV UTF-8” or .xlsx."
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_refused_with_advice(encoding):
    message = refusal(TWO_COLUMNS.encode(encoding), "list.csv")
    assert message in {
        "The file is “Unicode text” (UTF-16): save it as “CSV UTF-8” or as .xlsx.",
        "The file is not text: save it as “CSV UTF-8” or as .xlsx.",  # without a byte order mark
    }


@pytest.mark.parametrize(
    ("text", "row"), [('138,"王小明\n139,李雷\n', 2), ('138,王\n139,"李"雷\n', 3), (f'138,"{"王" * 200_000}"\n', 2)]
)
def test_a_misplaced_quotation_mark_is_refused_with_its_row(text, row):
    assert refusal(f"号码,姓名\n{text}".encode(), "list.csv") == (
        f"Row {row} cannot be read: a quotation mark is not closed or stands inside a value."
    )
