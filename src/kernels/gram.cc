// See gram.h. Two rows by four columns of sums stay in registers while a tile goes by: 8 multiplies and adds of eight lanes
// for 6 loads.
#include "kernels/gram.h"

#include "kernels/vectors.h"

HAYATE_KERNELS_BEGIN
namespace {

constexpr int64_t kLanes = 8;
typedef double Lanes __attribute__((vector_size(kLanes * sizeof(double))));

inline void load(Lanes& out, const double* from) { memcpy(&out, from, sizeof out); }

inline double sum_of(const Lanes& x) { return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7])); }

template <int kRows, int kColumns>
inline void add_block(const double* a, const double* b, double* sums, int64_t stride) {
  Lanes total[kRows][kColumns] = {};
  for (int64_t row = 0; row < kTileRows; row += kLanes) {
    Lanes left[kRows], right[kColumns];
    for (int i = 0; i < kRows; ++i) load(left[i], a + i * kTileRows + row);
    for (int j = 0; j < kColumns; ++j) load(right[j], b + j * kTileRows + row);
    for (int i = 0; i < kRows; ++i)
      for (int j = 0; j < kColumns; ++j) total[i][j] += left[i] * right[j];
  }
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kColumns; ++j) sums[i * stride + j] += sum_of(total[i][j]);
}

/// Columns [0, end) of kRows rows of sums.
template <int kRows>
inline void add_rows(const double* a, const double* b, int64_t end, double* sums, int64_t stride) {
  int64_t j = 0;
  for (; j + 4 <= end; j += 4) add_block<kRows, 4>(a, b + j * kTileRows, sums + j, stride);
  for (; j < end; ++j) add_block<kRows, 1>(a, b + j * kTileRows, sums + j, stride);
}

void add_products(const double* a, int64_t num_a, const double* b, int64_t num_b, bool triangle, double* sums, int64_t stride) {
  int64_t i = 0;
  for (; i + 2 <= num_a; i += 2) {
    add_rows<2>(a + i * kTileRows, b, triangle ? i + 1 : num_b, sums + i * stride, stride);
    if (triangle) add_block<1, 1>(a + (i + 1) * kTileRows, b + (i + 1) * kTileRows, sums + (i + 1) * stride + i + 1, stride);
  }
  if (i < num_a) add_rows<1>(a + i * kTileRows, b, triangle ? i + 1 : num_b, sums + i * stride, stride);
}

void add_scaled(const double* tile, int64_t num_features, const double* coefficients, double* out) {
  for (int64_t f = 0; f < num_features; ++f) {
    const double* __restrict x = tile + f * kTileRows;
    const double coefficient = coefficients[f];
    double* __restrict sum = out;
    for (int64_t row = 0; row < kTileRows; ++row) sum[row] += coefficient * x[row];
  }
}

bool load_tile(const float* column, const int32_t* rows, int64_t count, double shift, double scale, double* tile) {
  bool infinite = false;
  for (int64_t i = 0; i < count; ++i) {
    const double x = column[rows[i]];
    infinite |= (x - x != 0) & (x == x);
    tile[i] = x == x ? (x - shift) * scale : 0.0;
  }
  for (int64_t i = count; i < kTileRows; ++i) tile[i] = 0;
  return infinite;
}

}  // namespace

extern const GramKernels kGramKernels;
const GramKernels kGramKernels = {add_products, add_scaled, load_tile};

HAYATE_KERNELS_END
