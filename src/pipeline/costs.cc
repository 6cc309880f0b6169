#include "pipeline/costs.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/json.h"
#include "io/json_reader.h"

namespace hayate::pipeline {
namespace {

/// Before anything was learnt: nanoseconds a unit of work, measured on one core of a server of 2023.
constexpr double kTaskNs = 2;
struct StepNs {
  std::string_view name;
  double ns;
};
constexpr StepNs kStepNs[] = {{"read", 400}, {"check", 40}, {"evaluate", 300}, {"write", 2000}};

/// What is learnt from one step of a run: one observation, so what was believed counts for little.
constexpr double kStepSpread = 0.3;

/// What forgetting costs would cost, for the order of eviction.
constexpr double kWorthSeconds = 600;

Hash128 costs_key() { return Hasher().text("what tasks and steps cost").finish(); }

exec::CostFit guess(double nanoseconds) { return {std::log(1e-9 * nanoseconds), 1, 0.5, 0, 0}; }

/// How often a learner goes through a training cell: its trees or rounds.
double passes(const LearnerParams& params) {
  return std::visit(
      [](const auto& p) {
        if constexpr (requires { p.num_trees; }) return double(p.num_trees);
        if constexpr (requires { p.num_rounds; }) return double(p.num_rounds);
        return 1.0;
      },
      params);
}

double fold_work(const Plan& plan, int64_t dates, double rows_per_date) {
  const SplitSpec& split = plan.spec.split;
  const int64_t folds = split.method == "walk_forward" ? std::max<int64_t>(1, (dates - split.train_days) / split.test_days)
                        : split.method == "holdout"    ? 1
                                                       : split.num_folds;
  const double train = split.method == "walk_forward" ? double(std::min(dates, split.train_days)) : 0.7 * double(dates);
  const double features = double(plan.expressions.size());
  return features * rows_per_date * (double(dates) * 8 + double(folds) * train * (8 + passes(plan.params)));
}

}  // namespace

Costs read_costs(cache::Store& store) {
  Costs out;
  const cache::Value text = store.get(costs_key());
  const auto json = io::parse_json(text ? *text : "{}", "costs");
  const io::Json::Object* entries = json.ok() ? json.value().object() : nullptr;
  for (const auto& [name, fit] : entries ? *entries : io::Json::Object()) {
    const auto number = [&fit](const char* key, double missing) { return fit.find(key) ? fit.find(key)->number(missing) : missing; };
    const exec::CostFit read{number("level", 0), number("slope", 1), number("spread", 0.5), number("centre", 0), number("weight", 0)};
    if (std::isfinite(read.level) && std::isfinite(read.slope) && read.spread > 0 && read.weight > 0) out[name] = read;
  }
  return out;
}

Result<void> write_costs(cache::Store& store, const Costs& costs) {
  JsonWriter json(1);
  json.object();
  for (const auto& [name, fit] : costs) {
    json.key(name).object().key("level").value(fit.level).key("slope").value(fit.slope).key("spread").value(fit.spread);
    json.key("centre").value(fit.centre).key("weight").value(fit.weight).end();
  }
  return store.put({costs_key(), json.end().text(), kWorthSeconds});
}

std::string task_name(const Plan& plan) { return "train " + plan.spec.model.learner + " " + plan.spec.model.scope; }

double symbol_work(const Plan& plan, int64_t rows) { return fold_work(plan, rows, 1); }

double pooled_work(const Plan& plan, int64_t rows, int64_t dates) {
  return fold_work(plan, dates, double(rows) / double(std::max<int64_t>(1, dates)));
}

exec::CostFit task_fit(const Costs& costs, const std::string& name) {
  const auto at = costs.find(name);
  return at == costs.end() ? guess(kTaskNs) : at->second;
}

exec::CostFit step_fit(const Costs& costs, const std::string& name) {
  if (const auto at = costs.find(name); at != costs.end()) return at->second;
  for (const StepNs& step : kStepNs)
    if (name.starts_with(step.name)) return guess(step.ns);
  return guess(0);
}

void learn_step(Costs& costs, const std::string& name, int64_t rows, double seconds) {
  exec::CostFit before = step_fit(costs, name);
  before.spread = std::min(before.spread, kStepSpread);
  exec::CostModel model(before);
  model.observe(double(rows), seconds);
  exec::CostFit learnt = model.fit();
  learnt.weight = std::min(learnt.weight, 20.0);
  costs[name] = learnt;
}

}  // namespace hayate::pipeline
