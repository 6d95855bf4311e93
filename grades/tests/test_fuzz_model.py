"""The model of the contract in fuzz/contract.py: it must agree with the corpus, which is independent of both."""

import json
from pathlib import Path

import pytest

from fuzz.contract import Ledger, Refused, Submission, read_submission

CORPUS = Path(__file__).parent / "corpus" / "score_requests.jsonl"
CASES = [json.loads(line) for line in CORPUS.read_text().splitlines()]
RATING = Submission(("13800138000", 5, 4, 3, "", "", ""))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_model_agrees_with_the_corpus(case):
    try:
        submission = read_submission(case["content_type"], case["body"].encode())
        outcome = 200, submission.content
    except Refused as refused:
        outcome = refused.refusal[0], None
    assert outcome == (case["status"], case["row"] and tuple(case["row"].values()))


def test_a_lost_row_and_a_foreign_row_are_faults():
    ledger = Ledger()
    ledger.acknowledge(RATING, None)
    row, foreign = (RATING.content, None, None), (("1", 1, 1, 1, "", "", ""), None, None)
    assert ledger.compare([row], []) == []
    assert ledger.compare([], []) == [("an acknowledged rating is not stored", row)]
    assert ledger.compare([row, row], []) == [("a rating is stored twice", row)]
    assert ledger.compare([row, foreign], []) == [("a row that the contract refuses is stored", foreign)]
