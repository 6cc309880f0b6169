#include "model/export.h"

namespace hayate {
namespace {

/// A logistic sum of trees, or linear model, of the scores x s + y turned round.
void fold(Forest& forest, double x, double y) {
  const bool mean = forest.joined == Joined::mean;
  const double scale = mean ? -x / double(forest.num_trees()) : -x;
  for (double& value : forest.values) value *= scale;
  forest.start = {mean ? -y : -(x * forest.start[0] + y)};
  forest.joined = Joined::sum, forest.link = Link::logistic;
}

void fold(Linear& linear, double x, double y) {
  for (double& coefficient : linear.coefficients) coefficient *= -x;
  linear.intercepts[0] = -(x * linear.intercepts[0] + y);
}

template <class Part>
Result<void> fold_part(Part& part, const std::string& where) {
  const Calibration calibration = std::move(part.calibration);
  part.calibration = {};
  if (calibration.empty()) return {};
  if (calibration.method != Calibration::Method::platt || calibration.x.size() != 1)
    return usage_error("isotonic calibration, and any of three classes or more, has no place in other programs' formats", where,
                       "train with --calibration platt for two classes, or without");
  fold(part, calibration.x[0], calibration.y[0]);
  return {};
}

}  // namespace

Result<Predictor> with_calibration_folded(const Predictor& predictor, const std::string& where) {
  Predictor out = predictor;
  if (Forest* forest = std::get_if<Forest>(&out)) HY_CHECK(fold_part(*forest, where));
  if (Linear* linear = std::get_if<Linear>(&out)) HY_CHECK(fold_part(*linear, where));
  if (Blend* blend = std::get_if<Blend>(&out))
    for (auto& part : blend->parts) HY_CHECK(std::visit([&](auto& p) { return fold_part(p, where); }, part));
  return out;
}

ListedCategories listed_categories(const Forest& forest, int64_t t, uint32_t node) {
  const TreeNode& at = forest.tree(t)[node];
  const CategorySet& left = forest.sets[forest.set_start[size_t(t)] + at.cut];
  ListedCategories out{{}, !at.missing_left()};
  const std::span<const float> known = forest.cuts.of(at.feature);
  for (size_t code = 0; code < known.size(); ++code)
    if (left.has(uint8_t(code)) == out.listed_left) out.values.push_back(known[code]);
  return out;
}

}  // namespace hayate
