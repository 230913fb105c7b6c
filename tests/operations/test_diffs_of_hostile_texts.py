"""Two texts that were made to be compared for ever are compared in a moment, and nothing is left out."""

from gateway.operations.diffs import side_by_side, unified

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
