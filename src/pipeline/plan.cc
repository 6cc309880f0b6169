#include "pipeline/plan.h"

#include <fmt/format.h>

#include <map>
#include <numeric>

#include "hayate/indicators.h"
#include "pipeline/tune_fold.h"

namespace hayate::pipeline {

namespace {

TextPlace place_written(const TextPlaces& places, const std::string& text, const std::string& otherwise) {
  const auto known = places.find(text);
  return known == places.end() ? TextPlace{otherwise} : known->second;
}

}  // namespace

Result<std::vector<NamedExpression>> list_features(const FeatureSources& sources, const std::string& sets_where, const std::string& indicators_where,
                                                   const std::string& expressions_where) {
  struct Source {
    size_t place;     // in the list
    std::string set;  // "": the user's own
  };
  std::vector<NamedExpression> out;
  std::map<std::string, Source> known;
  const auto add = [&](NamedExpression named, const std::string& set) -> Result<void> {
    const auto [at, is_new] = known.emplace(named.name, Source{out.size(), set});
    if (is_new) {
      out.push_back(std::move(named));
      return {};
    }
    const Source& first = at->second;
    if ((!set.empty() || !first.set.empty()) && out[first.place].text == named.text) return {};
    const auto said = [](const std::string& of, const NamedExpression& one) {
      const std::string place = one.place.line.empty() ? "" : one.place.line + ": ";
      return of.empty() ? place + one.text : fmt::format("{} of the set {}", one.text, of);
    };
    return usage_error(
        fmt::format("two features are called '{}'", named.name), fmt::format("{}, and {}", said(first.set, out[first.place]), said(set, named)),
        set.empty() ? "give each feature a name of its own" : "leave one of the sets out and list what you need of it: hayate sets " + set);
  };
  for (const std::string& name : sources.set) {
    HY_TRY(const FeatureSet* found, feature_set(name, place_written(sources.places, name, sets_where).line));
    for (NamedExpression& named : expressions_of(*found)) HY_CHECK(add(std::move(named), name));
  }
  for (const std::string& call : sources.indicators) {
    HY_TRY(auto columns, indicator_features(call, place_written(sources.places, call, indicators_where)));
    for (NamedExpression& named : columns) HY_CHECK(add(std::move(named), ""));
  }
  for (const std::string& text : sources.expressions) {
    HY_TRY(NamedExpression named, parse_named_expression(text, place_written(sources.places, text, expressions_where)));
    HY_CHECK(add(std::move(named), ""));
  }
  for (const NamedExpression& named : sources.listed) HY_CHECK(add(named, ""));
  return out;
}

namespace {

std::string normalized_label(const LabelSpec& label) {
  if (label.normalize == "cs_zscore") return scaled_expression(std::vector{Scaler{Scaler::Type::cs_zscore}}, label.expression);
  if (label.normalize == "cs_rank") return scaled_expression(std::vector{Scaler{Scaler::Type::cs_rank}}, label.expression);
  return label.expression;
}

/// A text that is made of what was written stands in no column of the file.
void set_text(NamedExpression& named, std::string text) {
  if (text == named.text) return;
  named.text = std::move(text), named.place.column = 0;
}

}  // namespace

Result<Plan> make_plan(const RunSpec& spec) {
  Plan plan;
  plan.spec = spec;
  HY_TRY(plan.expressions, list_features({spec.features.set, spec.features.indicators, spec.features.expressions, {}, spec.places}, "[features] set",
                                         "[features] indicators", "[features] expressions"));
  for (const std::string& text : spec.features.processors)
    HY_CHECK(parse_scalers({text}, place_written(spec.places, text, "[features] processors").line));
  HY_TRY(ScalerList scalers, parse_scalers(spec.features.processors, "[features] processors"));
  plan.scalers = std::move(scalers.fitted);
  if (has_cross_sections(plan.scalers) && spec.model.scope != "pooled")
    return usage_error(
        "a cross-section after a fitted processor needs one model for the universe: a symbol with folds of its own would see its "
        "neighbours scaled by rows that they do not train on",
        "[features] processors", "scope = \"pooled\", or name what is taken over the symbols of a date first");
  for (NamedExpression& named : plan.expressions) {
    HY_CHECK(parse_expression(named));
    set_text(named, scaled_expression(scalers.expressions, named.text));
  }
  plan.label = {"label", spec.label.expression, place_written(spec.places, spec.label.expression, "[label] expression")};
  HY_CHECK(parse_expression(plan.label));
  set_text(plan.label, normalized_label(spec.label));
  HY_TRY(plan.params, learner_params(spec.model.learner, spec.model.params, "[model] params"));
  plan.problem = spec.model.problem == "ranking" ? Problem::ranking : Problem::regression;
  if (plan.problem == Problem::ranking && spec.model.scope != "pooled")
    return usage_error("a ranking needs the symbols of a date together", "[model] problem", "scope = \"pooled\"");
  HY_CHECK(check_params(plan.params, plan.problem, int64_t(plan.expressions.size())));
  if (spec.tune.space.empty()) {
    HY_CHECK(check_effects(plan.params, plan.problem, {}, "[model] params"));
  } else {
    HY_TRY(plan.study, study_of(spec.tune, plan.params, plan.problem, spec.model.seed, 0));
  }
  SplitSpec split = spec.split;
  split.purge_days = std::max<int64_t>(split.purge_days, 0);
  const auto folds = make_folds(split, {});
  if (folds.error().kind == Kind::usage) return folds.error();
  return plan;
}

Result<void> compile_plan(Plan& plan, const std::vector<std::string>& fields, bool leaks_allowed) {
  HY_TRY(plan.features, Program::compile(plan.expressions, fields, {Dtype::float32, leaks_allowed}));
  HY_TRY(plan.label_program, Program::compile(std::span(&plan.label, 1), fields, {Dtype::float64, true}));
  const int64_t horizon = plan.label_program->look_ahead();
  plan.purge_days = plan.spec.split.purge_days < 0 ? horizon : plan.spec.split.purge_days;
  if (plan.purge_days < horizon && !leaks_allowed)
    return usage_error(fmt::format("the label looks {} dates ahead, but only {} are purged: training rows would hold answers of the test block",
                                   horizon, plan.purge_days),
                       "[split] purge_days", fmt::format("purge_days = {}, or leave it out", horizon));
  return {};
}

std::vector<double> scale_fold(const Plan& plan, const ScaledColumns& columns, std::span<const int32_t> train, exec::Pool* pool,
                               std::span<const int64_t> times, const exec::Cancellation* cancel) {
  if (plan.scalers.empty()) return {};
  if (plan.spec.features.fit == "train") return fit_scalers(plan.scalers, columns, train, pool, times, cancel);
  std::vector<int32_t> all(static_cast<size_t>(columns.num_rows));
  std::iota(all.begin(), all.end(), 0);
  return fit_scalers(plan.scalers, columns, all, pool, times, cancel);
}

}  // namespace hayate::pipeline
