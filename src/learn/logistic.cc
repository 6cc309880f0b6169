// Logistic regression by Newton's method: every step minimises the quadratic that fits the likelihood where it stands, plus
// the penalties. Without l1 that is a Cholesky solution (iteratively reweighted least squares), with l1 an elastic net on
// the Hessian, solved by the code that serves least squares. Steps converge quadratically: 5 to 9 passes over the rows give
// coefficients to 1e-9, where first-order methods stop at 1e-4.
//
// Several classes have one score each (softmax). All classes are moved together as long as the Hessian has at most
// kMostUnknowns rows, else a few classes at a time in turn, which converges linearly but needs no matrix that does not fit.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "hayate/linear.h"
#include "kernels/transcendental.h"
#include "learn/linear_table.h"
#include "learn/quadratic.h"

namespace hayate::learn {
namespace {

constexpr size_t kMostUnknowns = 2048;

// C libraries differ in the last bit of exp and log; a model must not.
double exponential(double x) { return kernels::baseline::exponential(x, 0); }
double logarithm(double x) { return kernels::baseline::logarithm(x); }
/// log(1 + e^x) without overflow.
double softplus(double x) { return x > 0 ? x + logarithm(1 + exponential(-x)) : logarithm(1 + exponential(x)); }

class Logistic {
 public:
  Logistic(const GramBlocks& blocks, const Examples& examples, const Labels& labels, Penalty penalty, exec::Pool* pool,
           const exec::Cancellation* cancel)
      : tiles_{blocks.values(), examples.rows, examples.moments.mean, examples.inverse},
        examples_(examples),
        labels_(labels),
        penalty_(penalty),
        pool_(pool),
        cancel_(cancel),
        width_(examples.scale.size() + 1),
        scores_(labels.num_classes > 2 ? size_t(labels.num_classes) : 1),
        b_(scores_ * width_, 0.0) {}

  /// False: cancelled.
  bool run() {
    const size_t together = std::min(scores_, std::max<size_t>(1, kMostUnknowns / width_));
    const int rounds = together == scores_ ? 100 : 500;
    for (int round = 0; round < rounds; ++round) {
      double gained = 0;
      for (size_t first = 0; first < scores_; first += together) {
        gained += move(first, std::min(together, scores_ - first));
        if (stopped(cancel_)) return false;
      }
      if (gained <= kEnough * std::max(1.0, std::abs(value_))) break;
    }
    return true;
  }

  /// Coefficients of scaled features, then the intercept, score by score.
  const std::vector<double>& coefficients() const { return b_; }

 private:
  // What a step must gain, relative to the value: a Newton step that gains 1e-13 moves coefficients by less than 1e-7 of their
  // own scale, and the one before it has already squared the distance.
  static constexpr double kEnough = 1e-13;
  // Keeps the intercept of a class without rows finite; moves others by less than 1e-9.
  static constexpr double kInterceptRidge = 1e-9;

  bool is_intercept(size_t i) const { return i % width_ == width_ - 1; }
  double l2_at(size_t i) const { return is_intercept(i) ? kInterceptRidge : penalty_.l2; }

  double penalty_at(std::span<const double> b) const {
    double sum = 0;
    for (size_t i = 0; i < b.size(); ++i) sum += 0.5 * l2_at(i) * b[i] * b[i] + (is_intercept(i) ? 0 : penalty_.l1 * std::abs(b[i]));
    return sum;
  }

  /// A tile with its column of ones and the scores of its rows, score by score.
  struct Loaded {
    std::vector<double> values, scores;
    std::span<const int32_t> rows;
  };
  Loaded load(int64_t t, std::span<const double> b) const {
    Loaded out{std::vector<double>(width_ * size_t(kTileRows)), std::vector<double>(scores_ * size_t(kTileRows), 0.0), {}};
    out.rows = tiles_.load(t, out.values.data());
    std::fill_n(out.values.end() - kTileRows, out.rows.size(), 1.0);
    for (size_t k = 0; k < scores_; ++k)
      kernels::gram_kernels().add_scaled(out.values.data(), int64_t(width_), b.data() + k * width_, out.scores.data() + k * size_t(kTileRows));
    return out;
  }

