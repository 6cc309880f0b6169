// What a run will do, with every name checked before any bar is read.
#pragma once

#include <string>
#include <vector>

#include "hayate/features.h"
#include "hayate/learner.h"
#include "hayate/panel.h"
#include "hayate/run.h"
#include "pipeline/scalers.h"
#include "tune/study.h"

namespace hayate::pipeline {

/// What the search of a fold found.
struct TunedParams {
  std::string config;  ///< "num_trees=50,max_depth=6"
  double value = 0;    ///< of the metric
  bool operator==(const TunedParams&) const = default;
};

struct Plan {
  RunSpec spec;
  std::vector<NamedExpression> expressions;
  NamedExpression label{"label", ""};
  std::vector<Scaler> scalers;           ///< fitted ones; the others are in the expressions
  LearnerParams params;                  ///< of every fold, but for what a search finds
  std::optional<tune::StudySpec> study;  ///< the search of every fold; nothing: none
  Problem problem = Problem::regression;

  /// Compiled against the columns of the bars by compile_plan().
  std::optional<Program> features, label_program;
  int64_t purge_days = 0;
};

/// Checks everything that needs no bars: the feature set, the form of expressions, params, the split.
Result<Plan> make_plan(const RunSpec& spec);

/// Compiles the expressions for a panel with these fields and settles the purge: the label's own horizon unless the spec
/// says more. `leaks_allowed`: a feature that looks ahead and a purge that is too short are no errors; check_leakage reports them.
Result<void> compile_plan(Plan& plan, const std::vector<std::string>& fields, bool leaks_allowed = false);

/// Scales a fold's columns in place, fitted on its training rows, or on all rows when the spec says fit = "all". Returns what was fitted
/// (see fit_scalers); nothing happens when the plan has no scalers.
/// `times` are those of the rows. Told to stop, it leaves features as they are.
std::vector<double> scale_fold(const Plan& plan, const ScaledColumns& columns, std::span<const int32_t> train, exec::Pool* pool,
                               std::span<const int64_t> times, const exec::Cancellation* cancel = nullptr);

/// What features are asked for, in the order in which they stand in the output.
struct FeatureSources {
  std::vector<std::string> set = {};          ///< names of feature sets
  std::vector<std::string> indicators = {};   ///< calls of the catalog: "rsi(period=14)"
  std::vector<std::string> expressions = {};  ///< "NAME = EXPRESSION"
  std::vector<NamedExpression> listed = {};   ///< of an expression file
  TextPlaces places = {};                     ///< of the texts that come from a file
};

/// The features of the sets, then of indicators, then of expressions; names unique. What a set asks for again, under the same name and as the
/// same expression, stands once, where it was first. What has no place of its own is said to stand where its kind does.
Result<std::vector<NamedExpression>> list_features(const FeatureSources& sources, const std::string& sets_where, const std::string& indicators_where,
                                                   const std::string& expressions_where);

}  // namespace hayate::pipeline
