// Columns that were scaled by all rows of a series, those to come included: what StandardScaler, RobustScaler, MinMaxScaler, rank(pct=True), detrend, qcut
// and a division by the highest, mean, deviation or last value give when they see the rows before these are split.
//
// Each leaves a mark that an honest column has by chance once in a million columns or less: mean 0 and deviation 1, median 0 and quartiles 1 apart, values
// that are their own ranks, a mean and a slope of 0; or values from 0 to 1 on a line through another column, one number between them and another
// column that is a statistic of all its rows, bins of a price or volume that hold equally many rows each.
#pragma once

#include <optional>
#include <string>

#include "hayate/panel.h"

namespace hayate::pipeline {

/// How a column of the user's own was scaled by all rows of each symbol, or of the universe; nothing where it was not, where symbols have less than 50
/// rows, or where the mean of every date is 0, as after a z-score among the symbols of a date. Columns rounded to four digits or more are seen too.
/// O(n log n).
std::optional<std::string> scaled_column(const Panel& panel, const std::string& column);

}  // namespace hayate::pipeline
