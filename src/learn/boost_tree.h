// Grows one tree of boosting from records: whole numbers that carry the derivatives of each row (kernels/boosting.h).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "exec/crew.h"
#include "hayate/boosting.h"
#include "kernels/boosting.h"

namespace hayate::learn {

struct Tile;

/// The codes of the training rows, which are numbered from 0 in the order given.
class BoostTable {
 public:
  /// Once `cancel` says stop, here and below, codes mean nothing and may not be read.
  BoostTable(const BinnedMatrix& matrix, std::span<const int32_t> rows, exec::Crew& crew, const exec::Cancellation* cancel);
  /// Frees the columns of the features of a tile, whose codes are read from there from now on. `matrix` is the table's own, of all rows as they
  /// are; the tile's storage outlives the table.
  void hand_over(BinnedMatrix& matrix, const Tile& tile);

  int64_t num_rows() const { return num_rows_; }
  int64_t num_features() const { return int64_t(columns_.size()); }
  /// Codes of a feature that was not handed over; 3 bytes past the last row may be read.
  const uint8_t* column(int64_t feature) const { return columns_[size_t(feature)]; }
  /// Codes of a feature by row, right for the rows listed. `scratch` has room for num_rows() and 3 more.
  const uint8_t* codes(int64_t feature, std::span<const uint32_t> rows, uint8_t* scratch) const;
  bool is_handed_over() const { return !places_.empty(); }
  uint8_t last_code(int64_t feature) const { return last_code_[size_t(feature)]; }
  bool has_missing(int64_t feature) const { return has_missing_[size_t(feature)]; }
  bool is_categorical(int64_t feature) const { return !categorical_.empty() && categorical_[size_t(feature)]; }
  bool has_categories() const { return !categorical_.empty(); }

 private:
  int64_t num_rows_;
  AlignedBytes own_;  ///< empty when the matrix has the rows as they are
  std::vector<const uint8_t*> columns_;
  /// Where a feature stands that was handed over.
  struct Place {
    const uint8_t* first = nullptr;
    int64_t row_bytes = 0;
    int32_t slots = 0;
  };
  std::vector<Place> places_;  ///< by feature; empty when none was handed over
  std::vector<uint8_t> last_code_, has_missing_, categorical_;
};

/// Up to 32 features whose codes lie side by side, and where their histograms stand among those of all tiles.
struct Tile {
  kernels::BoostTile codes;
  std::vector<kernels::BoostFeature> features;
  AlignedBytes storage;
  int64_t offset = 0;  ///< in words of one plane

  int64_t words() const { return int64_t{codes.width} * codes.slots; }
};

/// The features that a tree may use, cut into tiles of about equal width. Features of one value are left out.
struct TileSet {
  std::vector<Tile> tiles;
  int64_t words = 0;  ///< of one plane of all histograms
};
TileSet make_tiles(const BoostTable& table, std::span<const int32_t> features, exec::Crew& crew, const exec::Cancellation* cancel);
/// The same of all features, one tile after the other: the columns of each are handed over.
void move_to_tiles(BoostTable& table, BinnedMatrix& matrix, exec::Crew& crew, const exec::Cancellation* cancel, TileSet& set);

/// What the rows weigh in a tree, in whole numbers.
struct Records {
  std::vector<uint64_t> words;
  kernels::BoostPacking packing;
  double g_unit = 1, h_unit = 1;    ///< what 1 in a record stands for
  uint32_t g_bits = 0, h_bits = 0;  ///< bits that |g| or h of one row, repeats included, can have
  int64_t block_rows = 0;           ///< rows whose sums one word holds
};

struct TreeLimits {
  int64_t num_leaves = 31, max_depth = 0;  ///< 0: no limit
  bool depthwise = false;
  int64_t min_samples_leaf = 1;
  double min_child_weight = 0, lambda_l1 = 0, lambda_l2 = 0, min_gain = 0;
  std::vector<int8_t> monotone;                    ///< per feature: 1, -1 or 0; empty when none is bound
  std::vector<std::vector<uint8_t>> interactions;  ///< groups of flags by feature: a path tests members of one group; empty: any
};

struct LeafRows {
  uint32_t node;
  int64_t begin, end;  ///< of GrownTree::rows
  double low, high;    ///< between which its value may lie, before the learning rate
};

/// Value of a leaf whose derivatives sum to g and h, before the learning rate: where g w + (h + l2) w^2 / 2 + l1 |w| is least.
double leaf_step(double g, double h, double lambda_l1, double lambda_l2);

/// Nodes breadth-first. A leaf's rows stand together.
struct GrownTree {
  std::vector<TreeNode> nodes;  ///< the cut of a node that tests a categorical feature counts into `sets`
  std::vector<CategorySet> sets;
  std::vector<double> gains;  ///< per node: loss saved by its split; 0 for leaves
  std::vector<LeafRows> leaves;
  std::vector<uint32_t> rows;
};

/// The leaf that a row of the table reaches.
uint32_t leaf_of(const GrownTree& tree, const BoostTable& table, uint32_t row);

/// Grows trees on one table; memory is kept from tree to tree.
class TreeGrower {
 public:
  TreeGrower(const BoostTable& table, const TreeLimits& limits, exec::Crew& crew);
  ~TreeGrower();

  /// `tree.rows` holds the rows to learn from, and then these by leaf. Once `cancel`, which may be null, says stop, no more leaves
  /// are split.
  void grow(const TileSet& tiles, const Records& records, GrownTree& tree, const exec::Cancellation* cancel);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hayate::learn
