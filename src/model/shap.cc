// Path-dependent TreeSHAP. A walk from the root carries the features met so far, each with the share of subsets that flow
// down this way when it is unknown (`zero`: its covers' quotient) and when it is known (`one`: 1 on the row's own way, else
// 0), and a weight per subset size. Adding and removing a feature are O(depth), so a leaf costs depth^2 and a tree
// leaves x depth^2; enumerating subsets would cost 2^features.
#include <algorithm>
#include <cassert>
#include <vector>

#include "hayate/explain.h"

namespace hayate {
namespace {

struct Step {
  int32_t feature;
  double zero, one;
  double weight;  ///< of subsets with as many of the features met as this step's index
};

/// Adds a feature to a path of `length` steps.
void extend(Step* path, size_t length, double zero, double one, int32_t feature) {
  path[length] = {feature, zero, one, length == 0 ? 1.0 : 0.0};
  const double all = double(length + 1);
  for (size_t i = length; i-- > 0;) {
    path[i + 1].weight += one * path[i].weight * double(i + 1) / all;
    path[i].weight = zero * path[i].weight * double(length - i) / all;
  }
}

/// Takes step `index` out of a path whose last step is `last`.
void unwind(Step* path, size_t last, size_t index) {
  const double one = path[index].one, zero = path[index].zero, all = double(last + 1);
  double next = path[last].weight;
  for (size_t i = last; i-- > 0;) {
    if (one != 0) {
      const double before = path[i].weight;
      path[i].weight = next * all / (double(i + 1) * one);
      next = before - path[i].weight * zero * double(last - i) / all;
    } else {
      path[i].weight = path[i].weight * all / (zero * double(last - i));
    }
  }
  for (size_t i = index; i < last; ++i) path[i].feature = path[i + 1].feature, path[i].zero = path[i + 1].zero, path[i].one = path[i + 1].one;
}

/// The weights that unwind() would leave, added up.
double unwound_sum(const Step* path, size_t last, size_t index) {
  const double one = path[index].one, zero = path[index].zero, all = double(last + 1);
  double next = path[last].weight, total = 0;
  for (size_t i = last; i-- > 0;) {
    if (one != 0) {
      const double weight = next * all / (double(i + 1) * one);
      total += weight;
      next = path[i].weight - weight * zero * double(last - i) / all;
    } else {
      total += path[i].weight * all / (zero * double(last - i));
    }
  }
  return total;
}

/// One tree for one row at a time.
class TreeWalk {
 public:
  TreeWalk(const Forest& forest, int64_t tree, size_t explained, size_t places)
      : forest_(forest),
        tree_(tree),
        nodes_(forest.tree(tree)),
        values_(forest.values.data() + forest.tree_start[size_t(tree)] * size_t(forest.values_per_node())),
        cover_(forest.cover.data() + forest.tree_start[size_t(tree)]),
        width_(size_t(forest.values_per_node())),
        score_(forest.joined == Joined::sum ? size_t(tree) % explained : 0),
        places_(places) {
    const size_t deepest = depth(0) + 2;
    path_.resize(deepest * (deepest + 1) / 2);
    mean_.assign(width_, 0);
    add_means(0, 1);
  }

  void add_row(const FloatColumns& raw, int64_t row, double* out) {
    raw_ = &raw, row_ = row, out_ = out + score_ * places_;
    visit(0, path_.data(), 0, 1, 1, -1);
    for (size_t k = 0; k < width_; ++k) out_[(k + 1) * places_ - 1] += mean_[k];
  }

 private:
  size_t depth(uint32_t at) const {
    const TreeNode& node = nodes_[at];
    return node.is_leaf() ? 0 : 1 + std::max(depth(node.child()), depth(node.child() + 1));
  }

  /// What the tree answers when nothing is known: its leaves by the share of training rows in them.
  void add_means(uint32_t at, double share) {
    const TreeNode& node = nodes_[at];
    if (node.is_leaf()) {
      for (size_t k = 0; k < width_; ++k) mean_[k] += share * values_[at * width_ + k];
      return;
    }
    for (const uint32_t child : {node.child(), node.child() + 1}) add_means(child, share * double(cover_[child]) / double(cover_[at]));
  }

  void visit(uint32_t at, const Step* from, size_t length, double zero, double one, int32_t feature) {
    Step* path = path_.data() + (from - path_.data()) + length;
    std::copy(from, from + length, path);
    extend(path, length, zero, one, feature);
    const TreeNode& node = nodes_[at];
    if (node.is_leaf()) return add_leaf(at, path, length);

    double known_zero = 1, known_one = 1;
    size_t known = 1;
    while (known <= length && path[known].feature != int32_t(node.feature)) ++known;
    if (known <= length) {
      known_zero = path[known].zero, known_one = path[known].one;
      unwind(path, length, known);
      --length;
    }
    const bool left = forest_.goes_left(tree_, at, raw_->column(node.feature)[row_]);
    const uint32_t hot = node.child() + (left ? 0 : 1), cold = node.child() + (left ? 1 : 0);
    const double all = double(cover_[at]);
    visit(hot, path, length + 1, known_zero * double(cover_[hot]) / all, known_one, node.feature);
    if (cover_[cold] > 0) visit(cold, path, length + 1, known_zero * double(cover_[cold]) / all, 0, node.feature);
  }

