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
Result<void> fold_part(Part& part, const std::string& where, bool keeps_maps) {
  if (part.calibration.empty()) return {};
  const bool platt = part.calibration.method == Calibration::Method::platt;
  if (keeps_maps && (!platt || part.calibration.x.size() > 1)) return {};
  const Calibration calibration = std::move(part.calibration);
  part.calibration = {};
  if (!platt) return usage_error("isotonic calibration has no place in this format", where, "--to onnx, or train with --calibration platt");
  if (calibration.x.size() != 1)
    return usage_error("calibration of three classes or more has no place in this format", where, "--to onnx, or train without --calibration");
  fold(part, calibration.x[0], calibration.y[0]);
  return {};
}

}  // namespace

Result<Predictor> with_calibration_folded(const Predictor& predictor, const std::string& where, bool keeps_maps) {
  Predictor out = predictor;
  if (Forest* forest = std::get_if<Forest>(&out)) HY_CHECK(fold_part(*forest, where, keeps_maps));
  if (Linear* linear = std::get_if<Linear>(&out)) HY_CHECK(fold_part(*linear, where, keeps_maps));
  if (Blend* blend = std::get_if<Blend>(&out))
    for (auto& part : blend->parts) HY_CHECK(std::visit([&](auto& p) { return fold_part(p, where, keeps_maps); }, part));
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

SideChanges side_changes(const Forest& forest, int64_t t, uint32_t node) {
  const TreeNode& at = forest.tree(t)[node];
  const CategorySet* const own = &forest.sets[forest.set_start[size_t(t)] + at.cut];
  const std::span<const float> cuts = forest.cuts.of(at.feature);
  SideChanges out{{}, own[0].has(0)};
  for (size_t code = 1; code <= cuts.size(); ++code)
    if (own[code / 256].has(uint8_t(code % 256)) != out.ends_left()) out.cuts.push_back(cuts[code - 1]);
  return out;
}

}  // namespace hayate
