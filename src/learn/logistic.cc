// Logistic regression by Newton's method: every step minimises the quadratic that fits the likelihood where it stands, plus
// the penalties. Without l1 that is a Cholesky solution (iteratively reweighted least squares), with l1 an elastic net on
// the Hessian, solved by the code that serves least squares. Steps converge quadratically: 5 to 9 passes over the rows give
// coefficients to 1e-9, where first-order methods stop at 1e-4.
//
// Several classes have one score each (softmax). Few classes are moved together by their Hessian, while that has at most
// kMostUnknowns rows. Of more, Newton's step is found by conjugate gradients, which read the Hessian only as products with a
// direction: a pass over the rows each. What makes them few is a preconditioner from the Gram matrix alone: a class's own part of
// the Hessian is nearly that matrix times its p (1 - p), summed over the rows. 50 classes of 2000 x 20 take 0.084 s, by their
// Hessian 1.97. With l1 a few classes at a time are moved by their part of the Hessian, which converges linearly.
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
constexpr size_t kFewScores = 16, kFewUnknowns = 512;  ///< up to either of which the Hessian is the faster way
constexpr size_t kMostKeptBytes = size_t{1} << 28;     ///< of probabilities that passes over the rows share
constexpr size_t kMostInEigenspace = 512;              ///< features up to which the preconditioner knows how they hang together
constexpr int kMostProducts = 250;                     ///< with the Hessian, a step

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
        b_(scores_ * width_, 0.0) {
    if (scores_ > kFewScores) start_at_shares();
  }

  /// False: cancelled.
  bool run() {
    const bool many = scores_ > kFewScores && scores_ * width_ > kFewUnknowns;
    if (penalty_.l1 == 0 && scores_ > 1 && (many || scores_ * width_ > kMostUnknowns)) return run_by_products();
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
  /// Intercepts that give each class its share of the rows. From 0, the first step of many classes of unequal size goes so far for the
  /// large ones that the others' curvature is lost, and no later step is short enough.
  void start_at_shares() {
    std::vector<double> rows(scores_, 0.5);
    for (const int32_t row : examples_.rows) rows[size_t(labels_.classes[size_t(row)])] += examples_.weight(row);
    double mean = 0;
    for (double& share : rows) share = logarithm(share), mean += share / double(scores_);
    for (size_t k = 0; k < scores_; ++k) b_[k * width_ + width_ - 1] = rows[k] - mean;
  }

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

  // ---- many classes

  /// What a step starts from: value, gradient with penalties, and of each score the sum of p (1 - p).
  struct Slope {
    std::vector<double> gradient, curvature;
  };

  Slope slope() {
    const size_t size = scores_ * width_, step = size_t(kTileRows);
    const bool keeps = size_t(tiles_.count()) * scores_ * step * sizeof(double) <= kMostKeptBytes;
    kept_.resize(keeps ? size_t(tiles_.count()) : 0);
    const std::vector<double> sums = sum_over(tiles_.count(), 1 + size + scores_, pool_, cancel_, [&](int64_t t, std::vector<double>& sum) {
      Loaded tile = load(t, b_);
      for (size_t i = 0; i < tile.rows.size(); ++i) sum[0] += examples_.weight(tile.rows[i]) * respond(tile, i);
      if (keeps) kept_[size_t(t)] = tile.scores;
      for (size_t i = 0; i < tile.rows.size(); ++i) {
        const double weight = examples_.weight(tile.rows[i]);
        for (size_t k = 0; k < scores_; ++k) {
          double& p = tile.scores[k * step + i];
          sum[1 + size + k] += weight * p * (1 - p);
          p = weight * (p - target(tile.rows[i], k));
        }
      }
      kernels::gram_kernels().add_products(tile.scores.data(), int64_t(scores_), tile.values.data(), int64_t(width_), false, sum.data() + 1,
                                           int64_t(width_));
    });
    value_ = sums[0] + penalty_at(b_);
    Slope out{{sums.begin() + 1, sums.begin() + ptrdiff_t(1 + size)}, {sums.begin() + ptrdiff_t(1 + size), sums.end()}};
    for (size_t i = 0; i < size; ++i) out.gradient[i] += l2_at(i) * b_[i];
    return out;
  }

  /// How much the Hessian is raised along what changes no probability; see pin_sums.
  double pin_at(size_t f) const {
    const size_t features = width_ - 1;
    if (f == features) return examples_.moments.weight / double(scores_ * scores_);
    if (penalty_.l2 > 0) return 0;
    return examples_.moments.products[f * features + f] * examples_.inverse[f] * examples_.inverse[f] / double(scores_ * scores_);
  }

  /// The Hessian times v, penalties included.
  std::vector<double> hessian_times(std::span<const double> v) const {
    const size_t size = scores_ * width_, step = size_t(kTileRows);
    std::vector<double> out = sum_over(tiles_.count(), size, pool_, cancel_, [&](int64_t t, std::vector<double>& sum) {
      Loaded tile = load(t, v);
      std::vector<double> own;
      if (kept_.empty()) {
        Loaded at = load(t, b_);
        for (size_t i = 0; i < at.rows.size(); ++i) (void)respond(at, i);
        own = std::move(at.scores);
      }
      const std::vector<double>& p = kept_.empty() ? own : kept_[size_t(t)];
      std::vector<double> mean(step, 0.0);
      for (size_t k = 0; k < scores_; ++k)
        for (size_t i = 0; i < step; ++i) mean[i] += p[k * step + i] * tile.scores[k * step + i];
      std::vector<double> weight(step, 0.0);
      for (size_t i = 0; i < tile.rows.size(); ++i) weight[i] = examples_.weight(tile.rows[i]);
      for (size_t k = 0; k < scores_; ++k)
        for (size_t i = 0; i < step; ++i) tile.scores[k * step + i] = weight[i] * p[k * step + i] * (tile.scores[k * step + i] - mean[i]);
      kernels::gram_kernels().add_products(tile.scores.data(), int64_t(scores_), tile.values.data(), int64_t(width_), false, sum.data(),
                                           int64_t(width_));
    });
    for (size_t f = 0; f < width_; ++f) {
      double total = 0;
      for (size_t k = 0; k < scores_; ++k) total += v[k * width_ + f];
      const double pinned = pin_at(f) * total;
      for (size_t k = 0; k < scores_; ++k) out[k * width_ + f] += pinned + l2_at(f) * v[k * width_ + f];
    }
    return out;
  }

  /// The features' Gram matrix a row: its eigenvectors, or, of many features, their own lengths alone.
  Eigen gram_of_features() const {
    const size_t features = width_ - 1;
    Eigen out;
    std::vector<double> q(features * features);
    for (size_t i = 0; i < features; ++i)
      for (size_t j = 0; j < features; ++j)
        q[i * features + j] = examples_.moments.products[i * features + j] * examples_.inverse[i] * examples_.inverse[j] / examples_.moments.weight;
    if (features <= kMostInEigenspace) return eigen_of(q, features, cancel_);
    for (size_t i = 0; i < features; ++i) out.values.push_back(q[i * features + i]);
    return out;
  }

  /// Roughly the inverse of the Hessian, times r.
  std::vector<double> precondition(const Eigen& gram, const std::vector<double>& curvature, std::span<const double> r) const {
    const size_t features = width_ - 1;
    std::vector<double> out(r.size());
    const auto of = [&](size_t k, size_t f) {
      const double diagonal = curvature[k] * std::max(gram.values[f], 0.0) + penalty_.l2 + 1e-9 * examples_.moments.weight / double(scores_);
      return 1 / diagonal;
    };
    for (size_t k = 0; k < scores_; ++k) {
      const double* from = r.data() + k * width_;
      double* to = out.data() + k * width_;
      to[features] = from[features] / (curvature[k] + pin_at(features) + kInterceptRidge);
      if (gram.vectors.empty()) {
        for (size_t f = 0; f < features; ++f) to[f] = from[f] * of(k, f);
        continue;
      }
      for (size_t e = 0; e < features; ++e) {
        const double* vector = gram.vectors.data() + e * features;
        double along = 0;
        for (size_t f = 0; f < features; ++f) along += vector[f] * from[f];
        along *= of(k, e);
        for (size_t f = 0; f < features; ++f) to[f] += along * vector[f];
      }
    }
    return out;
  }

  static double dot(std::span<const double> a, std::span<const double> b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  }

  /// Conjugate gradients for the Newton step, until what is left of the gradient is `part` of it.
  std::vector<double> step_by_products(const Slope& at, const Eigen& gram, double part) const {
    std::vector<double> x(at.gradient.size(), 0.0), r(at.gradient.size());
    for (size_t i = 0; i < r.size(); ++i) r[i] = -at.gradient[i];
    std::vector<double> z = precondition(gram, at.curvature, r), p = z;
    double rz = dot(r, z);
    const double enough = part * part * rz;
    for (int i = 0; i < kMostProducts && rz > enough && !stopped(cancel_); ++i) {
      const std::vector<double> q = hessian_times(p);
      const double pq = dot(p, q);
      if (!(pq > 0)) break;
      const double length = rz / pq;
      for (size_t j = 0; j < x.size(); ++j) x[j] += length * p[j], r[j] -= length * q[j];
      z = precondition(gram, at.curvature, r);
      const double next = dot(r, z);
      for (size_t j = 0; j < p.size(); ++j) p[j] = z[j] + next / rz * p[j];
      rz = next;
    }
    return x;
  }

  /// False: cancelled.
  bool run_by_products() {
    const Eigen gram = gram_of_features();
    double first_slope = 0;
    for (int round = 0; round < 100 && !stopped(cancel_); ++round) {
      const Slope at = slope();
      const double steep = std::sqrt(dot(at.gradient, precondition(gram, at.curvature, at.gradient)));
      if (round == 0) first_slope = steep;
      // Early steps need no digits; the nearer, the more, so that they converge faster than linearly.
      const std::vector<double> step = step_by_products(at, gram, std::clamp(steep / first_slope, 1e-4, 0.1));
      const double before = value_;
      double gained = 0;
      for (double length = 1; length > 1e-4 && !stopped(cancel_); length /= 2) {
        std::vector<double> trial = b_;
        for (size_t i = 0; i < trial.size(); ++i) trial[i] += length * step[i];
        const double value = value_at(trial);
        if (value > before + 1e-12 * std::abs(before)) continue;
        b_.swap(trial), gained = before - value;
        break;
      }
      if (gained <= kEnough * std::max(1.0, std::abs(before))) break;
    }
    return !stopped(cancel_);
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
  std::vector<std::vector<double>> kept_ = {};  ///< probabilities at b_, by tile; empty: too many
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
