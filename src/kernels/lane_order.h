// Quantiles and ranks of 16 symbols side by side: lane = symbol, rows inside, a tile of kLaneTileRows rows at a time. Every lane keeps a sorted
// window (quantile.h) or its last rows (rank.h) in one vector with the other lanes; a series cut into pieces side by side, as those kernels
// do it for one symbol, goes through a window's rows once more for every piece and has to be put together again. 10 ns a row instead of 18
// for the ten quantiles of Alpha158 (AVX-512; 15 instead of 18 with AVX2), 3.9 instead of 4.9 for its five ranks.
//
// Values and bytes are those of quantile.h and rank.h, missing rows and the first rows of a series included.
#pragma once

#include "kernels/cells.h"
#include "kernels/lanes.h"

namespace hayate::kernels {

inline constexpr int64_t kLaneTileRows = 64;
inline constexpr int64_t kLaneTileCells = kLaneTileRows * kLanes;

/// As Sink; series are tiles: cell (row, lane) is at row * kLanes + lane, aligned to a line.
struct LaneSink {
  double* doubles = nullptr;
  int64_t column = -1;  ///< floats from LaneTile::out to the column; -1: none
  const double* scale = nullptr;
  double number = 1;
  bool inverse = false;
  double offset = 0;
};

/// The tile at hand.
struct LaneTile {
  int64_t row = 0;                                ///< rows before it, a multiple of kLaneTileRows
  int64_t first[kLanes] = {}, last[kLanes] = {};  ///< by lane: its rows of the tile are [first, last)
  bool whole = false;                             ///< all of them in all lanes
  float* out[kLanes] = {};                        ///< by lane: where row 0 goes in the first column, the beginning of a line
};

struct LaneOrderOutput {
  int64_t window = 0;  ///< ascending; 1 or more
  double q = 0.5;      ///< of quantiles
  LaneSink sink;
};

struct LaneOrderTask {
  Series series;  ///< a tile of float32 or float64; NaN in the rows before a lane's first
  bool ranks = false;
  const LaneOrderOutput* outputs = nullptr;
  int32_t num_outputs = 0;
  int64_t longest = 0;
};

struct LaneOrderKernels {
  int64_t (*words)(const LaneOrderTask&);  ///< of the state, which begins at a line
  void (*begin)(const LaneOrderTask&, double* state);
  void (*run)(const LaneOrderTask&, const LaneTile&, double* state);
  /// A tile of float32 into a column.
  void (*store)(const float* cells, int64_t column, const LaneTile& tile);
  /// Row r of the tile is from[lane][r] for the rows that a lane has, as `cell`; NaN becomes the one NaN of vectors.h, which other rows are too.
  void (*read)(const void* const* from, Cell stored, Cell cell, const LaneTile& tile, void* cells);
  void (*fence)();  ///< makes stores visible to other threads
};

const LaneOrderKernels& lane_order_kernels();

}  // namespace hayate::kernels
