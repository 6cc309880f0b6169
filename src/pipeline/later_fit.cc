#include "pipeline/later_fit.h"

#include <algorithm>
#include <cmath>

#include "kernels/gram.h"

namespace hayate::pipeline {
namespace {

constexpr size_t kFewestOfSymbol = 100, kFewestRows = 400;
constexpr double kCollinear = 1e-9;  // of a column's variance: what is left of it then is rounding
constexpr double kNothingOpen = 1e-8;

}  // namespace

bool LaterShare::is_later(double least) const { return rows >= kFewestRows && share > least + 60 / double(rows); }

void LaterFit::add(std::vector<double>& rows) {
  const size_t columns = width(), count = rows.size() / columns;
  if (count < kFewestOfSymbol) return;
  for (size_t j = 0; j < columns; ++j) {
    double mean = 0, squares = 0;
    for (size_t i = 0; i < count; ++i) mean += rows[i * columns + j] / double(count);
    for (size_t i = 0; i < count; ++i) rows[i * columns + j] -= mean, squares += rows[i * columns + j] * rows[i * columns + j];
    const double scale = squares > 0 ? std::sqrt(double(count) / squares) : 0;
    for (size_t i = 0; i < count; ++i) rows[i * columns + j] *= scale;
  }
  constexpr auto kTile = size_t(kernels::kTileRows);
  std::vector<double> tile(columns * kTile);
  for (size_t first = 0; first < count; first += kTile) {
    const size_t here = std::min(kTile, count - first);
    for (size_t j = 0; j < columns; ++j) {
      for (size_t i = 0; i < here; ++i) tile[j * kTile + i] = rows[(first + i) * columns + j];
      std::fill_n(tile.begin() + ptrdiff_t(j * kTile + here), kTile - here, 0.0);
    }
    kernels::gram_kernels().add_products(tile.data(), int64_t(columns), tile.data(), int64_t(columns), true, products_.data(), int64_t(columns));
  }
  rows_ += count;
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
