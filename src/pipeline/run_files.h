// The files of a run folder, as text: docs/formats/run.md.
#pragma once

#include <string>
#include <vector>

#include "eval/report.h"
#include "io/bars.h"
#include "pipeline/run.h"
#include "pipeline/trained.h"

namespace hayate::pipeline {

std::string metrics_json(const Forecast& forecast, const Scores& scores);
std::string failures_json(const std::vector<Finding>& failures);
std::string events_jsonl(const std::vector<exec::StepRecord>& steps, const std::vector<TaskTrace>& tasks, const RunStats& stats);
Model model_of(const Plan& plan, Trained& trained);

/// Everything that the report shows.
eval::ReportData report_data(const RunRequest& request, const Plan& plan, const RunOutcome& outcome, const io::BarsResult& bars,
                             const Trained& trained, const Model& model);

}  // namespace hayate::pipeline
