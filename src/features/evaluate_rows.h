// evaluate() for a choice of rows: what a stream needs of a long series are its newest rows.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "hayate/features.h"

namespace hayate {

/// Value of output i at row wanted[k] goes to out[i][k]; `wanted` is ascending. The type of `out` is the program's.
void evaluate_rows(const Program& program, const Bars& bars, std::span<const int64_t> wanted, Workspace& workspace, const std::vector<float*>& out);
void evaluate_rows(const Program& program, const Bars& bars, std::span<const int64_t> wanted, Workspace& workspace, const std::vector<double*>& out);

/// Bars [begin, end).
Bars part_of(const Bars& bars, int64_t begin, int64_t end);

/// Stretches [begin, end) of a long series for several workers, where values depend on few earlier rows: of some 16,000 rows each, beside which the
/// rows that are gone through twice do not matter. One stretch, all rows, where the series is short or values reach far back.
std::vector<std::pair<int64_t, int64_t>> row_morsels(const Program& program, int64_t rows);
/// Rows [begin, end) of evaluate(), to the byte; for a program of finite reach. The type of `out` is the program's.
void evaluate_morsel(const Program& program, const Bars& bars, int64_t begin, int64_t end, Workspace& workspace, float* out, size_t stride);
void evaluate_morsel(const Program& program, const Bars& bars, int64_t begin, int64_t end, Workspace& workspace, double* out, size_t stride);

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
