// Features of a panel as rows that are computed when they are read, for learners that keep nothing but codes.
#pragma once

#include "exec/pool.h"
#include "hayate/binned.h"
#include "hayate/features.h"
#include "hayate/panel.h"

namespace hayate::pipeline {

/// Rows of `panel`, numbered as there. A symbol is a stretch (several, when rows are wanted that lie far apart), computed by one worker; of its
/// bars as many are gone through as the values of its rows depend on, and handed out some thousand rows at a time. Everything named must outlive the source. When `cancel` says stop,
/// what has not been handed out is skipped.
RowSource feature_rows(const Program& program, const Panel& panel, exec::Pool& pool, const exec::Cancellation& cancel);

}  // namespace hayate::pipeline
