#include "pipeline/tune_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>

#include "base/hash.h"
#include "base/strings.h"
#include "exec/io_pool.h"
#include "exec/pool.h"
#include "io/writer.h"
#include "pipeline/learning_table.h"
#include "pipeline/manifest.h"
#include "tune/outcome.h"

namespace hayate::pipeline {
namespace {

const char* scoring_name(tune::Scoring scoring) {
  return scoring == tune::Scoring::out_of_bag ? "out-of-bag rows"
         : scoring == tune::Scoring::folds    ? "shuffled folds"
                                              : "walk-forward blocks of dates";
}

Result<void> check_scoring(const tune::StudySpec& spec, const TuneRequest& request) {
  if (spec.scoring.scoring == tune::Scoring::walk_forward && request.by_date.empty())
    return usage_error("walk-forward blocks need dates", "--score walk_forward", "--by-date COLUMN");
  if (spec.scoring.scoring != tune::Scoring::walk_forward && request.purge_days > 0)
    return usage_error("dates are purged before the blocks of walk-forward, which do not score here", "--purge-days",
                       "--by-date COLUMN, or leave it out");
  if (spec.scoring.scoring != tune::Scoring::out_of_bag) return {};
  if (tune::default_scoring(spec, false) != tune::Scoring::out_of_bag)
    return usage_error("only a forest that draws its rows (bootstrap=true) and weighs no class by name leaves rows out of its bags", "--score oob",
                       "--score folds");
  return {};
}

/// Error (input): infinite values for a learner that takes none. Every trial would fail, and say rows of folds.
Result<void> check_finite(const LearnerParams& params, const LearningTable& table) {
  if (!std::holds_alternative<LinearParams>(params) && !std::holds_alternative<LogisticParams>(params)) return {};
  for (size_t f = 0; f < table.features.size(); ++f) {
    const std::span values(table.examples.values.column(int64_t(f)), size_t(table.examples.num_rows()));
    const auto infinite = std::count_if(values.begin(), values.end(), [](float value) { return std::isinf(value); });
    if (infinite > 0)
      return input_error(fmt::format("feature '{}' is infinite in {} row{}", table.features[f], infinite, infinite == 1 ? "" : "s"), "--input",
                         "a linear model takes finite values and missing ones; trees order infinities, or leave the column out with --features");
  }
  return {};
}

/// Everything that decides what a trial scores; of how many there are the journal knows.
std::string identity_of(const tune::StudySpec& spec, const std::string& table) {
  Hasher hasher;
  hasher.text(table).text(learner_of(spec.params).name).text(format_params(spec.params));
  for (const tune::Dimension& d : spec.space.dimensions) hasher.text(d.name).text(d.text);
  hasher.number(uint64_t(spec.sampler)).number(uint64_t(spec.schedule.scheduler)).number(uint64_t(spec.schedule.grace_period));
  hasher.number(uint64_t(spec.schedule.reduction_factor)).number(uint64_t(spec.schedule.max_t)).number(spec.seed);
  hasher.number(uint64_t(spec.scoring.scoring)).number(uint64_t(spec.scoring.num_folds)).number(uint64_t(spec.scoring.purge_days));
  return hasher.text(spec.scoring.metric->name).finish().hex();
}

Result<void> make_folder(const std::string& path) {
  std::error_code failure;
  std::filesystem::create_directories(path, failure);
  if (failure) return Error{Kind::io, fmt::format("the folder cannot be made: {}", failure.message()), path, "give another --output"};
  return {};
}

/// All files at once, each on a thread that waits: the time of writing a small file is that of the disk, twice, and it says of all of
/// them together as soon that it has them (a search of 0.2 s spent 40 ms in writing nine files on two workers).
Result<std::vector<std::string>> write_files(const TuneOutcome& outcome, const std::string& folder) {
  auto files = tune::drawings(outcome.spec, outcome.study);
  files.emplace_back("best.json", tune::best_json(outcome.spec, outcome.study, outcome.scored_by));
  std::vector<std::string> names = {"trials.csv", "journal.log"};
  std::vector<Result<void>> written(files.size() + 1);
  exec::IoPool waiting(int(written.size()));
  for (size_t i = 0; i < files.size(); ++i) waiting.submit([&, i] { written[i] = io::write_file(folder + "/" + files[i].first, files[i].second); });
  waiting.submit([&] {
    const auto table = io::write_table(folder + "/trials.csv", tune::trials_table(outcome.spec, outcome.study));
    written.back() = table.ok() ? Result<void>() : table.error();
  });
  waiting.drain();
  for (Result<void>& result : written) HY_CHECK(std::move(result));
  for (const auto& [name, text] : files) names.push_back(name);
  return names;
}

}  // namespace

Result<const MetricInfo*> tuning_metric(const std::string& asked, Problem problem, bool by_date, const std::string& where) {
  const std::string name = !asked.empty() ? asked : problem == Problem::classification ? "accuracy" : "rmse";
  const MetricGroup group = problem == Problem::classification ? MetricGroup::classification : MetricGroup::regression;
  std::vector<std::string> fitting;
  for (const MetricInfo& metric : kMetrics)
    if (metric.better != Better::neither && (metric.group == group || (by_date && metric.group == MetricGroup::by_date)))
      fitting.emplace_back(metric.name);
  for (const std::string& known : fitting)
    if (known == name) return find_metric(name);
  if (const MetricInfo* other = find_metric(name); other && other->group == MetricGroup::by_date)
    return usage_error(fmt::format("{} needs dates", name), where, "--by-date COLUMN");
  if (find_metric(name) && find_metric(name)->better != Better::neither)
    return usage_error(fmt::format("{} does not measure {}", name, problem_name(problem)), where, join(fitting, ", "));
  return unknown_name("metric", name, fitting, where);
}

Result<TuneOutcome> tune_table(const TuneRequest& request, exec::Steps& steps, const exec::Cancellation& cancel) {
  TuneOutcome out;
  tune::StudySpec& spec = out.spec;
  HY_TRY(spec.params, learner_params(request.learner, request.params));
  HY_TRY(spec.space, tune::parse_space(request.space, "--space"));
  HY_CHECK(tune::check_space(spec.space, spec.params, "--space"));
  spec.sampler = request.sampler, spec.schedule = request.schedule, spec.num_trials = request.trials, spec.seed = request.seed;
  HY_CHECK(tune::check_schedule(spec.schedule));
  HY_CHECK(tune::check_sampler(spec.space, spec.sampler));
  if (spec.sampler == tune::Sampler::grid) spec.num_trials = std::min(spec.num_trials, tune::grid_size(spec.space).value());
  const tune::Scoring scoring = request.scoring.value_or(tune::default_scoring(spec, !request.by_date.empty()));
  spec.scoring = {scoring, request.folds, request.purge_days, nullptr, request.seed};
  HY_CHECK(check_scoring(spec, request));

  exec::Pool pool(exec::worker_count(request.exec));
  const LearningSource source{request.input,   request.label, request.features, request.weight, request.by_date, "",
                              request.problem, request.kind,  request.reading,  spec.params};
  HY_TRY(const LearningTable table, read_learning_table(source, pool, steps, exec::memory_limit_bytes(request.exec)));
  out.problem = table.examples.problem, out.why = table.why, out.rows = table.rows, out.rows_left_out = table.rows_left_out;
  out.scored_by = scoring_name(scoring);
  HY_TRY(spec.scoring.metric, tuning_metric(request.metric, out.problem, !request.by_date.empty(), "--metric"));
  HY_CHECK(check_params(spec.params, out.problem, int64_t(table.features.size())));
  HY_CHECK(check_finite(spec.params, table));
  std::vector<std::string> varied;
  for (const tune::Dimension& dimension : spec.space.dimensions) varied.push_back(dimension.name);
  HY_CHECK(check_effects(spec.params, out.problem, varied, "--params and --space"));

  HY_CHECK(make_folder(request.output));
  HY_TRY(tune::Journal journal, tune::Journal::open(request.output + "/journal.log", fmt::format("hayate {}", request.learner),
                                                    spec.scoring.metric->better == Better::higher, identity_of(spec, table.hash())));
  out.events_found = journal.lines_found();
  remove_temporary_files(request.output);  // the journal is locked: nobody else writes here
  HY_TRY(out.study, tune::run_study(spec, table.examples, &journal, pool, steps, cancel));
  steps.begin("write");
  HY_TRY(out.files, write_files(out, request.output));
  steps.end();
  return out;
}

}  // namespace hayate::pipeline
