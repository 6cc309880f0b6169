"""hayate tune: the same outcome for any number of workers and after a kill; a journal that Optuna opens."""
import json
import os
import signal
import subprocess
import time

import numpy as np
import pandas as pd
import pytest

SPACE = ("--space", "num_trees=choice(20,40,80)", "--space", "max_depth=int(2,12)", "--space", "min_samples_leaf=logint(1,100)")


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(3)
    x = random.normal(size=(3000, 8)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + x[:, 2] + random.normal(size=3000) > 0).astype(int)
    path = tmp_path / "t.parquet"
    pd.DataFrame(x, columns=[f"f{i}" for i in range(8)]).assign(y=y, r=x[:, 0] * 2 + random.normal(size=3000), date=np.repeat(pd.date_range("2024-01-01", periods=300).date, 10)).to_parquet(path)
    return path


def trials(folder):
    return pd.read_csv(folder / "trials.csv").drop(columns="time_total_s").to_csv()


def arguments(table, folder, *more):
    return ["tune", "--input", table, "--label", "y", "--features", "f0,f1,f2,f3,f4,f5,f6,f7", "--learner", "forest", *SPACE, "--seed", "1", "--output", folder, *more]


@pytest.mark.parametrize("flags", [("--scheduler", "asha"), ("--scheduler", "hyperband", "--sampler", "sobol"), ("--scheduler", "median", "--sampler", "tpe"),
                                   ("--score", "folds", "--metric", "roc_auc"), ("--by-date", "date", "--purge-days", "5", "--metric", "rank_ic")])
def test_same_trials_for_any_worker_count(hayate, table, tmp_path, flags):
    seen = set()
    for workers in (1, 4):
        hayate(*arguments(table, tmp_path / f"w{workers}", "--trials", "12", "--workers", workers, *flags))
        seen.add(trials(tmp_path / f"w{workers}"))
    assert len(seen) == 1


def test_best_is_what_train_trains(hayate, table, tmp_path):
    """The best trial's params and seed give a model; its score is that of the rows out of the bag, near that of new rows."""
    done = hayate(*arguments(table, tmp_path / "out", "--trials", "8", "--json"))
    best = json.loads((tmp_path / "out/best.json").read_text())
    assert json.loads(done.stdout)["best"]["params"] == best["params"]
    frame = pd.read_csv(tmp_path / "out/trials.csv")
    assert best["value"] == frame["accuracy"].max() == frame.loc[best["trial_id"], "accuracy"]
    hayate("train", "--input", table, "--label", "y", "--learner", "forest", "--params", best["params"], "--seed", best["seed"], "--model", tmp_path / "m.hyt")


def test_killed_and_resumed(hayate, binary, table, tmp_path):
    argv = arguments(table, tmp_path / "killed", "--trials", "40", "--scheduler", "asha", "--sampler", "tpe", "--workers", "1")
    hayate(*arguments(table, tmp_path / "whole", "--trials", "40", "--scheduler", "asha", "--sampler", "tpe"))
    journal = tmp_path / "killed/journal.log"
    running = subprocess.Popen([binary, *map(str, argv)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(tmp_path)})
    while running.poll() is None and (not journal.exists() or journal.read_bytes().count(b"\n") < 60):
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    running.wait()
    with open(journal, "ab") as torn:
        torn.write(b'{"op_code":7,"worker_id":"hay')
    hayate(*argv)
    assert trials(tmp_path / "killed") == trials(tmp_path / "whole")
    assert (tmp_path / "killed/best.json").read_bytes() == (tmp_path / "whole/best.json").read_bytes()
    assert journal.read_bytes().count(b"\n") == (tmp_path / "whole/journal.log").read_bytes().count(b"\n")


@pytest.mark.parametrize("scheduler", ["none", "asha"])
def test_more_trials_go_on_from_the_journal(hayate, table, tmp_path, scheduler):
    flags = ("--sampler", "sobol", "--scheduler", scheduler)
    hayate(*arguments(table, tmp_path / "out", "--trials", "6", *flags))
    before = pd.read_csv(tmp_path / "out/trials.csv")
    hayate(*arguments(table, tmp_path / "out", "--trials", "15", *flags))
    after = pd.read_csv(tmp_path / "out/trials.csv")
    assert len(after) == 15 and after.head(6).equals(before)
    if scheduler == "none":
        hayate(*arguments(table, tmp_path / "whole", "--trials", "15", *flags))
        assert trials(tmp_path / "out") == trials(tmp_path / "whole")
    said = hayate(*arguments(table, tmp_path / "out", "--trials", "10", *flags), exit=2).stderr
    assert "a search of 15 trials already" in said and "--trials 15 or more" in said


