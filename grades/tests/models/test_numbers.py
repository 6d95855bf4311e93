"""models/numbers.py: one normal form, in Python and in the database, for every way to write a number."""

import random

import pytest

from grades.models import Grade, clean_number, is_cut_off, normal_number, normal_prefix, possible_prefixes

SPELLINGS = [
    "13800138000",
    "138-0013-8000",
    "138 0013 8000",
    " 138　0013　8000 ",
    "+86 138 0013 8000",
    "+86-138-0013-8000",
    "008613800138000",
    "8613800138000",
    "１３８００１３８０００",
    "＋８６１３８００１３８０００",
    "\u202d138 0013 8000\u202c",  # a copied contact
    "\ufeff138\u200b0013\u00a08000",
    "138—0013–8000",
    "(+86)13800138000",
    "（+86） 138-0013-8000",
    "( +86 ) 138 0013 8000",
    "(0086)13800138000",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling_of_a_mobile_number_has_one_normal_form(text):
    assert normal_number(clean_number(text)) == "13800138000"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("010-8888-6666", "01088886666"),
        ("ADSL-01", "ADSL-01"),  # a hyphen between letters belongs to the number
        ("8613800", "8613800"),  # too short for a mobile number
        ("8621088886666", "8621088886666"),  # no mobile number begins with 21
        ("+8601088886666", "+8601088886666"),
        ("(010) 8888-6666", "01088886666"),
        ("user@example.com", "user@example.com"),
        ("see note", "see note"),
        ("-", "-"),
        ("013800138000", "013800138000"),  # leading zeros stay
    ],
)
def test_other_numbers_lose_hyphens_between_digits_only(text, expected):
    assert normal_number(clean_number(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("138-00", "13800"), ("+86 138", "138"), ("0086138", "138"), ("86138", "86138"), ("+86 010", "+86010")],
)
def test_the_beginning_of_a_number_loses_a_country_code_that_is_certain(text, expected):
    assert normal_prefix(clean_number(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("861380013", ["861380013", "1380013"]),
        ("86 1890000111", ["861890000111", "1890000111"]),
        ("86138", ["86138", "138"]),
        ("+861380013", ["1380013"]),
        ("8613800138000", ["13800138000"]),
        ("86138001380000", ["86138001380000"]),  # too long for a mobile number
        ("862108888", ["862108888"]),
        ("86", ["86"]),
    ],
)
def test_86_before_a_mobile_number_may_be_its_country_code(text, expected):
    assert possible_prefixes(clean_number(text)) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("1380013", True),
        ("1", True),
        ("+86", True),
        ("0086", True),
        ("13800138000", False),
        ("0108888", False),
        ("1x", False),
    ],
)
def test_a_short_mobile_number_is_cut_off(number, expected):
    assert is_cut_off(number) is expected


@pytest.mark.django_db
def test_the_database_computes_the_same_normal_form(make_grade):
    choose = random.Random(7)
    parts = ["+86", "0086", "86", "138", "1", "-", "--", "0013", "8000", "a", "A-", "_", "@", "+", ".", "0", "9"]
    numbers = {"".join(choose.choices(parts, k=choose.randint(1, 7)))[:32] for _ in range(400)}
    numbers |= set(map(clean_number, SPELLINGS)) | {"+86" + "138-0013-8000", "86-1-3800138000-"}
    Grade.objects.bulk_create(Grade(acc_nbr=number, grade1=5, grade2=5, grade3=5) for number in numbers)
    stored = dict(Grade.objects.values_list("acc_nbr", "number"))
    assert stored == {number: normal_number(number) for number in numbers}
