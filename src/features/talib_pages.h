// What a page of `hayate operators ta.NAME` says beyond the table of kernels: the formula, the lookback as a formula, what a missing
// value does in TA-Lib itself, what a value costs.
#pragma once

#include <string>
#include <string_view>

#include "kernels/ta.h"

namespace hayate {

/// How far a NaN in one row reaches with --compat talib, the worst of what was seen over many rows and outputs (talib_pages_test.cc).
enum class ExactMissing {
  hidden,          ///< no NaN comes out; values of the windows that hold it may be wrong
  own_windows,     ///< NaN in the windows that hold it
  for_a_while,     ///< NaN or wrong for some rows more
  wrong_to_end,    ///< no NaN to the end, but other values than without it
  missing_to_end,  ///< NaN to the end, in one output at least
};

struct TalibPage {
  std::string_view name;
  std::string_view formula;
  std::string_view lookback;  ///< of the parameters; average(period, type) is that of an average. Empty: the same for all parameters
  bool unstable;              ///< TA-Lib lists it as having an unstable period
  ExactMissing exact;
  double nanoseconds;  ///< a value of a call alone: bench_operators, 500 x 2,500 rows of float32, one core, AVX-512
};

/// The page of a function of the table.
const TalibPage& talib_page(const kernels::ta::Entry& function);

/// The lookback with the default parameters.
int64_t talib_lookback(const kernels::ta::Entry& function);
/// "row", "window", "recursive" or "cumulative": what a value depends on.
std::string_view talib_memory(const kernels::ta::Entry& function);
/// What a value is made of: "the last timeperiod rows ...", "all rows so far ...".
std::string talib_window(const kernels::ta::Entry& function);
/// What NaN does by default.
std::string talib_missing(const kernels::ta::Entry& function);
/// What NaN does with --compat talib.
std::string talib_missing_exact(const kernels::ta::Entry& function);
/// Whether early values depend on where the series starts, and how that ends.
std::string talib_unstable(const kernels::ta::Entry& function);
/// "1.2 ns a cell", and why where it is more than 2.
std::string talib_cost(const kernels::ta::Entry& function);
/// Why a value takes as long as it does, whatever that is.
std::string_view talib_cost_reason(const kernels::ta::Entry& function);
/// A call with its defaults: "ta.MACD($close, fastperiod=12, slowperiod=26, signalperiod=9).macd".
std::string talib_example(const kernels::ta::Entry& function);

}  // namespace hayate
