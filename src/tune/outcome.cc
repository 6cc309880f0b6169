#include "tune/outcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/strings.h"
#include "eval/chart.h"

namespace hayate::tune {
namespace {

constexpr int kWidth = 760;
enum Outcome : int { complete = 0, best = 1, stopped = 5 };
const std::vector<std::string> kOutcomes = {"whole budget", "best", "", "", "", "stopped early"};

const char* status_of(const Trial& trial) {
  return trial.state == TrialState::complete ? "complete" : trial.state == TrialState::pruned ? "stopped" : "failed";
}

const std::string* value_of(const Trial& trial, const std::string& name) {
  for (const auto& [own, value] : trial.config)
    if (own == name) return &value;
  return nullptr;
}

/// The values of one parameter: whole numbers, numbers, or text; missing where its condition does not hold.
Column config_column(const Study& study, const std::string& name) {
  bool whole = true, numeric = true, all = true;
  for (const Trial& trial : study.trials) {
    const std::string* value = value_of(trial, name);
    all = all && value;
    whole = whole && value && parse_integer(*value);
    numeric = numeric && (!value || parse_number(*value));
  }
  std::vector<std::string> texts;
  std::vector<int64_t> integers;
  std::vector<double> numbers;
  for (const Trial& trial : study.trials) {
    const std::string* value = value_of(trial, name);
    texts.push_back(value ? *value : "");
    if (whole) integers.push_back(*parse_integer(*value));
    if (numeric) numbers.push_back(value ? *parse_number(*value) : std::nan(""));
  }
  return whole ? make_column(std::move(integers)) : numeric ? make_column(std::move(numbers)) : make_text_column(texts);
}

Outcome outcome_of(const Study& study, size_t t) {
  return study.best == t ? Outcome::best : study.trials[t].state == TrialState::complete ? Outcome::complete : Outcome::stopped;
}

std::string note_of(const Study& study, size_t t) {
  std::string out = fmt::format("trial {}", t);
  for (const auto& [name, value] : study.trials[t].config) out += fmt::format("\n{}={}", name, value);
  return out;
}

void write_value(JsonWriter& json, const std::string& text) {
  if (const auto whole = parse_integer(text))
    json.value(*whole);
  else if (const auto number = parse_number(text))
    json.value(*number);
  else
    json.value(text);
}

}  // namespace

Table trials_table(const StudySpec& spec, const Study& study) {
  Table table;
  std::vector<int64_t> ids, budgets, rungs;
  std::vector<double> values, seconds;
  std::vector<std::string> statuses, reasons;
  for (size_t t = 0; t < study.trials.size(); ++t) {
    const Trial& trial = study.trials[t];
    const std::vector<int64_t> ladder = rungs_of(spec.schedule);
    ids.push_back(int64_t(t)), values.push_back(trial.value()), budgets.push_back(trial.budget());
    rungs.push_back(std::find(ladder.begin(), ladder.end(), trial.budget()) - ladder.begin());
    seconds.push_back(trial.seconds), statuses.emplace_back(status_of(trial)), reasons.push_back(trial.stop_reason);
  }
  table.add("trial_id", make_column(std::move(ids)));
  for (const Dimension& d : spec.space.dimensions) table.add("config/" + d.name, config_column(study, d.name));
  table.add(spec.scoring.metric->name, make_column(std::move(values)));
  table.add("training_iteration", make_column(std::move(budgets)));
  table.add("rung", make_column(std::move(rungs)));
  table.add("seed", make_column(std::vector<int64_t>(study.trials.size(), int64_t(spec.seed))));
  table.add("time_total_s", make_column(std::move(seconds)));
  table.add("status", make_text_column(statuses));
  table.add("stop_reason", make_text_column(reasons));
  return table;
}

std::string best_json(const StudySpec& spec, const Study& study, const std::string& scored_by) {
  const Trial& trial = study.trials[*study.best];
  JsonWriter json(1);
  json.object().key("trial_id").value(int64_t(*study.best)).key("learner").value(learner_of(trial.params).name);
  json.key("metric").value(spec.scoring.metric->name).key("value").value(trial.value()).key("scored_by").value(scored_by);
  json.key("config").object();
  for (const auto& [name, value] : trial.config) write_value(json.key(name), value);
  json.end().key("params").value(format_params(trial.params)).key("seed").value(spec.seed);
  int64_t complete = 0;
  for (const Trial& other : study.trials) complete += other.state == TrialState::complete;
  json.key("trials").value(int64_t(study.trials.size())).key("complete").value(complete);
  return json.end().text() + "\n";
}

std::vector<std::pair<std::string, double>> importance_of(const StudySpec& spec, const Study& study) {
  const size_t dimensions = spec.space.dimensions.size();
  std::vector<int32_t> rows;
  std::vector<double> values;
  std::vector<float> points(study.trials.size() * dimensions);
  for (size_t t = 0; t < study.trials.size(); ++t) {
    values.push_back(study.trials[t].value());
    if (!std::isnan(values[t])) rows.push_back(int32_t(t));
    for (size_t d = 0; d < dimensions; ++d) {
      const std::string* value = value_of(study.trials[t], spec.space.dimensions[d].name);
      points[d * study.trials.size() + t] = value ? float(spec.space.dimensions[d].unit_of(*value)) : -1.0f;
    }
  }
  if (rows.size() < 4) return {};
  ForestParams params;
  params.max_features = "all";
  const auto trainer = make_trainer(params, {points.data(), int64_t(study.trials.size()), int64_t(dimensions), int64_t(study.trials.size())});
  if (!trainer->prepare(rows).ok()) return {};
  const auto forest = trainer->train(Labels::numbers(values), {}, {spec.seed, 0});
  std::vector<std::pair<std::string, double>> out;
  if (!forest.ok()) return out;
  const std::vector<double> gain = hayate::importance_of(forest.value());
  if (std::all_of(gain.begin(), gain.end(), [](double g) { return g == 0; })) return out;
  for (size_t d = 0; d < dimensions; ++d) out.emplace_back(spec.space.dimensions[d].name, gain[d]);
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return out;
}

namespace {

eval::SvgPart draw_history(const StudySpec& spec, const Study& study) {
  const std::string metric = spec.scoring.metric->name;
  eval::ScatterChart chart;
  chart.name = fmt::format("{} of every trial, and the best so far", metric);
  chart.x = {"trial", eval::Format::count}, chart.y = {metric}, chart.kinds = kOutcomes, chart.line.name = "best so far";
  const double sign = spec.scoring.metric->better == Better::lower ? -1 : 1;
  double so_far = std::nan("");
  for (size_t t = 0; t < study.trials.size(); ++t) {
    const Trial& trial = study.trials[t];
    chart.points.push_back({double(t), trial.value(), outcome_of(study, t), note_of(study, t)});
    if (trial.state == TrialState::complete && !(sign * so_far >= sign * trial.value())) so_far = trial.value();
    chart.line.x.push_back(double(t)), chart.line.y.push_back(so_far);
  }
  return {chart.name, eval::draw(chart, kWidth)};
}

eval::SvgPart draw_importance(const StudySpec& spec, const Study& study) {
  eval::BarChart chart;
  chart.name = fmt::format("What each parameter counts for in {}", spec.scoring.metric->name), chart.format = eval::Format::percent;
  for (const auto& [name, share] : importance_of(spec, study)) chart.bars.push_back({name, share});
  return {chart.name, eval::draw(chart, kWidth)};
}

/// A choice's values stand on the axis in their order, numbers on a scale.
eval::SvgPart draw_parameter(const StudySpec& spec, const Study& study, const Dimension& d) {
  eval::ScatterChart chart;
  chart.name = fmt::format("{} against {}", spec.scoring.metric->name, d.name);
  chart.x = {d.logarithmic ? fmt::format("log10({})", d.name) : d.name}, chart.y = {spec.scoring.metric->name}, chart.kinds = kOutcomes;
  chart.x_labels = d.choices;
  for (size_t t = 0; t < study.trials.size(); ++t) {
    const std::string* value = value_of(study.trials[t], d.name);
    if (!value) continue;
    const double number = parse_number(*value).value_or(0);
    const double x = d.kind == DistributionKind::choice ? std::floor(d.unit_of(*value) * double(d.choices.size()))
                     : d.logarithmic                    ? std::log10(number)
                                                        : number;
    chart.points.push_back({x, study.trials[t].value(), outcome_of(study, t), note_of(study, t)});
  }
  return {chart.name, eval::draw(chart, kWidth)};
}

/// The choices, or the ends and the middle of a range; numbers in three digits: the ends of a logarithmic one are no round numbers.
std::vector<eval::Tick> ticks_of(const Dimension& d) {
  std::vector<eval::Tick> out;
  const std::vector<std::string> ends = {d.value_at(0), d.value_at(0.5), d.value_at(1 - 1e-12)};
  for (const std::string& value : d.kind == DistributionKind::choice ? d.choices : ends)
    out.push_back({d.unit_of(value), d.kind == DistributionKind::real ? fmt::format("{:.3g}", *parse_number(value)) : value});
  return out;
}

eval::SvgPart draw_parallel(const StudySpec& spec, const Study& study) {
  eval::ParallelChart chart;
  chart.name = "Every trial across its parameters to its value", chart.kinds = kOutcomes;
  double least = INFINITY, most = -INFINITY;
  for (const Trial& trial : study.trials)
    if (!std::isnan(trial.value())) least = std::min(least, trial.value()), most = std::max(most, trial.value());
  const double width = most > least ? most - least : 1;
  for (const Dimension& d : spec.space.dimensions) chart.axes.push_back({d.name, ticks_of(d)});
  chart.axes.push_back({spec.scoring.metric->name, {}});
  for (const eval::Tick& tick : eval::nice_ticks(least, most, 6, eval::Format::number))
    chart.axes.back().ticks.push_back({(tick.at - least) / width, tick.text});
  // Stopped ones first, then complete ones, the best on top.
  for (const Outcome outcome : {Outcome::stopped, Outcome::complete, Outcome::best})
    for (size_t t = 0; t < study.trials.size(); ++t) {
      const Trial& trial = study.trials[t];
      if (outcome_of(study, t) != outcome || std::isnan(trial.value())) continue;
      eval::ParallelLine line{{}, outcome, note_of(study, t)};
      for (const Dimension& d : spec.space.dimensions) {
        const std::string* value = value_of(trial, d.name);
        line.at.push_back(value ? d.unit_of(*value) : std::nan(""));
      }
      line.at.push_back((trial.value() - least) / width);
      chart.lines.push_back(std::move(line));
    }
  return {chart.name, eval::draw(chart, kWidth)};
}

}  // namespace

std::vector<std::pair<std::string, std::string>> drawings(const StudySpec& spec, const Study& study) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto add = [&](std::string name, eval::SvgPart part) { out.emplace_back(std::move(name), eval::svg_file({&part, 1}, kWidth)); };
  add("history.svg", draw_history(spec, study));
  add("importance.svg", draw_importance(spec, study));
  add("parallel.svg", draw_parallel(spec, study));
  for (const Dimension& d : spec.space.dimensions) add(fmt::format("param_{}.svg", d.name), draw_parameter(spec, study, d));
  return out;
}

}  // namespace hayate::tune
