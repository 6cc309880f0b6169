// hayate tune: a search over the parameters of a learner.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "hayate/metrics.h"
#include "pipeline/tune_table.h"

namespace hayate::cli {
namespace {

/// The place of a name that the options have checked.
template <class Enum, size_t N>
Enum named(const char* const (&names)[N], const std::string& name) {
  size_t i = 0;
  while (i + 1 < N && name != names[i]) ++i;
  return Enum(i);
}

Result<pipeline::TuneRequest> request_of(const TuneOptions& o) {
  pipeline::TuneRequest r;
  r.input = o.input, r.label = o.label, r.weight = o.weight, r.learner = o.learner, r.params = o.params, r.space = o.space, r.trials = o.trials;
  for (const std::string& name : split(o.features, ','))
    if (!trim(name).empty()) r.features.emplace_back(trim(name));
  if (!o.problem.empty()) {
    HY_TRY(r.problem, parse_problem(o.problem, "--problem"));
  }
  HY_TRY(r.kind, asked_kind(o.format));
  HY_TRY(r.reading, reading_options(o.reading));
  r.sampler = named<tune::Sampler>(tune::kSamplers, o.sampler);
  r.schedule = {named<tune::Scheduler>(tune::kSchedulers, o.scheduler), o.grace_period, o.reduction_factor, o.max_t};
  if (o.score == "oob") r.scoring = tune::Scoring::out_of_bag;
  if (o.score == "folds") r.scoring = tune::Scoring::folds;
  if (o.score == "walk_forward") r.scoring = tune::Scoring::walk_forward;
  r.metric = o.metric, r.folds = o.folds, r.purge_days = o.purge_days, r.by_date = o.by_date, r.seed = uint64_t(o.seed);
  r.output = o.output, r.exec = o.exec;
  return r;
}

std::string config_text(const tune::Trial& trial) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : trial.config) parts.push_back(fmt::format("{}={}", name, value));
  return join(parts, ",");
}

int64_t count_of(const tune::Study& study, tune::TrialState state) {
  return std::count_if(study.trials.begin(), study.trials.end(), [state](const tune::Trial& trial) { return trial.state == state; });
}

}  // namespace

Result<int> tune_command(TuneOptions& options, const Console& console) {
  HY_TRY(const auto request, request_of(options));
  exec::Steps steps(console.progress);
  HY_TRY(const auto outcome, pipeline::tune_table(request, steps, interruption()));
  const tune::Study& study = outcome.study;
  const tune::Trial& best = study.trials[*study.best];
  const char* metric = outcome.spec.scoring.metric->name;
  if (!outcome.why.empty()) console.say(fmt::format("problem: {} ({})", problem_name(outcome.problem), outcome.why));
  if (outcome.rows_left_out > 0)
    console.say(fmt::format("{} of {} rows have no finite label, weight or date and do not train", outcome.rows_left_out, outcome.rows));
  if (outcome.spec.num_trials < options.trials) console.say(fmt::format("the grid has {} points", outcome.spec.num_trials));
  if (outcome.events_found > 2) console.say(fmt::format("went on from {} events of {}/journal.log", outcome.events_found, options.output));
  const int64_t failed = count_of(study, tune::TrialState::failed);
  console.say(fmt::format("{} trials: {} complete, {} stopped early, {} failed; {} models trained", study.trials.size(),
                          count_of(study, tune::TrialState::complete), count_of(study, tune::TrialState::pruned), failed, study.models_trained));
  HY_CHECK(write_timings(options.timings, steps.records(), exec::worker_count(options.exec)));
  if (console.json) {
    JsonWriter json;
    json.object().key("best").object().key("trial_id").value(int64_t(*study.best)).key(metric).value(best.value());
    json.key("params").value(format_params(best.params)).end().key("trials").value(int64_t(study.trials.size())).key("failed").value(failed);
    json.key("scored_by").value(outcome.scored_by).key("output").value(options.output).key("files").array();
    for (const std::string& file : outcome.files) json.value(file);
    console.print(json.end().end().text() + "\n");
  } else {
    console.print(fmt::format("best: trial {}, {} {:.6g} ({}): {}\n", *study.best, metric, best.value(), outcome.scored_by, config_text(best)));
  }
  return 0;
}

}  // namespace hayate::cli