def test_another_search_is_refused(hayate, table, tmp_path):
    hayate(*arguments(table, tmp_path / "out", "--trials", "3"))
    done = hayate(*arguments(table, tmp_path / "out", "--trials", "3", "--metric", "f1"), exit=2)
    assert "error:" in done.stderr and "--output" in done.stderr


@pytest.mark.parametrize("flags, words", [
    (("--space", "num_tres=choice(1,2)"), "num_trees"), (("--sampler", "grid", "--space", "max_samples=uniform(0.5,1)"), "quniform"), (("--metric", "rmse"), "accuracy"),
    (("--metric", "acuracy"), "accuracy"), (("--score", "walk_forward"), "--by-date"), (("--grace-period", "200", "--scheduler", "asha"), "--grace-period"),
    (("--space", "max_depth=int(1,2)"), "once"), (("--space", "max_leaf_nodes=logint(4,8) if num_trees=30"), "unknown value of 'num_trees'"),
    (("--space", "max_leaf_nodes=uniform(10,20)"), "max_leaf_nodes=int(10,20)"), (("--space", "max_leaf_nodes=loguniform(10,200)"), "max_leaf_nodes=logint(10,200)")])
def test_what_is_refused_before_any_work(hayate, table, tmp_path, flags, words):
    done = hayate(*arguments(table, tmp_path / "out", *flags), exit=2)
    assert words in done.stderr and not (tmp_path / "out/trials.csv").exists()


def test_a_condition_names_what_stands_before_it(hayate, table, tmp_path):
    done = hayate("tune", "--input", table, "--label", "y", "--learner", "forest", "--space", "max_leaf_nodes=int(2,4) if max_depth=2", "--space", "max_depth=choice(2,3)", "--output", tmp_path / "out", exit=2)
    assert "'max_leaf_nodes' depends on 'max_depth'" in done.stderr and "max_depth=choice(...) first" in done.stderr


def test_linear_search(hayate, table, tmp_path):
    hayate("tune", "--input", table, "--label", "r", "--learner", "linear", "--features", "f0,f1,f2", "--space", "l2=loguniform(0.01,10000)", "--space", "l1_ratio=uniform(0,1)", "--trials", "15",
           "--sampler", "sobol", "--output", tmp_path / "out")
    frame = pd.read_csv(tmp_path / "out/trials.csv")
    assert frame["rmse"].min() == pytest.approx(1, abs=0.1) and json.loads((tmp_path / "out/best.json").read_text())["value"] == frame["rmse"].min()


def test_optuna_opens_the_journal(hayate, table, tmp_path):
    optuna = pytest.importorskip("optuna")
    for count in ("5", "12"):
        hayate(*arguments(table, tmp_path / "out", "--trials", count, "--scheduler", "asha"))
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "out/journal.log")))
    study = optuna.load_study(study_name="hayate forest", storage=storage)
    best = json.loads((tmp_path / "out/best.json").read_text())
    assert len(study.trials) == 12 and study.best_trial.number == best["trial_id"] and study.best_value == best["value"] and study.best_params == best["config"]
    frame = pd.read_csv(tmp_path / "out/trials.csv")
    assert [t.state.name == "COMPLETE" for t in study.trials] == list(frame["status"] == "complete")
    assert [max(t.intermediate_values) for t in study.trials] == list(frame["training_iteration"])
    study.set_user_attr("note", "seen")   # a line of another program in the journal does no harm
    hayate(*arguments(table, tmp_path / "out", "--trials", "12", "--scheduler", "asha"))


