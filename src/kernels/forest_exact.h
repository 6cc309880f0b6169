// The loops of kernels/forest.h on ranks instead of bins: every threshold there is is tried.
#pragma once

#include "kernels/forest.h"

namespace hayate::kernels {

/// Ranks column by column, for training on every threshold there is: the code of a value is its rank, that of a missing one
/// the number of ranks. At most 65,535 rows.
struct RankColumns {
  const uint16_t* ranks;
  int64_t stride;              ///< ranks a column
  const uint16_t* missing;     ///< per feature: the code of a missing value
  const uint8_t* has_missing;  ///< as in CodeTable
};

/// What a search of ranks works in. The first two hold zeros before and after.
struct RankScratch {
  uint64_t* sums;     ///< a place for each rank and the missing values
  uint64_t* present;  ///< a bit for each place
  uint64_t* left;     ///< a place for each row of the node, and 16
  uint32_t* codes;    ///< the same
};

/// What one instruction set offers. Best splits, ties and units are those of ForestKernels.
struct ExactKernels {
  void (*best_split32)(const RankColumns&, const PackedNode<uint32_t>&, const uint16_t* features, int64_t num_features, const RankScratch&,
                       Split& best);
  void (*best_split64)(const RankColumns&, const PackedNode<uint64_t>&, const uint16_t* features, int64_t num_features, const RankScratch&,
                       Split& best);
  Division (*divide_rows)(const RankColumns&, const Test&, Units form, int64_t num_rows, int32_t* rows, uint32_t* units, int32_t* spare_rows,
                          uint32_t* spare_units);
};

const ExactKernels& exact_kernels();

}  // namespace hayate::kernels
