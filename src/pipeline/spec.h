// The spec of a run as fields: what TOML sets, --print-spec prints, and the spec hash is taken of.
#pragma once

#include <iterator>
#include <string>

#include "base/fields.h"
#include "exec/exec_config.h"
#include "hayate/learner.h"
#include "hayate/run.h"
#include "tune/sampler.h"
#include "tune/schedule.h"

namespace hayate {

// Beside the structs that they list, so that fields_of() finds them.
template <class Visitor>
void visit_fields(UniverseSpec& s, Visitor&& field) {
  field("input", s.input, "files of bars, folders or globs", Required{}, Argument{"FILES"});
  field("adjust", s.adjust, "scale prices for splits and dividends", Choices{{"none", "adj_close"}});
}
template <class Visitor>
void visit_fields(FeaturesSpec& s, Visitor&& field) {
  field("set", s.set, "a feature set (hayate sets), or an array of them", Argument{"NAME"});
  field("indicators", s.indicators, "indicators with their parameters (hayate indicators), after the sets", Argument{"rsi(period=14)"});
  field("expressions", s.expressions, "features of your own, after those", Argument{"NAME = EXPR"});
  field("processors", s.processors, "how values are scaled, in order: cs_zscore, cs_rank, robust_zscore, winsorize(q), fillna(x)",
        Argument{"NAME(VALUE)"});
  field("fit", s.fit, "rows that robust_zscore and winsorize are fitted on; all: test rows too, so the test is no test", Choices{{"train", "all"}});
}
template <class Visitor>
void visit_fields(LabelSpec& s, Visitor&& field) {
  field("expression", s.expression, "what is learnt; it may look ahead", Argument{"EXPR"});
  field("normalize", s.normalize, "the label among the symbols of its date: CSZScore or CSRank of the expression",
        Choices{{"none", "cs_zscore", "cs_rank"}});
}
template <class Visitor>
void visit_fields(SplitSpec& s, Visitor&& field) {
  field("method", s.method, "how dates are split", Choices{{std::begin(kSplitMethods), std::end(kSplitMethods)}});
  field("train_days", s.train_days, "walk_forward: dates in a training window", Range{1, 1e6});
  field("test_days", s.test_days, "walk_forward: dates in a test block", Range{1, 1e6});
  field("purge_days", s.purge_days, "dates left out between training and test; -1: the label's own horizon", Range{-1, 1e6});
  field("embargo_days", s.embargo_days, "combinatorial_purged: dates left out after a test block", Range{0, 1e6});
  field("window", s.window, "walk_forward: the training window keeps its length or its start",
        Choices{{std::begin(kSplitWindows), std::end(kSplitWindows)}});
  field("test_fraction", s.test_fraction, "holdout: the last part of the dates", Range{0, 1});
  field("test_from", s.test_from, "holdout: first date of the test, instead of a fraction", Argument{"DATE"});
  field("test_to", s.test_to, "holdout: last date of the test", Argument{"DATE"});
  field("num_folds", s.num_folds, "combinatorial_purged: parts of the dates", Range{2, 100});
  field("num_test_folds", s.num_test_folds, "combinatorial_purged: parts tested together", Range{1, 99});
}
template <class Visitor>
void visit_fields(ModelSpec& s, Visitor&& field) {
  field("learner", s.learner, "what is trained", Choices{learner_names()});
  field("scope", s.scope, "one model per symbol, or one for the universe", Choices{{"symbol", "pooled"}});
  field("params", s.params, "parameters of the learner", Argument{"{ num_trees = 100, max_depth = 10 }"});
  field("seed", s.seed, "seed of all random numbers", Range{0, 9.2e18});
  field("problem", s.problem, "predict the label, or rank the symbols of a date by it (scope pooled)", Choices{{"regression", "ranking"}});
  field("half_life", s.half_life, "days in which the weight of a training row halves; 0: never", Range{0, 1e9});
}

template <class Visitor>
void visit_fields(TuneSpec& s, Visitor&& field) {
  field("space", s.space,
        "what to try for each parameter of the learner, as hayate tune --space "
        "takes it; empty: nothing is searched",
        Argument{"NAME=choice(...)"});
  field("trials", s.trials, "how many points of the space every fold tries", Range{1, 1e6});
  field("sampler", s.sampler, "how points are chosen", Choices{{std::begin(tune::kSamplers), std::end(tune::kSamplers)}});
  field("scheduler", s.scheduler, "who is stopped before its whole budget", Choices{{std::begin(tune::kSchedulers), std::end(tune::kSchedulers)}});
  field("grace_period", s.grace_period, "budget of the first rung", Range{1, 1e9});
  field("reduction_factor", s.reduction_factor, "rungs grow by this, and one trial in so many passes", Range{2, 1e6});
  field("max_t", s.max_t,
        "the whole budget: on a rung t a trial has t / max_t of its trees or "
        "rounds",
        Range{1, 1e9});
  field("metric", s.metric, "what is compared (names of hayate evaluate); default rmse", Argument{"NAME"});
  field("score", s.score,
        "training rows that are compared on: later dates, purged, or those "
        "that a forest's trees did not draw",
        Choices{{"walk_forward", "oob"}});
  field("folds", s.folds, "walk_forward: tested blocks of dates", Range{2, 1000});
}
template <class Visitor>
void visit_fields(AdviceSpec& s, Visitor&& field) {
  field("rule", s.rule, "BUY, HOLD or SELL on the newest row of each symbol; rank: by its place among the out-of-sample predictions",
        Choices{{"none", "rank"}});
  field("buy", s.buy, "score in percent from which on to buy", Range{50, 100});
  field("sell", s.sell, "score in percent up to which to sell", Range{0, 50});
  field("rsi_high", s.rsi_high, "RSI of 14 bars from which on nothing is bought", Range{0, 100});
  field("rsi_low", s.rsi_low, "RSI of 14 bars up to which nothing is sold", Range{0, 100});
}

}  // namespace hayate

namespace hayate::pipeline {

/// Calls visit(section name, section) for every section of the spec.
template <class Spec, class Visitor>
void visit_sections(Spec& spec, Visitor&& visit) {
  visit("universe", spec.universe);
  visit("features", spec.features);
  visit("label", spec.label);
  visit("split", spec.split);
  visit("model", spec.model);
  visit("tune", spec.tune);
  visit("advice", spec.advice);
}

/// Reads a run's TOML file. Unknown sections and keys are errors with the nearest name; what is required must be there.
/// An [exec] section sets `exec` fields that are still at their defaults.
Result<RunSpec> read_run_spec(const std::string& path, exec::ExecConfig* exec);
Result<RunSpec> parse_run_spec(const std::string& text, const std::string& source, exec::ExecConfig* exec);

/// The whole spec as TOML, defaults included; reading it back gives the same spec. `with_input` false leaves out where
/// the bars come from, which is no part of what a model is.
std::string spec_toml(const RunSpec& spec, bool with_input = true);
/// 32 hex digits of the spec's text.
std::string spec_hash(const RunSpec& spec);

}  // namespace hayate::pipeline
