#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/strings.h"
#include "hayate/calibration.h"
#include "kernels/transcendental.h"

namespace hayate {
namespace {

/// A row as one map sees it.
struct Point {
  double input, weight;
  bool positive;
};

double sigmoid(double z) { return 1.0 / (1.0 + kernels::baseline::exponential(-z, 0)); }
/// log(1 + e^z) without overflow.
double softplus(double z) { return std::max(z, 0.0) + kernels::baseline::logarithm(1.0 + kernels::baseline::exponential(-std::abs(z), 0)); }

// ---- Platt

/// The cross entropy of p = sigmoid(slope * input + offset) against smoothed targets, its gradient and second derivatives.
struct Fit {
  double loss = 0, slope = 0, offset = 0, slope2 = 0, both = 0, offset2 = 0;
};

Fit measure(const std::vector<Point>& points, double high, double low, double slope, double offset) {
  Fit out;
  for (const Point& point : points) {
    const double z = slope * point.input + offset, target = point.positive ? high : low, p = sigmoid(z);
    const double g = point.weight * (p - target), h = point.weight * p * (1 - p);
    out.loss += point.weight * (softplus(z) - target * z);
    out.slope += g * point.input, out.offset += g;
    out.slope2 += h * point.input * point.input, out.both += h * point.input, out.offset2 += h;
  }
  return out;
}

/// Newton's steps, halved until they lower the loss. The loss is convex; 1e-12 keeps equal inputs from dividing by 0.
void fit_platt(const std::vector<Point>& points, Calibration& out) {
  double positives = 0, negatives = 0;
  for (const Point& point : points) (point.positive ? positives : negatives) += point.weight;
  const double high = (positives + 1) / (positives + 2), low = 1 / (negatives + 2);
  double slope = 0, offset = std::log((positives + 1) / (negatives + 1));
  Fit fit = measure(points, high, low, slope, offset);
  for (int round = 0; round < 100; ++round) {
    const double a = fit.slope2 + 1e-12, b = fit.both, d = fit.offset2 + 1e-12, determinant = a * d - b * b;
    if (!(determinant > 0)) break;
    const double slope_step = -(d * fit.slope - b * fit.offset) / determinant, offset_step = -(a * fit.offset - b * fit.slope) / determinant;
    double share = 1;
    Fit next = measure(points, high, low, slope + slope_step, offset + offset_step);
    for (; !(next.loss <= fit.loss) && share > 1e-10; next = measure(points, high, low, slope + share * slope_step, offset + share * offset_step))
      share /= 2;
    if (!(next.loss <= fit.loss)) break;
    slope += share * slope_step, offset += share * offset_step;
    const double gained = fit.loss - next.loss;
    fit = next;
    if (gained <= 1e-15 * std::abs(fit.loss)) break;
  }
  out.x.push_back(-slope), out.y.push_back(-offset);
}

// ---- isotonic

struct Pool {
  double low, high;  ///< inputs
  double sum, weight;

  double mean() const { return sum / weight; }
};

/// Inputs that are nearer are the same: shares and sums of the same trees differ by so much in another order.
bool are_same(double low, double high) { return high - low < 1e-12 * std::max(1.0, std::abs(high)); }

/// Pooling adjacent violators over the inputs in order; equal ones are one from the start.
std::vector<Pool> pooled(std::vector<Point> points) {
  std::sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.input < b.input; });
  std::vector<Pool> distinct, pools;
  for (const Point& point : points) {
    if (distinct.empty() || !are_same(distinct.back().low, point.input)) distinct.push_back({point.input, point.input, 0, 0});
    distinct.back().sum += point.positive ? point.weight : 0, distinct.back().weight += point.weight;
  }
  for (const Pool& one : distinct) {
    pools.push_back(one);
    while (pools.size() > 1 && pools[pools.size() - 2].mean() >= pools.back().mean()) {
      const Pool last = pools.back();
      pools.pop_back();
      pools.back().high = last.high, pools.back().sum += last.sum, pools.back().weight += last.weight;
    }
  }
  return pools;
}

void fit_isotonic(const std::vector<Point>& points, Calibration& out) {
  for (const Pool& pool : pooled(points)) {
    out.x.push_back(pool.low), out.y.push_back(pool.mean());
    if (pool.high > pool.low) out.x.push_back(pool.high), out.y.push_back(pool.mean());
  }
}

// ---- what the model says of rows that it did not learn from

constexpr int kParts = 5;

/// Per row the part that leaves it out; with dates the span it lies in, of which the first is left out nowhere.
std::vector<int> parts_of(const Labels& labels) {
  std::vector<int> out(labels.classes.size());
  if (labels.groups.empty()) {
    std::vector<int> seen(size_t(labels.num_classes), 0);
    for (size_t i = 0; i < out.size(); ++i) out[i] = seen[size_t(labels.classes[i])]++ % kParts;
    return out;
  }
  std::vector<int32_t> dates(labels.groups.begin(), labels.groups.end());
  std::sort(dates.begin(), dates.end());
  dates.erase(std::unique(dates.begin(), dates.end()), dates.end());
  for (size_t i = 0; i < out.size(); ++i) {
    const auto place = std::lower_bound(dates.begin(), dates.end(), labels.groups[i]) - dates.begin();
    out[i] = int(place * (kParts + 1) / int64_t(dates.size())) - 1;
  }
  return out;
}

