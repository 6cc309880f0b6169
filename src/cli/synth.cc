// hayate synth: a universe by block bootstrap of real bars.
#include "fetch/synth.h"

#include <fmt/format.h>

#include "base/json.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "io/bars.h"
#include "io/files.h"
#include "io/writer.h"

namespace hayate::cli {

Result<int> synth_command(SynthOptions& options, const Console& console) {
  HY_TRY(const auto kind, asked_kind(options.format));
  HY_TRY(const auto paths, io::expand_inputs(options.like));
  exec::Pool pool(exec::worker_count(options.exec));
  exec::Steps steps(console.progress);
  steps.begin("read", int64_t(paths.size()));
  HY_TRY(const io::BarsResult bars, io::read_bars(paths, pool));
  say_findings(console, "failed", bars.bars.failures);
  steps.begin("compute", options.symbols);
  HY_TRY(const Panel panel, fetch::synth_universe(bars.bars.panel, {options.symbols, options.days, uint64_t(options.seed)}, pool));
  steps.begin("write", panel.num_rows());
  HY_CHECK(io::write_table(options.output, to_table(panel), kind));
  steps.end();
  console.say(fmt::format("{} symbols, {} bars: {}", panel.num_symbols(), panel.num_rows(), options.output));
  HY_CHECK(write_timings(options.timings, steps.records(), pool.workers()));
  if (console.json) {
    JsonWriter json;
    json.object().key("symbols").value(int64_t(panel.num_symbols())).key("rows").value(panel.num_rows()).key("output").value(options.output).end();
    console.print(json.text() + "\n");
  }
  return bars.bars.failures.empty() ? 0 : 3;
}

}  // namespace hayate::cli
