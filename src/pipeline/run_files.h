// The files of a run folder, as text: docs/formats/run.md.
#pragma once

#include <string>
#include <vector>

#include "eval/report.h"
#include "pipeline/prepared_run.h"
#include "pipeline/run.h"
#include "pipeline/trained.h"

namespace hayate::pipeline {

/// `tuned` and `keys`: see Trained; `metric` is what it was found by.
std::string metrics_json(const Forecast& forecast, const Scores& scores, const std::vector<std::vector<TunedParams>>& tuned = {},
                         const std::vector<std::string>& keys = {}, const std::string& metric = "");
std::string failures_json(const std::vector<Finding>& failures);
std::string events_jsonl(const std::vector<exec::StepRecord>& steps, const std::vector<TaskTrace>& tasks, const RunStats& stats);
Model model_of(const Plan& plan, Trained& trained);

/// Everything that the report shows.
eval::ReportData report_data(const RunRequest& request, const Plan& plan, const RunOutcome& outcome, const BarsSummary& bars, const Trained& trained,
                             const Model& model);

}  // namespace hayate::pipeline
