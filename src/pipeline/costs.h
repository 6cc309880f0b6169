// What the parts of a run cost on this machine: learnt in every run, kept beside the stored results, used for the order of
// tasks, the time that is left and `hayate run --dry-run`.
#pragma once

#include <map>
#include <string>

#include "cache/store.h"
#include "exec/cost_model.h"
#include "pipeline/plan.h"

namespace hayate::pipeline {

/// By name: "train forest symbol" for tasks, "read .csv", "check", ... for whole steps (work: rows).
using Costs = std::map<std::string, exec::CostFit>;

/// What is kept among the stored results; nothing when there is none.
Costs read_costs(cache::Store& store);
/// Takes the place of what was there: of two runs that end together one is forgotten.
Result<void> write_costs(cache::Store& store, const Costs& costs);

/// The name of a task of this plan, and its work: cells computed, and cells that the learner goes through.
std::string task_name(const Plan& plan);
/// Of one symbol of `rows` rows; of all folds of a pooled plan over `dates` dates.
double symbol_work(const Plan& plan, int64_t rows);
double pooled_work(const Plan& plan, int64_t rows, int64_t dates);

/// What is known of tasks of this name; else a guess from one machine.
exec::CostFit task_fit(const Costs& costs, const std::string& name);
exec::CostFit step_fit(const Costs& costs, const std::string& name);
/// Adds one step of so many rows and seconds.
void learn_step(Costs& costs, const std::string& name, int64_t rows, double seconds);

}  // namespace hayate::pipeline
