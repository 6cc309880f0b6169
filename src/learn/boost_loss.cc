#include "learn/boost_loss.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/boosting.h"
#include "kernels/transcendental.h"

namespace hayate::learn {
namespace {

/// ln x with the same bytes on every machine.
double logarithm(double x) { return kernels::baseline::logarithm(x); }

/// Mean label. Without weights, or with whole ones, in whole numbers: rows may come in any order, and repeated or with weights.
double weighted_mean(const BoostTarget& target) {
  const double base = target.numbers[0];
  double all = 0;
  bool whole = true;
  for (size_t i = 0; i < target.numbers.size(); ++i) all += target.weight(i), whole = whole && target.weight(i) == std::floor(target.weight(i));
  if (!whole || all >= 0x1p40) {
    double sum = 0;
    for (size_t i = 0; i < target.numbers.size(); ++i) sum += target.weight(i) * (target.numbers[i] - base);
    return base + sum / all;
  }
  const int steps = 60 - std::ilogb(all);  // of labels whose size is at most 1: their differences, summed up, stay below 2^63
  int64_t sum = 0;
  for (size_t i = 0; i < target.numbers.size(); ++i) sum += int64_t(target.weight(i)) * std::llrint(std::ldexp(target.numbers[i] - base, steps - 1));
  return base + std::ldexp(double(sum) / all, 1 - steps);
}

double exponential(double x) { return kernels::baseline::exponential(x, 0); }

/// Weighted mean of loss(i) over all rows.
template <class OfRow>
double mean_over(const BoostTarget& target, OfRow of_row) {
  double sum = 0, weights = 0;
  for (size_t i = 0; i < target.num_rows(); ++i) sum += target.weight(i) * of_row(i), weights += target.weight(i);
  return sum / weights;
}

/// A loss of score - label with equal second derivatives.
class ErrorLoss : public Loss {
 public:
  explicit ErrorLoss(const BoostTarget& target) : target_(target) {}
  Link link() const override { return Link::identity; }
  bool is_counted() const override { return true; }

  void derivatives(int32_t, std::span<const double> scores, size_t begin, size_t end, float* g, float*) const override {
    for (size_t i = begin; i < end; ++i) g[i] = slope(scores[i] - target_.numbers[i]);
  }
  double mean(std::span<const double> scores) const override {
    return mean_over(target_, [&](size_t i) { return loss(scores[i] - target_.numbers[i]); });
  }

 protected:
  virtual float slope(double error) const = 0;
  virtual double loss(double error) const = 0;
  /// The best constant for losses of absolute errors.
  double label_quantile(double alpha) const {
    std::vector<double> values = target_.numbers, weights(target_.weights.begin(), target_.weights.end());
    return weighted_quantile(values, weights, alpha);
  }

  const BoostTarget& target_;
};

/// error^2 / 2.
class SquaredLoss final : public ErrorLoss {
 public:
  using ErrorLoss::ErrorLoss;
  /// Around the first label, so that a constant label is met exactly.
  std::vector<double> start() const override { return {weighted_mean(target_)}; }

 protected:
  float slope(double error) const override { return float(error); }
  double loss(double error) const override { return 0.5 * error * error; }
};

/// (1 - alpha) * error where the score is too high, alpha * -error where it is too low; alpha = 1/2 is half the absolute error.
/// The sign of errors finds the splits; a leaf then moves its rows by the quantile of their errors.
class QuantileLoss final : public ErrorLoss {
 public:
  QuantileLoss(const BoostTarget& target, double alpha) : ErrorLoss(target), alpha_(alpha) {}
  std::vector<double> start() const override { return {label_quantile(alpha_)}; }
  bool sets_leaves() const override { return true; }

  double leaf_value(std::span<const double> scores, std::span<const uint32_t> rows) const override {
    std::vector<double> values, weights;
    for (const uint32_t row : rows) {
      values.push_back(target_.numbers[row] - scores[row]);
      if (!target_.weights.empty()) weights.push_back(target_.weight(row));
    }
    return weighted_quantile(values, weights, alpha_);
  }

 protected:
  float slope(double error) const override { return error > 0 ? float(1 - alpha_) : error < 0 ? float(-alpha_) : 0.0f; }
  double loss(double error) const override { return error > 0 ? (1 - alpha_) * error : -alpha_ * error; }

