// Until when a label reads. A row's label is an interval of time, from the row to the last row that decides it; a training row whose
// interval reaches into a test block carries an answer of that block, and is dropped.
//
// Folds purge by the label's horizon in dates. Where a symbol has a bar on every date of the fold's calendar that is the same
// thing. It is not for a symbol that was halted (scope "pooled", the union of all dates): its fifth row from now may lie weeks
// ahead. Nor for a label that is a cross-section: it reads what every symbol of the date reads. A triple barrier counts with its
// whole horizon, whenever it is touched: keeping the rows that happen to be touched early would train on a selection.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hayate/features.h"
#include "hayate/folds.h"
#include "hayate/panel.h"

namespace hayate::pipeline {

/// For each row of the panel the time of the last row that its label depends on; a symbol's last row where it has fewer.
std::vector<int64_t> label_ends(const Program& label, const Panel& panel);

/// Takes out of `rows` (indices into `times` and `ends`) those whose interval overlaps a test range of the fold, whose positions are in
/// `dates`.
void drop_overlapping(std::vector<int32_t>& rows, std::span<const int64_t> times, std::span<const int64_t> ends, const Fold& fold,
                      std::span<const int64_t> dates);

}  // namespace hayate::pipeline
