// From what trees add up to what is predicted; the frame around every way to find leaves.
#pragma once

#include <algorithm>
#include <limits>
#include <span>

#include "hayate/model.h"

namespace hayate {

inline int64_t trees_per_round(const Forest& forest) { return forest.joined == Joined::sum ? forest.num_scores() : 1; }

inline size_t trees_used(const Forest& forest, ForestCut cut) {
  const int64_t rounds = forest.num_trees() / trees_per_round(forest);
  return size_t((cut.num_trees > 0 ? std::min(cut.num_trees, rounds) : rounds) * trees_per_round(forest));
}

/// Inner nodes of a sum have no value to stop at.
inline int64_t steps_allowed(const Forest& forest, ForestCut cut) {
  return cut.max_depth > 0 && forest.joined == Joined::mean ? cut.max_depth : std::numeric_limits<int64_t>::max();
}

/// Where the scores of a row begin among its outputs: with two classes there is one score, the second output's.
inline size_t score_place(const Forest& forest) { return forest.num_outputs() == 2 ? 1 : 0; }

/// Which of a row's scores tree t adds its first value to.
inline size_t score_of_tree(const Forest& forest, size_t t) { return forest.joined == Joined::sum ? t % size_t(forest.num_scores()) : 0; }

/// What stands in `out` before the first tree.
void begin_rows(const Forest& forest, std::span<double> out);
/// The predictions of what stands there after the last of `trees`.
void finish_rows(const Forest& forest, size_t trees, std::span<double> out);

}  // namespace hayate
