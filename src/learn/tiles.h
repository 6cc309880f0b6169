// A table of float32 read as tiles of doubles (kernels/gram.h), and sums over tiles whose shape does not depend on workers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "exec/pool.h"
#include "hayate/model.h"
#include "kernels/gram.h"
#include "learn/stopped.h"

namespace hayate::learn {

using kernels::kTileRows;

/// The listed rows of a table, a tile at a time: (value - shift) * scale per feature, 0 where it is missing.
struct Tiles {
  const FloatColumns& values;
  std::span<const int32_t> rows;
  std::span<const double> shift, scale;

  int64_t count() const { return (int64_t(rows.size()) + kTileRows - 1) / kTileRows; }
  std::span<const int32_t> rows_of(int64_t t) const {
    const size_t begin = size_t(t * kTileRows);
    return rows.subspan(begin, std::min(size_t(kTileRows), rows.size() - begin));
  }
  /// `tile` has room for num_features * kTileRows. The rows that it holds; the rest of it is 0.
  std::span<const int32_t> load(int64_t t, double* tile) const {
    const std::span<const int32_t> own = rows_of(t);
    for (int64_t f = 0; f < values.num_features; ++f)
      kernels::gram_kernels().load_tile(values.column(f), own.data(), int64_t(own.size()), shift[size_t(f)], scale[size_t(f)], tile + f * kTileRows);
    return own;
  }
};

/// The sum of what add(unit, sums) adds for every unit, `size` numbers. Units are cut into at most 16 parts by their number and
/// by `size` alone; each part is summed in order, then the parts. Told to stop, it leaves units out.
template <class Add>
std::vector<double> sum_over(int64_t units, size_t size, exec::Pool* pool, const exec::Cancellation* cancel, Add add) {
  constexpr int64_t kMostParts = 16, kMostNumbers = int64_t{1} << 22;
  const int64_t by_memory = std::max(int64_t{1}, kMostNumbers / std::max(int64_t{1}, int64_t(size)));
  const int64_t parts = std::clamp(units / 4, int64_t{1}, std::min(kMostParts, by_memory));
  std::vector<std::vector<double>> sums(static_cast<size_t>(parts));
  exec::run_all(parts, pool, [&](int64_t part) {
    std::vector<double>& own = sums[size_t(part)];
    own.assign(size, 0.0);
    for (int64_t unit = units * part / parts; unit < units * (part + 1) / parts && !stopped(cancel); ++unit) add(unit, own);
  });
  for (size_t part = 1; part < sums.size(); ++part)
    for (size_t i = 0; i < size; ++i) sums[0][i] += sums[part][i];
  return std::move(sums[0]);
}

}  // namespace hayate::learn
