#include "pipeline/later_fit.h"

#include <algorithm>
#include <cmath>

#include "kernels/gram.h"

namespace hayate::pipeline {
namespace {

constexpr size_t kFewestOfSymbol = 100, kFewestRows = 400;
constexpr double kCollinear = 1e-9;  // of a column's variance: what is left of it then is rounding
constexpr double kNothingOpen = 1e-8;
constexpr double kConstant = 1e-12;  // of a column's variance over all rows
constexpr auto kTile = size_t(kernels::kTileRows);

/// To mean 0 and deviation 1; what is constant becomes 0.
void standardise(std::vector<double>& values) {
  const auto count = double(values.size());
  double mean = 0, squares = 0;
  for (const double x : values) mean += x / count;
  for (double& x : values) x -= mean, squares += x * x;
  const double scale = squares > 0 ? std::sqrt(count / squares) : 0;
  for (double& x : values) x *= scale;
}

/// Products of the columns of a tile with those before them and themselves.
void add_triangle(const double* tile, size_t columns, std::vector<double>& products) {
  kernels::gram_kernels().add_products(tile, int64_t(columns), tile, int64_t(columns), true, products.data(), int64_t(columns));
}

}  // namespace

bool LaterShare::is_later(double least) const { return rows >= kFewestRows && share > least + 60 / double(rows); }

void SharedRows::assign(const std::vector<double>& rows) {
  rows_ = rows.size() / columns_;
  const size_t num_tiles = (rows_ + kTile - 1) / kTile;
  tiles_.assign(num_tiles * columns_ * kTile, 0.0), products_.assign(columns_ * columns_, 0.0);
  std::vector<double> column(rows_);
  for (size_t j = 0; j < columns_; ++j) {
    for (size_t i = 0; i < rows_; ++i) column[i] = rows[i * columns_ + j];
    standardise(column);
    for (size_t i = 0; i < rows_; ++i) tiles_[(i / kTile * columns_ + j) * kTile + i % kTile] = column[i];
  }
  for (size_t t = 0; t < num_tiles; ++t) add_triangle(tiles_.data() + t * columns_ * kTile, columns_, products_);
}

/// Sums and products over some of the rows.
void SharedRows::gather(const std::vector<size_t>& rows, std::vector<double>& sums, std::vector<double>& products) const {
  sums.assign(columns_, 0.0), products.assign(columns_ * columns_, 0.0);
  std::vector<double> tile(columns_ * kTile);
  for (size_t first = 0; first < rows.size(); first += kTile) {
    const size_t here = std::min(kTile, rows.size() - first);
    for (size_t j = 0; j < columns_; ++j) {
      double* to = tile.data() + j * kTile;
      for (size_t i = 0; i < here; ++i) {
        const size_t row = rows[first + i];
        to[i] = tiles_[(row / kTile * columns_ + j) * kTile + row % kTile];
        sums[j] += to[i];
      }
      std::fill(to + here, to + kTile, 0.0);
    }
    add_triangle(tile.data(), columns_, products);
  }
}

void LaterFit::add(const SharedRows& shared, std::vector<double>& own) {
  const size_t num_own = own_columns(), num_shared = shared.columns(), columns = width();
  std::vector<size_t> kept, left_out;
  for (size_t i = 0; i < shared.rows(); ++i) {
    const double* values = own.data() + i * num_own;
    (std::all_of(values, values + num_own, [](double x) { return std::isfinite(x); }) ? kept : left_out).push_back(i);
  }
  if (kept.size() < kFewestOfSymbol) return;
  const auto count = double(kept.size());

  // Shared columns: what they are over all rows less what they are over those left out, or over the kept ones where they are fewer.
  std::vector<double> sums(num_shared, 0.0), products = shared.products_, scales(num_shared);
  if (!left_out.empty() && left_out.size() <= kept.size()) {
    std::vector<double> less;
    shared.gather(left_out, sums, less);
    for (double& sum : sums) sum = -sum;
    for (size_t i = 0; i < less.size(); ++i) products[i] -= less[i];
  } else if (!left_out.empty()) {
    shared.gather(kept, sums, products);
  }
  for (size_t j = 0; j < num_shared; ++j) {
    const double variance = (products[j * num_shared + j] - sums[j] * sums[j] / count) / count;
    scales[j] = variance > kConstant ? 1 / std::sqrt(variance) : 0;
  }
  const auto place = [&](size_t j) { return j < shared_ ? j : j + num_own - 1; };
  for (size_t i = 0; i < num_shared; ++i)
    for (size_t j = 0; j <= i; ++j)
      products_[place(i) * columns + place(j)] += (products[i * num_shared + j] - sums[i] * sums[j] / count) * scales[i] * scales[j];

  // Own columns, which are 0 where they are left out; their mean is 0.
  std::vector<double> column(kept.size()), tile(num_own * kTile), with_shared(num_own * num_shared, 0.0), among(num_own * num_own, 0.0);
  for (size_t j = 0; j < num_own; ++j) {
    for (size_t i = 0; i < kept.size(); ++i) column[i] = own[kept[i] * num_own + j];
    standardise(column);
    for (size_t i = 0; i < kept.size(); ++i) own[kept[i] * num_own + j] = column[i];
    for (const size_t row : left_out) own[row * num_own + j] = 0;
  }
  for (size_t first = 0; first < shared.rows(); first += kTile) {
    const size_t here = std::min(kTile, shared.rows() - first);
    for (size_t j = 0; j < num_own; ++j) {
      for (size_t i = 0; i < here; ++i) tile[j * kTile + i] = own[(first + i) * num_own + j];
      std::fill(tile.begin() + ptrdiff_t(j * kTile + here), tile.begin() + ptrdiff_t((j + 1) * kTile), 0.0);
    }
    kernels::gram_kernels().add_products(tile.data(), int64_t(num_own), shared.tiles_.data() + first * num_shared, int64_t(num_shared), false,
                                         with_shared.data(), int64_t(num_shared));
    add_triangle(tile.data(), num_own, among);
  }
  const auto own_place = [&](size_t j) { return j + 1 < num_own ? shared_ + j : columns - 1; };
  for (size_t i = 0; i < num_own; ++i) {
    for (size_t j = 0; j < num_shared; ++j) {
      const size_t one = own_place(i), other = place(j);
      products_[std::max(one, other) * columns + std::min(one, other)] += with_shared[i * num_shared + j] * scales[j];
    }
    for (size_t j = 0; j <= i; ++j) products_[own_place(i) * columns + own_place(j)] += among[i * num_own + j];
  }
  rows_ += kept.size();
}

LaterShare LaterFit::result() const {
  if (rows_ < kFewestRows) return {rows_, 0};
  // Columns are taken out one after the other; what is left of the value's own product is its unexplained sum of squares.
  const size_t columns = width(), value = columns - 1;
  std::vector<double> left(columns * columns);
  for (size_t j = 0; j < columns; ++j)
    for (size_t k = j; k < columns; ++k) left[j * columns + k] = products_[k * columns + j];
  double after_past = 0;
  for (size_t j = 0; j < value; ++j) {
    if (j == past_) after_past = left[value * columns + value];
    const double own = left[j * columns + j];
    if (own <= kCollinear * double(rows_)) continue;
    for (size_t r = j + 1; r < columns; ++r) {
      const double factor = left[j * columns + r] / own;
      for (size_t k = r; k < columns; ++k) left[r * columns + k] -= factor * left[j * columns + k];
    }
  }
  if (after_past <= kNothingOpen * double(rows_)) return {rows_, 0};
  const double after_all = std::max(0.0, left[value * columns + value]);
  return {rows_, 1 - (after_all / double(rows_ - past_ - later_)) / (after_past / double(rows_ - past_))};
}

}  // namespace hayate::pipeline
