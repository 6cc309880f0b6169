// Losses of boosting: where the scores begin, and the derivatives of each row's loss by its score.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hayate/boosting.h"

namespace hayate::learn {

/// What some rows say, numbered from 0. Numbers are scaled by a power of two, so that the largest is about 1 and float32
/// derivatives neither overflow nor vanish: `exponent` undoes it.
struct BoostTarget {
  Problem problem = Problem::regression;
  int32_t num_classes = 0;
  std::vector<double> numbers;  ///< label * 2^-exponent
  std::vector<int32_t> classes;
  std::vector<int32_t> groups;  ///< empty: none
  std::vector<float> weights;   ///< all 1 when empty
  int exponent = 0;

  size_t num_rows() const { return problem == Problem::classification ? classes.size() : numbers.size(); }
  double weight(size_t row) const { return weights.empty() ? 1.0 : double(weights[row]); }
};

/// A loss on the rows of one target, which must outlive it.
class Loss {
 public:
  virtual ~Loss() = default;
  virtual Link link() const = 0;
  /// The best constant scores.
  virtual std::vector<double> start() const = 0;
  /// True when the second derivative is 1 for every row: derivatives() then leaves `h` alone.
  virtual bool is_counted() const { return false; }
  /// begin_round() is called for the pieces 0 .. num_pieces() - 1, in any order or at once, before the derivatives of a round.
  virtual size_t num_pieces() const { return 0; }
  virtual void begin_round(std::span<const double> /*scores, score by score*/, size_t /*piece*/) {}
  /// Derivatives by score k of rows begin .. end, unweighted. `scores` are those of score k.
  virtual void derivatives(int32_t k, std::span<const double> scores, size_t begin, size_t end, float* g, float* h) const = 0;
  /// True when a leaf's value is leaf_value() and not the step of its derivatives.
  virtual bool sets_leaves() const { return false; }
  virtual double leaf_value(std::span<const double> /*scores*/, std::span<const uint32_t> /*rows*/) const { return 0; }
  /// Weighted mean over the rows, up to a constant.
  virtual double mean(std::span<const double> scores) const = 0;
  /// Scores in the scale of the labels.
  virtual double unscaled_start(double score, int exponent) const;
  virtual double unscaled_value(double value, int exponent) const;
};

std::unique_ptr<Loss> make_loss(const BoostTarget& target, const BoostingParams& params);
/// Ranking: see boost_rank.cc.
std::unique_ptr<Loss> make_rank_loss(const BoostTarget& target, const BoostingParams& params);

/// The value that `alpha` of the weight lies below: where the cumulated weight reaches alpha of all, the middle of two values when
/// it does so exactly. `values` is reordered; `weights` is empty (all 1) or as long.
double weighted_quantile(std::vector<double>& values, std::vector<double>& weights, double alpha);

}  // namespace hayate::learn