 private:
  double alpha_;
};

/// Squared up to delta, absolute above (Huber 1964).
class HuberLoss final : public ErrorLoss {
 public:
  HuberLoss(const BoostTarget& target, double delta) : ErrorLoss(target), delta_(delta) {}
  std::vector<double> start() const override { return {label_quantile(0.5)}; }

 protected:
  float slope(double error) const override { return float(std::clamp(error, -delta_, delta_)); }
  double loss(double error) const override {
    const double size = std::fabs(error);
    return size <= delta_ ? 0.5 * error * error : delta_ * (size - 0.5 * delta_);
  }

 private:
  double delta_;
};

/// e^score - label * score: counts whose mean is e^score. The second derivative is taken e^0.7 times, which keeps a step that
/// is too long from growing e-fold (LightGBM's poisson_max_delta_step).
class PoissonLoss final : public Loss {
 public:
  explicit PoissonLoss(const BoostTarget& target) : target_(target) {}
  Link link() const override { return Link::exponential; }
  std::vector<double> start() const override { return {logarithm(weighted_mean(target_))}; }

  void derivatives(int32_t, std::span<const double> scores, size_t begin, size_t end, float* g, float* h) const override {
    constexpr double kLongestStep = 2.0137527074704766;  // e^0.7
    for (size_t i = begin; i < end; ++i) {
      const double mean = exponential(scores[i]);
      g[i] = float(mean - target_.numbers[i]), h[i] = float(kLongestStep * mean);
    }
  }
  double mean(std::span<const double> scores) const override {
    return mean_over(target_, [&](size_t i) { return exponential(scores[i]) - target_.numbers[i] * scores[i]; });
  }
  double unscaled_start(double score, int exponent) const override { return score + 0.69314718055994530942 * exponent; }
  double unscaled_value(double value, int) const override { return value; }

 private:
  const BoostTarget& target_;
};

/// Weight of each class, as shares that are never 0 or 1: their logarithms are scores.
std::vector<double> class_shares(const BoostTarget& target) {
  constexpr double kLeast = 1e-15;
  std::vector<double> shares(size_t(std::max(target.num_classes, 2)));
  double all = 0;
  for (size_t i = 0; i < target.classes.size(); ++i) shares[size_t(target.classes[i])] += target.weight(i), all += target.weight(i);
  for (double& share : shares) share = std::clamp(share / all, kLeast, 1 - kLeast);
  return shares;
}

/// -ln p(class) with p = 1 / (1 + e^-score) for class 1.
class LogisticLoss final : public Loss {
 public:
  explicit LogisticLoss(const BoostTarget& target) : target_(target) {
    for (const int32_t id : target.classes) sign_.push_back(is_one(id) ? -1.0f : 1.0f);
  }
  Link link() const override { return Link::logistic; }

  std::vector<double> start() const override {
    const std::vector<double> shares = class_shares(target_);
    const double score = logarithm(shares[1] / shares[0]);
    return {target_.num_classes == 1 ? -score : score};
  }

  double mean(std::span<const double> scores) const override {
    return mean_over(target_, [&](size_t i) {
      const double t = double(-sign_[i]) * scores[i];  // -ln(1 / (1 + e^-t)), of the size of t alone
      return (t < 0 ? -t : 0) + logarithm(1 + exponential(t < 0 ? t : -t));
    });
  }

  void derivatives(int32_t, std::span<const double> scores, size_t begin, size_t end, float* g, float* h) const override {
    kernels::boost_kernels().logistic(scores.data() + begin, sign_.data() + begin, int64_t(end - begin), g + begin, h + begin);
  }

 private:
  /// With one class alone, that class is the one whose probability is predicted.
  bool is_one(int32_t id) const { return target_.num_classes == 1 || id == 1; }

  const BoostTarget& target_;
  std::vector<float> sign_;
};

/// -ln p(class) with p = e^score over the sum of all classes' e^score.
class SoftmaxLoss final : public Loss {
 public:
  explicit SoftmaxLoss(const BoostTarget& target)
      : target_(target),
        factor_(float(target.num_classes) / float(target.num_classes - 1)),
        shares_(size_t(target.num_classes) * target.classes.size()) {}
  Link link() const override { return Link::softmax; }

