// The walk down the distinct scores of a class, from the highest: what ROC, precision and recall are made of.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "eval/order.h"

namespace hayate::eval {

/// The summed weights of the rows that have this score: of the class, and of the others.
struct Threshold {
  double score, positive, negative;
};

/// is_positive(row) and weight(row) are asked once per row. Scores must not be NaN.
template <class IsPositive, class Weight>
std::vector<Threshold> walk_down(std::span<const double> scores, IsPositive is_positive, Weight weight) {
  const std::vector<KeyedRow> order = order_rows(scores);
  std::vector<Threshold> out;
  for_each_tie(order, [&](size_t begin, size_t end) {
    Threshold t{scores[size_t(order[begin].row)], 0, 0};
    for (size_t i = begin; i < end; ++i) {
      const auto row = size_t(order[i].row);
      (is_positive(row) ? t.positive : t.negative) += weight(row);
    }
    out.push_back(t);
  });
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace hayate::eval