  /// The loss of row i of a tile; its scores become probabilities (of class 1, or of every class).
  double respond(Loaded& tile, size_t i) const {
    const auto own = size_t(labels_.classes[size_t(tile.rows[i])]);
    if (scores_ == 1) {
      double& score = tile.scores[i];
      const double loss = softplus(own == 1 ? -score : score);
      score = 1 / (1 + exponential(-score));
      return loss;
    }
    const size_t step = size_t(kTileRows);
    double most = tile.scores[i], sum = 0;
    for (size_t k = 1; k < scores_; ++k) most = std::max(most, tile.scores[k * step + i]);
    const double own_score = tile.scores[own * step + i] - most;
    for (size_t k = 0; k < scores_; ++k) sum += tile.scores[k * step + i] = exponential(tile.scores[k * step + i] - most);
    for (size_t k = 0; k < scores_; ++k) tile.scores[k * step + i] /= sum;
    return logarithm(sum) - own_score;
  }

  double value_at(std::span<const double> b) const {
    const std::vector<double> sum = sum_over(tiles_.count(), 1, pool_, cancel_, [&](int64_t t, std::vector<double>& sums) {
      Loaded tile = load(t, b);
      for (size_t i = 0; i < tile.rows.size(); ++i) sums[0] += examples_.weight(tile.rows[i]) * respond(tile, i);
    });
    return sum[0] + penalty_at(b);
  }

  /// Value, then gradient, then Hessian (lower triangle) of the likelihood for the scores [first, first + count).
  std::vector<double> derivatives(size_t first, size_t count) const {
    const size_t size = count * width_, step = size_t(kTileRows);
    return sum_over(tiles_.count(), 1 + size + size * size, pool_, cancel_, [&](int64_t t, std::vector<double>& sums) {
      Loaded tile = load(t, b_);
      for (size_t i = 0; i < tile.rows.size(); ++i) sums[0] += examples_.weight(tile.rows[i]) * respond(tile, i);
      std::vector<double> factor(step, 0.0), weighted(tile.values.size());
      double* gradient = sums.data() + 1;
      double* hessian = gradient + size;
      for (size_t k = 0; k < count; ++k) {
        const double* p = tile.scores.data() + (first + k) * step;
        for (size_t i = 0; i < tile.rows.size(); ++i) factor[i] = examples_.weight(tile.rows[i]) * (p[i] - target(tile.rows[i], first + k));
        kernels::gram_kernels().add_products(tile.values.data(), int64_t(width_), factor.data(), 1, false, gradient + k * width_, 1);
        for (size_t l = 0; l <= k; ++l) {
          const double* q = tile.scores.data() + (first + l) * step;
          for (size_t i = 0; i < tile.rows.size(); ++i) factor[i] = examples_.weight(tile.rows[i]) * p[i] * ((k == l ? 1.0 : 0.0) - q[i]);
          for (size_t f = 0; f < width_; ++f)
            for (size_t i = 0; i < step; ++i) weighted[f * step + i] = tile.values[f * step + i] * factor[i];
          kernels::gram_kernels().add_products(weighted.data(), int64_t(width_), tile.values.data(), int64_t(width_), k == l,
                                               hessian + k * width_ * size + l * width_, int64_t(size));
        }
      }
    });
  }

  double target(int32_t row, size_t score) const { return size_t(labels_.classes[size_t(row)]) == (scores_ == 1 ? 1 : score) ? 1.0 : 0.0; }

  /// Adding one number to a coefficient of all scores changes no probability; the Hessian is raised along that direction, in which
  /// nothing pulls as long as the coefficients add up to 0: they start so, and stay so.
  void pin_sums(std::vector<double>& hessian, size_t size) const {
    const size_t features = width_ - 1;
    for (size_t i = 0; i < size; ++i) {
      const size_t f = i % width_;
      if (!is_intercept(i) && (penalty_.l1 > 0 || penalty_.l2 > 0)) continue;
      const double height =
          is_intercept(i) ? examples_.moments.weight : examples_.moments.products[f * features + f] * examples_.inverse[f] * examples_.inverse[f];
      for (size_t j = f; j <= i; j += width_) hessian[i * size + j] += height / double(scores_ * scores_);
    }
  }

