// Columns that are made of rows on both sides of their own: means, smoothers, highest and lowest values, deviations, ranks of a window around
// the row. What the past leaves open of them follows from the rows to come (later_fit.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exec/pool.h"
#include "hayate/panel.h"

namespace hayate::pipeline {

/// Why columns of the user's own are, or nothing, one after the other. Each is fitted as it stands and over the close or the volume: on the next 20
/// returns, their sizes and volumes, then on windows around the row, one function of them after the other. What columns are fitted on is made once for all.
std::vector<std::optional<std::string>> two_sided_columns(const Panel& panel, const std::vector<std::string>& columns, exec::Pool& pool);

/// Why "close" or "volume" is one, or nothing. The close is fitted on the middle of high and low; and where all prices were smoothed
/// together, or the volume, nothing in a bar shows that, but its steps follow from the steps before, as those of a market do not.
std::optional<std::string> smoothed_bar(const Panel& panel, const std::string& column);

}  // namespace hayate::pipeline
