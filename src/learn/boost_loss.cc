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

/// (score - label)^2 / 2.
class SquaredLoss final : public Loss {
 public:
  explicit SquaredLoss(const BoostTarget& target) : target_(target) {}
  Link link() const override { return Link::identity; }
  bool is_counted() const override { return true; }

  /// Around the first label, so that a constant label is met exactly.
  std::vector<double> start() const override { return {weighted_mean(target_)}; }

  void derivatives(int32_t, std::span<const double> scores, size_t begin, size_t end, float* g, float*) const override {
    for (size_t i = begin; i < end; ++i) g[i] = float(scores[i] - target_.numbers[i]);
  }

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

  void begin_round(std::span<const double> scores) override {
    kernels::boost_kernels().softmax(scores.data(), target_.num_classes, int64_t(target_.classes.size()), shares_.data());
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
  const BoostTarget& target_;
  float factor_;
  std::vector<float> shares_;  ///< probabilities, class by class
};

}  // namespace

std::unique_ptr<Loss> make_loss(const BoostTarget& target, const BoostingParams&) {
  if (target.problem == Problem::regression) return std::make_unique<SquaredLoss>(target);
  if (target.num_classes <= 2) return std::make_unique<LogisticLoss>(target);
  return std::make_unique<SoftmaxLoss>(target);
}

}  // namespace hayate::learn
