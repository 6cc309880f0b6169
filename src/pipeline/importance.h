// What the features of a model count for: `hayate importance`.
#pragma once

#include <string>
#include <vector>

#include "exec/exec_config.h"
#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/model.h"
#include "io/files.h"
#include "io/reader.h"

namespace hayate::pipeline {

/// gain: what the splits of a feature took from the error while training; needs the model alone, adds up to 1.
/// permutation: how much worse a metric gets on a table when the feature's values change places (Breiman 2001), mean of `repeats`.
/// shap: mean |SHAP value| over the rows of a table.
/// partial_dependence: standard deviation of the mean prediction while a feature takes each value of a grid (Greenwell 2018).
enum class ImportanceMethod { gain, permutation, shap, partial_dependence };
inline constexpr const char* kImportanceMethods[] = {"gain", "permutation", "shap", "partial_dependence"};

struct ImportanceRequest {
  std::string model;
  std::vector<std::string> input;  ///< table: permutation and shap
  std::string label;               ///< permutation
  ImportanceMethod method = ImportanceMethod::gain;
  std::string metric;  ///< of permutation; empty: roc_auc for two classes, log_loss for more, rmse for numbers
  int64_t repeats = 5;
  uint64_t seed = 0;
  std::vector<std::string> features;  ///< partial_dependence: these; empty: all
  bool pair = false;                  ///< partial_dependence: of two features together
  int64_t grid = 100;                 ///< partial_dependence: most values of a feature
  std::string output;                 ///< shap: table of the SHAP values of every row; partial_dependence: of the means; may be empty
  std::optional<io::FileKind> kind;
  io::ReadOptions reading = {};  ///< columns, types and CSV form of the input; the rest is filled in
  exec::ExecConfig exec;
};

struct FeatureImportance {
  std::string feature;
  double importance = 0;
  double deviation = 0;  ///< permutation: over the repeats (n - 1)
};

/// The mean prediction over the rows while one or two features have the same value in all of them. As scikit-learn's
/// partial_dependence (method brute): a grid is the values there are when they are fewer than asked for, or categories, else evenly spaced
/// from the 5th to the 95th percentile.
struct Dependence {
  std::vector<std::string> features;             ///< one, or two
  std::vector<std::vector<double>> grids;        ///< of each
  std::vector<std::vector<std::string>> labels;  ///< of the grid's values where they are texts; else empty
  std::vector<std::vector<double>> means;        ///< one list an output; the second feature's values run fastest
};

struct ImportanceOutcome {
  std::vector<FeatureImportance> features;  ///< most important first
  std::string metric;                       ///< permutation
  double score = 0;                         ///< permutation: of the table as it is
  std::string what;                         ///< what the numbers are, in a sentence
  std::vector<Dependence> dependences;      ///< partial_dependence, in the order asked for
  std::vector<std::string> outputs;         ///< of these: "" for numbers, the second of two classes, or every class
};

/// Errors (usage): a method that the model or the request can't answer, an unknown metric; (input): as predict_table.
/// The same for any number of workers.
Result<ImportanceOutcome> importance_of_model(const ImportanceRequest& request, exec::Steps& steps, const exec::Cancellation& cancel);

}  // namespace hayate::pipeline
