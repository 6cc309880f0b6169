// What a search leaves behind: its table of trials, the best one, and drawings.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hayate/table.h"
#include "tune/study.h"

namespace hayate::tune {

/// One row per trial: trial_id, config/<param>... (numbers where all values are), the metric, training_iteration (the budget it
/// got), rung, seed, time_total_s, status (complete, stopped, failed), stop_reason.
Table trials_table(const StudySpec& spec, const Study& study);

/// The best trial as JSON: its value, its configuration, and all params in the form that `train --params` takes.
std::string best_json(const StudySpec& spec, const Study& study, const std::string& scored_by);

/// What each dimension counts for, adding up to 1: the gain of a regression forest from the trials' points to their values (as
/// Optuna's mean decrease impurity). Empty with fewer than 4 trials that have a value, or values that are all the same.
std::vector<std::pair<std::string, double>> importance_of(const StudySpec& spec, const Study& study);

/// Drawings as (file name, SVG): history, importance, parallel coordinates, and each parameter against the metric.
std::vector<std::pair<std::string, std::string>> drawings(const StudySpec& spec, const Study& study);

}  // namespace hayate::tune
