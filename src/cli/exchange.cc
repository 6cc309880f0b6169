// hayate model, importance, export and import: what is in a model, and other programs' models.
#include "hayate/exchange.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "eval/chart.h"
#include "hayate/model.h"
#include "io/files.h"
#include "pipeline/importance.h"
#include "pipeline/scalers.h"

namespace hayate::cli {
namespace {

struct Shape {
  int64_t trees = 0, nodes = 0, depth = 0;
};

Shape shape_of(const Model& model) {
  Shape out;
  for (const Predictor& predictor : model.predictors) {
    const Forest* forest = std::get_if<Forest>(&predictor);
    if (!forest) continue;
    out.trees += forest->num_trees(), out.nodes += int64_t(forest->nodes.size());
    for (int64_t t = 0; t < forest->num_trees(); ++t) {
      const auto tree = forest->tree(t);
      std::vector<int64_t> depth(tree.size(), 0);
      for (size_t at = 0; at < tree.size(); ++at)
        if (!tree[at].is_leaf()) depth[tree[at].child()] = depth[tree[at].child() + 1] = depth[at] + 1;
      out.depth = std::max(out.depth, *std::max_element(depth.begin(), depth.end()));
    }
  }
  return out;
}

void print_model_json(const Model& model, const Shape& shape, const Console& console) {
  JsonWriter json(2);
  json.object().key("learner").value(model.learner).key("problem").value(problem_name(model.problem)).key("label").value(model.label);
  json.key("params").value(model.params).key("key_column").value(model.key_column).key("models").value(int64_t(model.predictors.size()));
  json.key("trees").value(shape.trees).key("nodes").value(shape.nodes).key("depth").value(shape.depth);
  const auto list = [&json](const char* name, const std::vector<std::string>& texts) {
    json.key(name).array();
    for (const std::string& text : texts) json.value(text);
    json.end();
  };
  list("features", model.features), list("classes", model.classes);
  list("keys", model.key_column.empty() ? std::vector<std::string>() : model.keys);
  json.key("notes").object();
  for (const auto& [name, text] : model.notes) json.key(name).value(text);
  json.end().end();
  console.print(json.text() + "\n");
}

/// "a, b, c and 155 more"
std::string shortened(const std::vector<std::string>& names) {
  constexpr size_t kShown = 8;
  if (names.size() <= kShown + 1) return join(names, ", ");
  return fmt::format("{} and {} more", join(std::span(names).first(kShown), ", "), names.size() - kShown);
}

void print_importance(const pipeline::ImportanceOutcome& outcome, const Console& console) {
  const bool deviates = !outcome.metric.empty();
  size_t width = 7;
  for (const auto& feature : outcome.features) width = std::max(width, feature.feature.size());
  std::string text = fmt::format("{}  importance{}\n", padded("feature", width), deviates ? "   +-" : "");
  for (const auto& feature : outcome.features) {
    text += fmt::format("{}  {:10.6f}", padded(feature.feature, width), feature.importance);
    text += deviates ? fmt::format("  {:.6f}\n", feature.deviation) : "\n";
  }
  console.print(text + outcome.what + "\n");
}

std::string chart_of(const pipeline::ImportanceOutcome& outcome, const std::string& model) {
  constexpr size_t kBars = 40;
  eval::BarChart chart;
  chart.name = fmt::format("Feature importance of {}: {}", io::stem(model), outcome.what);
  for (const auto& feature : outcome.features)
    if (chart.bars.size() < kBars) chart.bars.push_back({feature.feature, feature.importance, ""});
  const eval::SvgPart part{chart.name, eval::draw(chart, 720)};
  return eval::svg_file({&part, 1}, 720);
}

/// "town (Kobe 0, Nara 1)": the features whose texts stand as numbers in what is exported.
std::vector<std::string> numbered_texts(const Model& model) {
  constexpr std::string_view kPrefix = "category ";
  std::vector<std::string> out;
  for (size_t i = 0; i < model.notes.size();) {
    const std::string& name = model.notes[i].first;
    if (!name.starts_with(kPrefix)) {
      ++i;
      continue;
    }
    std::vector<std::string> texts;
    for (; i < model.notes.size() && model.notes[i].first == name; ++i) texts.push_back(fmt::format("{} {}", model.notes[i].second, texts.size()));
    out.push_back(fmt::format("{} ({})", name.substr(kPrefix.size()), shortened(texts)));
  }
  return out;
}

bool tests_single_categories(const Model& model) {
  const auto of_forest = [](const Predictor& predictor) {
    const Forest* const forest = std::get_if<Forest>(&predictor);
    return forest && std::find(forest->categorical.begin(), forest->categorical.end(), 1) != forest->categorical.end();
  };
  return std::any_of(model.predictors.begin(), model.predictors.end(), of_forest);
}

/// The grid of a feature as a chart's series: texts by their places.
std::string value_text(const pipeline::Dependence& one, size_t feature, size_t place) {
  return one.labels[feature].empty() ? format_shortest(one.grids[feature][place]) : one.labels[feature][place];
}

/// Curves of one feature, an output each; of a pair the first output at up to six values of the second feature.
eval::LineChart curves_of(const pipeline::Dependence& one, const std::vector<std::string>& outputs, const std::string& label) {
  constexpr size_t kLevels = 6;
  eval::LineChart chart;
  chart.name = fmt::format("Mean prediction of {} by {}", label, join(one.features, " and "));
  chart.x.title = one.features[0];
  chart.y.title = outputs.size() == 1 && !outputs[0].empty() ? "mean probability of " + outputs[0]
                  : outputs.size() > 1                       ? "mean probability"
                                                             : "mean prediction";
  if (one.features.size() == 1) {
    for (size_t k = 0; k < outputs.size(); ++k) chart.series.push_back({outputs[k], one.grids[0], one.means[k], {}, {}});
    return chart;
  }
  const size_t fast = one.grids[1].size(), levels = std::min(kLevels, fast);
  for (size_t level = 0; level < levels; ++level) {
    const size_t place = levels == 1 ? 0 : level * (fast - 1) / (levels - 1);
    eval::Series series{fmt::format("{} = {}", one.features[1], value_text(one, 1, place)), one.grids[0], {}, {}, {}};
    for (size_t i = 0; i < one.grids[0].size(); ++i) series.y.push_back(one.means.back()[i * fast + place]);
    chart.series.push_back(std::move(series));
  }
  return chart;
}

std::string dependence_charts(const pipeline::ImportanceOutcome& outcome, const std::string& label) {
  std::vector<eval::SvgPart> parts;
  for (const pipeline::Dependence& one : outcome.dependences) {
    const eval::LineChart chart = curves_of(one, outcome.outputs, label);
    parts.push_back({chart.name, eval::draw(chart, 720)});
  }
  return eval::svg_file(parts, 720);
}

void write_dependences(const pipeline::ImportanceOutcome& outcome, JsonWriter& json) {
  json.key("outputs").array();
  for (const std::string& output : outcome.outputs) json.value(output);
  json.end().key("dependence").array();
  for (const pipeline::Dependence& one : outcome.dependences) {
    json.object().key("features").array();
    for (const std::string& feature : one.features) json.value(feature);
    json.end().key("grid").array();
    for (size_t f = 0; f < one.features.size(); ++f) {
      json.array();
      for (size_t i = 0; i < one.grids[f].size(); ++i) one.labels[f].empty() ? json.value(one.grids[f][i]) : json.value(one.labels[f][i]);
      json.end();
    }
    json.end().key("mean").array();
    for (const std::vector<double>& means : one.means) {
      json.array();
      for (const double mean : means) json.value(mean);
      json.end();
    }
    json.end().end();
  }
  json.end();
}

}  // namespace

Result<int> model_command(ModelOptions& options, const Console& console) {
  HY_TRY(const Model model, load_model(options.file));
  const Shape shape = shape_of(model);
  if (console.json) return print_model_json(model, shape, console), 0;
  std::string text = fmt::format("{} for {}\n", model.learner, problem_name(model.problem));
  const auto line = [&text](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<10} {}\n", name, value);
  };
  line("label", model.label);
  line("classes", shortened(model.classes));
  line("features", fmt::format("{}: {}", model.features.size(), shortened(model.features)));
  if (!model.key_column.empty()) line("models", fmt::format("{}, one per {}: {}", model.keys.size(), model.key_column, shortened(model.keys)));
  if (shape.trees > 0) line("trees", fmt::format("{} of {} nodes, depth {} at most", shape.trees, shape.nodes, shape.depth));
  line("params", model.params);
  for (size_t i = 0; i < model.notes.size(); ++i) {
    const auto& [name, value] = model.notes[i];
    std::vector<std::string> values = {value};
    while (name.starts_with("category ") && i + 1 < model.notes.size() && model.notes[i + 1].first == name) values.push_back(model.notes[++i].second);
    if (!name.starts_with("feature ") && value.find('\n') == std::string::npos) line(name.c_str(), shortened(values));
  }
  console.print(text);
  return 0;
}

