#include "pipeline/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/strings.h"
#include "pipeline/bar_check.h"

namespace hayate::pipeline {
namespace {

void append(std::vector<Finding>& to, std::vector<Finding> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

Panel without_failures(Panel panel, const std::vector<Finding>& failures) {
  std::set<std::string> bad;
  for (const Finding& finding : failures) bad.insert(finding.symbol);
  std::vector<size_t> good;
  for (size_t s = 0; s < panel.num_symbols(); ++s)
    if (!bad.contains(panel.symbols[s])) good.push_back(s);
  return good.size() == panel.num_symbols() ? std::move(panel) : select_symbols(panel, good);
}

std::string counted_kinds(const std::vector<Finding>& findings) {
  std::map<std::string, int64_t> kinds;
  for (const Finding& finding : findings) ++kinds[finding.kind];
  std::vector<std::string> parts;
  for (const auto& [kind, count] : kinds) parts.push_back(fmt::format("{} {}", count, kind));
  return join(parts, ", ");
}

/// Of a set of files some may have the column and others not. It is not made up for some symbols: a day of new bars (--update) would not know
/// whether a symbol never has it.
std::vector<std::string> symbols_without_vwap(const Panel& panel) {
  std::vector<std::string> without;
  for (size_t s = 0; s < panel.num_symbols(); ++s) {
    const auto missing = [&](int field) {
      const auto values = panel.series(field, s);
      return std::all_of(values.begin(), values.end(), [](double x) { return std::isnan(x); });
    };
    if (missing(panel.field("vwap")) && panel.field("close") >= 0 && !missing(panel.field("close"))) without.push_back(panel.symbols[s]);
  }
  if (without.empty()) return {};
  return {fmt::format("warning: {} of {} symbols have no vwap ({}{}): what reads it is missing there", without.size(), panel.num_symbols(),
                      without.front(), without.size() > 1 ? ", ..." : "")};
}

}  // namespace

Error nothing_left(const std::vector<Finding>& failures) {
  const Finding& first = failures.front();
  const std::string value = first.value.empty() ? "" : fmt::format(": '{}'", first.value);
  const char* hint = first.kind == "duplicate" ? "keep one row of a symbol and date"
                     : first.kind == "text"    ? "write a number there, or nothing; hayate convert --na WORD reads a word as missing"
                     : first.time.empty()      ? "mend what it says and run again"
                                               : "hayate check data FILES lists what is wrong with bars";
  return input_error(fmt::format("every symbol failed ({}), the first: {}", counted_kinds(failures), first.what),
                     fmt::format("{}{}{}", first.symbol, first.time.empty() ? "" : " " + first.time, value), hint);
}

Result<CheckedBars> check_universe(PanelResult read, const std::string& adjust) {
  CheckedBars out;
  out.failures = std::move(read.failures), out.warnings = std::move(read.warnings);
  BarFindings found = check_bars(read.panel, adjust == "adj_close");
  append(out.failures, std::move(found.failures));
  append(out.warnings, std::move(found.warnings));
  out.panel = without_failures(std::move(read.panel), out.failures);
  if (out.panel.num_symbols() == 0 && !out.failures.empty()) return nothing_left(out.failures);
  return out;
}

Result<std::vector<std::string>> prepare_bars(const std::string& adjust, std::initializer_list<const Program*> programs, Panel& panel,
                                              exec::Pool& pool, const exec::ExecConfig& exec) {
  if (adjust == "adj_close") HY_CHECK(adjust_prices(panel));
  std::vector<std::string> said;
  for (const Program* program : programs) {
    const auto& columns = program->columns();
    if (add_vwap(panel, columns)) said.emplace_back("vwap is absent: (high + low + close) / 3 is used");
    if (said.empty() && std::find(columns.begin(), columns.end(), "vwap") != columns.end()) said = symbols_without_vwap(panel);
  }
  for (const Program* program : programs) HY_CHECK(compute_stages(*program, panel, pool, exec::memory_limit_bytes(exec) - resident_bytes()));
  return said;
}

io::ReadOptions reading_with(io::ReadOptions asked, const std::optional<io::FileKind>& kind, exec::Pool& pool, int64_t memory_limit_bytes,
                             const exec::Cancellation* cancel) {
  asked.kind = kind, asked.pool = &pool, asked.memory_limit_bytes = memory_limit_bytes, asked.cancel = cancel;
  return asked;
}

io::ReadOptions reading_limits(const exec::ExecConfig& exec, const exec::Cancellation* cancel) {
  io::ReadOptions out;
  out.memory_limit_bytes = exec::memory_limit_bytes(exec), out.timeout_seconds = exec.timeout.value, out.cancel = cancel;
  return out;
}

Result<void> check_memory(const std::string& step, int64_t needed, int64_t limit, const std::string& hint) {
  if (needed <= limit) return {};
  // What is held now varies from run to run, and readers take larger chunks where there is more memory.
  const int64_t would_do = needed + needed / 20 + (needed - limit) / 5;
  return Error{Kind::budget, fmt::format("the step {} needs {}, the limit is {}", step, format_bytes(needed), format_bytes(limit)), "--memory-limit",
               fmt::format("--memory-limit {}MB would do, or {}", would_do / 1'000'000 + 1, hint)};
}

Result<int> workers_within(const exec::ExecConfig& exec, const std::string& step, int64_t fixed, int64_t each, int workers, const std::string& hint) {
  const int64_t limit = exec::memory_limit_bytes(exec);
  HY_CHECK(check_memory(step, fixed + each, limit, hint));
  return each == 0 ? workers : int(std::min<int64_t>(workers, (limit - fixed) / each));
}

}  // namespace hayate::pipeline
