#include "learn/gram.h"

#include <cmath>
#include <numeric>

#include "learn/tiles.h"

namespace hayate::learn {

/// How a subset is put together: whole blocks, and rows beside them.
struct GramBlocks::Cover {
  std::vector<int64_t> blocks;
  std::vector<int32_t> loose;
};

namespace {

/// Rows of a block: blocks of a table hold no more bytes than its values do (features^2 doubles each).
int64_t rows_per_block(const FloatColumns& values) {
  const int64_t least = std::max(kTileRows, (2 * values.num_features + kTileRows - 1) / kTileRows * kTileRows);
  const int64_t for_64 = (values.num_rows / 64 + kTileRows - 1) / kTileRows * kTileRows;
  return std::max(least, for_64);
}

void mirror(std::vector<double>& square, size_t features) {
  for (size_t i = 0; i < features; ++i)
    for (size_t j = 0; j < i; ++j) square[j * features + i] = square[i * features + j];
}

/// Adds a tile's products to the lower triangle; `weights` empty: 1.
void add_tile(const Tiles& tiles, int64_t t, std::span<const float> weights, std::vector<double>& sums) {
  const int64_t features = tiles.values.num_features;
  std::vector<double> tile(size_t(features * kTileRows)), weighted;
  const std::span<const int32_t> rows = tiles.load(t, tile.data());
  if (!weights.empty()) {
    weighted = tile;
    for (int64_t f = 0; f < features; ++f)
      for (size_t i = 0; i < rows.size(); ++i) weighted[size_t(f * kTileRows) + i] *= double(weights[size_t(rows[i])]);
  }
  const double* left = weights.empty() ? tile.data() : weighted.data();
  kernels::gram_kernels().add_products(left, features, tile.data(), features, true, sums.data(), features);
}

}  // namespace

GramBlocks::GramBlocks(const FloatColumns& values)
    : values_(values), block_rows_(rows_per_block(values)), blocks_(std::make_unique<Block[]>(size_t(values.num_rows / block_rows_ + 1))) {}

const GramBlocks::Block& GramBlocks::block(int64_t index, const exec::Cancellation* cancel) const {
  Block& own = blocks_[size_t(index)];
  std::call_once(own.once, [&] { sum_block(index, cancel, own); });
  return own;
}

void GramBlocks::sum_block(int64_t index, const exec::Cancellation* cancel, Block& own) const {
  const int64_t features = values_.num_features, first = index * block_rows_;
  std::vector<double> sum(static_cast<size_t>(features), 0.0);
  for (int64_t f = 0; f < features; ++f) {
    for (int64_t i = 0; i < block_rows_; ++i) sum[size_t(f)] += double(values_.column(f)[first + i]);
    if (!std::isfinite(sum[size_t(f)])) return;
  }
  own.complete = true, own.sum = sum;
  for (double& mean : sum) mean /= double(block_rows_);
  own.mean = std::move(sum);
  std::vector<int32_t> rows(static_cast<size_t>(block_rows_));
  std::iota(rows.begin(), rows.end(), int32_t(first));
  own.products.assign(size_t(features * features), 0.0);
  const std::vector<double> ones(size_t(features), 1.0);
  const Tiles tiles{values_, rows, own.mean, ones};
  for (int64_t t = 0; t < tiles.count() && !stopped(cancel); ++t) add_tile(tiles, t, {}, own.products);
}

GramBlocks::Cover GramBlocks::cover(std::span<const int32_t> rows, const exec::Cancellation* cancel) const {
  Cover out;
  const auto run_from = [&](size_t i) {  // rows[i] and those that count on from it
    size_t end = i + 1;
    while (end < rows.size() && rows[end] == rows[end - 1] + 1 && int64_t(end - i) < block_rows_) ++end;
    return int64_t(end - i);
  };
  for (size_t i = 0; i < rows.size();) {
    if (rows[i] % block_rows_ == 0 && run_from(i) == block_rows_) {
      if (stopped(cancel)) return out;
      const int64_t index = rows[i] / block_rows_;
      if (block(index, cancel).complete) {
        out.blocks.push_back(index);
        i += size_t(block_rows_);
        continue;
      }
    }
    out.loose.push_back(rows[i++]);
  }
  return out;
}

Moments GramBlocks::moments(std::span<const int32_t> rows, std::span<const float> weights, exec::Pool* pool, const exec::Cancellation* cancel) const {
  const size_t features = size_t(values_.num_features);
  const Cover parts = weights.empty() ? cover(rows, cancel) : Cover{{}, {rows.begin(), rows.end()}};
  Moments out;
  for (const int32_t row : rows) out.weight += weights.empty() ? 1.0 : double(weights[size_t(row)]);
  out.mean.assign(features, 0.0);
  exec::run_all(int64_t(features), pool, [&](int64_t f) {
    if (stopped(cancel)) return;
    double sum = 0, weight = double(parts.blocks.size()) * double(block_rows_);
    for (const int64_t index : parts.blocks) sum += block(index, cancel).sum[size_t(f)];
    const float* column = values_.column(f);
    for (const int32_t row : parts.loose) {
      const double w = weights.empty() ? 1.0 : double(weights[size_t(row)]);
      if (!std::isnan(column[row])) sum += w * double(column[row]), weight += w;
    }
    out.mean[size_t(f)] = weight > 0 ? sum / weight : 0.0;
  });
  const std::vector<double> ones(features, 1.0);
  const Tiles tiles{values_, parts.loose, out.mean, ones};
  const int64_t whole = int64_t(parts.blocks.size());
  out.products = sum_over(whole + tiles.count(), features * features, pool, cancel, [&](int64_t unit, std::vector<double>& sums) {
    if (unit >= whole) return add_tile(tiles, unit - whole, weights, sums);
    const Block& own = block(parts.blocks[size_t(unit)], cancel);
    for (size_t i = 0; i < features; ++i) {
      const double moved = double(block_rows_) * (own.mean[i] - out.mean[i]);
      for (size_t j = 0; j <= i; ++j) sums[i * features + j] += own.products[i * features + j] + moved * (own.mean[j] - out.mean[j]);
    }
  });
  mirror(out.products, features);
  return out;
}

}  // namespace hayate::learn
