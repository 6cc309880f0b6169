// The problem that every linear model comes down to: find the b that minimises 1/2 b'Qb - c'b + l1 |b|_1 + 1/2 l2 |b|^2 with Q
// symmetric and not negative (a Gram matrix, or the Hessian of a likelihood). Told to stop, everything here ends soon with a result of no use.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "exec/pool.h"

namespace hayate::learn {

/// Lower triangular L with LL' = Q (size x size, row-major; only its lower triangle is read). False when Q is not positive
/// beyond rounding: a pivot fell below 1e-11 of its diagonal.
bool factor(std::span<const double> q, size_t size, std::vector<double>& lower, const exec::Cancellation* cancel = nullptr);
/// Solves LL'x = b in place.
void solve_factored(std::span<const double> lower, size_t size, std::span<double> b);

/// Eigenvalues ascending, eigenvectors by rows: vector k is vectors[k * size .. ].
struct Eigen {
  std::vector<double> values, vectors;
};
Eigen eigen_of(std::span<const double> q, size_t size, const exec::Cancellation* cancel = nullptr);

/// With l1 = 0: solves (Q + l2)b = c, again and again for refinement. By Cholesky, or, where Q is singular and l2 = 0, in the
/// space of its eigenvectors that carry something: the shortest solution.
class LeastSquares {
 public:
  LeastSquares(std::span<const double> q, size_t size, double l2, const exec::Cancellation* cancel = nullptr);
  std::vector<double> solve(std::span<const double> c) const;

 private:
  size_t size_;
  std::vector<double> lower_;  ///< empty: by eigenvectors
  Eigen eigen_;
  double l2_, least_ = 0;  ///< eigenvalues up to `least_` count as 0
};

/// With l1 > 0: coordinate descent from `start`, and an exact solution of the active set once that is known. Places with
/// free[i] != 0 are not penalised by l1 nor l2 (intercepts).
std::vector<double> elastic_net(std::span<const double> q, size_t size, std::span<const double> c, double l1, double l2,
                                std::span<const unsigned char> free, std::vector<double> start, const exec::Cancellation* cancel = nullptr);

}  // namespace hayate::learn
