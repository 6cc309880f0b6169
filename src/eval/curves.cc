#include "hayate/curves.h"

#include <cassert>
#include <cmath>
#include <limits>

#include "eval/thresholds.h"

namespace hayate {
namespace {

using eval::Threshold;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<Threshold> thresholds_of(const ScoredRows& rows) {
  assert(rows.outcome.size() == rows.score.size() && (rows.weight.empty() || rows.weight.size() == rows.score.size()));
  std::vector<double> score, weight;
  std::vector<bool> positive;
  for (size_t i = 0; i < rows.score.size(); ++i) {
    const double w = rows.weight.empty() ? 1.0 : rows.weight[i];
    if ((rows.outcome[i] != 0 && rows.outcome[i] != 1) || std::isnan(rows.score[i]) || !(w > 0)) continue;
    score.push_back(rows.score[i]), weight.push_back(w), positive.push_back(rows.outcome[i] == 1);
  }
  return eval::walk_down(score, [&](size_t row) { return bool(positive[row]); }, [&](size_t row) { return weight[row]; });
}

/// The summed weights down to each threshold, from nothing at infinity.
std::vector<Threshold> cumulated(std::vector<Threshold> thresholds) {
  Threshold sum{kInfinity, 0, 0};
  std::vector<Threshold> out = {sum};
  for (const Threshold& t : thresholds) {
    sum = {t.score, sum.positive + t.positive, sum.negative + t.negative};
    out.push_back(sum);
  }
  return out;
}

/// Whether b lies on the way from a to c because both steps are the same (scikit-learn's test: equal steps, not equal slopes).
bool same_step(const Threshold& a, const Threshold& b, const Threshold& c) {
  return c.positive - b.positive == b.positive - a.positive && c.negative - b.negative == b.negative - a.negative;
}

}  // namespace

std::vector<CurvePoint> roc_curve(const ScoredRows& rows) {
  const std::vector<Threshold> sums = cumulated(thresholds_of(rows));
  const double positives = sums.back().positive, negatives = sums.back().negative;
  if (!(positives > 0) || !(negatives > 0)) return {};
  std::vector<CurvePoint> curve;
  for (size_t i = 0; i < sums.size(); ++i) {
    if (i > 1 && i + 1 < sums.size() && same_step(sums[i - 1], sums[i], sums[i + 1])) continue;
    curve.push_back({sums[i].score, sums[i].negative / negatives, sums[i].positive / positives});
  }
  return curve;
}

std::vector<CurvePoint> precision_recall_curve(const ScoredRows& rows) {
  const std::vector<Threshold> sums = cumulated(thresholds_of(rows));
  const double positives = sums.back().positive;
  if (!(positives > 0)) return {};
  std::vector<CurvePoint> curve = {{kInfinity, 0, 1}};
  for (size_t i = 1; i < sums.size(); ++i)
    curve.push_back({sums[i].score, sums[i].positive / positives, sums[i].positive / (sums[i].positive + sums[i].negative)});
  return curve;
}

std::vector<CurvePoint> thin(std::span<const CurvePoint> curve, int steps) {
  assert(steps >= 1);
  const double step = 1.0 / steps;
  std::vector<CurvePoint> out;
  for (size_t i = 0; i < curve.size(); ++i) {
    const bool end = i == 0 || i + 1 == curve.size();
    if (end || std::abs(curve[i].x - out.back().x) >= step || std::abs(curve[i].y - out.back().y) >= step) out.push_back(curve[i]);
  }
  return out;
}

}  // namespace hayate
