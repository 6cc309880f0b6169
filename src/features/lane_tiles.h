// The part of a program that gains by a symbol in every lane of a vector: columns of quantiles and ranks, and of what is made of them row by row
// (kernels/lane_order.h). Up to 16 symbols run side by side, tile by tile of rows: every series is a tile of 64 rows by 16 lanes, so the loops
// of rows run over it as they are. Each lane begins at the row of its first tile at which its columns begin a line, so that all lanes
// write whole lines. The other columns of the program are computed along the rows, symbol by symbol.
//
// Alpha158 for 500 symbols x 2,500 days with its ten quantiles and five ranks so: 166 to 157 ms (AVX-512), 193 to 178 (AVX2); of that, quantiles
// 22 to 13, ranks 6.2 to 4.8. Other windows were tried so too, with all their sums in rings of lines; ms of that size, along the rows and
// side by side: means, deviations and lines of one series 18 and 20; sums 3.6 and 3.8; counts 3.4 and 2.9; correlations 12.2 and 12.3;
// extremes with positions 6.6 and 6.2. The additions, roots and conversions of a value are the same either way, and what aligned loads
// save is spent on turning tiles over for their columns; with vectors of 32 bytes they are all slower. Nor is it enough to keep a window's sums in
// registers for the next longer one and to make its results beside them, so that divisions and roots hide behind additions: a pair's correlations
// then take 11 ms instead of 14 (9 without their columns), deviations 7.5 instead of 9, lines 18 instead of 20, sums 25 instead of 21; all of
// Alpha158 154 instead of 158, with AVX2 195 instead of 180, for a second copy of every kernel. Along the rows that same beside is worth 2 %.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "features/plan.h"
#include "hayate/features.h"

namespace hayate {

/// A program in two: `lanes` runs side by side, `rest` along the rows. Output i of each is output `..._columns[i]` of the whole.
struct LaneSplit {
  Program lanes, rest;
  std::vector<int32_t> lanes_columns, rest_columns;
};

/// The two parts of a float32 program, or null when it has no columns for lanes. Made once; safe to call from several threads.
const LaneSplit* lane_split(const Program& program);

/// Whether a block of symbols gains by lanes: float32 columns that begin a line at the same row, and lanes that are nearly full.
bool fills_lanes(std::span<const Bars> bars, size_t stride);

/// The `lanes` of a split, bound to memory.
class LaneTiles {
 public:
  /// `stride` as in evaluate_block().
  LaneTiles(const LaneSplit& split, size_t stride);
  ~LaneTiles();
  LaneTiles(LaneTiles&&) noexcept;
  LaneTiles& operator=(LaneTiles&&) noexcept;

  bool is_for(const LaneSplit& split, size_t stride) const;
  /// Computes its columns of at most 16 symbols; output i of the whole program, symbol s, row t: out[s][i * stride + t].
  void run(std::span<const Bars> bars, std::span<float* const> out, Workspace::State& space);

 private:
  struct Bound;
  std::unique_ptr<Bound> bound_;
};

}  // namespace hayate
