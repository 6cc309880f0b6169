// Sums of count and of count * label in one integer a row. Labels are shifted right per node until the sums fit, so the
// resolution follows the node's own range of labels: an outlier costs precision only where it is.
#pragma once

#include <algorithm>
#include <bit>

#include "learn/tree.h"

namespace hayate::learn {

class PackedMeasure {
 public:
  PackedMeasure(const Training& training, Scratch& scratch)
      : training_(training),
        scratch_(scratch),
        kernels_(kernels::forest_kernels()),
        table_{training.table, training.table_stride, training.last_code.data(), training.matrix.has_missing.data()},
        classes_(training.target.labels.problem == Problem::classification) {}

  Totals enter(const NodeRows& node, double* value, double*) {
    count_ = node.mass.count;
    range_ = classes_ ? class_range(node.mass) : numbers_range(node);
    *value = value_of(node);
    return {count_, double(count_), range_.low == range_.high};
  }

  void prepare(const NodeRows& node) {
    // 12 bits of a label are enough to rank splits as well as all bits do; more are taken where they are free.
    constexpr uint32_t kEnough = 12;
    best_ = {};
    const uint32_t range = bits_of(uint64_t(range_.high - range_.low));
    count_bits_ = bits_of(count_);
    narrow_ = 2 * count_bits_ + std::min(range, kEnough) <= 32;
    const uint32_t room = (narrow_ ? 32 : 64) - 2 * count_bits_;
    shift_ = range > room ? range - room : 0;
    if (narrow_)
      total32_ = fill(node, scratch_.records32, kernels_.class_records32, kernels_.number_records32);
    else
      total64_ = fill(node, scratch_.records64, kernels_.class_records64, kernels_.number_records64);
  }

  /// Looks at more features; true when some split is known.
  bool search(const NodeRows& node, std::span<const uint16_t> features) {
    const uint64_t least = uint64_t(training_.params.min_samples_leaf);
    const int64_t rows = int64_t(node.rows.size());
    if (narrow_)
      kernels_.best_split32(table_, {node.rows.data(), scratch_.records32.data(), rows, count_bits_, total32_, least}, features.data(),
                            int64_t(features.size()), best_);
    else
      kernels_.best_split64(table_, {node.rows.data(), scratch_.records64.data(), rows, count_bits_, total64_, least}, features.data(),
                            int64_t(features.size()), best_);
    return best_.gain >= 0;
  }

  Divided divide(const NodeRows& node) const {
    const kernels::Division found =
        kernels_.divide_rows(table_, best_.feature, best_.cut, best_.missing_left, int64_t(node.rows.size()), node.rows.data(), node.units.data(),
                             scratch_.spare_rows.data(), scratch_.spare_units.data());
    Divided out;
    out.left = found.left, out.mass = found.mass, out.feature = best_.feature;
    // In the middle of the gap up to the next code of the node: as good on the training rows, fairer to rows in the gap.
    out.cut = found.next_code == kMissingCode ? best_.cut : uint16_t(best_.cut + (found.next_code - 1 - best_.cut) / 2);
    // Missing values that training did not see here go to the heavier side, left when equal.
    out.missing_left = found.misses ? best_.missing_left : 2 * found.mass.count >= node.mass.count;
    return out;
  }

 private:
  static uint32_t bits_of(uint64_t x) { return uint32_t(std::bit_width(x)); }

  kernels::LabelRange numbers_range(const NodeRows& node) const {
    return kernels_.label_range(training_.target.fixed.data(), node.rows.data(), node.units.data(), int64_t(node.rows.size()));
  }

  static kernels::LabelRange class_range(const kernels::Mass& mass) { return {int64_t(mass.marked), mass.marked == mass.count, mass.marked > 0}; }

  /// A node of equal labels has that label, to the last bit.
  double value_of(const NodeRows& node) const {
    const Target& target = training_.target;
    const double mean = double(range_.sum) / double(count_);
    if (classes_) return target.labels.num_classes == 1 ? 1.0 : mean;
    return range_.low == range_.high ? target.labels.values[node.rows[0]] : target.label_of(mean);
  }

  template <class Record, class FillClasses, class FillNumbers>
  Record fill(const NodeRows& node, std::vector<Record>& records, FillClasses fill_classes, FillNumbers fill_numbers) const {
    const int64_t rows = int64_t(node.rows.size());
    if (records.size() < node.rows.size()) records.resize(node.rows.size());
    if (!classes_)
      return fill_numbers(training_.target.fixed.data(), range_.low, shift_, count_bits_, node.rows.data(), node.units.data(), rows, records.data());
    fill_classes(node.units.data(), count_bits_, rows, records.data());
    return Record(range_.sum) << count_bits_ | Record(count_);
  }

  const Training& training_;
  Scratch& scratch_;
  const kernels::ForestKernels& kernels_;
  kernels::CodeTable table_;
  bool classes_;
  uint64_t count_ = 0;
  kernels::LabelRange range_{};
  kernels::Split best_;
  uint32_t count_bits_ = 0, shift_ = 0;
  bool narrow_ = false;
  uint32_t total32_ = 0;
  uint64_t total64_ = 0;
};

}  // namespace hayate::learn
