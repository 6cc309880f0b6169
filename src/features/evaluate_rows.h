// evaluate() for a choice of rows: what a stream needs of a long series are its newest rows.
#pragma once

#include <span>
#include <vector>

#include "hayate/features.h"

namespace hayate {

/// Value of output i at row wanted[k] goes to out[i][k]; `wanted` is ascending. The type of `out` is the program's.
void evaluate_rows(const Program& program, const Bars& bars, std::span<const int64_t> wanted, Workspace& workspace, const std::vector<float*>& out);
void evaluate_rows(const Program& program, const Bars& bars, std::span<const int64_t> wanted, Workspace& workspace, const std::vector<double*>& out);

/// New rows of one symbol, in a series of its own or of several.
struct Segment {
  size_t series = 0;
  /// Kept rows of its bars [begin, first): as many as the plan's keeping says, or all there were. New ones [first, end).
  int64_t begin = 0, first = 0, end = 0;
  double* memory = nullptr;  ///< the doubles of the plan's keeping; zeros when there were no rows; brought to row `end`
};

/// For a program whose keeping is possible. `segments` are in the order of the series and of their rows. Values of the new rows go to
/// out[i], segment after segment; nowhere when `out` is empty.
void evaluate_segments(const Program& program, std::span<const Bars> series, std::span<const Segment> segments, Workspace& workspace,
                       const std::vector<float*>& out);
void evaluate_segments(const Program& program, std::span<const Bars> series, std::span<const Segment> segments, Workspace& workspace,
                       const std::vector<double*>& out);

}  // namespace hayate
