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

/// Adds what stands at the nodes, or places, `at` that a row has come to in the trees from `first` on, in their order.
inline void add_values(const Forest& forest, size_t first, std::span<const uint32_t> at, const double* values, double* scores) {
  const size_t width = size_t(forest.values_per_node());
  if (width == 1 && forest.num_scores() == 1) {  // in a register: by way of memory an addition waits for the one before twice as long
    double sum = scores[0];
    for (const uint32_t place : at) sum += values[place];
    scores[0] = sum;
    return;
  }
  for (size_t i = 0; i < at.size(); ++i) {
    double* const own = scores + score_of_tree(forest, first + i);
    for (size_t k = 0; k < width; ++k) own[k] += values[at[i] * width + k];
  }
}

/// What stands in `out` before the first tree.
void begin_rows(const Forest& forest, std::span<double> out);
/// The predictions of what stands there after the last of `trees`.
void finish_rows(const Forest& forest, size_t trees, std::span<double> out);

}  // namespace hayate
