#include "learn/quadratic.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "learn/stopped.h"

namespace hayate::learn {
namespace {

/// Sum over k < count of a[k] * b[k]: eight lanes, then pairwise, the same everywhere.
double dot(const double* a, const double* b, size_t count) {
  double lanes[8] = {};
  size_t k = 0;
  for (; k + 8 <= count; k += 8)
    for (size_t lane = 0; lane < 8; ++lane) lanes[lane] += a[k + lane] * b[k + lane];
  for (; k < count; ++k) lanes[k % 8] += a[k] * b[k];
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

void add_scaled(double factor, const double* from, double* to, size_t count) {
  for (size_t k = 0; k < count; ++k) to[k] += factor * from[k];
}

}  // namespace

bool factor(std::span<const double> q, size_t size, std::vector<double>& lower, const exec::Cancellation* cancel) {
  constexpr double kLeastPivot = 1e-11;
  lower.assign(size * size, 0.0);
  for (size_t i = 0; i < size && !stopped(cancel); ++i) {
    double* row = lower.data() + i * size;
    for (size_t j = 0; j < i; ++j) row[j] = (q[i * size + j] - dot(row, lower.data() + j * size, j)) / lower[j * size + j];
    const double pivot = q[i * size + i] - dot(row, row, i);
    if (!(pivot > kLeastPivot * q[i * size + i])) return false;
    row[i] = std::sqrt(pivot);
  }
  return true;
}

void solve_factored(std::span<const double> lower, size_t size, std::span<double> b) {
  for (size_t i = 0; i < size; ++i) b[i] = (b[i] - dot(lower.data() + i * size, b.data(), i)) / lower[i * size + i];
  for (size_t i = size; i-- > 0;) {
    b[i] /= lower[i * size + i];
    add_scaled(-b[i], lower.data() + i * size, b.data(), i);
  }
}

// Householder's tridiagonal form and the QL iteration with implicit shifts: tred2 and tql2 of EISPACK (Bowdler, Martin,
// Reinsch, Wilkinson 1968), here with eigenvectors by rows.
namespace {

class SymmetricEigen {
 public:
  SymmetricEigen(std::span<const double> q, size_t size, const exec::Cancellation* cancel) : n_(size), v_(q.begin(), q.end()), d_(size), e_(size) {
    for (size_t i = 0; i < n_; ++i)
      for (size_t j = i + 1; j < n_; ++j) at(i, j) = at(j, i);
    for (size_t i = n_; i-- > 1 && !stopped(cancel);) reduce_row(i);
    if (n_ > 0) d_[0] = 0, e_[0] = 0;
    for (size_t i = 0; i < n_ && !stopped(cancel); ++i) accumulate(i);
    for (size_t i = 0; i < n_; ++i)
      for (size_t j = 0; j < i; ++j) std::swap(at(i, j), at(j, i));  // vectors by rows from here on
    for (size_t i = 1; i < n_; ++i) e_[i - 1] = e_[i];
    if (n_ > 0) e_[n_ - 1] = 0;
    for (size_t l = 0; l < n_; ++l)
      for (int sweep = 0; sweep < 60 && !stopped(cancel) && !settle(l); ++sweep) {
      }
  }

  Eigen ascending() const {
    std::vector<size_t> order(n_);
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return d_[a] < d_[b]; });
    Eigen out;
    for (const size_t k : order) {
      out.values.push_back(d_[k]);
      out.vectors.insert(out.vectors.end(), v_.begin() + ptrdiff_t(k * n_), v_.begin() + ptrdiff_t((k + 1) * n_));
    }
    return out;
  }

 private:
  double& at(size_t i, size_t j) { return v_[i * n_ + j]; }