  void add_leaf(uint32_t at, const Step* path, size_t last) {
    for (size_t i = 1; i <= last; ++i) {
      const double share = unwound_sum(path, last, i) * (path[i].one - path[i].zero);
      for (size_t k = 0; k < width_; ++k) out_[k * places_ + size_t(path[i].feature)] += share * values_[at * width_ + k];
    }
  }

  const Forest& forest_;
  int64_t tree_;
  std::span<const TreeNode> nodes_;
  const double* values_;
  const float* cover_;
  size_t width_, score_, places_;
  std::vector<Step> path_;  ///< the paths of all nodes on the way down, one behind the other
  std::vector<double> mean_;
  const FloatColumns* raw_ = nullptr;
  int64_t row_ = 0;
  double* out_ = nullptr;
};

Result<void> explain(const Forest& forest, const FloatColumns& raw, std::span<double> out) {
  if (forest.cover.size() != forest.nodes.size())
    return usage_error("the model does not hold how many training rows reached each node", "--method shap",
                       "train it again; or --method permutation");
  const size_t explained = size_t(forest.num_scores()), places = size_t(forest.num_features()) + 1;
  if (forest.joined == Joined::sum)
    for (size_t i = 0; i < size_t(raw.num_rows) * explained; ++i) out[(i + 1) * places - 1] = forest.start[i % explained];
  for (int64_t tree = 0; tree < forest.num_trees(); ++tree) {
    TreeWalk walk(forest, tree, explained, places);
    for (int64_t row = 0; row < raw.num_rows; ++row) walk.add_row(raw, row, out.data() + size_t(row) * explained * places);
  }
  if (forest.joined == Joined::mean)
    for (double& value : out) value /= double(forest.num_trees());
  return {};
}

Result<void> explain(const Linear& linear, const FloatColumns& raw, std::span<double> out) {
  const size_t features = size_t(linear.num_features()), scores = size_t(linear.num_scores());
  for (size_t row = 0; row < size_t(raw.num_rows); ++row)
    for (size_t k = 0; k < scores; ++k) {
      double* shares = out.data() + (row * scores + k) * (features + 1);
      shares[features] = linear.intercepts[k];
      for (size_t f = 0; f < features; ++f) {
        const double coefficient = linear.coefficients[k * features + f], x = double(raw.column(int64_t(f))[row]);
        shares[f] = x != x ? 0 : coefficient * (x - linear.fill[f]);
        shares[features] += coefficient * linear.fill[f];
      }
    }
  return {};
}

/// Whether what SHAP values add up to is the prediction itself, so that those of several models can be averaged.
bool explains_prediction(const Forest& f) { return f.calibration.empty() && (f.joined == Joined::mean || f.link == Link::identity); }
bool explains_prediction(const Linear& l) { return l.link == Link::identity; }

Result<void> explain(const Blend& blend, const FloatColumns& raw, std::span<double> out) {
  std::vector<double> own(out.size());
  double all = 0;
  for (size_t part = 0; part < blend.parts.size(); ++part) {
    if (!std::visit([](const auto& p) { return explains_prediction(p); }, blend.parts[part]))
      return usage_error("a blend with scores behind a link has no SHAP values: they add up on another scale than its probabilities", "--method shap",
                         "--method permutation");
    std::fill(own.begin(), own.end(), 0.0);
    HY_CHECK(std::visit([&](const auto& p) { return explain(p, raw, own); }, blend.parts[part]));
    for (size_t i = 0; i < out.size(); ++i) out[i] += blend.weights[part] * own[i];
    all += blend.weights[part];
  }
  for (double& value : out) value /= all;
  return {};
}

}  // namespace

int32_t num_explained(const Predictor& predictor) {
  return std::visit([](const auto& p) { return p.num_scores(); }, predictor);
}

Result<void> shap_values(const Predictor& predictor, const FloatColumns& raw, std::span<double> out) {
  assert(raw.num_features == num_features(predictor));
  assert(out.size() == size_t(raw.num_rows) * size_t(num_explained(predictor)) * size_t(raw.num_features + 1));
  std::fill(out.begin(), out.end(), 0.0);
  return std::visit([&](const auto& p) { return explain(p, raw, out); }, predictor);
}

}  // namespace hayate