Result<int> importance_command(ImportanceOptions& options, const Console& console) {
  pipeline::ImportanceRequest request;
  request.model = options.model, request.input = options.input, request.label = options.label, request.metric = options.metric;
  request.repeats = options.repeats, request.seed = uint64_t(options.seed), request.output = options.output, request.exec = options.exec;
  for (size_t i = 0; i < std::size(pipeline::kImportanceMethods); ++i)
    if (options.method == pipeline::kImportanceMethods[i]) request.method = pipeline::ImportanceMethod(i);
  request.pair = options.pair, request.grid = options.grid;
  if (!options.features.empty())
    for (const std::string& name : split(options.features, ',')) request.features.emplace_back(trim(name));
  HY_CHECK(check_plot(options.plot));
  HY_TRY(request.kind, asked_kind(options.format));
  HY_TRY(request.reading, reading_options(options.reading));
  exec::Steps steps(console.progress);
  HY_TRY(const auto outcome, pipeline::importance_of_model(request, steps, interruption()));
  if (request.method == pipeline::ImportanceMethod::gain && !request.input.empty())
    console.say("gain is what training noted in the model: the table is not read (--method permutation reads it)");
  const bool curves = !outcome.dependences.empty();
  if (!options.plot.empty())
    HY_CHECK(io::write_file(options.plot, curves ? dependence_charts(outcome, io::stem(options.model)) : chart_of(outcome, options.model)));
  HY_CHECK(write_timings(options.timings, steps.records(), exec::worker_count(options.exec)));
  if (!console.json) return print_importance(outcome, console), 0;
  JsonWriter json(2);
  json.object().key("method").value(options.method);
  if (!outcome.metric.empty()) json.key("metric").value(outcome.metric).key("score").value(outcome.score);
  json.key("importance").array();
  for (const auto& feature : outcome.features) {
    json.object().key("feature").value(feature.feature).key("importance").value(feature.importance);
    outcome.metric.empty() ? json.key("std").null() : json.key("std").value(feature.deviation);
    json.end();
  }
  json.end();
  if (curves) write_dependences(outcome, json);
  console.print(json.end().text() + "\n");
  return 0;
}