/// calibration_inputs() of every row, NaN where no model answers.
Result<std::vector<double>> unseen_inputs(const LearnerParams& params, const FloatColumns& values, const Labels& labels,
                                          std::span<const float> weights, TrainKey key, exec::Pool* pool, const exec::Cancellation* cancel) {
  const std::vector<int> parts = parts_of(labels);
  const size_t width = labels.num_classes > 2 ? size_t(labels.num_classes) : 1, rows = parts.size(), features = size_t(values.num_features);
  std::vector<double> out(rows * width, std::nan(""));
  const auto trainer = make_trainer(params, values);
  for (int part = 0; part < kParts; ++part) {
    std::vector<int32_t> train, test;
    for (size_t i = 0; i < rows; ++i) {
      if (parts[i] == part)
        test.push_back(int32_t(i));
      else if (labels.groups.empty() || parts[i] < part)
        train.push_back(int32_t(i));
    }
    if (train.empty() || test.empty()) continue;
    HY_CHECK(trainer->prepare(train));
    HY_TRY(const Predictor model, trainer->train(labels, weights, {key.seed, key.entity + uint64_t(part) + 1}, pool, cancel));
    std::vector<float> own(test.size() * features);
    for (size_t f = 0; f < features; ++f)
      for (size_t i = 0; i < test.size(); ++i) own[f * test.size() + i] = values.column(int64_t(f))[test[i]];
    const std::vector<double> said = calibration_inputs(model, {own.data(), int64_t(test.size()), values.num_features, int64_t(test.size())});
    for (size_t i = 0; i < test.size(); ++i)
      std::copy_n(said.begin() + ptrdiff_t(i * width), width, out.begin() + ptrdiff_t(size_t(test[i]) * width));
  }
  return out;
}

/// Of two classes the second one's shares.
std::vector<double> forest_inputs(const OutOfBag& out_of_bag, int32_t num_classes) {
  if (num_classes > 2) return out_of_bag.predictions;
  std::vector<double> out;
  for (size_t i = size_t(num_classes) - 1; i < out_of_bag.predictions.size(); i += size_t(num_classes)) out.push_back(out_of_bag.predictions[i]);
  return out;
}

}  // namespace

Result<Calibration::Method> calibration_method(std::string_view word, const std::string& where) {
  for (size_t i = 0; i < std::size(kCalibrationMethods); ++i)
    if (word == kCalibrationMethods[i]) return Calibration::Method(i);
  const std::vector<std::string> names(std::begin(kCalibrationMethods), std::end(kCalibrationMethods));
  return unknown_name("calibration", word, names, where);
}

Result<Calibration> fit_calibration(Calibration::Method method, std::span<const double> inputs, std::span<const int32_t> classes, int32_t num_classes,
                                    std::span<const float> weights) {
  const size_t maps = num_classes > 2 ? size_t(num_classes) : 1;
  Calibration out{method, {0}, {}, {}};
  for (size_t map = 0; map < maps; ++map) {
    const int32_t positive = maps == 1 ? num_classes - 1 : int32_t(map);
    std::vector<Point> points;
    int64_t positives = 0;
    for (size_t i = 0; i < classes.size(); ++i) {
      const double input = inputs[i * maps + map], weight = weights.empty() ? 1.0 : double(weights[i]);
      if (std::isnan(input) || weight <= 0) continue;
      points.push_back({input, weight, classes[i] == positive});
      positives += points.back().positive;
    }
    if (positives == 0 || positives == int64_t(points.size()))
      return input_error("probabilities cannot be calibrated: among the rows left out of training a class has none", "--calibration",
                         "give at least some tens of rows of each class, over all dates");
    method == Calibration::Method::platt ? fit_platt(points, out) : fit_isotonic(points, out);
    out.start.push_back(uint32_t(out.x.size()));
  }
  return out;
}

Result<Calibration> calibrate(Calibration::Method method, const LearnerParams& params, const FloatColumns& values, const Labels& labels,
                              std::span<const float> weights, TrainKey key, const OutOfBag& out_of_bag, exec::Pool* pool,
                              const exec::Cancellation* cancel) {
  if (!out_of_bag.predictions.empty())
    return fit_calibration(method, forest_inputs(out_of_bag, labels.num_classes), labels.classes, labels.num_classes, weights);
  HY_TRY(const std::vector<double> inputs, unseen_inputs(params, values, labels, weights, key, pool, cancel));
  return fit_calibration(method, inputs, labels.classes, labels.num_classes, weights);
}

}  // namespace hayate
