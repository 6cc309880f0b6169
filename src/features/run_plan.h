// One run of a plan: over one tile of rows of every symbol, step by step, or lane by lane.
#pragma once

#include <span>
#include <vector>

#include "features/plan.h"
#include "features/workspace.h"
#include "hayate/features.h"

namespace hayate {

/// Rows [first, last) of a series are computed from its rows [begin, end).
struct Tile {
  size_t first, last, begin, end;
};

/// One symbol of a run. Results go to `columns`, or, in a float64 program, to `out`.
struct RunSymbol {
  const Bars* bars = nullptr;
  Tile tile = {};
  double* out = nullptr;
  kernels::StreamedColumn* columns = nullptr;

  size_t rows() const { return tile.end - tile.begin; }
};

/// What one lane runs over: rows [first, first + rows) of a symbol of the run.
struct Lane {
  size_t symbol = 0;
  int64_t begin = 0, first = 0, rows = 0;
  kernels::StreamedColumn* columns = nullptr;
  double* memory = nullptr;  ///< as in Segment; null: it begins anew and keeps nothing
};

/// Computes the tiles of `symbols`, more than one only in a plan with lanes, where every symbol is a lane. `stride`: from one column of a symbol's `out`
/// to the next.
void run_plan(const Program& program, std::span<const RunSymbol> symbols, size_t stride, Workspace::State& space);
/// The same with lanes of the caller's.
void run_plan(const Program& program, std::span<const RunSymbol> symbols, std::vector<Lane> lanes, size_t stride, Workspace::State& space);

}  // namespace hayate
