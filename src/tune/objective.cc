#include "tune/objective.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "hayate/curves.h"

namespace hayate::tune {
namespace {

std::vector<std::string> names_for(Problem problem) {
  std::vector<std::string> out;
  for (const Objective& objective : kObjectives)
    if (objective.problem == problem) out.emplace_back(objective.name);
  return out;
}

/// The best precision at a recall of at least `at`, or the best recall at a precision of at least `at`.
double at_threshold(const Objective& objective, double at, const Examples& examples, std::span<const int32_t> rows,
                    std::span<const double> predictions) {
  std::vector<double> outcome, score, weight;
  for (size_t i = 0; i < rows.size(); ++i) {
    outcome.push_back(examples.ids[size_t(rows[i])] == 1), score.push_back(predictions[2 * i + 1]);
    if (!examples.weights.empty()) weight.push_back(double(examples.weights[size_t(rows[i])]));
  }
  const bool precision = std::string_view(objective.name) == "maximize-precision-at-recall";
  double best = std::nan("");
  for (const CurvePoint& point : precision_recall_curve({outcome, score, weight})) {
    const double reached = precision ? point.x : point.y, value = precision ? point.y : point.x;
    if (reached >= at && !(best >= value)) best = value;
  }
  return best;
}

}  // namespace

Result<const Objective*> find_objective(std::string_view name, Problem problem, size_t num_classes, double at) {
  if (name.empty()) name = problem != Problem::classification ? "minimize-rmse" : num_classes == 2 ? "maximize-au-roc" : "minimize-log-loss";
  for (const Objective& objective : kObjectives) {
    if (name != objective.name) continue;
    if (objective.problem != problem)
      return usage_error(fmt::format("{} is no objective of {}", name, problem_name(problem)), "--objective", join(names_for(problem), ", "));
    if (objective.needs_at && num_classes != 2)
      return usage_error(fmt::format("{} needs two classes, not {}", name, num_classes), "--objective", "--objective minimize-log-loss");
    if (objective.needs_at && !(at > 0 && at < 1))
      return usage_error(fmt::format("{} needs the value that must be reached", name), "--at", "--at 0.9");
    return &objective;
  }
  return unknown_name("objective", name, names_for(problem), "--objective");
}

bool maximizes(const Objective& objective) { return std::string_view(objective.name).starts_with("maximize"); }

double reward(const Objective& objective, double at, const Examples& examples, std::span<const int32_t> rows, std::span<const double> predictions) {
  if (objective.needs_at) return at_threshold(objective, at, examples, rows, predictions);
  const double value = measure(examples, *find_metric(objective.metric), rows, predictions);
  return maximizes(objective) ? value : -value;
}

std::vector<double> blend_weights(const Objective& objective, double at, const Examples& examples,
                                  std::span<const std::span<const double>> predictions, int rounds, const exec::Cancellation& cancel) {
  const size_t outputs = examples.problem == Problem::classification ? examples.classes.size() : 1;
  std::vector<int32_t> rows;
  for (int32_t row = 0; row < examples.num_rows(); ++row)
    if (std::none_of(predictions.begin(), predictions.end(), [&](auto p) { return std::isnan(p[size_t(row) * outputs]); })) rows.push_back(row);
  std::vector<double> chosen(predictions.size(), 0.0), best = chosen, sum(rows.size() * outputs, 0.0), trial(sum.size());
  double best_reward = -INFINITY;
  for (int round = 0; round < rounds && !cancel.stopped(); ++round) {
    size_t pick = predictions.size();
    double pick_reward = -INFINITY;
    for (size_t model = 0; model < predictions.size() && !cancel.stopped(); ++model) {
      for (size_t i = 0; i < rows.size(); ++i)
        for (size_t k = 0; k < outputs; ++k)
          trial[i * outputs + k] = (sum[i * outputs + k] + predictions[model][size_t(rows[i]) * outputs + k]) / double(round + 1);
      if (const double own = reward(objective, at, examples, rows, trial); own > pick_reward) pick = model, pick_reward = own;
    }
    if (pick == predictions.size()) break;
    chosen[pick] += 1;
    for (size_t i = 0; i < rows.size(); ++i)
      for (size_t k = 0; k < outputs; ++k) sum[i * outputs + k] += predictions[pick][size_t(rows[i]) * outputs + k];
    if (pick_reward > best_reward) best = chosen, best_reward = pick_reward;
  }
  return best;
}

}  // namespace hayate::tune
