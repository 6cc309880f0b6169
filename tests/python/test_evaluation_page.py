"""hayate evaluate --html: one file that opens offline, says what the printed metrics say, and trusts no name."""
import html.parser
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, roc_auc_score

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


class Tags(html.parser.HTMLParser):
    """Counts tags and refuses attributes that run or load something."""

    def __init__(self):
        super().__init__()
        self.seen, self.open = {}, []

    def handle_starttag(self, tag, attributes):
        self.seen[tag] = self.seen.get(tag, 0) + 1
        for name, value in attributes:
            assert not name.startswith("on") and name != "src", (tag, name)
            assert name != "href" or value.startswith("#"), (tag, value)


def tags_of(page):
    """The tags of a page, after the checks that hold for every page."""
    assert page.replace("http://www.w3.org/2000/svg", "").count("http://") == 0
    assert "https://" not in page and "url(" not in page
    tags = Tags()
    tags.feed(page)
    assert not {"script", "img", "link", "iframe", "object"} & set(tags.seen)
    return tags.seen


@pytest.fixture
def evaluate(hayate, tmp_path):
    """evaluate(frame, flags...) -> (metrics as JSON has them, the page)."""
    def call(frame, *flags):
        frame.to_parquet(tmp_path / "t.parquet")
        done = hayate("evaluate", "--input", tmp_path / "t.parquet", "--label", "y", *flags, "--html", tmp_path / "page.html", "--json", "--quiet")
        return json.loads(done.stdout)["metrics"], (tmp_path / "page.html").read_text()
    return call


def test_regression_by_date(evaluate):
    random = np.random.default_rng(1)
    y = random.normal(size=3000)
    frame = pd.DataFrame({"y": y, "prediction": 0.2 * y + random.normal(size=3000), "date": np.repeat(pd.date_range("2020-01-01", periods=150).date, 20)})
    metrics, page = evaluate(frame, "--by-date", "date")
    assert tags_of(page)["svg"] == 8  # four figures, each for a desk and for a phone
    for part in ("Cumulative IC and rank IC", "Outcome by prediction decile", "Prediction against label", f"{metrics['rmse']:.3f}"[:5], "resamples of whole dates"):
        assert part in page
    assert evaluate(frame, "--by-date", "date")[1] == page


def test_two_classes(evaluate):
    random = np.random.default_rng(2)
    p = random.uniform(size=2000)
    y = np.where(random.uniform(size=2000) < p, "up", "down")
    frame = pd.DataFrame({"y": y, "prediction": np.where(p > 0.5, "up", "down"), "probability_up": p})
    _, page = evaluate(frame)
    assert tags_of(page)["svg"] == 6
    assert f"Area: {roc_auc_score(y == 'up', p):.4g}" in page
    for row in confusion_matrix(y, frame["prediction"], labels=["down", "up"]):
        assert "".join(f"<td>{count:,} ({100 * count / row.sum():.1f} %)</td>" for count in row) in page


def test_hostile_names_are_inert(evaluate):
    classes = np.array([EVIL, "</td></table>", "\"><svg onload=alert(1)>"])
    code = np.arange(300) % 3
    frame = pd.DataFrame({"y": classes[code], "prediction": classes[(code + (np.arange(300) % 7 == 0)) % 3]})
    for k, name in enumerate(classes):
        frame[f"probability_{name}"] = np.where(code == k, 0.5, 0.25)
    _, page = evaluate(frame)
    assert tags_of(page)["table"] == 4
    assert "&lt;script&gt;" in page
