// A universe of made-up symbols that behave like real ones.
//
// A block bootstrap (Politis and Romano 1994): day after day is copied from real bars, in blocks of consecutive days of
// random length, 25 on average, so that calm and wild weeks stay together and volume rises with the range. Every made-up
// symbol follows one real symbol, its model, twice: through the market's blocks, which are the same dates for all symbols
// (so that they move together as the real ones did, crashes included), and through blocks of its own. What is copied of a
// day is its shape (gap at the open, move of the day, wicks, volume against its usual level), in units of the model's
// own volatility:
//
//   move of S0007 = drift + volatility * (b * market block's shape + sqrt(1 - b^2) * own block's shape),  b in 0.55 .. 0.9
//
// A quarter of the symbols is listed later, some are delisted, trading halts leave rows out, prices far from where they
// started are split (or joined) now and then. One shared block and no own part would give identical symbols; own blocks
// alone would give independent ones; a factor model with Gaussian residuals loses fat tails and clusters.
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
  int64_t days = 2500;  ///< business days from 2010-01-04; symbols that are listed late, delisted or halted have fewer
  uint64_t seed = 1;
};
inline constexpr int64_t kMostSynthSymbols = 99'999, kMostSynthDays = 100'000;
inline constexpr int64_t kLeastSynthBars = 20;

/// Daily bars of S0001, S0002, ... with open, high, low, close, volume, adj_close. high >= open, close >= low > 0; prices are
/// whole ticks (0.01; 0.0001 below 1); a split moves prices and volume, and adj_close carries it. Every symbol has at least
/// half of the days. A symbol's bars depend on (like, days, seed, its number) alone: more symbols are a superset, workers
/// change nothing.
///
/// `like` is daily, with open, high, low, close and volume; adj_close gives the returns when it is there. Its bars that
/// lack a price, or follow one that does, are not drawn; nor, without adj_close, moves of more than 40 % (splits). Usage
/// Errors: symbols or days out of range; input Errors: a field is missing, minute bars, fewer than kLeastSynthBars usable
/// bars.
Result<Panel> synth_universe(const Panel& like, const SynthSpec& spec, exec::Pool& pool);

}  // namespace hayate::fetch
