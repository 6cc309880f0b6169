// Checks of what the caller trains on, shared by the learners of trees.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hayate/forest.h"

namespace hayate::learn {

/// The training rows that count: those of positive weight. Errors (input): a row outside the table, a label that is not
/// finite or no class, a weight that is negative or not finite, nothing left.
Result<std::vector<int32_t>> rows_that_count(int64_t num_rows, std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights);

}  // namespace hayate::learn
