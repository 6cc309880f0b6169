// From parsed expressions to a graph: names, arguments, types and windows are checked here.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "features/graph.h"
#include "hayate/features.h"

namespace hayate {

/// Longest window; longer ones are written 0, "all rows so far".
inline constexpr int64_t kMaxWindow = 100'000;
/// Nodes of one graph. Alpha360 has about 800.
inline constexpr size_t kMaxNodes = 500'000;

Result<Graph> compile_graph(std::span<const NamedExpression> expressions, const std::vector<std::string>& fields, const CompileOptions& options);

}  // namespace hayate
