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
std::vector<Hash128> input_hashes(const io::BarsResult& bars, const Panel& panel, bool of_all) {
  std::vector<Hash128> out;
  Hasher all;
  size_t at = 0;
  for (const std::string& symbol : panel.symbols) {
    while (bars.bars.panel.symbols[at] != symbol) ++at;
    out.push_back(bars.input_hash[at]);
    all.text(symbol).number(out.back().low).number(out.back().high);
  }
  const Hash128 universe = all.finish();
  if (of_all)
    for (Hash128& hash : out) hash = Hasher().number(hash.low).number(hash.high).number(universe.low).number(universe.high).finish();
  return out;
}

}  // namespace

Result<PreparedRun> prepare_run(Plan& plan, const std::vector<std::string>& paths, const exec::ExecConfig& exec, exec::Pool& pool,
                                exec::Steps& steps) {
  PreparedRun out;
  steps.begin("read", int64_t(paths.size()));
  HY_TRY(out.bars, io::read_bars(paths, pool, reading_limits(exec)));
  HY_CHECK(compile_plan(plan, out.bars.bars.panel.fields));

  steps.begin("check", int64_t(out.bars.bars.panel.num_symbols()));
  HY_TRY(CheckedBars checked, check_universe(out.bars.bars, plan.spec.universe.adjust));
  out.failures = std::move(checked.failures), out.warnings = std::move(checked.warnings);
  out.panel = std::move(checked.panel);
  out.input_hash = input_hashes(out.bars, out.panel, plan.features->has_cross_sections() || plan.label_program->has_cross_sections());

  if (!plan.features->stages().empty() || !plan.label_program->stages().empty()) steps.begin("compute");
  HY_TRY(const bool vwap_added, prepare_bars(plan.spec.universe.adjust, {&*plan.features, &*plan.label_program}, out.panel, pool, exec));
  if (vwap_added) out.messages.emplace_back(kVwapAdded);
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
  out.fixed = resident_bytes() + (pooled ? pooled_bytes(plan, panel.num_rows()) : results);
  out.each = pooled ? 0 : symbol_task_bytes(plan, longest);
  HY_TRY(out.workers, workers_within(exec, "train", out.fixed, out.each, workers, pooled ? "scope = \"symbol\"" : "fewer or shallower trees"));
  return out;
}

}  // namespace hayate::pipeline
