// What is wrong with the bars of a panel. Nothing is ever repaired here: a failure takes its symbol out of the run, a
// warning is a line in the report, and the other symbols' bytes do not change.
#pragma once

#include <vector>

#include "hayate/panel.h"

namespace hayate::pipeline {

struct BarFindings {
  std::vector<Finding> failures, warnings;  ///< by symbol, then by kind in the order of kBarChecks, then by row
};

enum class Severity : uint8_t { failure, warning };

struct BarCheck {
  const char* kind;
  Severity severity;
  const char* meaning;
};

/// Every kind of finding. Prices are open, high, low, close, vwap and adj_close, as far as the panel has them.
inline constexpr BarCheck kBarChecks[] = {
    {"no_rows", Severity::failure, "the symbol has no bar with a price"},
    {"price_not_positive", Severity::failure, "a price is zero or negative"},
    {"price_infinite", Severity::failure, "a price or the volume is infinite"},
    {"volume_negative", Severity::failure, "the volume is below zero"},
    {"high_below_low", Severity::failure, "the high is below the low"},
    {"missing_values", Severity::warning, "a row lacks prices or the volume"},
    {"outside_range", Severity::warning, "open or close lies outside low .. high by more than rounding"},
    {"gap", Severity::warning, "dates on which most other symbols have a bar are missing between two bars"},
    {"constant_run", Severity::warning, "the close does not move for many bars in a row"},
    {"jump", Severity::warning, "the close moves far beyond what is usual for the symbol"},
    {"unadjusted_split", Severity::warning, "the close moves by the ratio of a split and no adjusted close explains it"},
    {"zero_volume", Severity::warning, "bars without volume"},
};

/// Checks every symbol. At most three findings per kind and symbol; the last one then says how many there are in all.
BarFindings check_bars(const Panel& panel);

}  // namespace hayate::pipeline
