// Euclidean norms of the rows of a matrix: the work that hayate bench compute does in four ways.
#pragma once

#include <cstdint>

namespace hayate::kernels {

struct NormKernels {
  /// norms[row] = sqrt of the sum of squares of values[row * columns ...]. The sum has one shape on every instruction set: 32
  /// lanes over the columns, then the lanes pairwise, then the last columns % 32 values one by one.
  void (*row_norms)(const double* values, int64_t rows, int64_t columns, double* norms);
};

const NormKernels& norm_kernels();

}  // namespace hayate::kernels
