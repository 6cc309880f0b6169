// What all predictors share.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/strings.h"
#include "hayate/model.h"
#include "kernels/transcendental.h"

namespace hayate {
namespace {

/// e^x with the same bytes on every machine.
double exponential(double x) { return kernels::baseline::exponential(x, 0); }

/// e^(score - the largest score), so that nothing overflows, over their sum.
void softmax(std::span<const double> scores, std::span<double> out) {
  const double most = *std::max_element(scores.begin(), scores.end());
  std::transform(scores.begin(), scores.end(), out.begin(), [most](double score) { return exponential(score - most); });
  const double sum = std::accumulate(out.begin(), out.end(), 0.0);
  for (double& share : out) share /= sum;
}

}  // namespace

void apply_link(Link link, std::span<const double> scores, std::span<double> out) {
  switch (link) {
    case Link::identity:
      std::copy(scores.begin(), scores.end(), out.begin());
      return;
    case Link::exponential:
      out[0] = exponential(scores[0]);
      return;
    case Link::softmax:
      return softmax(scores, out);
    case Link::logistic:
      out.back() = 1.0 / (1.0 + exponential(-scores[0]));
      if (out.size() == 2) out[0] = 1.0 - out[1];
      return;
  }
}

int64_t Blend::num_features() const {
  return std::visit([](const auto& p) { return p.num_features(); }, parts.front());
}

Problem problem_of(const Predictor& predictor) {
  return std::visit([](const auto& p) { return p.problem; }, predictor);
}

int64_t num_features(const Predictor& predictor) {
  return std::visit([](const auto& p) { return p.num_features(); }, predictor);
}

int32_t num_outputs(const Predictor& predictor) {
  return std::visit([](const auto& p) { return p.num_outputs(); }, predictor);
}

namespace {

/// The parts' own, by their weights; parts without any have no say.
std::vector<double> importance_of_blend(const Blend& blend) {
  std::vector<double> out;
  double sum = 0;
  for (size_t part = 0; part < blend.parts.size(); ++part) {
    const Forest* forest = std::get_if<Forest>(&blend.parts[part]);
    if (!forest) continue;
    out.resize(forest->importance.size(), 0.0);
    for (size_t f = 0; f < out.size(); ++f) out[f] += blend.weights[part] * forest->importance[f], sum += blend.weights[part] * forest->importance[f];
  }
  for (double& gain : out) gain = sum > 0 ? gain / sum : 0;
  return out;
}

}  // namespace

std::vector<double> importance_of(const Predictor& predictor) {
  if (const Blend* blend = std::get_if<Blend>(&predictor)) return importance_of_blend(*blend);
  const Forest* forest = std::get_if<Forest>(&predictor);
  return forest ? forest->importance : std::vector<double>();
}

std::optional<size_t> Model::place_of(std::string_view key) const {
  if (key_column.empty()) return keys.empty() ? std::nullopt : std::optional<size_t>(0);
  const auto place = std::lower_bound(keys.begin(), keys.end(), key);
  return place != keys.end() && *place == key ? std::optional(size_t(place - keys.begin())) : std::nullopt;
}

const Predictor* Model::find(std::string_view key) const {
  const std::optional<size_t> place = place_of(key);
  return place && *place < predictors.size() ? &predictors[*place] : nullptr;
}

Result<const Predictor*> pick_predictor(const Model& model, std::string_view key) {
  if (model.key_column.empty()) {
    if (key.empty()) return &model.predictors.front();
    return usage_error("the model has no keys", "--key", "leave out --key");
  }
  if (key.empty())
    return usage_error(fmt::format("{} models, one per '{}'", model.keys.size(), model.key_column), "--model", "--key " + model.keys.front());
  if (const Predictor* found = model.find(key)) return found;
  return unknown_name(model.key_column, key, model.keys, "--key");
}

}  // namespace hayate
