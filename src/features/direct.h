// Every operator by its definition: one window at a time, two passes, plain double arithmetic. Slow (about 100 times the
// evaluator) and obvious, so that tests can hold the evaluator against it. Not linked into the product.
#pragma once

#include <vector>

#include "features/graph.h"

namespace hayate::direct {

/// The value of every output of `graph` for one symbol: fields[i] is the series of graph.fields[i]. float32 nodes are rounded
/// to float32 after each step, which equals float32 arithmetic because double has more than twice the digits.
std::vector<std::vector<double>> evaluate(const Graph& graph, const std::vector<std::vector<double>>& fields);

}  // namespace hayate::direct
