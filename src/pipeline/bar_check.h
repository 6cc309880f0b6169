// What is wrong with the bars of a panel. Nothing is ever repaired here: a failure takes its symbol out of the run, a
// warning is a line in the report, and the other symbols' bytes do not change.
#pragma once

#include <vector>

#include "hayate/panel.h"

namespace hayate::pipeline {

enum class Severity : uint8_t { failure, warning };

struct BarCheck {
  const char* kind;
  Severity severity;
  const char* meaning;
};

/// Every kind of finding, in the order in which they are reported. Prices are open, high, low and close, as far as the panel
/// has them, and adj_close when it scales them.
inline constexpr BarCheck kBarChecks[] = {
    {"no_rows", Severity::failure, "no bar has a price"},
    {"price_not_positive", Severity::failure, "a price is zero or negative"},
    {"price_infinite", Severity::failure, "a price is infinite"},
    {"high_below_low", Severity::failure, "the high is below the low"},
    {"missing_values", Severity::warning, "a bar lacks a price or the volume"},
    {"volume_invalid", Severity::warning, "the volume is negative or infinite"},
    {"zero_volume", Severity::warning, "a bar has no volume"},
    {"outside_range", Severity::warning, "open or close lies outside low .. high by more than rounding"},
    {"gap", Severity::warning, "5 or more days that most other symbols have, or more than 14 days of the calendar, lie between two bars"},
    {"constant_run", Severity::warning, "the close does not move for 10 or more bars on as many days"},
    {"jump", Severity::warning,
     "the close (adj_close where there is one) rises by a quarter or more, or falls as far back, and 20 times the median move"},
    {"unadjusted_split", Severity::warning, "the close moves by the ratio of a split, and adj_close does not or is not there"},
};

struct BarFindings {
  std::vector<Finding> failures, warnings;  ///< by symbol, then in the order of kBarChecks, then by row
};

/// Findings that one symbol gets of one kind at most; the last of them says how many more there are.
inline constexpr int kMostFindings = 3;

/// Checks every symbol; one that fails gets no warnings. `adj_close_used`: prices will be scaled by adj_close / close, so
/// splits that adj_close carries are no finding. Days are those of UTC.
BarFindings check_bars(const Panel& panel, bool adj_close_used = false);

}  // namespace hayate::pipeline
