// What `hayate automl` is asked for, in the words of Vertex AI.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "hayate/error.h"
#include "hayate/metrics.h"
#include "tune/scorer.h"

namespace hayate::tune {

struct Objective {
  const char* name;
  Problem problem;
  const char* metric;  ///< of kMetrics; "" for the two that have a threshold
  bool needs_at;       ///< the recall or precision that must be reached
};
inline constexpr Objective kObjectives[] = {
    {"maximize-au-roc", Problem::classification, "roc_auc", false},
    {"minimize-log-loss", Problem::classification, "log_loss", false},
    {"maximize-au-prc", Problem::classification, "average_precision", false},
    {"maximize-precision-at-recall", Problem::classification, "", true},
    {"maximize-recall-at-precision", Problem::classification, "", true},
    {"minimize-rmse", Problem::regression, "rmse", false},
    {"minimize-mae", Problem::regression, "mae", false},
    {"minimize-rmsle", Problem::regression, "rmsle", false},
};

/// The objective called `name`; empty: maximize-au-roc for two classes, minimize-log-loss for more, minimize-rmse. Usage Errors: an
/// unknown name, one for another problem, a threshold that is missing or not in (0, 1), thresholds with more than two classes.
Result<const Objective*> find_objective(std::string_view name, Problem problem, size_t num_classes, double at);
bool maximizes(const Objective& objective);

/// The objective of predictions of the listed rows, its sign turned so that larger is better; NaN: undefined.
double reward(const Objective& objective, double at, const Examples& examples, std::span<const int32_t> rows, std::span<const double> predictions);

/// Weights of models in a blend, by greedy selection with replacement (Caruana et al. 2004): the model whose addition rewards
/// most is added `rounds` times; the best prefix counts. `predictions` are those of each model for all rows of `examples`;
/// rows that one of them does not predict are left out. Weights count how often a model was chosen; 0 for most.
std::vector<double> blend_weights(const Objective& objective, double at, const Examples& examples,
                                  std::span<const std::span<const double>> predictions, int rounds, const exec::Cancellation& cancel);

}  // namespace hayate::tune
