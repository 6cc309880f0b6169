// How metrics are written down while they are computed: a value, or the reason why there is none.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "hayate/metrics.h"

namespace hayate::eval {

/// Collects the metrics of one group, one call per row of kMetrics, in that order.
class ScoreSheet {
 public:
  explicit ScoreSheet(MetricGroup group) : next_(kMetrics) {
    while (next_->group != group) ++next_;
  }

  /// The next metric must be `name`. A value that is not finite becomes undefined.
  void add(std::string_view name, double value) {
    if (std::isfinite(value))
      push(name, value, "");
    else
      undefined(name, "an infinite value, or one too large to be squared, is among the rows");
  }
  void undefined(std::string_view name, std::string reason) { push(name, std::nullopt, std::move(reason)); }
  /// Every metric of the group that has not been added.
  void all_undefined(const std::string& reason) {
    const MetricGroup group = next_->group;
    while (next_ != std::end(kMetrics) && next_->group == group) undefined(next_->name, reason);
  }
  std::vector<MetricValue> take() { return std::move(values_); }

 private:
  void push(std::string_view name, std::optional<double> value, std::string reason) {
    assert(name == next_->name);
    (void)name;
    values_.push_back({next_++, value, std::move(reason)});
  }

  const MetricInfo* next_;
  std::vector<MetricValue> values_;
};

/// An Error for the first weight that is negative or infinite.
Result<void> check_weights(std::span<const double> weight);

/// Why nothing is left of `rows` rows.
std::string no_rows_reason(int64_t rows);

}  // namespace hayate::eval