  /// Zeroes row i left of its subdiagonal by a reflection, which stays in the row and, divided by h, in the column.
  void reduce_row(size_t i) {
    double scale = 0, h = 0;
    for (size_t k = 0; k < i; ++k) scale += std::abs(at(i, k));
    if (i == 1 || scale == 0) {
      e_[i] = at(i, i - 1), d_[i] = 0;
      return;
    }
    for (size_t k = 0; k < i; ++k) at(i, k) /= scale, h += at(i, k) * at(i, k);
    const double f = at(i, i - 1), g = f > 0 ? -std::sqrt(h) : std::sqrt(h);
    e_[i] = scale * g, h -= f * g, at(i, i - 1) = f - g;
    double sum = 0;
    for (size_t j = 0; j < i; ++j) {
      at(j, i) = at(i, j) / h;
      double p = 0;
      for (size_t k = 0; k <= j; ++k) p += at(j, k) * at(i, k);
      for (size_t k = j + 1; k < i; ++k) p += at(k, j) * at(i, k);
      e_[j] = p / h;
      sum += e_[j] * at(i, j);
    }
    const double half = sum / (h + h);
    for (size_t j = 0; j < i; ++j) {
      const double f_j = at(i, j), g_j = e_[j] -= half * f_j;
      for (size_t k = 0; k <= j; ++k) at(j, k) -= f_j * e_[k] + g_j * at(i, k);
    }
    d_[i] = h;
  }

  /// Multiplies the reflections up to row i into the vectors.
  void accumulate(size_t i) {
    for (size_t j = 0; d_[i] != 0 && j < i; ++j) {
      double g = 0;
      for (size_t k = 0; k < i; ++k) g += at(i, k) * at(k, j);
      for (size_t k = 0; k < i; ++k) at(k, j) -= g * at(k, i);
    }
    d_[i] = at(i, i), at(i, i) = 1;
    for (size_t j = 0; j < i; ++j) at(j, i) = at(i, j) = 0;
  }

  /// One QL sweep over the block that begins at l; true when eigenvalue l stands alone.
  bool settle(size_t l) {
    size_t m = l;
    while (m + 1 < n_ && std::abs(e_[m]) > std::numeric_limits<double>::epsilon() * (std::abs(d_[m]) + std::abs(d_[m + 1]))) ++m;
    if (m == l) return true;
    double g = (d_[l + 1] - d_[l]) / (2 * e_[l]), r = std::sqrt(g * g + 1);
    g = d_[m] - d_[l] + e_[l] / (g + (g < 0 ? -r : r));
    double s = 1, c = 1, p = 0;
    for (size_t i = m; i-- > l;) {
      const double f = s * e_[i], b = c * e_[i];
      r = std::sqrt(f * f + g * g);
      e_[i + 1] = r;
      if (r == 0) {
        d_[i + 1] -= p, e_[m] = 0;
        return false;
      }
      s = f / r, c = g / r, g = d_[i + 1] - p;
      r = (d_[i] - g) * s + 2 * c * b;
      p = s * r, d_[i + 1] = g + p, g = c * r - b;
      rotate(i, s, c);
    }
    d_[l] -= p, e_[l] = g, e_[m] = 0;
    return false;
  }

  void rotate(size_t i, double s, double c) {
    for (size_t k = 0; k < n_; ++k) {
      const double upper = at(i, k), lower = at(i + 1, k);
      at(i + 1, k) = s * upper + c * lower, at(i, k) = c * upper - s * lower;
    }
  }

  size_t n_;
  std::vector<double> v_, d_, e_;  ///< vectors; diagonal; subdiagonal
};

}  // namespace

Eigen eigen_of(std::span<const double> q, size_t size, const exec::Cancellation* cancel) { return SymmetricEigen(q, size, cancel).ascending(); }

LeastSquares::LeastSquares(std::span<const double> q, size_t size, double l2, const exec::Cancellation* cancel) : size_(size), l2_(l2) {
  std::vector<double> raised(q.begin(), q.end());
  for (size_t i = 0; i < size; ++i) raised[i * size + i] += l2;
  if (factor(raised, size, lower_, cancel)) return;
  lower_.clear();
  eigen_ = eigen_of(q, size, cancel);
  // What rounding leaves of an eigenvalue 0; two columns that agree to float32's last digit fall below it too.
  least_ = size ? std::max(eigen_.values.back(), 0.0) * double(size) * 1e-14 : 0;
}

std::vector<double> LeastSquares::solve(std::span<const double> c) const {
  if (!lower_.empty() || size_ == 0) {
    std::vector<double> b(c.begin(), c.end());
    solve_factored(lower_, size_, b);
    return b;
  }
  std::vector<double> b(size_, 0.0);
  for (size_t k = 0; k < size_; ++k) {
    if (eigen_.values[k] <= least_) continue;
    const double* vector = eigen_.vectors.data() + k * size_;
    add_scaled(dot(vector, c.data(), size_) / (eigen_.values[k] + l2_), vector, b.data(), size_);
  }
  return b;
}

