// Many forests read from one: a forest of T trees is the beginning of a bigger one, and a tree of depth d the top of a deeper
// one, so every (num_trees, max_depth) of a search is a cut of the largest. All cuts are read in one walk down each tree.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "exec/pool.h"
#include "hayate/forest.h"
#include "hayate/model.h"

namespace hayate::tune {

/// Which rows each tree drew: a row that it did not draw may be predicted by it (out-of-bag).
class Draws {
 public:
  /// Of the first `num_trees` trees that training on `rows` grows; `num_rows` rows in the table.
  Draws(std::span<const int32_t> rows, int64_t num_rows, const ForestParams& params, uint64_t seed, uint64_t entity, int64_t num_trees,
        exec::Pool* pool, const exec::Cancellation& cancel);
  bool drew(int64_t tree, int32_t row) const { return bits_[size_t(tree) * words_ + size_t(row >> 6)] >> (row & 63) & 1; }
  int64_t num_trees() const { return num_trees_; }

 private:
  size_t words_;
  int64_t num_trees_;
  std::vector<uint64_t> bits_;
};

/// What each cut of the forest predicts for the listed rows of the table: per cut row-major, rows.size() x num_outputs. With
/// `draws` a row is predicted by the trees that did not draw it, and NaN when all did. Equals predict() with that cut, bit
/// for bit, and does not depend on the pool. Cuts are as in ForestCut. Once `cancel` says stop, predictions and Draws mean nothing.
std::vector<std::vector<double>> read_cuts(const Forest& forest, const FloatColumns& values, std::span<const int32_t> rows,
                                           std::span<const ForestCut> cuts, const Draws* draws, exec::Pool* pool, const exec::Cancellation& cancel);

}  // namespace hayate::tune
