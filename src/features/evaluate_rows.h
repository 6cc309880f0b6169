// evaluate() for a choice of rows: what a stream needs of a long series are its newest rows.
#pragma once

#include <span>
#include <vector>

#include "hayate/features.h"

namespace hayate {

/// Value of output i at row wanted[k] goes to out[i][k]; `wanted` is ascending. The type of `out` is the program's.
void evaluate_rows(const Program& program, const Bars& bars, std::span<const int64_t> wanted, Workspace& workspace, const std::vector<float*>& out);
void evaluate_rows(const Program& program, const Bars& bars, std::span<const int64_t> wanted, Workspace& workspace, const std::vector<double*>& out);

}  // namespace hayate
