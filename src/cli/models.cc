// hayate train and hayate predict.
#include <fmt/format.h>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "hayate/calibration.h"
#include "hayate/metrics.h"
#include "pipeline/table_model.h"

namespace hayate::cli {

Result<int> train_command(TrainOptions& options, const Console& console) {
  pipeline::TrainRequest request;
  request.input = options.input, request.label = options.label, request.weight = options.weight, request.key = options.key;
  request.learner = options.learner, request.params = options.params, request.seed = uint64_t(options.seed), request.model = options.model,
  request.warm_start = options.warm_start, request.oob = options.oob, request.exec = options.exec;
  if (!options.features.empty())
    for (const std::string& name : split(options.features, ',')) request.features.emplace_back(trim(name));
  if (!options.problem.empty()) {
    const bool ranks = options.problem == problem_name(Problem::ranking);
    HY_TRY(request.problem, ranks ? Result<Problem>(Problem::ranking) : parse_problem(options.problem, "--problem"));
  }
  request.by_date = options.by_date, request.half_life = options.half_life;
  HY_TRY(request.calibration, calibration_method(options.calibration, "--calibration"));
  HY_TRY(request.kind, asked_kind(options.format));
  HY_TRY(request.reading, reading_options(options.reading));
  exec::Steps steps(console.progress);
  HY_TRY(const auto outcome, pipeline::train_table(request, steps, interruption()));
  if (!outcome.why.empty()) console.say(fmt::format("problem: {} ({})", problem_name(outcome.problem), outcome.why));
  if (outcome.rows_left_out > 0)
    console.say(fmt::format("{} of {} rows have no finite label, weight or date and do not train", outcome.rows_left_out, outcome.rows));
  say_full_categories(console, outcome.full_categories);
  say_findings(console, "failed", outcome.failures);
  console.say(fmt::format("{} model{} of {} features from {} rows: {}", outcome.models, outcome.models == 1 ? "" : "s", outcome.features,
                          outcome.rows - outcome.rows_left_out, options.model));
  if (outcome.oob_score)
    console.say(fmt::format("out-of-bag {}: {:.4f} ({} of {} rows)", outcome.problem == Problem::classification ? "accuracy" : "R2",
                            *outcome.oob_score, outcome.oob_rows, outcome.rows - outcome.rows_left_out));
  HY_CHECK(write_timings(options.timings, steps.records(), exec::worker_count(options.exec)));
  if (console.json) {
    JsonWriter json;
    json.object()
        .key("model")
        .value(options.model)
        .key("problem")
        .value(problem_name(outcome.problem))
        .key("rows")
        .value(outcome.rows - outcome.rows_left_out);
    json.key("features").value(outcome.features).key("models").value(outcome.models).key("failed").value(int64_t(outcome.failures.size()));
    if (outcome.oob_score) json.key("oob_score").value(*outcome.oob_score).key("oob_rows").value(outcome.oob_rows);
    json.end();
    console.print(json.text() + "\n");
  }
  return outcome.failures.empty() ? 0 : 3;
}

Result<int> predict_command(PredictOptions& options, const Console& console) {
  if (options.model.empty() == options.run.empty())
    return usage_error("give either --model FILE or --run DIR", "hayate predict",
                       "--model FILE predicts a table of features, --run DIR predicts bars");
  pipeline::PredictRequest request{
      options.input, options.model.empty() ? options.run : options.model, options.output, {}, {options.num_trees, options.max_depth}, options.leaves,
      options.exec};
  HY_TRY(request.kind, asked_kind(options.format));
  HY_TRY(request.reading, reading_options(options.reading));
  if (options.model.empty() && (!request.reading.columns.empty() || !request.reading.types.empty() || !request.reading.csv.is_default()))
    return usage_error("--columns, --types, --decimal, --thousands, --na and --encoding are for tables, and --run reads bars", "hayate predict",
                       "leave them out, or convert the bars first: hayate convert");
  exec::Steps steps(console.progress);
  HY_TRY(const auto outcome,
         options.model.empty() ? pipeline::predict_bars(request, steps, interruption()) : pipeline::predict_table(request, steps, interruption()));
  for (const std::string& message : outcome.messages) console.say(message);
  say_findings(console, "failed", outcome.failures);
  console.say(fmt::format("{} rows: {}", outcome.rows, options.output));
  if (outcome.rows_without_model > 0)
    console.say(fmt::format("{} of {} rows have no model for their key and are predicted as missing", outcome.rows_without_model, outcome.rows));
  HY_CHECK(write_timings(options.timings, steps.records(), exec::worker_count(options.exec)));
  const std::string checksum = options.output == "none" ? outcome.checksum.hex() : "";
  if (console.json) {
    JsonWriter json;
    json.object()
        .key("rows")
        .value(outcome.rows)
        .key("rows_without_model")
        .value(outcome.rows_without_model)
        .key("output")
        .value(options.output)
        .key("checksum")
        .value(checksum)
        .end();
    console.print(json.text() + "\n");
  } else if (!checksum.empty()) {
    console.print(fmt::format("checksum {}\n", checksum));
  }
  return outcome.failures.empty() ? 0 : 3;
}

}  // namespace hayate::cli