  std::vector<double> start() const override {
    std::vector<double> scores = class_shares(target_);
    for (double& score : scores) score = logarithm(score);
    return scores;
  }

  size_t num_pieces() const override { return (target_.classes.size() + kRowsAtOnce - 1) / kRowsAtOnce; }
  void begin_round(std::span<const double> scores, size_t piece) override {
    const size_t rows = target_.classes.size(), begin = piece * kRowsAtOnce, end = std::min(rows, begin + kRowsAtOnce);
    kernels::boost_kernels().softmax(scores.data(), target_.num_classes, int64_t(rows), int64_t(begin), int64_t(end), shares_.data());
  }

  double mean(std::span<const double> scores) const override {
    const size_t rows = target_.classes.size();
    return mean_over(target_, [&](size_t i) {
      double most = scores[i], sum = 0;
      for (size_t k = 1; k < size_t(target_.num_classes); ++k) most = std::max(most, scores[k * rows + i]);
      for (size_t k = 0; k < size_t(target_.num_classes); ++k) sum += exponential(scores[k * rows + i] - most);
      return most + logarithm(sum) - scores[size_t(target_.classes[i]) * rows + i];
    });
  }

  /// The second derivative p (1 - p) is taken K / (K - 1) times: scores of all classes move at once (Friedman 2001).
  void derivatives(int32_t k, std::span<const double>, size_t begin, size_t end, float* g, float* h) const override {
    const float* share = shares_.data() + size_t(k) * target_.classes.size();
    for (size_t i = begin; i < end; ++i) {
      const float p = share[i];
      g[i] = target_.classes[i] == k ? p - 1 : p;
      h[i] = factor_ * p * (1 - p);
    }
  }

 private:
  static constexpr size_t kRowsAtOnce = 8192;

  const BoostTarget& target_;
  float factor_;
  std::vector<float> shares_;  ///< probabilities, class by class
};

}  // namespace

double Loss::unscaled_start(double score, int exponent) const { return std::ldexp(score, exponent); }
double Loss::unscaled_value(double value, int exponent) const { return std::ldexp(value, exponent); }

double weighted_quantile(std::vector<double>& values, std::vector<double>& weights, double alpha) {
  if (weights.empty()) {
    // With equal weights the place is known: one selection instead of a sort.
    const double place = alpha * double(values.size());
    const size_t at = std::min(values.size() - 1, size_t(std::max(0.0, std::ceil(place) - 1)));
    std::nth_element(values.begin(), values.begin() + ptrdiff_t(at), values.end());
    if (place != double(at + 1) || at + 1 == values.size()) return values[at];
    return values[at] + (*std::min_element(values.begin() + ptrdiff_t(at) + 1, values.end()) - values[at]) / 2;
  }
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  const double wanted = alpha * std::accumulate(weights.begin(), weights.end(), 0.0);
  double reached = 0;
  for (size_t i = 0; i + 1 < order.size(); ++i) {
    reached += weights[order[i]];
    if (reached > wanted) return values[order[i]];
    if (reached == wanted) return values[order[i]] + (values[order[i + 1]] - values[order[i]]) / 2;
  }
  return values[order.back()];
}

std::unique_ptr<Loss> make_loss(const BoostTarget& target, const BoostingParams& params) {
  if (target.problem == Problem::ranking) return make_rank_loss(target, params);
  if (target.problem == Problem::classification && target.num_classes > 2) return std::make_unique<SoftmaxLoss>(target);
  if (target.problem == Problem::classification) return std::make_unique<LogisticLoss>(target);
  if (params.objective == "absolute_error") return std::make_unique<QuantileLoss>(target, 0.5);
  if (params.objective == "quantile") return std::make_unique<QuantileLoss>(target, params.alpha);
  if (params.objective == "huber") return std::make_unique<HuberLoss>(target, std::ldexp(params.huber_delta, -target.exponent));
  if (params.objective == "poisson") return std::make_unique<PoissonLoss>(target);
  return std::make_unique<SquaredLoss>(target);
}

}  // namespace hayate::learn