@pytest.mark.parametrize("scheduler", ["asha_stopping", "hyperband", "median"])
def test_verdicts_are_those_of_optunas_pruners(hayate, table, tmp_path, scheduler):
    """Each trial of a rung told to Optuna after all the others there: who arrives last is judged by what hayate judges everybody by."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    hayate(*arguments(table, tmp_path / "out", "--trials", "40", "--scheduler", scheduler, "--grace-period", "3", "--reduction-factor", "3", "--max-t", "81", "--metric", "log_loss"))
    events = [json.loads(line) for line in open(tmp_path / "out/journal.log")]
    reached, rungs = {}, {}
    for event in (e for e in events if e["op_code"] == 7):
        steps = reached.setdefault(event["trial_id"], [])
        steps.append(event["step"])
        rungs.setdefault((steps[0], event["step"]), {})[event["trial_id"]] = event["intermediate_value"]  # a bracket is named by where it begins
    assert len({bracket for bracket, _ in rungs}) == (4 if scheduler == "hyperband" else 1)
    for (_, step), values in rungs.items():
        for last in values if step < 81 else ():
            pruner = optuna.pruners.MedianPruner(n_startup_trials=2) if scheduler == "median" else optuna.pruners.SuccessiveHalvingPruner(min_resource=step, reduction_factor=3)
            study = optuna.create_study(pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=0))
            for number in [*(t for t in values if t != last), last]:
                trial = study.ask()
                trial.report(values[number], step)
                stopped = trial.should_prune()
                if scheduler == "median" and number != last:
                    study.tell(trial, values[number])
            in_the_middle = sorted(values.values())[len(values) // 2] == values[last]  # Optuna's median leaves the trial itself out
            assert stopped == (reached[last][-1] == step) or (scheduler == "median" and in_the_middle)


@pytest.mark.parametrize("command", ["tune", "automl"])
def test_text_is_taken_as_categories(hayate, tmp_path, command):
    """A label that only the text explains is learnt, and new rows are predicted by their texts."""
    rng = np.random.default_rng(5)
    town = rng.choice(["Kobe", "Nara", "Otsu", "Uji"], 600)
    frame = pd.DataFrame({"town": town, "noise": rng.normal(size=600), "y": np.isin(town, ["Nara", "Uji"]).astype(int)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    if command == "tune":
        hayate("tune", "--input", tmp_path / "t.csv", "--label", "y", "--learner", "forest", "--params", "categorical=town", "--space",
               "max_depth=choice(2,4)", "--trials", "2", "--output", tmp_path / "s")
        assert json.loads((tmp_path / "s/best.json").read_text())["value"] > 0.99
        return
    hayate("automl", "--input", tmp_path / "t.csv", "--label", "y", "--budget", "2s", "--model", tmp_path / "m.hyt")
    hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "t.csv", "--output", tmp_path / "p.csv")
    assert (pd.read_csv(tmp_path / "p.csv")["prediction"] == frame["y"]).mean() > 0.99


@pytest.mark.parametrize("command", ["tune", "automl"])
def test_memory_that_does_not_suffice_is_refused_with_what_would(hayate, tmp_path, command):
    rng = np.random.default_rng(6)
    pd.DataFrame(rng.normal(size=(60_000, 30)).astype(np.float32)).rename(columns=str).assign(y=rng.integers(0, 2, 60_000)).to_parquet(tmp_path / "t.parquet")
    flags = {"tune": ["--learner", "forest", "--space", "max_depth=choice(2,4)", "--output", tmp_path / "s"], "automl": ["--model", tmp_path / "m.hyt", "--budget", "5s"]}
    said = hayate(command, "--input", tmp_path / "t.parquet", "--label", "y", "--memory-limit", "40MB", *flags[command], exit=4).stderr
    assert "--memory-limit" in said or "limit" in said


@pytest.mark.parametrize("learner, label, params", [("forest", "y", "num_trees=20,oob_score=true"), ("boosting", "y", "num_trees=20"), ("linear", "r", "l2=1")])
def test_a_row_of_weight_0_is_as_if_it_were_not_there(hayate, table, tmp_path, learner, label, params):
    """It shapes neither bins nor scales, so that a trial's score is that of the model of its params."""
    frame = pd.read_parquet(table)
    frame["w"] = np.random.default_rng(1).integers(0, 3, len(frame)).astype(float)
    frame.loc[frame.w == 0, "f0"] *= 100
    frame.to_parquet(tmp_path / "all.parquet")
    frame[frame.w > 0].to_parquet(tmp_path / "some.parquet")
    features = ("--features", "f0,f1,f2,f3")
    for name in ("all", "some"):
        hayate("train", "--input", tmp_path / f"{name}.parquet", "--label", label, "--weight", "w", *features, "--learner", learner, "--params", params, "--model", tmp_path / f"{name}.hyt",
               *(["--oob", tmp_path / f"{name}_oob.parquet"] if learner == "forest" else []))
        hayate("predict", "--model", tmp_path / f"{name}.hyt", "--input", tmp_path / "all.parquet", "--output", tmp_path / f"{name}_p.parquet")
    assert (tmp_path / "all.hyt").read_bytes() == (tmp_path / "some.hyt").read_bytes()
    assert pd.read_parquet(tmp_path / "all_p.parquet").equals(pd.read_parquet(tmp_path / "some_p.parquet"))
    if learner == "forest":
        hayate("tune", "--input", tmp_path / "all.parquet", "--label", label, "--weight", "w", *features, "--learner", learner, "--space", "num_trees=choice(20)", "--trials", "1", "--metric", "log_loss",
               "--output", tmp_path / "out")
        score = json.loads(hayate("evaluate", "--input", tmp_path / "all_oob.parquet", "--label", label, "--weight", "w", "--json").stdout)["metrics"]["log_loss"]
        assert json.loads((tmp_path / "out/best.json").read_text())["value"] == pytest.approx(score, abs=1e-9)


