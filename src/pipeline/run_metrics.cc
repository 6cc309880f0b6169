#include "pipeline/run_metrics.h"

#include <fmt/format.h>

#include <ctime>

namespace hayate::pipeline {
namespace {

struct Sample {
  std::string labels;  ///< "" or {name="value"}
  double value;
};

struct Metric {
  const char *name, *type, *help;
  std::vector<Sample> samples;
};

std::string text_of(const Metric& metric) {
  std::string out = fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", metric.name, metric.help, metric.type);
  for (const Sample& sample : metric.samples) out += fmt::format("{}{} {}\n", metric.name, sample.labels, sample.value);
  return out;
}

std::vector<Sample> per_step(const std::vector<exec::StepRecord>& steps, double exec::StepRecord::* seconds) {
  std::vector<Sample> out;
  for (const exec::StepRecord& step : steps) out.push_back({fmt::format("{{step=\"{}\"}}", step.name), step.*seconds});
  return out;
}

}  // namespace

std::string run_metrics(const RunStats& s, const std::vector<exec::StepRecord>& steps) {
  const auto one = [](double value) { return std::vector<Sample>{{"", value}}; };
  const auto pools = [](double cpu, double io) { return std::vector<Sample>{{"{pool=\"cpu\"}", cpu}, {"{pool=\"io\"}", io}}; };
  const Metric metrics[] = {
      {"hayate_run_completion_timestamp_seconds", "gauge", "When the run ended, in seconds since 1970.", one(double(std::time(nullptr)))},
      {"hayate_run_duration_seconds", "gauge", "From start to end of the run.", one(s.wall_seconds)},
      {"hayate_run_cpu_seconds_total", "counter", "CPU time of all threads.", one(s.cpu_seconds)},
      {"hayate_run_symbols", "gauge", "Symbols with a result.", one(double(s.symbols))},
      {"hayate_run_failed_symbols", "gauge", "Symbols without a result.", one(double(s.failed))},
      {"hayate_run_bars", "gauge", "Bars learnt from and predicted.", one(double(s.rows))},
      {"hayate_run_models_total", "counter", "Models of all folds, reused ones too.", one(double(s.models))},
      {"hayate_task_attempts_total", "counter", "Attempts at tasks, those tried again counted each time.", one(double(s.attempts))},
      {"hayate_task_queue_seconds", "gauge", "Time that tasks waited for a worker, on average.", one(s.queue_seconds)},
      {"hayate_task_longest_queue_seconds", "gauge", "The longest time that a task waited for a worker.", one(s.longest_queue_seconds)},
      {"hayate_cache_requests_total",
       "counter",
       "Stored results asked for.",
       {{"{result=\"hit\"}", double(s.cache_hits)}, {"{result=\"miss\"}", double(s.cache_misses)}}},
      {"hayate_cache_damaged_entries_total", "counter", "Stored results that were not as they were written.", one(double(s.cache_damaged))},
      {"hayate_pool_workers", "gauge", "Threads of a pool.", pools(s.workers, s.io_workers)},
      {"hayate_pool_fewest_workers", "gauge", "Fewest CPU workers that pressure on the machine left with a task.", one(s.fewest_workers)},
      {"hayate_pool_busy_seconds_total", "counter", "Time that the threads of a pool spent in tasks.",
       pools(s.cpu_pool.busy_seconds, s.io_pool.busy_seconds)},
      {"hayate_pool_duration_seconds", "gauge", "Time that a pool existed.", pools(s.cpu_pool.wall_seconds, s.io_pool.wall_seconds)},
      {"hayate_memory_peak_bytes", "gauge", "Largest resident set.", one(double(s.peak_memory_bytes))},
      {"hayate_memory_limit_bytes", "gauge", "What the run was allowed to hold.", one(double(s.memory_limit_bytes))},
      {"hayate_step_duration_seconds", "gauge", "Time of each step.", per_step(steps, &exec::StepRecord::wall_seconds)},
      {"hayate_step_cpu_seconds_total", "counter", "CPU time of each step.", per_step(steps, &exec::StepRecord::cpu_seconds)},
  };
  std::string out;
  for (const Metric& metric : metrics) out += text_of(metric);
  return out;
}

}  // namespace hayate::pipeline