namespace {

/// Coordinate descent on the Gram matrix (Friedman, Hastie, Tibshirani 2010): `slope` = c - Qb follows every change.
class Descent {
 public:
  Descent(std::span<const double> q, size_t size, std::span<const double> c, double l1, double l2, std::span<const unsigned char> free,
          std::vector<double> start, const exec::Cancellation* cancel)
      : q_(q), size_(size), c_(c), l1_(l1), l2_(l2), free_(free), b_(std::move(start)), cancel_(cancel) {
    set_slope();
  }

  std::vector<double> run() {
    constexpr int kMostSweeps = 20'000, kBetweenAttempts = 10;
    for (int sweep = 1; sweep <= kMostSweeps && !stopped(cancel_); ++sweep) {
      const double moved = sweep_once();
      if ((sweep % kBetweenAttempts == 0 || moved == 0) && solve_active_set()) break;
      if (moved <= 1e-13) break;
    }
    return std::move(b_);
  }

 private:
  double own_l1(size_t i) const { return free_[i] ? 0 : l1_; }
  double own_l2(size_t i) const { return free_[i] ? 0 : l2_; }

  void set_slope() {
    slope_.assign(c_.begin(), c_.end());
    for (size_t i = 0; i < size_; ++i)
      if (b_[i] != 0) add_scaled(-b_[i], q_.data() + i * size_, slope_.data(), size_);
  }

  /// The largest step of a sweep, relative to the largest coefficient, both in units of their own scale.
  double sweep_once() {
    double moved = 0, largest = 0;
    for (size_t i = 0; i < size_; ++i) {
      const double curve = q_[i * size_ + i] + own_l2(i);
      if (!(curve > 0)) continue;
      const double pull = slope_[i] + q_[i * size_ + i] * b_[i], l1 = own_l1(i);
      const double next = pull > l1 ? (pull - l1) / curve : pull < -l1 ? (pull + l1) / curve : 0.0;
      const double step = next - b_[i], unit = std::sqrt(curve);
      largest = std::max(largest, std::abs(next) * unit);
      if (step == 0) continue;
      moved = std::max(moved, std::abs(step) * unit);
      b_[i] = next;
      add_scaled(-step, q_.data() + i * size_, slope_.data(), size_);
    }
    return largest > 0 ? moved / largest : moved;
  }

  /// With the signs as they are the coefficients solve a linear system; true when its solution keeps the signs and no
  /// coefficient at 0 wants to leave it: then it is the minimum.
  bool solve_active_set() {
    std::vector<size_t> active;
    for (size_t i = 0; i < size_; ++i)
      if (b_[i] != 0 || free_[i]) active.push_back(i);
    const size_t m = active.size();
    std::vector<double> q(m * m), c(m), lower;
    for (size_t i = 0; i < m; ++i) {
      for (size_t j = 0; j < m; ++j) q[i * m + j] = q_[active[i] * size_ + active[j]];
      q[i * m + i] += own_l2(active[i]);
      c[i] = c_[active[i]] - (b_[active[i]] > 0 ? own_l1(active[i]) : -own_l1(active[i]));
    }
    if (!factor(q, m, lower, cancel_)) return false;
    solve_factored(lower, m, c);
    std::vector<double> before = b_;
    for (size_t i = 0; i < m; ++i) {
      if (!free_[active[i]] && !(c[i] * b_[active[i]] > 0)) return false;
      before[active[i]] = c[i];
    }
    b_.swap(before);
    set_slope();
    for (size_t i = 0; i < size_; ++i)
      if (b_[i] == 0 && !free_[i] && std::abs(slope_[i]) > l1_ * (1 + 1e-9)) return b_.swap(before), set_slope(), false;
    return true;
  }

  std::span<const double> q_;
  size_t size_;
  std::span<const double> c_;
  double l1_, l2_;
  std::span<const unsigned char> free_;
  std::vector<double> b_, slope_;
  const exec::Cancellation* cancel_;
};

}  // namespace

std::vector<double> elastic_net(std::span<const double> q, size_t size, std::span<const double> c, double l1, double l2,
                                std::span<const unsigned char> free, std::vector<double> start, const exec::Cancellation* cancel) {
  return Descent(q, size, c, l1, l2, free, std::move(start), cancel).run();
}

}  // namespace hayate::learn