def test_what_a_killed_search_was_writing_is_removed(hayate, table, tmp_path):
    hayate(*arguments(table, tmp_path / "out", "--trials", "3"))
    before = sorted(p.name for p in (tmp_path / "out").iterdir())
    (tmp_path / "out/.trials.csv.0123456789abcdef.tmp").write_text("trial_id,")
    hayate(*arguments(table, tmp_path / "out", "--trials", "3"))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == before


def test_the_last_step_of_fractions_is_all_features_not_one(hayate, table, tmp_path):
    hayate("tune", "--input", table, "--label", "y", "--features", "f0,f1,f2,f3,f4", "--learner", "forest", "--space", "max_features=quniform(0.2,1,0.2)", "--sampler", "grid", "--trials", "5",
           "--space", "num_trees=quniform(10,10,5)", "--output", tmp_path / "out")
    hayate("tune", "--input", table, "--label", "y", "--features", "f0,f1,f2,f3,f4", "--learner", "forest", "--params", "num_trees=10", "--space", "max_features=choice(1,all)", "--sampler", "grid",
           "--trials", "2", "--output", tmp_path / "named")
    steps, (one, every) = pd.read_csv(tmp_path / "out/trials.csv")["accuracy"], pd.read_csv(tmp_path / "named/trials.csv")["accuracy"]
    assert steps[0] == one != every == steps[4]


def test_axes_have_short_numbers(hayate, table, tmp_path):
    hayate("tune", "--input", table, "--label", "r", "--learner", "linear", "--features", "f0,f1", "--space", "l2=loguniform(0.001,100)", "--trials", "3", "--output", tmp_path / "out")
    drawn = (tmp_path / "out/parallel.svg").read_text()
    assert ">0.001<" in drawn and ">0.316<" in drawn and ">100<" in drawn


def test_without_a_score_the_reason_is_said_and_what_to_try(hayate, tmp_path):
    rng = np.random.default_rng(6)
    x = rng.normal(size=300)
    pd.DataFrame({"up": np.where(x > 2, np.inf, x), "y": (x > 0).astype(int), "r": x * 1e300}).to_parquet(tmp_path / "t.parquet")
    said = hayate("tune", "--input", tmp_path / "t.parquet", "--label", "y", "--features", "up", "--learner", "logistic", "--space", "l2=uniform(1,2)", "--trials", "2", "--output", tmp_path / "s", exit=1).stderr
    assert "feature 'up' is infinite in" in said and "--features" in said
    said = hayate("automl", "--input", tmp_path / "t.parquet", "--label", "r", "--features", "y", "--budget", "5s", "--model", tmp_path / "m.hyt", exit=1).stderr
    assert "minimize-rmse is undefined" in said and "smaller numbers" in said
