// What the features of a model count for: `hayate importance`.
#pragma once

#include <string>
#include <vector>

#include "exec/exec_config.h"
#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/model.h"
#include "io/files.h"

namespace hayate::pipeline {

/// gain: what the splits of a feature took from the error while training; needs the model alone, adds up to 1.
/// permutation: how much worse a metric gets on a table when the feature's values change places (Breiman 2001), mean of `repeats`.
/// shap: mean |SHAP value| over the rows of a table.
enum class ImportanceMethod { gain, permutation, shap };
inline constexpr const char* kImportanceMethods[] = {"gain", "permutation", "shap"};

struct ImportanceRequest {
  std::string model;
  std::vector<std::string> input;  ///< table: permutation and shap
  std::string label;               ///< permutation
  ImportanceMethod method = ImportanceMethod::gain;
  std::string metric;  ///< of permutation; empty: roc_auc for two classes, log_loss for more, rmse for numbers
  int64_t repeats = 5;
  uint64_t seed = 0;
  std::string output;  ///< shap: table of the SHAP values of every row; may be empty
  std::optional<io::FileKind> kind;
  exec::ExecConfig exec;
};

struct FeatureImportance {
  std::string feature;
  double importance = 0;
  double deviation = 0;  ///< permutation: over the repeats (n - 1)
};

struct ImportanceOutcome {
  std::vector<FeatureImportance> features;  ///< most important first
  std::string metric;                       ///< permutation
  double score = 0;                         ///< permutation: of the table as it is
  std::string what;                         ///< what the numbers are, in a sentence
};

/// Errors (usage): a method that the model or the request can't answer, an unknown metric; (input): as predict_table.
/// The same for any number of workers.
Result<ImportanceOutcome> importance_of_model(const ImportanceRequest& request, exec::Steps& steps, const exec::Cancellation& cancel);

}  // namespace hayate::pipeline
