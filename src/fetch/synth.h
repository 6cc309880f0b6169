// A universe of made-up symbols that behave like real ones: returns, ranges and volumes are drawn in blocks of
// consecutive real bars (so volatility clusters and volume follows it), the same block of dates for all symbols (so that
// they move together), mixed with a block of the symbol's own.
#pragma once

#include <cstdint>

#include "hayate/error.h"
#include "hayate/panel.h"

namespace hayate::exec {
class Pool;
}

namespace hayate::fetch {

struct SynthSpec {
  int64_t symbols = 500;
  int64_t days = 2500;  ///< business days of the calendar; a symbol that is listed late or halted has fewer
  uint64_t seed = 1;
};

/// Daily bars of S0001, S0002, ... with open, high, low, close, volume, adj_close. high >= open, close >= low > 0;
/// prices are whole ticks; a split moves open, high, low, close and volume, and adj_close carries the adjustment.
/// A symbol's bars depend on (like, days, seed, its number) alone: more symbols are a superset, workers change nothing.
/// `like` needs open, high, low, close and volume (adj_close is used for returns when present) and two dates on which a
/// symbol has bars. Usage Error: symbols outside 1 .. 99,999 or days outside 2 .. 100,000; input Error: `like` has too
/// few usable bars, with the number.
Result<Panel> synth_universe(const Panel& like, const SynthSpec& spec, exec::Pool& pool);

}  // namespace hayate::fetch
