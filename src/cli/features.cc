// hayate features: bars to a table of features.
#include "hayate/features.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "io/files.h"
#include "pipeline/feature_table.h"
#include "pipeline/plan.h"

namespace hayate::cli {
namespace {

Result<std::vector<NamedExpression>> asked_features(const FeaturesOptions& options) {
  pipeline::FeatureSources sources{options.set, options.indicator, options.expr};
  if (!options.expr_file.empty()) {
    HY_TRY(const Buffer text, io::read_file(options.expr_file));
    HY_TRY(sources.listed, parse_expression_lines({reinterpret_cast<const char*>(text.data), text.size}, options.expr_file));
  }
  HY_TRY(std::vector<NamedExpression> out, pipeline::list_features(sources, "--indicator", "--expr"));
  if (out.empty())
    return usage_error("no features are asked for", "hayate features",
                       "--set alpha158, --indicator 'rsi(period=14)', --expr 'ma5=Mean($close,5)/$close' or --expr-file FILE");
  return out;
}

}  // namespace

Result<int> features_command(FeaturesOptions& options, const Console& console) {
  pipeline::FeatureRequest request;
  HY_TRY(request.features, asked_features(options));
  HY_TRY(request.labels, pipeline::list_features({.expressions = options.label}, "", "--label"));
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
    json.key("failed").value(int64_t(outcome.failures.size())).key("output").value(options.output).key("checksum").value(checksum).end();
    console.print(json.text() + "\n");
  } else if (!checksum.empty()) {
    console.print(fmt::format("checksum {}\n", checksum));
  }
  return outcome.failures.empty() ? 0 : 3;
}

}  // namespace hayate::cli
