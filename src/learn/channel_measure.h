// The general measure: real weights, several classes, every criterion, monotone features, categories, random cuts, exact ranks.
//
// The rows of a node are brought together by code (a histogram over bins where they are dense, sorting otherwise), and each
// group's sums are kept in separate 64-bit channels: rows drawn, weight, then weight * label, or the weight of each class. What
// a criterion computes from sums, and which boundaries between groups are looked at, is the same for every kind of code. Classes told apart by
// Gini impurity are searched by vectors instead (learn/class_search.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "learn/class_search.h"
#include "learn/tree.h"

namespace hayate::learn {

class ChannelMeasure {
 public:
  ChannelMeasure(const Training& training, Scratch& scratch);

  Totals enter(const NodeRows& node, double* value, double* deviation);
  void prepare(const NodeRows& node);
  /// Looks at more features; true when some split is known.
  bool search(const NodeRows& node, std::span<const uint16_t> features);
  Divided divide(const NodeRows& node);

 private:
  struct Best {
    double gain = -1;
    uint16_t feature = 0;
    uint32_t cut = 0;   ///< the largest code that goes left
    uint32_t next = 0;  ///< the smallest code that goes right; the same as `cut` when only missing values do
    bool missing_left = false, misses = false, is_set = false;
    float threshold = 0;         ///< exact ranks
    CategorySet set, present;    ///< categories that go left; that the node has
    double left = 0, right = 0;  ///< what the children predict; with monotone features
  };
  /// Rows of a node that share a code of the feature in hand, ascending by code.
  struct Groups {
    std::vector<uint32_t> codes;
    std::vector<uint64_t> sums;     ///< width_ a group
    std::vector<uint32_t> end;      ///< absolute_error: the group's rows are order[end of the one before .. end]
    std::vector<uint32_t> order;    ///< places in the node
    std::vector<uint64_t> missing;  ///< sums
    std::vector<uint32_t> missing_order;
    size_t size() const { return codes.size(); }
  };

  bool classes() const { return num_classes_ > 0; }
  uint64_t weight_of(int32_t row) const { return whole_.empty() ? 1 : whole_[size_t(row)]; }
  double real_weight_of(int32_t row) const { return real_.empty() ? 1.0 : real_[size_t(row)]; }
  void count_classes(const NodeRows& node);
  void set_shift(const NodeRows& node);
  bool pure() const;
  double values(const NodeRows& node, double* value) const;
  double median_of(const NodeRows& node) const;

  void group(const NodeRows& node, uint16_t feature);
  template <class Code>
  void group_dense(const NodeRows& node, const Code* codes, Code missing, size_t num_codes);
  template <class Code>
  void group_sorted(const NodeRows& node, const Code* codes, Code missing);
  void add(uint64_t* sums, size_t place) const;

  void scan(const NodeRows& node, uint16_t feature);
  void scan_categories(const NodeRows& node, uint16_t feature);
  void scan_deviations(uint16_t feature);
  void scan_drawn(const NodeRows& node, uint16_t feature);
  void shuffle_categories(uint64_t key);
  void consider(const NodeRows& node, uint16_t feature, size_t boundary, bool missing_left);
  void offer(uint16_t feature, size_t boundary, bool missing_left, double gain);
  bool large_enough() const;
  double gain() const;
  double labels_of(uint64_t weight, uint64_t sum) const;
  double number_of(const uint64_t* sums) const;
  bool within_bounds(const NodeRows& node, uint16_t feature, double left, double right) const;
  void move(const uint64_t* sums, bool add_them);
  const uint64_t* sums_of(size_t place) const { return &groups_.sums[order_[place] * width_]; }
  uint32_t code_at(size_t place) const { return groups_.codes[order_[place]]; }
  float threshold_between(uint16_t feature, uint32_t cut, uint32_t next) const;

  const Training& training_;
  Scratch& scratch_;
  const Target& target_;
  std::span<const uint32_t> whole_;
  std::span<const double> real_;
  size_t num_classes_, width_;
  ClassSearch class_search_;
  bool by_class_ = false;  ///< the node in hand is searched there
  Best best_;
  Groups groups_;
  std::vector<uint64_t> total_, left_, right_;
  std::vector<uint64_t> own_weight_;  ///< per row of the node: draws * weight
  std::vector<uint64_t> own_label_;   ///< per row of the node: the label shifted, or the class
  std::vector<uint64_t> histogram_, keys_, spare_keys_;
  std::vector<uint32_t> label_rank_;
  std::vector<uint32_t> order_;  ///< the groups in the order of the scan
  std::vector<uint32_t> few_;    ///< codes of the categories that are not in it
  std::optional<float> drawn_;   ///< the threshold, when it was drawn at random
  bool categories_ = false;      ///< the feature in hand has no order of its own
  std::vector<int64_t> ranked_labels_;
  int64_t low_ = 0, high_ = 0;
  uint32_t shift_ = 0;
};

}  // namespace hayate::learn