Result<int> export_command(ExportOptions& options, const Console& console) {
  HY_TRY(const Model model, load_model(options.model));
  HY_TRY(const auto scalers, pipeline::ModelScalers::of(model, options.model));
  if (!scalers.empty())
    return usage_error("the features of this model are scaled as they were in training, which the other program would not do", options.model,
                       "train without robust_zscore, winsorize and fillna behind them");
  HY_TRY(const std::string bytes, options.to == "onnx" ? to_onnx(model, options.key) : to_lightgbm(model, options.key));
  HY_CHECK(io::write_file(options.output, bytes));
  console.say(fmt::format("{} as {}: {}, {}", model.learner, options.to, options.output, format_bytes(int64_t(bytes.size()))));
  if (const std::vector<std::string> texts = numbered_texts(model); !texts.empty())
    console.say(fmt::format("texts are numbers there, and any other number is an unknown one: {}", join(texts, "; ")));
  else if (options.to == "lightgbm" && tests_single_categories(model))
    console.say("LightGBM cuts the digits off categories: 3.5 is 3 there, and an unknown category here");
  return 0;
}

Result<int> import_command(ImportOptions& options, const Console& console) {
  HY_TRY(const Buffer bytes, io::read_file(options.input));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data), bytes.size);
  HY_TRY(const Model model, options.from == "xgboost" ? from_xgboost(text, options.input) : from_lightgbm(text, options.input));
  HY_CHECK(io::write_file(options.model, serialize(model)));
  console.say(
      fmt::format("{} with {} trees of {} features: {}", problem_name(model.problem), shape_of(model).trees, model.features.size(), options.model));
  for (const auto& [name, value] : model.notes)
    if (name == "early stopping") console.say(value);
  return 0;
}

}  // namespace hayate::cli
