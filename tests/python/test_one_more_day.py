"""A run over bars that have grown since the last one trains nothing that it has trained, and gives the bytes of a run that knows of no other."""
import json
import pathlib

import pytest

SPEC = """[universe]
input = "{bars}"
[features]
set = "{set}"
processors = {processors}
[label]
expression = "{label}"
[split]
{split}
[model]
learner = "{learner}"
params = {params}
"""
RETURN, RANK, MIXED = "Ref($close,-2)/Ref($close,-1)-1", "CSRank(Ref($close,-2)/Ref($close,-1)-1)", "If($close>Ref($close,1),Ref($close,-1),Ref($close,-5))/$close-1"
WALK = 'method = "walk_forward"\ntrain_days = 200\ntest_days = 40'
TREES = "{ num_trees = 5, max_depth = 4 }"
JOBS = {
    "forest": ("alpha158", "[]", WALK, "forest", TREES),
    "boosting, expanding": ("daytrade21", "[]", WALK + '\nwindow = "expanding"', "boosting", TREES),
    "linear, scaled on training rows": ("alpha158", '["robust_zscore", "fillna(0)"]', WALK, "linear", "{ l2 = 1.0 }"),
    "across symbols": ("alpha158", '["cs_zscore"]', WALK, "forest", TREES),
    "holdout from a date": ("alpha158", "[]", 'method = "holdout"\ntest_from = "{date}"', "forest", TREES),
}
FILES = ("predictions.parquet", "model.hyt", "metrics.json")


@pytest.fixture(scope="module")
def lines():
    rows = []
    for path in sorted((pathlib.Path(__file__).resolve().parents[2] / "examples/prices").glob("*.csv")):
        head, *body = path.read_text().splitlines()
        rows.append((path.stem, head, [line for line in body if line >= "2000-03-01"][:450]))
    return rows


@pytest.fixture
def days(lines, hayate, tmp_path):
    """days(job, n, cache) runs the job over the first n bars of every symbol: {file: bytes} and its tasks by name. The first symbol lacks
    the bars `without`."""

    def run(job, n, cache, label=RETURN, without=()):
        folder = tmp_path / "bars"
        folder.mkdir(exist_ok=True)
        for symbol, head, body in lines:
            kept = [line for i, line in enumerate(body[:n]) if symbol != lines[0][0] or i not in without]
            (folder / f"{symbol}.csv").write_text("\n".join([head, *kept]) + "\n")
        features, processors, split, learner, params = JOBS[job]
        date = lines[0][2][300].split(",")[0]
        spec = tmp_path / "job.toml"
        spec.write_text(SPEC.format(bars=f"{folder}/*.csv", set=features, processors=processors, split=split.replace("{date}", date), learner=learner, params=params, label=label))
        out = tmp_path / f"run{len(list(tmp_path.glob('run*')))}"
        hayate("run", spec, "--run-dir", out, "--cache", cache, "--quiet")
        tasks = json.loads(hayate("explain", out, "--json").stdout)["tasks"]
        return {name: (out / name).read_bytes() for name in FILES}, tasks

    return run


@pytest.mark.parametrize("job", JOBS)
def test_more_bars_are_predicted_with_the_models_there_are(days, tmp_path, job):
    cache = tmp_path / "cache"
    days(job, 404, cache)  # the last fold tests rows 402 to 441
    for bars, new in ((405, 1), (407, 3), (424, 20)):  # those since the models were trained
        files, tasks = days(job, bars, cache)
        assert files == days(job, bars, "off")[0]
        grown = [task for task in tasks if task["state"] == "run"]
        assert all(task["reason"].endswith(f"models are those of a stored result, {new} row{'' if new == 1 else 's'} predicted") for task in grown)
        assert len({task["key"].split()[0] for task in grown}) == 4
    assert all(task["state"] == "reused" for task in days(job, 424, cache)[1])


@pytest.mark.parametrize("processors", ['[]', '["cs_zscore", "robust_zscore", "fillna(0)"]'])
@pytest.mark.parametrize("learner", ["forest", "linear"])
def test_one_model_for_the_universe_is_kept_too(days, tmp_path, monkeypatch, learner, processors):
    params = (TREES if learner == "forest" else "{ l2 = 1.0 }") + '\nscope = "pooled"'
    monkeypatch.setitem(JOBS, "pooled", ("daytrade21", processors, WALK, learner, params))
    cache = tmp_path / "cache"
    days("pooled", 404, cache)
    for bars in (405, 410):
        files, tasks = days("pooled", bars, cache)
        assert files == days("pooled", bars, "off")[0]
        assert all("; models are those of a stored result, " in task["reason"] for task in tasks)


def test_a_label_across_symbols_leaves_the_models_of_the_universe(days, tmp_path, monkeypatch):
    monkeypatch.setitem(JOBS, "pooled", ("daytrade21", "[]", WALK, "forest", TREES + '\nscope = "pooled"'))
    cache = tmp_path / "cache"
    days("pooled", 406, cache, RANK)
    files, tasks = days("pooled", 409, cache, RANK)
    assert files == days("pooled", 409, "off", RANK)[0]
    assert all("; models are those of a stored result, " in task["reason"] for task in tasks)


@pytest.mark.parametrize("label", [MIXED, f"CSRank({MIXED})"])
def test_a_symbol_that_trades_again_takes_its_newest_rows_out_of_training(days, tmp_path, monkeypatch, label):
    """Its last labels, known as they are from earlier bars, reach into the tested dates from the day on that it has a bar there."""
    monkeypatch.setitem(JOBS, "pooled", ("daytrade21", "[]", WALK, "forest", TREES + '\nscope = "pooled"'))
    cache = tmp_path / "cache"
    for bars in (407, 412, 414):  # the last fold tests rows 405 to 444
        files, _ = days("pooled", bars, cache, label, without=range(400, 411))
        assert files == days("pooled", bars, "off", label, without=range(400, 411))[0]


def test_a_new_fold_trains(days, tmp_path):
    cache = tmp_path / "cache"
    days("forest", 430, cache)
    files, tasks = days("forest", 445, cache)
    assert files == days("forest", 445, "off")[0]
    assert any(task["reason"] == "changed since the last run: bars" for task in tasks)


def test_a_changed_old_bar_trains(days, lines, tmp_path):
    cache = tmp_path / "cache"
    days("forest", 404, cache)
    symbol, head, body = lines[0]
    cells = body[250].split(",")
    lines[0] = (symbol, head, [*body[:250], ",".join([*cells[:5], str(float(cells[5]) + 1), *cells[6:]]), *body[251:]])
    try:
        files, tasks = days("forest", 405, cache)
        assert files == days("forest", 405, "off")[0]
    finally:
        lines[0] = (symbol, head, body)
    reasons = {task["key"]: task["reason"] for task in tasks}
    assert reasons.pop(symbol) == "changed since the last run: bars"
    assert all("1 row predicted" in reason for reason in reasons.values())
