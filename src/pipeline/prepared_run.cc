#include "pipeline/prepared_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/strings.h"
#include "pipeline/trained.h"

namespace hayate::pipeline {
namespace {

/// What each symbol's task reads, as a hash, in the order of `panel`, whose symbols are some of those that were read: its own bars,
/// and with cross-sections those of every symbol beside it.
std::vector<Hash128> input_hashes(const std::vector<std::string>& symbols_read, const std::vector<Hash128>& hashes_read, const Panel& panel,
                                  bool of_all) {
  std::vector<Hash128> out;
  Hasher all;
  size_t at = 0;
  for (const std::string& symbol : panel.symbols) {
    while (symbols_read[at] != symbol) ++at;
    out.push_back(hashes_read[at]);
    all.text(symbol).number(out.back().low).number(out.back().high);
  }
  const Hash128 universe = all.finish();
  if (of_all)
    for (Hash128& hash : out) hash = Hasher().number(hash.low).number(hash.high).number(universe.low).number(universe.high).finish();
  return out;
}

BarsSummary summary_of(const io::BarsResult& bars) {
  const Panel& panel = bars.bars.panel;
  BarsSummary out{bars.files, bars.num_rows, int64_t(panel.num_symbols()), 0, 0, panel.daily};
  if (panel.num_rows() > 0) {
    const auto [first, last] = std::minmax_element(panel.times.begin(), panel.times.end());
    out.first_time = *first, out.last_time = *last;
  }
  return out;
}

/// Columns that no expression reads are of no more use.
void drop_unread_fields(const Plan& plan, Panel& panel) {
  const auto reads = [](const Program& program, const std::string& name) {
    return std::find(program.fields().begin(), program.fields().end(), name) != program.fields().end();
  };
  for (size_t f = panel.fields.size(); f-- > 0;)
    if (!reads(*plan.features, panel.fields[f]) && !reads(*plan.label_program, panel.fields[f]))
      panel.fields.erase(panel.fields.begin() + ptrdiff_t(f)), panel.values.erase(panel.values.begin() + ptrdiff_t(f));
}

}  // namespace

Result<PreparedRun> prepare_run(Plan& plan, const std::vector<std::string>& paths, const exec::ExecConfig& exec, exec::Pool& pool, exec::Steps& steps,
                                const exec::Cancellation& cancel) {
  PreparedRun out;
  steps.begin("read", int64_t(paths.size()));
  HY_TRY(io::BarsResult read, io::read_bars(paths, pool, reading_limits(exec, &cancel)));
  if (read.bars.panel.num_symbols() == 0 && !read.bars.failures.empty()) return nothing_left(read.bars.failures);
  HY_CHECK(compile_plan(plan, read.bars.panel.fields));
  out.bars = summary_of(read);
  out.messages.insert(out.messages.end(), read.messages.begin(), read.messages.end());
  const std::vector<std::string> symbols_read = read.bars.panel.symbols;

  steps.begin("check", int64_t(symbols_read.size()));
  HY_TRY(CheckedBars checked, check_universe(std::move(read.bars), plan.spec.universe.adjust));
  out.failures = std::move(checked.failures), out.warnings = std::move(checked.warnings);
  out.panel = std::move(checked.panel);
  out.input_hash =
      input_hashes(symbols_read, read.input_hash, out.panel, plan.features->has_cross_sections() || plan.label_program->has_cross_sections());

  if (!plan.features->stages().empty() || !plan.label_program->stages().empty()) steps.begin("compute");
  HY_TRY(const std::vector<std::string> said,
         prepare_bars(plan.spec.universe.adjust, {&*plan.features, &*plan.label_program}, out.panel, pool, exec));
  out.messages.insert(out.messages.end(), said.begin(), said.end());
  if (plan.spec.advice.rule == "none") drop_unread_fields(plan, out.panel);
  if (!plan.scalers.empty() && plan.spec.features.fit == "all")
    out.messages.emplace_back("warning: fit = \"all\": processors are fitted on test rows too, so the test is no test");
  return out;
}

Result<MemoryShare> share_memory(const Plan& plan, const Panel& panel, const exec::ExecConfig& exec, int workers) {
  MemoryShare out;
  int64_t longest = 0, results = 0;
  for (size_t s = 0; s < panel.num_symbols(); ++s) {
    const int64_t rows = int64_t(panel.series_times(s).size());
    longest = std::max(longest, rows);
    results += symbol_result_bytes(plan, rows);
  }
  const bool pooled = plan.spec.model.scope == "pooled";
  out.limit = exec::memory_limit_bytes(exec);
  TaskBytes bytes{results, symbol_task_bytes(plan, longest)};
  if (pooled) {
    HY_TRY(bytes, pooled_bytes(plan, panel));
  }
  out.fixed = resident_bytes() + bytes.fixed, out.each = bytes.each;
  HY_TRY(out.workers, workers_within(exec, "train", out.fixed, out.each, workers, pooled ? "scope = \"symbol\"" : "fewer or shallower trees"));
  return out;
}

}  // namespace hayate::pipeline
