// See norms.h. Four vectors of eight sums: one alone would wait four cycles for each addition of the one before.
#include "kernels/norms.h"

#include "kernels/vectors.h"

HAYATE_KERNELS_BEGIN
namespace {

constexpr int64_t kLanes = 8, kSums = 4;
typedef double Lanes __attribute__((vector_size(kLanes * sizeof(double))));

inline double row_norm(const double* row, int64_t columns) {
  Lanes sums[kSums] = {};
  int64_t c = 0;
  for (; c + kLanes * kSums <= columns; c += kLanes * kSums)
    for (int64_t s = 0; s < kSums; ++s) {
      Lanes x;
      memcpy(&x, row + c + s * kLanes, sizeof x);
      sums[s] += x * x;
    }
  const Lanes all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double total = ((all[0] + all[4]) + (all[2] + all[6])) + ((all[1] + all[5]) + (all[3] + all[7]));
  for (; c < columns; ++c) total += row[c] * row[c];
  return __builtin_sqrt(total);
}

void row_norms(const double* values, int64_t rows, int64_t columns, double* norms) {
  for (int64_t row = 0; row < rows; ++row) norms[row] = row_norm(values + row * columns, columns);
}

}  // namespace

extern const NormKernels kNormKernels;
const NormKernels kNormKernels = {row_norms};

HAYATE_KERNELS_END
