// Early stopping: rows that are held out, the score on them after each round, and which round was best.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "learn/boost_loss.h"
#include "learn/boost_tree.h"

namespace hayate::learn {

/// Takes the rows to hold out from the end of `rows`: the last ones, or with groups those of the highest groups. Errors (input):
/// nothing would be left, or a metric by date without groups.
Result<std::vector<int32_t>> hold_out(const Labels& labels, const BoostingParams& params, std::vector<int32_t>& rows);

class Watch {
 public:
  /// `target` is in the scale of the training target, whose loss is `trained`.
  Watch(const BinnedMatrix& matrix, std::span<const int32_t> rows, BoostTarget target, const Loss& trained, const BoostingParams& params,
        exec::Crew& crew, const exec::Cancellation* cancel);

  /// Adds a tree of score k.
  void add(int32_t k, const GrownTree& tree, std::span<const double> values);
  /// After a round: true when the best one lies early_stopping_rounds back.
  bool is_over(const Forest& forest);
  /// Cuts the forest after the best round.
  void keep_best(Forest& forest) const;

 private:
  double score() const;  ///< the higher, the better; NaN when the metric is undefined
  double metric(const std::vector<double>& predictions) const;

  BoostingParams params_;
  BoostTable table_;
  BoostTarget target_;
  Link link_;
  std::unique_ptr<Loss> loss_;
  exec::Crew& crew_;
  std::vector<double> scores_;  ///< score by score
  int64_t rounds_ = 0, best_round_ = 0;
  double best_ = -std::numeric_limits<double>::infinity();
  std::vector<double> best_importance_;
};

}  // namespace hayate::learn
