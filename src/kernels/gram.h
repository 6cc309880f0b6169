// Sums of products over tiles of rows: what Gram matrices, gradients and scores of linear models are made of. A tile is
// kTileRows doubles per feature, feature by feature; rows that are not there hold 0.
#pragma once

#include <cstdint>

namespace hayate::kernels {

constexpr int64_t kTileRows = 256;

struct GramKernels {
  /// sums[i * stride + j] += a_i . b_j for i in [0, num_a), j in [0, triangle ? i + 1 : num_b). Every sum has the same shape
  /// (eight lanes over the rows, then the lanes pairwise), wherever it stands among the others.
  void (*add_products)(const double* a, int64_t num_a, const double* b, int64_t num_b, bool triangle, double* sums, int64_t stride);
  /// out[row] += sum over features of coefficients[feature] * tile_feature[row], in the order of the features.
  void (*add_scaled)(const double* tile, int64_t num_features, const double* coefficients, double* out);
  /// The values at `rows` (`count` of them, at most a tile) less `shift`, times `scale`; 0 where the value is missing and past
  /// the last row. True when a value was infinite.
  bool (*load_tile)(const float* column, const int32_t* rows, int64_t count, double shift, double scale, double* tile);
};

const GramKernels& gram_kernels();

}  // namespace hayate::kernels
