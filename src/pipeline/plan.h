// What a run will do, with every name checked before any bar is read.
#pragma once

#include <string>
#include <vector>

#include "hayate/features.h"
#include "hayate/forest.h"
#include "hayate/panel.h"
#include "hayate/run.h"

namespace hayate::pipeline {

struct Plan {
  RunSpec spec;
  std::vector<NamedExpression> expressions;
  NamedExpression label{"label", ""};
  ForestParams params;

  /// Compiled against the columns of the bars by compile_plan().
  std::optional<Program> features, label_program;
  int64_t purge_days = 0;
};

/// Checks everything that needs no bars: the feature set, the form of expressions, params, the split.
Result<Plan> make_plan(const RunSpec& spec);

/// Compiles the expressions for a panel with these fields and settles the purge: the label's own horizon unless the spec
/// says more.
Result<void> compile_plan(Plan& plan, const std::vector<std::string>& fields);

/// Brings a panel into the form that the plan's expressions read: prices adjusted as asked, vwap added when it is missing and
/// wanted (true is returned then).
Result<bool> prepare_bars(const std::string& adjust, const std::vector<std::string>& fields_used, Panel& panel);

/// What features are asked for, in the order in which they stand in the output.
struct FeatureSources {
  std::string set = {};
  std::vector<std::string> indicators = {};   ///< calls of the catalog: "rsi(period=14)"
  std::vector<std::string> expressions = {};  ///< "NAME = EXPRESSION"
  std::vector<NamedExpression> listed = {};   ///< of an expression file
};

/// The features of a set, then of indicators, then of expressions; names unique.
Result<std::vector<NamedExpression>> list_features(const FeatureSources& sources, const std::string& indicators_where,
                                                   const std::string& expressions_where);

}  // namespace hayate::pipeline
