// What a tree is trained on, and which features a node tries. Both are read from keyed random numbers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hayate/forest.h"
#include "kernels/forest.h"

namespace hayate::learn {

/// The rows of a tree, each once, and how often each was drawn; in the order of the training rows.
struct Sample {
  std::span<int32_t> rows;
  std::span<uint32_t> draws;      ///< and marks
  std::vector<uint32_t> counts;   ///< scratch: draws per training row
  std::vector<int32_t> row_room;  ///< what rows and draws are the beginning of: it stays for the next tree
  std::vector<uint32_t> draw_room;
};

/// Rows that one tree draws of `num_rows`: max_samples of them, at least 1.
int64_t draws_per_tree(const ForestParams& params, int64_t num_rows);

/// Tree number `tree` draws from `rows`: with replacement under bootstrap, without otherwise. `marks`, one a row or none: kernels::kMark for rows
/// of class 1, which their draws then have as kernels::Units::marked. Returns how many rows were drawn, and of these those of class 1.
kernels::Mass draw_sample(std::span<const int32_t> rows, std::span<const uint32_t> marks, const ForestParams& params, uint64_t seed, uint64_t entity,
                          uint64_t tree, Sample& sample);

/// The features in the ascending order of their names, byte by byte; empty when that is their own order, or nobody named them.
std::vector<uint16_t> features_by_name(std::span<const std::string> names);

/// Features in the random order of one node. The first k are a sample without replacement, and asking for more goes on
/// in the same order, so a node that finds no split in its sample may look further.
///
/// Features are drawn with replacement and repeats are passed over: cheaper than a shuffle as long as few of many are drawn
/// (7 of 60: 20 ns instead of 54). Once half of them are drawn, a shuffle of the rest follows.
///
/// What is drawn are places in the order of the features' names, so that the order of the columns changes nothing.
class FeatureOrder {
 public:
  /// `by_name`: see features_by_name(); stays where it is.
  explicit FeatureOrder(int64_t num_features, std::span<const uint16_t> by_name = {});
  /// Starts the order of the node `key`.
  void restart(uint64_t key);
  /// The next `count` features, or as many as are left.
  std::span<const uint16_t> next(int64_t count);

 private:
  template <class Take>
  void draw_with(size_t end, Take&& take);
  void draw_until(size_t end);
  void shuffle_rest();

  std::vector<uint16_t> order_;        ///< of places
  std::span<const uint16_t> by_name_;  ///< the feature of each place; empty: the place itself
  std::vector<uint16_t> named_;        ///< those handed out last, as features
  std::vector<uint64_t> taken_;        ///< a bit per place
  uint32_t num_features_;
  uint64_t key_ = 0, draws_ = 0;
  size_t drawn_ = 0, given_ = 0;  ///< in order_; of these, handed out
};

}  // namespace hayate::learn
