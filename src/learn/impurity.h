// What a criterion says of groups of rows: gains of candidate splits from exact sums, and impurity of nodes that are known.
//
// sums of a group: `count` rows drawn, `weight`, then weight * label (one number) or the weight of each class. All whole numbers,
// so that the order of rows does not matter; what is computed from them is a fixed sequence of float64 operations.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/transcendental.h"
#include "learn/tree.h"

namespace hayate::learn {

/// x log x; 0 at 0. The same bytes everywhere.
inline double x_log_x(double x) { return x > 0 ? x * kernels::baseline::logarithm(x) : 0.0; }

/// By how much the split of inner node `at` lowers impurity, times the weight of the node: squared error, Gini impurity (in
/// shares), entropy (in bits), half Poisson deviance, absolute error.
double impurity_decrease(const Tree& tree, size_t at, Criterion criterion, const Labels& labels);

}  // namespace hayate::learn
