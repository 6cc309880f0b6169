"""Tables and parameters that are not as a learner or a model wants them: what is said, and what to do."""
import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def frame():
    random = np.random.default_rng(5)
    x = pd.DataFrame(random.normal(size=(300, 3)), columns=list("abc"))
    return x.assign(y=(x.a + 0.3 * random.normal(size=300) > 0).astype(int), f=2 * x.a + random.normal(size=300))


@pytest.fixture
def run(hayate, tmp_path):
    """run(frame, "train", ...) writes the frame, and the command reads it."""
    def call(frame, command, *flags, exit=0):
        frame.to_parquet(tmp_path / "t.parquet")
        return hayate(command, "--input", tmp_path / "t.parquet", *flags, exit=exit)

    return call


@pytest.mark.parametrize("label, params, words", [
    ("f", "alpha=0.9", "objective=quantile"), ("f", "objective=huber,alpha=0.9", "objective=quantile"), ("f", "huber_delta=2", "objective=huber"), ("f", "metric=mae", "early_stopping_rounds"),
    ("f", "validation_fraction=0.2", "early_stopping_rounds"), ("f", "bagging_freq=5", "bagging_fraction"), ("y", "truncation_level=5", "--problem ranking"), ("y", "learning_rate=nan", "learning_rate=0.1")])
def test_parameters_that_do_nothing_are_refused(run, frame, tmp_path, label, params, words):
    done = run(frame[["a", "b", label]], "train", "--label", label, "--learner", "boosting", "--params", params, "--model", tmp_path / "m.hyt", exit=2)
    assert "error:" in done.stderr and words in done.stderr and not (tmp_path / "m.hyt").exists()


def test_tuning_a_parameter_that_does_nothing_is_refused(run, frame, tmp_path):
    flags = ("--label", "f", "--learner", "boosting", "--trials", "2", "--output", tmp_path / "study")
    done = run(frame[["a", "b", "f"]], "tune", "--space", "alpha=uniform(0.1,0.9)", *flags, exit=2)
    assert "objective=quantile" in done.stderr
    done = run(frame[["a", "b", "f"]], "tune", "--space", "num_trees=int(5,9)", "--purge-days", "3", *flags, exit=2)
    assert "--by-date" in done.stderr
    run(frame[["a", "b", "f"]], "tune", "--space", "alpha=uniform(0.1,0.9)", "--params", "objective=quantile", *flags)


@pytest.mark.parametrize("flags, words", [(("--at", "0.5"), "--at"), (("--purge-days", "5"), "--by-date")])
def test_flags_of_automl_that_do_nothing_are_refused(run, frame, tmp_path, flags, words):
    done = run(frame[["a", "b", "y"]], "automl", "--label", "y", "--budget", "1s", "--model", tmp_path / "m.hyt", *flags, exit=2)
    assert words in done.stderr and not (tmp_path / "m.hyt").exists()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_amounts_are_no_classes(run, frame, tmp_path, dtype):
    flags = ("--label", "f", "--learner", "forest", "--problem", "classification", "--model", tmp_path / "m.hyt")
    done = run(frame[["a", "f"]].astype(dtype), "train", *flags, exit=1)
    assert "300 different numbers" in done.stderr and "--problem regression" in done.stderr
    run(frame[["a"]].assign(f=(2 * frame.f).round() / 2), "train", *flags)   # ratings in halves


def test_integers_beside_missing_ones_are_said_to_be_few(run, frame, tmp_path):
    done = run(frame[["a", "y"]].assign(y=frame.y.where(frame.b > -2)), "train", "--label", "y", "--learner", "forest", "--model", tmp_path / "m.hyt")
    assert "regression" in done.stderr and "--problem classification" in done.stderr
    done = run(frame[["a", "f"]], "train", "--label", "f", "--learner", "forest", "--model", tmp_path / "m.hyt")
    assert "--problem" not in done.stderr


def test_tuning_a_linear_model_of_infinite_values_counts_them(run, frame, tmp_path):
    done = run(frame[["a", "b", "y"]].assign(a=frame.a.where(frame.index != 7, np.inf)), "tune", "--label", "y", "--learner", "logistic", "--space", "l2=loguniform(0.1,10)", "--trials", "2", "--output", tmp_path / "s", exit=1)
    assert "'a' is infinite in 1 row" in done.stderr


def test_prediction_says_how_a_table_differs_from_that_of_training(run, frame, tmp_path):
    model = ("--model", tmp_path / "m.hyt")
    run(frame[["a", "b", "c", "y"]], "train", "--label", "y", "--learner", "boosting", *model)
    said = lambda table, exit, *flags: run(table, "predict", *model, "--output", tmp_path / "p.parquet", *flags, exit=exit).stderr
    assert "lacks 2 of the 3 columns" in (text := said(frame[["b"]], 2)) and "a, c" in text
    assert "did you mean 'A'" in said(frame.rename(columns=str.upper), 2)
    assert "--types 'a=float64'" in (text := said(frame.astype({"a": str}), 1)) and "categorical" not in text
    assert "the model learnt numbers" in said(frame.assign(c=pd.Timestamp("2024-01-01")), 1)
    said(frame.astype({"a": str}), 0, "--types", "a=float64")
    texts = pd.read_parquet(tmp_path / "p.parquet")
    assert "prediction, probability_of_rain of the table are left out" in said(frame[["c", "b", "a"]].assign(prediction=7.0, probability_of_rain=0.5, kept=1), 0)
    answers = pd.read_parquet(tmp_path / "p.parquet")
    assert list(answers) == ["kept", "prediction", "probability_0", "probability_1"] and np.array_equal(answers.probability_1, texts.probability_1)


def test_a_linear_model_has_no_trees_to_cut(run, frame, tmp_path):
    run(frame[["a", "f"]], "train", "--label", "f", "--learner", "linear", "--model", tmp_path / "m.hyt")
    for flag in ("--num-trees", "--max-depth"):
        done = run(frame[["a"]], "predict", "--model", tmp_path / "m.hyt", "--output", tmp_path / "p.parquet", flag, "3", exit=2)
        assert "no trees to cut" in done.stderr and flag in done.stderr


def test_predictions_that_share_no_class_with_the_label_are_said(run):
    table = pd.DataFrame({"y": ["no", "yes", "no"], "p": [0.0, 1.0, 1.0]})
    assert "written alike" in run(table, "evaluate", "--label", "y", "--prediction", "p").stderr
    assert "written alike" not in run(table.assign(p=["no", "no", "maybe"]), "evaluate", "--label", "y", "--prediction", "p").stderr
