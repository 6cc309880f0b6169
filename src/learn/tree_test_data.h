// Tables and shorthands of the tests of forests and boosting.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "exec/pool.h"
#include "hayate/learner.h"

namespace hayate::test {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// A table, its codes and labels of both kinds: x0 and x1 carry the signal, the rest is noise.
struct Data {
  int64_t num_rows, num_features;
  std::vector<float> columns;
  std::vector<double> y;
  std::vector<int32_t> classes;

  FloatColumns raw() const { return {columns.data(), num_rows, num_features, num_rows}; }
  float& at(int64_t row, int64_t feature) { return columns[size_t(feature * num_rows + row)]; }
  std::vector<float> row(int64_t row) const {
    std::vector<float> values;
    for (int64_t f = 0; f < num_features; ++f) values.push_back(columns[size_t(f * num_rows + row)]);
    return values;
  }
};

inline double normal(uint64_t key, uint64_t i) {
  double sum = -6;
  for (uint64_t k = 0; k < 12; ++k) sum += random_unit(key, 12 * i + k);
  return sum;
}

inline Data make_data(int64_t rows, int64_t features, uint64_t seed, int32_t num_classes = 2) {
  Data d{rows, features, std::vector<float>(size_t(rows * features)), {}, {}};
  for (size_t i = 0; i < d.columns.size(); ++i) d.columns[i] = float(normal(seed, i));
  for (int64_t row = 0; row < rows; ++row) {
    const double signal = 2 * double(d.at(row, 0)) + std::abs(double(d.at(row, 1 % features))) + 0.3 * normal(seed + 1, uint64_t(row));
    d.y.push_back(signal);
    d.classes.push_back(int32_t(std::clamp((signal + 2) / 4 * num_classes, 0.0, num_classes - 0.5)));
  }
  return d;
}

inline void sow_missing(Data& d, uint64_t seed) {
  for (size_t i = 0; i < d.columns.size(); ++i)
    if (random_below(seed, i, 10) == 0) d.columns[i] = kNaN;
}

inline std::vector<int32_t> all_rows(int64_t count) {
  std::vector<int32_t> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

inline BinnedMatrix bin(const Data& d, const std::vector<int32_t>& rows, int bins = 64) {
  return std::move(bin_columns(rank_columns(d.raw()), rows, bins)).value();
}

/// The three kinds of learning that take different paths: regression, two classes, several classes.
enum class What { numbers, two, five };
constexpr What kEach[] = {What::numbers, What::two, What::five};

inline Labels labels_of(const Data& d, What what) {
  return what == What::numbers ? Labels::numbers(d.y) : Labels::ids(d.classes, what == What::two ? 2 : 5);
}

inline Data data_for(What what, int64_t rows, int64_t features, uint64_t seed) { return make_data(rows, features, seed, what == What::five ? 5 : 2); }

inline ForestParams params_of(const std::string& text) { return std::get<ForestParams>(learner_params("forest", text).value()); }

inline Forest train(const BinnedMatrix& matrix, const std::vector<int32_t>& rows, const Labels& labels, const std::string& params,
                    std::span<const float> weights = {}, exec::Pool* pool = nullptr, uint64_t seed = 1) {
  return std::move(train_forest(matrix, rows, labels, weights, params_of(params), seed, 3, pool)).value();
}

inline std::vector<double> predicted(const Forest& forest, const FloatColumns& raw, ForestCut cut = {}) {
  std::vector<double> out(size_t(raw.num_rows * forest.num_outputs()));
  predict(forest, raw, out, cut);
  return out;
}

/// Codes, raw values and single rows of `d` predict the same.
inline void check_ways_agree(const Forest& forest, const BinnedMatrix& matrix, const Data& d) {
  const std::vector<double> raw = predicted(forest, d.raw());
  std::vector<double> coded(raw.size()), one(size_t(forest.num_outputs()));
  if (forest.thresholds.empty()) {
    predict_codes(forest, matrix.columns(), all_rows(d.num_rows), coded);
    CHECK(coded == raw);
  }
  for (int64_t row = 0; row < d.num_rows; ++row) {
    predict_row(forest, d.row(row), one);
    for (size_t k = 0; k < one.size(); ++k) REQUIRE(one[k] == raw[size_t(row) * one.size() + k]);
  }
}

inline double r2(const std::vector<double>& y, const std::vector<double>& p) {
  const double mean = std::accumulate(y.begin(), y.end(), 0.0) / double(y.size());
  double rest = 0, all = 0;
  for (size_t i = 0; i < y.size(); ++i) rest += (y[i] - p[i]) * (y[i] - p[i]), all += (y[i] - mean) * (y[i] - mean);
  return 1 - rest / all;
}

}  // namespace hayate::test
