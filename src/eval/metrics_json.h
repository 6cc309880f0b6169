// An Evaluation as JSON: what `hayate evaluate --json` prints and what metrics.json holds.
#pragma once

#include "base/json.h"
#include "hayate/metrics.h"

namespace hayate::eval {

/// Writes "problem", "rows", "rows_left_out", "classes" (classification), "metrics" and "conventions" into the object that
/// is open. An undefined metric is null and its convention ends with the reason.
void write_evaluation(JsonWriter& json, const Evaluation& evaluation);

/// "metrics" and "conventions" alone.
void write_metrics(JsonWriter& json, std::span<const MetricValue> metrics);

}  // namespace hayate::eval
