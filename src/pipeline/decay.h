// Weights that fade with age: what happened long ago says less about tomorrow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hayate::pipeline {

/// weights[row] * 2^(-age / half_life) for the rows listed, 0 for the others; the age of a row is counted in days back from the
/// newest row listed. `days` is by row; `weights` too, or empty (all 1).
std::vector<float> decayed_weights(std::span<const double> days, std::span<const int32_t> rows, double half_life,
                                   std::span<const float> weights = {});

/// Days since 1970 of times in days, or in microseconds when not daily.
std::vector<double> days_of(std::span<const int64_t> times, bool daily);

}  // namespace hayate::pipeline
