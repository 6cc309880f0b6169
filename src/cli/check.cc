// hayate check data and hayate check leakage.
#include <fmt/format.h>

#include <set>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "io/bars.h"
#include "pipeline/bar_check.h"
#include "pipeline/leakage.h"
#include "pipeline/spec.h"

namespace hayate::cli {
namespace {

bool is_spec(const CheckOptions& options) { return options.input.size() == 1 && options.input[0].ends_with(".toml"); }

void write_findings(JsonWriter& json, const char* name, const std::vector<Finding>& findings) {
  json.key(name).array();
  for (const Finding& finding : findings) {
    json.object().key("symbol").value(finding.symbol).key("kind").value(finding.kind).key("what").value(finding.what);
    json.key("row").value(finding.row).key("date").value(finding.time).key("value").value(finding.value).end();
  }
  json.end();
}

std::string finding_line(const char* noun, const Finding& finding) {
  const std::string time = finding.time.empty() ? "" : " " + finding.time, row = finding.row > 0 ? fmt::format(" row {}", finding.row) : "";
  return fmt::format("{:<7} {}{}{}: {}: {}{}\n", noun, finding.symbol, row, time, finding.kind, finding.what,
                     finding.value.empty() ? "" : fmt::format(" ({})", finding.value));
}

Result<int> check_data(const CheckOptions& options, const Console& console) {
  UniverseSpec universe{options.input, options.adjust};
  if (is_spec(options)) {
    HY_TRY(const RunSpec spec, pipeline::read_run_spec(options.input[0], nullptr));
    universe = spec.universe;
  }
  HY_TRY(const auto paths, io::expand_inputs(universe.input));
  exec::Pool pool(exec::worker_count(options.exec));
  exec::Steps steps(console.progress);
  steps.begin("read", int64_t(paths.size()));
  HY_TRY(const io::BarsResult bars, io::read_bars(paths, pool));
  const Panel& panel = bars.bars.panel;
  steps.begin("check", int64_t(panel.num_symbols()));
  pipeline::BarFindings found = pipeline::check_bars(panel, universe.adjust == "adj_close");
  steps.end();
  found.failures.insert(found.failures.begin(), bars.bars.failures.begin(), bars.bars.failures.end());
  found.warnings.insert(found.warnings.begin(), bars.bars.warnings.begin(), bars.bars.warnings.end());
  std::set<std::string> failed, all(panel.symbols.begin(), panel.symbols.end());
  for (const Finding& finding : found.failures) failed.insert(finding.symbol), all.insert(finding.symbol);

  HY_CHECK(write_timings(options.timings, steps.records(), pool.workers()));
  if (console.json) {
    JsonWriter json(1);
    json.object().key("symbols").value(int64_t(all.size())).key("bars").value(bars.num_rows).key("usable").value(int64_t(all.size() - failed.size()));
    write_findings(json, "failures", found.failures);
    write_findings(json, "warnings", found.warnings);
    console.print(json.end().text() + "\n");
  } else {
    for (const Finding& finding : found.failures) console.print(finding_line("failed", finding));
    for (const Finding& finding : found.warnings) console.print(finding_line("warning", finding));
    console.print(fmt::format("{} symbols, {} bars: {} can be used, {} warnings\n", all.size(), bars.num_rows, all.size() - failed.size(),
                              found.warnings.size()));
  }
  return failed.empty() ? 0 : failed.size() == all.size() ? 1 : 3;
}

void print_leakage(const pipeline::LeakOutcome& outcome, const Console& console) {
  for (size_t i = 0; i < std::size(pipeline::kLeakChecks); ++i) {
    const pipeline::LeakCheck& check = pipeline::kLeakChecks[i];
    size_t count = 0;
    for (const auto& finding : outcome.findings) count += finding.check == check.name;
    console.print(fmt::format("{:<14} {:<9} {}\n", check.name, count == 0 ? "passed" : fmt::format("{} found", count), outcome.notes[i]));
  }
  for (const auto& finding : outcome.findings)
    console.print(fmt::format("{}: {} {}{}{}: {}\n", finding.check, finding.feature, finding.symbol, finding.symbol.empty() ? "" : " ", finding.time,
                              finding.what));
  console.print(fmt::format("{} features of {} symbols, {} bars: {}\n", outcome.features, outcome.symbols, outcome.rows,
                            outcome.clean() ? "no leak found" : fmt::format("{} found", outcome.findings.size())));
}

std::string leakage_json(const pipeline::LeakOutcome& outcome) {
  JsonWriter json(1);
  json.object().key("clean").value(outcome.clean()).key("features").value(outcome.features).key("symbols").value(outcome.symbols);
  json.key("bars").value(outcome.rows).key("checks").array();
  for (size_t i = 0; i < std::size(pipeline::kLeakChecks); ++i) {
    const pipeline::LeakCheck& check = pipeline::kLeakChecks[i];
    int64_t count = 0;
    for (const auto& finding : outcome.findings) count += finding.check == check.name;
    json.object()
        .key("name")
        .value(check.name)
        .key("meaning")
        .value(check.meaning)
        .key("found")
        .value(count)
        .key("compared")
        .value(outcome.notes[i])
        .end();
  }
  json.end().key("findings").array();
  for (const auto& finding : outcome.findings) {
    json.object().key("check").value(finding.check).key("feature").value(finding.feature).key("symbol").value(finding.symbol);
    json.key("date").value(finding.time).key("what").value(finding.what).end();
  }
  json.end();
  write_findings(json, "failures", outcome.failures);
  return json.end().text() + "\n";
}

Result<int> check_leakage(CheckOptions& options, const Console& console) {
  if (!is_spec(options))
    return usage_error(fmt::format("'{}' is no spec of a run", join(options.input, " ")), "hayate check leakage", "give one SPEC.toml");
  HY_TRY(const RunSpec spec, pipeline::read_run_spec(options.input[0], &options.exec));
  exec::Steps steps(console.progress);
  HY_TRY(const auto outcome, pipeline::check_leakage(spec, options.exec, steps, interruption()));
  say_findings(console, "failed", outcome.failures);
  HY_CHECK(write_timings(options.timings, steps.records(), exec::worker_count(options.exec)));
  if (console.json)
    console.print(leakage_json(outcome));
  else
    print_leakage(outcome, console);
  return outcome.clean() ? 0 : 1;
}

}  // namespace

Result<int> check_command(CheckOptions& options, const Console& console) {
  return options.what == "data" ? check_data(options, console) : check_leakage(options, console);
}

}  // namespace hayate::cli
