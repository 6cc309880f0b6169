#include "learn/impurity.h"

#include <algorithm>

namespace hayate::learn {
namespace {

/// n_l n_r / n * (difference of the children's values)^2, over the node's values: what the split took from the sum of squares.
double squares_lost(const Tree& tree, size_t left, size_t width) {
  const size_t right = left + 1;
  double squares = 0;
  for (size_t k = 0; k < width; ++k) {
    const double difference = tree.values[left * width + k] - tree.values[right * width + k];
    squares += difference * difference;
  }
  return tree.weight[left] * tree.weight[right] / (tree.weight[left] + tree.weight[right]) * squares;
}

/// Sum of p log p over the classes of a node, times its weight.
double negative_entropy(const Tree& tree, size_t node, size_t width) {
  double sum = width == 1 ? x_log_x(tree.values[node]) + x_log_x(1 - tree.values[node]) : 0;
  for (size_t k = 0; k < width && width > 1; ++k) sum += x_log_x(tree.values[node * width + k]);
  return tree.weight[node] * sum;
}

}  // namespace

double impurity_decrease(const Tree& tree, size_t at, Criterion criterion, const Labels& labels) {
  constexpr double kBit = 1.4426950408889634;
  const size_t left = tree.nodes[at].child(), right = left + 1, width = labels.num_classes > 2 ? size_t(labels.num_classes) : 1;
  const auto of_children = [&](auto term) { return term(left) + term(right) - term(at); };
  switch (criterion) {
    case Criterion::gini:
      return squares_lost(tree, left, width) * (labels.num_classes == 2 ? 2 : 1);
    case Criterion::squared_error:
      return squares_lost(tree, left, width);
    case Criterion::entropy:
      return std::max(0.0, of_children([&](size_t node) { return negative_entropy(tree, node, width); })) * kBit;
    case Criterion::poisson:
      return std::max(0.0, of_children([&](size_t node) { return tree.weight[node] * x_log_x(tree.values[node]); }));
    case Criterion::absolute_error:
      return std::max(0.0, -of_children([&](size_t node) { return tree.deviation[node]; }));
  }
  return 0;
}

}  // namespace hayate::learn
