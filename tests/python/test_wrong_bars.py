"""Bars and files of expressions that are wrong in one place: the error says what, where, and what to do."""
import pytest

HEAD = "symbol,date,open,high,low,close,volume\n"
ROWS = [f"A,2024-01-{day:02},10,12,9,11,100\n" for day in range(1, 21)]


@pytest.mark.parametrize(
    "rows, parts",
    [
        (ROWS + ROWS[4:5], ("every symbol failed (1 duplicate), the first: the same date stands twice", "A 2024-01-05", "keep one row of a symbol and date")),
        (
            ROWS[:7] + ["A,2024-01-08,10,12,9,n/a!,100\n"] + ROWS[8:],
            ("every symbol failed (1 text), the first: column 'close' holds text, expected numbers", "A 2024-01-08: 'n/a!'", "write a number there"),
        ),
        (ROWS[:5] + ["A,2024-13-45,10,12,9,11,100\n"] + ROWS[6:], ("'2024-13-45' is no date", "bars.csv: row 6", "write dates as")),
    ],
)
def test_one_wrong_row(hayate, tmp_path, rows, parts):
    (tmp_path / "bars.csv").write_text(HEAD + "".join(rows))
    said = hayate("features", "--input", tmp_path / "bars.csv", "--expr", "m=Mean($close,3)", "--output", tmp_path / "out.csv", exit=1).stderr
    for part in parts:
        assert part in said, said


def test_a_file_of_expressions_in_utf_16(hayate, tmp_path):
    (tmp_path / "bars.csv").write_text(HEAD + "".join(ROWS))
    (tmp_path / "features.txt").write_bytes("m = Mean($close,3)\n".encode("utf-16"))
    done = hayate("features", "--input", tmp_path / "bars.csv", "--expr-file", tmp_path / "features.txt", "--output", tmp_path / "out.csv", exit=None)
    assert done.returncode != 0 and "UTF-16" in done.stderr and "save it as UTF-8" in done.stderr
