// Bars to a table of features: `hayate features`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "exec/exec_config.h"
#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/features.h"
#include "io/files.h"

namespace hayate::pipeline {

struct FeatureRequest {
  std::vector<std::string> input;
  std::vector<NamedExpression> features, labels;
  Dtype dtype = Dtype::float32;
  bool features_may_look_ahead = false, union_calendar = false, compat_talib = false;
  std::string adjust = "none";
  std::string output;
  std::string state;                 ///< file of a Stream: compute only rows that it has not seen, and keep it; "" for none
  bool profile = false;              ///< count where the time goes
  std::optional<io::FileKind> kind;  ///< of what is read or written; empty: the file name says
  exec::ExecConfig exec;
};

struct FeatureOutcome {
  int64_t rows = 0, symbols = 0;
  Hash128 checksum;  ///< when the output was "none"
  std::vector<OperatorCost> costs;
  std::vector<Finding> failures, warnings;
  std::vector<std::string> messages;
};

/// Columns symbol, date (or datetime), the features, the labels; sorted by symbol, date. Symbols are computed in batches
/// and written as they are done, so memory holds the bars and one batch. Errors leave no file behind.
///
/// With a state that exists, the rows written are those that it has not seen, and the state then has; one that does not exist is
/// made from all bars. It is written last: after a failure the same call can be repeated.
Result<FeatureOutcome> write_features(const FeatureRequest& request, exec::Steps& steps, const exec::Cancellation& cancel);

}  // namespace hayate::pipeline