  /// Minimises the quadratic that fits at b_ over the scores [first, first + count); gives the new coefficients of these.
  std::vector<double> target_of_step(std::vector<double>& hessian, std::span<const double> gradient, size_t first, size_t size) const {
    const std::span<const double> b(b_.data() + first * width_, size);
    for (size_t i = 0; i < size; ++i) {
      if (is_intercept(i)) hessian[i * size + i] += kInterceptRidge;
      if (!is_intercept(i) && examples_.scale[i % width_] == 0) hessian[i * size + i] = 1;  // carries nothing: stays 0
    }
    if (penalty_.l1 > 0) return sparse_step(hessian, gradient, b, size);
    std::vector<double> step(size), lower;
    for (size_t i = 0; i < size; ++i) step[i] = -gradient[i] - l2_at(i) * b[i], hessian[i * size + i] += is_intercept(i) ? 0 : penalty_.l2;
    // Features that depend on each other, or classes already told apart for sure: raised until it can be solved.
    double raised = 0, diagonal = 0;
    for (size_t i = 0; i < size; ++i) diagonal = std::max(diagonal, hessian[i * size + i]);
    while (!factor(hessian, size, lower, cancel_)) {
      const double more = std::max(raised * 9, diagonal * 1e-10);
      for (size_t i = 0; i < size; ++i) hessian[i * size + i] += more;
      raised += more;
    }
    solve_factored(lower, size, step);
    for (size_t i = 0; i < size; ++i) step[i] += b[i];
    return step;
  }

  std::vector<double> sparse_step(std::vector<double>& hessian, std::span<const double> gradient, std::span<const double> b, size_t size) const {
    for (size_t i = 0; i < size; ++i)
      for (size_t j = 0; j < i; ++j) hessian[j * size + i] = hessian[i * size + j];
    std::vector<double> pull(size);
    std::vector<unsigned char> free(size);
    for (size_t i = 0; i < size; ++i) {
      free[i] = is_intercept(i);
      pull[i] = -gradient[i];
      for (size_t j = 0; j < size; ++j) pull[i] += (hessian[i * size + j] - (i == j && free[i] ? kInterceptRidge : 0)) * b[j];
    }
    return elastic_net(hessian, size, pull, penalty_.l1, penalty_.l2, free, {b.begin(), b.end()}, cancel_);
  }

  /// One Newton step of some scores, halved until it lowers the value; what it gained.
  double move(size_t first, size_t count) {
    const size_t size = count * width_;
    std::vector<double> sums = derivatives(first, count);
    value_ = sums[0] + penalty_at(b_);
    std::vector<double> hessian(sums.begin() + ptrdiff_t(1 + size), sums.end());
    if (scores_ > 1 && count == scores_) pin_sums(hessian, size);
    const std::vector<double> goal = target_of_step(hessian, std::span(sums).subspan(1, size), first, size);
    std::vector<double> trial = b_;
    for (double length = 1; length > 1e-4 && !stopped(cancel_); length /= 2) {
      for (size_t i = 0; i < size; ++i) trial[first * width_ + i] = b_[first * width_ + i] + length * (goal[i] - b_[first * width_ + i]);
      const double value = value_at(trial);
      if (value <= value_ + 1e-12 * std::abs(value_)) {
        const double gained = value_ - value;
        b_.swap(trial), value_ = value;
        return gained;
      }
    }
    return 0;
  }

  Tiles tiles_;
  const Examples& examples_;
  const Labels& labels_;
  Penalty penalty_;
  exec::Pool* pool_;
  const exec::Cancellation* cancel_;
  size_t width_, scores_;  ///< features and the intercept; one score, or one per class
  std::vector<double> b_;
  double value_ = 0;
};

}  // namespace

Result<Linear> train_logistic(const GramBlocks& blocks, const Examples& examples, const Labels& labels, Penalty penalty, exec::Pool* pool,
                              const exec::Cancellation* cancel) {
  if (labels.num_classes < 2) return input_error("the label holds one class only", "labels", "logistic regression tells two classes or more apart");
  Logistic logistic(blocks, examples, labels, penalty, pool, cancel);
  if (!logistic.run()) return stopped_error("logistic");
  const size_t features = examples.scale.size();
  Linear out;
  out.problem = Problem::classification, out.num_classes = labels.num_classes;
  out.link = labels.num_classes > 2 ? Link::softmax : Link::logistic;
  std::vector<double> b = logistic.coefficients();
  for (size_t first = 0; first < b.size(); first += features + 1) {
    unscale(examples, std::span(b).subspan(first, features), b[first + features]);
    out.coefficients.insert(out.coefficients.end(), b.begin() + ptrdiff_t(first), b.begin() + ptrdiff_t(first + features));
    out.intercepts.push_back(b[first + features]);
  }
  out.fill = examples.moments.mean;
  return out;
}

}  // namespace hayate::learn
