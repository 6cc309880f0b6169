#include "pipeline/tune_fold.h"

#include <algorithm>

#include "base/strings.h"
#include "exec/steps.h"
#include "pipeline/tune_table.h"

namespace hayate::pipeline {
namespace {

/// The place of a name that the spec's fields have checked.
template <class Enum, size_t N>
Enum named(const char* const (&names)[N], const std::string& name) {
  return Enum(std::find(std::begin(names), std::end(names), name) - std::begin(names));
}

}  // namespace

Result<tune::StudySpec> study_of(const TuneSpec& spec, const LearnerParams& params, Problem problem, int64_t seed, int64_t purge_days) {
  if (problem == Problem::ranking)
    return usage_error("a search scores single predictions, a ranking is of whole dates", "[tune]", "problem = \"regression\", or leave [tune] out");
  tune::StudySpec out;
  out.params = params;
  HY_TRY(out.space, tune::parse_space(spec.space, "[tune] space"));
  HY_CHECK(tune::check_space(out.space, params, "[tune] space"));
  out.sampler = named<tune::Sampler>(tune::kSamplers, spec.sampler);
  out.schedule = {named<tune::Scheduler>(tune::kSchedulers, spec.scheduler), spec.grace_period, spec.reduction_factor, spec.max_t};
  HY_CHECK(tune::check_schedule(out.schedule));
  HY_CHECK(tune::check_sampler(out.space, out.sampler));
  out.num_trials = spec.trials, out.seed = uint64_t(seed);
  if (out.sampler == tune::Sampler::grid) out.num_trials = std::min(out.num_trials, tune::grid_size(out.space).value());
  if (spec.score == "oob" && tune::default_scoring(out, false) != tune::Scoring::out_of_bag)
    return usage_error(
        "only a forest that draws its rows (bootstrap=true) "
        "leaves rows out of its bags",
        "[tune] score", "score = \"walk_forward\"");
  const tune::Scoring scoring = spec.score == "oob" ? tune::Scoring::out_of_bag : tune::Scoring::walk_forward;
  out.scoring = {scoring, spec.folds, purge_days, nullptr, uint64_t(seed)};
  HY_TRY(out.scoring.metric, tuning_metric(spec.metric, problem, true, "[tune] metric"));
  return out;
}

Result<TunedFold> tune_fold(const Plan& plan, const FloatColumns& values, std::span<const int32_t> train, std::span<const double> labels,
                            std::span<const float> weights, std::span<const int64_t> times, exec::Pool& pool, const exec::Cancellation& cancel) {
  std::vector<float> storage(train.size() * size_t(values.num_features));
  for (int64_t f = 0; f < values.num_features && !cancel.stopped(); ++f)
    for (size_t i = 0; i < train.size(); ++i) storage[size_t(f) * train.size() + i] = values.column(f)[train[i]];
  tune::Examples examples;
  examples.values = {storage.data(), int64_t(train.size()), values.num_features, int64_t(train.size()), values.names};
  for (const int32_t row : train) {
    examples.numbers.push_back(labels[size_t(row)]), examples.dates.push_back(times[size_t(row)]);
    if (!weights.empty()) examples.weights.push_back(weights[size_t(row)]);
  }
  tune::StudySpec spec = *plan.study;
  spec.scoring.purge_days = plan.purge_days;
  exec::Steps untold;
  auto study = tune::run_study(spec, examples, nullptr, pool, untold, cancel);
  if (!study.ok()) {
    Error error = study.error();
    if (error.kind == Kind::input) error.where = "[tune]", error.hint = "longer training windows, fewer folds, or another score";
    return error;
  }
  const tune::Trial& best = study.value().trials[*study.value().best];
  std::vector<std::string> config;
  for (const auto& [name, value] : best.config) config.push_back(name + "=" + value);
  return TunedFold{best.params, {join(config, ","), best.value()}};
}

}  // namespace hayate::pipeline
