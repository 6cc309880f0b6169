// Means and Gram matrices of many subsets of a table's rows. The table is cut into blocks; a block that a subset holds whole
// (and that lacks no value) is summed once and then only added: a fold of contiguous rows costs its ends, and every further
// penalty nothing. Blocks are summed around their own mean and moved to that of the subset, so that nothing is lost to
// cancellation and a subset's bytes depend on its own rows alone.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "exec/pool.h"
#include "hayate/model.h"

namespace hayate::learn {

struct Moments {
  double weight = 0;             ///< of all rows together
  std::vector<double> mean;      ///< per feature, of the values that are there; 0 without any
  std::vector<double> products;  ///< features x features, symmetric: sum w (x_i - mean_i)(x_j - mean_j), a missing value counts as the mean
};

class GramBlocks {
 public:
  /// `values` must stay.
  explicit GramBlocks(const FloatColumns& values);

  const FloatColumns& values() const { return values_; }
  /// Of `rows`, none of which holds an infinity; `weights`, by row of the table, may be empty. Any thread. Once `cancel` has said stop, what this
  /// and every later call gives is of no use.
  Moments moments(std::span<const int32_t> rows, std::span<const float> weights, exec::Pool* pool, const exec::Cancellation* cancel) const;

 private:
  struct Block {
    std::once_flag once;
    bool complete = false;  ///< no value is missing or infinite; else the others are empty
    std::vector<double> sum, mean, products;
  };
  struct Cover;
  const Block& block(int64_t index, const exec::Cancellation* cancel) const;
  void sum_block(int64_t index, const exec::Cancellation* cancel, Block& block) const;
  Cover cover(std::span<const int32_t> rows, const exec::Cancellation* cancel) const;

  FloatColumns values_;
  int64_t block_rows_ = 0;
  std::unique_ptr<Block[]> blocks_;
};

}  // namespace hayate::learn
