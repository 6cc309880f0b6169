// Whether a series stands in the order of an answer: a rank, a sign, a bucket
// or a logarithm of it gives it away as the answer itself does, and has no
// correlation of 1 with it.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace hayate::pipeline {

/// Pairs of rows of one group (a symbol, a date), as in Kendall's tau.
struct OrderCount {
  int64_t told = 0;        ///< pairs whose answers differ
  int64_t comparable = 0;  ///< of these, pairs whose values differ too
  int64_t against = 0;     ///< of these, pairs in which the larger answer has the smaller value

  OrderCount& operator+=(const OrderCount& other) {
    told += other.told, comparable += other.comparable, against += other.against;
    return *this;
  }
  /// How far values and answers share one order, or the reverse of it: 1 is
  /// always, about 0.5 never. 0 when so few pairs can be compared that it says
  /// nothing: below 190, or a fifth of those that have different answers.
  double share() const;
};

/// `rows` are (answer, value); rows where one is not finite do not count.
/// Reorders `rows`. O(n log n).
OrderCount count_order(std::vector<std::pair<double, double>>& rows);

}  // namespace hayate::pipeline
