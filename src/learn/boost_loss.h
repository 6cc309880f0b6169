// Losses of boosting: where the scores begin, and the derivatives of each row's loss by its score.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hayate/boosting.h"

namespace hayate::learn {

/// What the training rows say, numbered from 0. Numbers are scaled by a power of two, so that the largest is about 1 and
/// float32 derivatives neither overflow nor vanish: `exponent` undoes it.
struct BoostTarget {
  Problem problem = Problem::regression;
  int32_t num_classes = 0;
  std::vector<double> numbers;  ///< label * 2^-exponent
  std::vector<int32_t> classes;
  std::vector<float> weights;  ///< all 1 when empty
  int exponent = 0;

  double weight(size_t row) const { return weights.empty() ? 1.0 : double(weights[row]); }
};

class Loss {
 public:
  virtual ~Loss() = default;
  virtual Link link() const = 0;
  /// The best constant scores.
  virtual std::vector<double> start() const = 0;
  /// True when the second derivative is 1 for every row: derivatives() then leaves `h` alone.
  virtual bool is_counted() const { return false; }
  /// Called once a round with all scores, score by score (num_scores x rows).
  virtual void begin_round(std::span<const double>) {}
  /// Derivatives by score k of rows begin .. end, unweighted.
  virtual void derivatives(int32_t k, std::span<const double> scores, size_t begin, size_t end, float* g, float* h) const = 0;
};

std::unique_ptr<Loss> make_loss(const BoostTarget& target, const BoostingParams& params);

}  // namespace hayate::learn
