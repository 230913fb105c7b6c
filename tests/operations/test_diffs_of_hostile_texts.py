"""Two texts that were made to be compared for ever are compared in a moment, and nothing is left out."""

import pytest

from gateway.operations import diffs
from gateway.operations.diffs import near_changes, side_by_side, unified

MANY = 30_000  # equal lines on both sides: 900,000,000 pairs


def test_thousands_of_equal_lines_stand_beside_each_other_as_they_come() -> None:
    left, right = "#\n" * MANY, "# first\n" + "#\n" * MANY
    rows = side_by_side(left, right)
    assert [row["kind"] for row in rows[:3]] == ["removed", "added", "same"]
    assert "".join(f"{row['right']}\n" for row in rows if row["right"] is not None) == right
    assert "".join(f"{row['left']}\n" for row in rows if row["left"] is not None) == left
    assert unified(left, right, "a", "b").count("\n") == 2 + MANY + MANY + 1
    assert unified(left, left) == ""


def test_the_letters_of_a_line_without_end_are_not_told_apart() -> None:
    left, right = "#" + "a" * 60_000, "#" + "a" * 60_001
    assert [row["kind"] for row in side_by_side(left, right)] == ["removed", "added"]
    short = side_by_side("total = price", "total = prices")
    assert (short[0]["kind"], short[0]["right_spans"]) == ("changed", [[13, 14]])


def test_letters_are_told_apart_until_one_difference_has_cost_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    left = "".join(f"{'ab' * 50}{number}\n" for number in range(10))
    right = "".join(f"x{line}\n" for line in left.splitlines())
    assert {row["kind"] for row in side_by_side(left, right)} == {"changed"}
    monkeypatch.setattr(diffs, "_PAIRS_MAX", 20_100)  # of equal letters, each of these lines has some 5,000
    kinds = [row["kind"] for row in side_by_side(left, right)]
    assert kinds == ["changed"] * 4 + ["removed", "added"] * 6


def test_only_what_is_near_a_change_is_left_and_a_gap_stands_for_each_run_of_the_rest() -> None:
    left = "".join(f"{number}\n" for number in range(40))
    right = left.replace("10\n", "ten\n").replace("30\n", "thirty\n")
    near = near_changes(side_by_side(left, right))
    shown = [row["kind"] == "gap" or row["left"] or row["right"] for row in near]
    around = ["10", "ten", "30", "thirty"]
    assert [one for one in shown if one in around] == around
    assert [str(one) for one in shown if one is not True and one not in around] == [
        *("7", "8", "9", "11", "12", "13"),
        *("27", "28", "29", "31", "32", "33"),
    ]
    assert [index for index, row in enumerate(near) if row["kind"] == "gap"] == [8, 17]
    assert near_changes(side_by_side(left, left)) == []
