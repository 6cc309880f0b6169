#include "learn/training_rows.h"

#include <fmt/format.h>

#include <cmath>

namespace hayate::learn {
namespace {

Result<void> check_label(const Labels& labels, int32_t row) {
  if (labels.problem == Problem::classification) {
    const int32_t id = labels.classes[size_t(row)];
    if (id >= 0 && id < labels.num_classes) return {};
    return input_error(fmt::format("class {} of row {} is not one of {} classes", id, row, labels.num_classes), "labels",
                       "number the classes from 0");
  }
  if (std::isfinite(labels.values[size_t(row)])) return {};
  return input_error(fmt::format("the label of row {} is {}", row, labels.values[size_t(row)]), "labels",
                     "leave out rows whose label is not a finite number");
}

}  // namespace

Result<std::vector<int32_t>> rows_that_count(int64_t num_rows, std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights) {
  std::vector<int32_t> kept;
  kept.reserve(rows.size());
  for (const int32_t row : rows) {
    if (row < 0 || row >= num_rows) return input_error(fmt::format("row {} of {} rows", row, num_rows), "training rows", "name rows of the matrix");
    HY_CHECK(check_label(labels, row));
    const float weight = weights.empty() ? 1.0f : weights[size_t(row)];
    if (!std::isfinite(weight) || weight < 0)
      return input_error(fmt::format("the weight of row {} is {}", row, weight), "weights", "weights are finite numbers, 0 or more");
    if (weight > 0) kept.push_back(row);
  }
  if (kept.empty()) return input_error("no rows to train on", "training rows", "give rows with a label and a positive weight");
  return kept;
}

}  // namespace hayate::learn
