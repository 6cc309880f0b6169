// hayate features: bars to a table of features.
#include "hayate/features.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "features/talib.h"
#include "features/talib_pages.h"
#include "io/files.h"
#include "pipeline/feature_table.h"
#include "pipeline/plan.h"

namespace hayate::cli {
namespace {

Result<std::vector<NamedExpression>> asked_features(const FeaturesOptions& options) {
  pipeline::FeatureSources sources{options.set, options.indicator, options.expr, {}, options.places};
  if (!options.expr_file.empty()) {
    HY_TRY(const Buffer text, io::read_file(options.expr_file));
    const std::string_view lines(reinterpret_cast<const char*>(text.data), text.size);
    if (lines.find('\0') != std::string_view::npos)
      return input_error("the file holds zero bytes, as text in UTF-16 does", options.expr_file, "save it as UTF-8");
    HY_TRY(sources.listed, parse_expression_lines(lines, options.expr_file));
  }
  if (!options.expr_file.empty() && sources.listed.empty())
    return usage_error("the file names no feature", options.expr_file, "one NAME = EXPRESSION a line, such as ma5 = Mean($close,5)/$close");
  HY_TRY(std::vector<NamedExpression> out, pipeline::list_features(sources, "--set", "--indicator", "--expr"));
  if (out.empty())
    return usage_error("no features are asked for", "hayate features",
                       "--set alpha158, --indicator 'rsi(period=14)', --expr "
                       "'ma5=Mean($close,5)/$close' or --expr-file FILE");
  return out;
}

/// What can't go with --update.
Result<void> check_update(const FeaturesOptions& options) {
  if (options.update.empty()) return {};
  const auto refuse = [](std::string flag, std::string why) {
    return usage_error(fmt::format("--update does not go with {}: {}", flag, why), flag, "leave one of the two out");
  };
  if (!options.label.empty()) return refuse("--label", "a label waits for bars that are still to come");
  if (options.calendar == "union") return refuse("--calendar union", "a new bar can add rows between old ones");
  if (options.compat == "qlib") return refuse("--compat qlib", "it lets features look ahead, to bars that are still to come");
  if (options.profile) return refuse("--profile", "it measures the computation of all rows");
  return {};
}

/// What `hayate operators NAME` says behind the number of an operator that takes more than 2 ns a value.
std::string_view reason_of(const Operator& op) {
  const size_t colon = op.cost.find(": ");
  return colon == std::string_view::npos ? "" : op.cost.substr(colon + 2);
}

/// Why a pass takes more than 2 ns a value; empty where it does not.
std::string reason_of(const OperatorCost& cost) {
  if (cost.seconds * 1e9 <= 2 * double(cost.cells)) return "";
  if (const auto* function = find_talib(cost.name)) return std::string(talib_cost_reason(*function));
  for (const std::string& name : split(cost.name, ' '))
    for (const Operator& op : operators())
      if ((name == op.name || name == op.infix) && !reason_of(op).empty()) return std::string(reason_of(op));
  return "few rows, where starting a pass costs more than its values; all rows so far (N = 0), each waiting for the one before; or a busy core";
}

std::string profile_table(const std::vector<OperatorCost>& costs) {
  double all = 0;
  for (const OperatorCost& cost : costs) all += cost.seconds;
  std::string out = fmt::format("{:<40} {:>14} {:>10} {:>7}\n", "operator", "cells", "ns a cell", "share");
  for (const OperatorCost& cost : costs)
    out += fmt::format("{:<40} {:>14} {:>10.2f} {:>6.1f}%{}\n", cost.name, cost.cells, cost.seconds * 1e9 / double(std::max<int64_t>(cost.cells, 1)),
                       100 * cost.seconds / std::max(all, 1e-12), reason_of(cost).empty() ? "" : "  " + reason_of(cost));
  return out + fmt::format("{:<40} {:>14} {:>10} {}\n", "all", "", "", format_seconds(all));
}

void write_profile(JsonWriter& json, const std::vector<OperatorCost>& costs) {
  json.key("profile").array();
  double all = 0;
  for (const OperatorCost& cost : costs) all += cost.seconds;
  for (const OperatorCost& cost : costs) {
    json.object().key("operator").value(cost.name).key("cells").value(cost.cells).key("seconds").value(cost.seconds);
    json.key("ns_per_cell")
        .value(cost.seconds * 1e9 / double(std::max<int64_t>(cost.cells, 1)))
        .key("share")
        .value(cost.seconds / std::max(all, 1e-12));
    json.key("reason").value(reason_of(cost)).end();
  }
  json.end();
}

}  // namespace

Result<int> features_command(FeaturesOptions& options, const Console& console) {
  pipeline::FeatureRequest request;
  HY_CHECK(check_update(options));
  request.state = options.update, request.profile = options.profile;
  HY_TRY(request.features, asked_features(options));
  HY_TRY(request.labels, pipeline::list_features({.expressions = options.label, .places = options.places}, "", "", "--label"));
  for (const NamedExpression& label : request.labels)
    for (const NamedExpression& feature : request.features)
      if (label.name == feature.name)
        return usage_error(fmt::format("a feature and a label are called '{}'", label.name), "--label: " + label.text, "give each a name of its own");
  request.input = options.input, request.output = options.output, request.adjust = options.adjust, request.exec = options.exec;
  request.dtype = options.dtype == "float64" ? Dtype::float64 : Dtype::float32;
  request.features_may_look_ahead = options.compat == "qlib";
  request.compat_talib = options.compat == "talib";
  request.union_calendar = options.calendar == "union" || options.compat == "qlib";
  HY_TRY(request.kind, asked_kind(options.format));
  exec::Steps steps(console.progress);
  HY_TRY(const auto outcome, pipeline::write_features(request, steps, interruption()));
  for (const std::string& message : outcome.messages) console.say(message);
  say_findings(console, "warning", outcome.warnings);
  say_findings(console, "failed", outcome.failures);
  console.say(fmt::format("{} features of {} symbols, {} rows: {}", request.features.size(), outcome.symbols, outcome.rows, options.output));
  HY_CHECK(write_timings(options.timings, steps.records(), exec::worker_count(options.exec)));
  const std::string checksum = options.output == "none" ? outcome.checksum.hex() : "";
  if (console.json) {
    JsonWriter json;
    json.object().key("rows").value(outcome.rows).key("symbols").value(outcome.symbols).key("features").value(int64_t(request.features.size()));
    json.key("failed").value(int64_t(outcome.failures.size())).key("output").value(options.output).key("checksum").value(checksum);
    if (options.profile) write_profile(json, outcome.costs);
    json.end();
    console.print(json.text() + "\n");
  } else if (!checksum.empty()) {
    console.print(fmt::format("checksum {}\n", checksum));
  }
  if (options.profile && !console.json) {
    // Standard output may be the table.
    if (options.output == "-")
      console.say(profile_table(outcome.costs));
    else
      console.print(profile_table(outcome.costs));
  }
  return outcome.failures.empty() ? 0 : 3;
}

}  // namespace hayate::cli
