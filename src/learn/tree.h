// Grows one tree. What a node measures is a policy: PackedMeasure (packed_measure.h: bins or ranks, whole-number counts, one number to
// learn by Gini impurity or squared error; the fast way) and ChannelMeasure (channel_measure.h: everything else).
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "exec/pool.h"
#include "hayate/forest.h"
#include "kernels/forest.h"
#include "learn/params.h"
#include "learn/sample.h"

namespace hayate::learn {

/// Weights of the rows of the matrix: as whole numbers, of real ones scaled so that the largest is 2^20, and as they are.
struct RowWeights {
  std::vector<uint32_t> whole;  ///< empty: all 1
  std::vector<double> real;     ///< empty: all 1
};

/// What is learnt, as whole numbers, so that sums are exact and need no order. Indexed by row of the matrix.
struct Target {
  Labels labels;
  Criterion criterion = Criterion::squared_error;
  std::vector<int64_t> fixed;   ///< regression: (label - base) / unit, rounded
  double base = 0, unit = 1;    ///< in quarters of a label, so that the widest range of doubles has a difference
  RowWeights weights;           ///< class weights are in them
  bool weigh_per_tree = false;  ///< class_weight = balanced_subsample: each tree weighs its own draws
  bool packed = true;           ///< PackedMeasure can do it

  double label_of(double fixed_label) const { return (base + fixed_label * unit) * 4; }
};

/// Everything a tree needs beside its own random numbers.
struct Training {
  const BinnedMatrix& matrix;
  const ForestParams& params;
  const Target& target;
  std::span<const int32_t> rows;   ///< training rows of positive weight
  std::vector<uint32_t> marks;     ///< of two classes without weights, when packed: see draw_sample(); else empty
  std::vector<int8_t> monotone;    ///< per feature; empty when none is bound
  std::vector<uint8_t> last_code;  ///< per feature; empty with exact_columns
  const uint8_t* table = nullptr;  ///< the codes as kernels::CodeTable has them; only when packed
  int64_t table_stride = 0;
  bool narrow = false;                  ///< every code in the table is below 64
  std::vector<uint16_t> missing_ranks;  ///< exact_columns: per feature the rank of a missing value, where ranks have 16 bits
  std::vector<uint16_t> by_name;        ///< features_by_name()
  std::vector<uint16_t> place_of;       ///< its inverse: the place of each feature; empty with `by_name`
  size_t group_words = 0;               ///< params.interactions: 64 groups a word; 0: any features may meet
  std::vector<uint64_t> groups_of;      ///< group_words a feature: the groups that it is a member of
  int64_t features_per_node = 1;
  uint64_t seed = 0, entity = 0;
  const exec::Cancellation* cancel = nullptr;

  bool stopped() const { return cancel && cancel->stopped(); }
  /// What random numbers of a feature are keyed by.
  uint64_t key_of(uint16_t feature) const { return place_of.empty() ? feature : place_of[feature]; }
  size_t values_per_node() const { return target.labels.num_classes > 2 ? size_t(target.labels.num_classes) : 1; }
};

struct Tree {
  std::vector<TreeNode> nodes;
  std::vector<double> values;
  std::vector<double> weight;     ///< of each node's rows; what impurity needs
  std::vector<double> deviation;  ///< absolute_error: of each node, the sum of |label - value| by weight; else empty
  std::vector<float> thresholds;  ///< exact_columns: one a node; else empty
  std::vector<CategorySet> sets;  ///< in the order of the nodes
};

/// A node that is still to be looked at.
struct Pending {
  uint32_t begin, end;  ///< of the tree's rows
  uint64_t path;        ///< 1 for the root; 2 p and 2 p + 1 for the children of p (modulo 2^64)
  int64_t depth;
  kernels::Mass mass;
};

/// What monotone features leave of the values a node may predict.
struct Bounds {
  double lowest = -std::numeric_limits<double>::infinity(), highest = std::numeric_limits<double>::infinity();
};

/// A node: a range of the tree's rows and how often each counts, and their sums.
struct NodeRows {
  std::span<int32_t> rows;
  std::span<uint32_t> units;
  kernels::Mass mass;
  uint64_t key = 0;  ///< of the node's random cuts
  Bounds bounds;
};

/// What the stopping rules need to know of a node.
struct Totals {
  uint64_t count = 0;  ///< rows drawn, repeats included
  double weight = 0;
  bool pure = false;
};

/// A split, and where the rows of the node went.
struct Divided {
  int64_t left = 0;  ///< rows that went left
  kernels::Mass mass{};
  uint16_t feature = 0;
  bool missing_left = false;
  uint16_t cut = 0;     ///< of the node; with `is_set` still to be counted. Apart from the feature: as one number they would be read too soon
  float threshold = 0;  ///< exact_columns
  bool is_set = false;
  CategorySet set;
  int8_t direction = 0;  ///< of a monotone feature
  double middle = 0;     ///< between the children's values: neither may cross it further down
};

/// Memory that trees on one worker share.
struct Scratch {
  explicit Scratch(const Training& training) : order(training.matrix.num_features, training.by_name) {}
  Sample sample;
  FeatureOrder order;
  Tree tree;                        ///< what the one in hand grows in: mostly longer lists than it fills
  RowWeights weights;               ///< of this tree, when it weighs its own draws
  std::vector<Pending> queue;       ///< as long as the lists of the tree
  std::vector<Bounds> bounds;       ///< per node in the queue, with monotone features
  std::vector<uint64_t> open;       ///< Training::group_words per node in the queue: the groups that all features tested above are members of
  std::vector<uint16_t> allowed;    ///< features drawn that are members of one
  std::vector<int32_t> spare_rows;  ///< for all rows of a tree and 16 more
  std::vector<uint32_t> spare_units;
  std::vector<uint32_t> records32;
  std::vector<uint64_t> records64;
  AlignedBytes picked = AlignedBytes::unfilled(size_t(kernels::kPickedBytes + 1024));  ///< kernels::PickedCodes
  std::vector<uint64_t> rank_sums, ranks_present, rank_left;                           ///< kernels::RankScratch
  std::vector<uint32_t> rank_codes;
};

Tree grow_tree(const Training& training, uint64_t tree_number, Scratch& scratch);

/// Fills weight and deviation of a tree that is known already, from the rows that it draws: warm start.
void weigh_nodes(const Training& training, uint64_t tree_number, Scratch& scratch, Tree& tree);

/// Whether row `row` of the matrix goes left at inner node `at`.
bool goes_left(const BinnedMatrix& matrix, const Tree& tree, uint32_t at, int32_t row);

}  // namespace hayate::learn
