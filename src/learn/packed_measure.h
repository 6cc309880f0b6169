// Sums of count and of count * label in one integer a row. Labels are shifted right per node until the sums fit, so the
// resolution follows the node's own range of labels: an outlier costs precision only where it is.
#pragma once

#include <algorithm>
#include <bit>
#include <limits>

#include "kernels/forest_exact.h"
#include "learn/codes.h"
#include "learn/tree.h"

namespace hayate::learn {

class PackedMeasure {
 public:
  PackedMeasure(const Training& training, Scratch& scratch)
      : training_(training),
        scratch_(scratch),
        kernels_(kernels::forest_kernels()),
        table_(table_of(training)),
        ranks_{nullptr, training.matrix.num_rows, training.missing_ranks.data(), training.matrix.has_missing.data()},
        classes_(training.target.labels.problem == Problem::classification),
        picked_{scratch.picked.data()} {
    if (exact()) prepare_ranks();
  }

  /// How the units of a node of two classes are kept: in pairs as soon as these can hold its sums.
  kernels::Units units_of(const kernels::Mass& mass) const {
    return classes_ && mass.count <= kernels::kMostPaired ? kernels::Units::paired : kernels::Units::marked;
  }
  /// Turns the marked units of a node of this mass into what they are kept as.
  void pair_units(std::span<uint32_t> units, const kernels::Mass& mass) const {
    if (units_of(mass) == kernels::Units::paired) kernels_.class_records32(units.data(), kernels::kPairBits, int64_t(units.size()), units.data());
  }

  Totals enter(const NodeRows& node, double* value, double*) {
    count_ = node.mass.count;
    range_ = classes_ ? class_range(node.mass) : numbers_range(node);
    *value = value_of(node);
    return {count_, double(count_), range_.low == range_.high};
  }

  void prepare(const NodeRows& node) {
    // 12 bits of a label are enough to rank splits as well as all bits do; more are taken where they are free, and what is left of 16 in
    // nodes of few rows.
    constexpr uint32_t kEnough = 12;
    best_ = {}, picked_.width = 0;
    const uint32_t range = bits_of(uint64_t(range_.high - range_.low));
    count_bits_ = bits_of(count_);
    if (units_of(node.mass) == kernels::Units::paired) {
      narrow_ = true, count_bits_ = kernels::kPairBits, records32_ = node.units.data();
      total32_ = uint32_t(range_.sum) << count_bits_ | uint32_t(count_);
      return;
    }
    narrow_ = 2 * count_bits_ + std::min(range, kEnough) <= 32;
    const bool few = !exact() && node.rows.size() <= size_t(kernels::kFewRows) && count_ <= kernels::kFewCount;
    const uint32_t room = few ? kernels::kFewLabelBits - count_bits_ : (narrow_ ? 32 : 64) - 2 * count_bits_;
    shift_ = range > room ? range - room : 0;
    if (narrow_)
      total32_ = fill(node, scratch_.records32, kernels_.class_records32, kernels_.number_records32);
    else
      total64_ = fill(node, scratch_.records64, kernels_.class_records64, kernels_.number_records64);
    records32_ = scratch_.records32.data();
  }

  /// Looks at more features; true when some split is known.
  bool search(const NodeRows& node, std::span<const uint16_t> features) {
    constexpr size_t kMost = size_t(kernels::kMostSearched);
    for (; features.size() > kMost; features = features.subspan(kMost)) search_some(node, features.first(kMost));
    search_some(node, features);
    return best_.gain >= 0;
  }

  Divided divide(const NodeRows& node) const {
    const kernels::Division found = divide_rows(node, {best_.feature, best_.cut, best_.missing_left});
    if (units_of(node.mass) == kernels::Units::marked) {
      pair_units(node.units.first(size_t(found.left)), found.mass);
      pair_units(node.units.subspan(size_t(found.left)), {node.mass.count - found.mass.count, node.mass.marked - found.mass.marked});
    }
    Divided out;
    out.left = found.left, out.mass = found.mass, out.feature = best_.feature;
    // In the middle of the gap up to the next code of the node: as good on the training rows, fairer to rows in the gap.
    if (exact())
      out.threshold = threshold(found.next_code);
    else
      out.cut = found.next_code == kMissingCode ? best_.cut : uint16_t(best_.cut + (found.next_code - 1 - best_.cut) / 2);
    // Missing values that training did not see here go to the heavier side, left when equal.
    out.missing_left = found.misses ? best_.missing_left : 2 * found.mass.count >= node.mass.count;
    return out;
  }

 private:
  static kernels::CodeTable table_of(const Training& training) {
    const BinnedMatrix& matrix = training.matrix;
    const bool has_columns = !matrix.ranked && matrix.row_stride == 0;
    return {.rows = training.table,
            .stride = training.table_stride,
            .last_code = training.last_code.data(),
            .has_missing = matrix.has_missing.data(),
            .narrow = training.narrow,
            .columns = has_columns ? matrix.codes.data() : nullptr,
            .column_stride = matrix.stride,
            .num_rows = matrix.num_rows};
  }
  bool exact() const { return training_.matrix.ranked != nullptr; }

  void prepare_ranks() {
    const size_t most = size_t(*std::max_element(training_.missing_ranks.begin(), training_.missing_ranks.end())) + 1;
    ranks_.ranks = training_.matrix.ranked->ranks16.data();
    scratch_.rank_sums.resize(most), scratch_.ranks_present.resize((most + 63) / 64);
    scratch_.rank_left.resize(scratch_.sample.rows.size() + 16), scratch_.rank_codes.resize(scratch_.sample.rows.size() + 16);
  }
  kernels::RankScratch rank_scratch() const {
    return {scratch_.rank_sums.data(), scratch_.ranks_present.data(), scratch_.rank_left.data(), scratch_.rank_codes.data()};
  }

  void search_some(const NodeRows& node, std::span<const uint16_t> features) {
    const int64_t rows = int64_t(node.rows.size()), count = int64_t(features.size());
    const uint64_t least = uint64_t(training_.params.min_samples_leaf);
    const kernels::ExactKernels& on_ranks = kernels::exact_kernels();
    if (narrow_) {
      const kernels::PackedNode<uint32_t> packed{node.rows.data(), records32_, rows, count_bits_, total32_, least};
      if (exact())
        on_ranks.best_split32(ranks_, packed, features.data(), count, rank_scratch(), best_);
      else
        kernels_.best_split32(table_, packed, features.data(), count, picked_, best_);
    } else {
      const kernels::PackedNode<uint64_t> packed{node.rows.data(), scratch_.records64.data(), rows, count_bits_, total64_, least};
      if (exact())
        on_ranks.best_split64(ranks_, packed, features.data(), count, rank_scratch(), best_);
      else
        kernels_.best_split64(table_, packed, features.data(), count, best_);
    }
  }

  kernels::Division divide_rows(const NodeRows& node, const kernels::Test& test) const {
    const kernels::Units form = units_of(node.mass);
    const int64_t rows = int64_t(node.rows.size());
    if (exact())
      return kernels::exact_kernels().divide_rows(ranks_, test, form, rows, node.rows.data(), node.units.data(), scratch_.spare_rows.data(),
                                                  scratch_.spare_units.data());
    return kernels_.divide_rows(table_, picked_, test, form, rows, node.rows.data(), node.units.data(), scratch_.spare_rows.data(),
                                scratch_.spare_units.data());
  }

  /// The middle of the gap; infinity when only missing values go right.
  float threshold(uint16_t next) const {
    const std::span<const float> values = training_.matrix.ranked->values_of(best_.feature);
    return next == ranks_.missing[best_.feature] ? std::numeric_limits<float>::infinity() : cut_between(values[best_.cut], values[next]);
  }

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
  kernels::RankColumns ranks_;
  bool classes_;
  uint64_t count_ = 0;
  kernels::LabelRange range_{};
  kernels::Split best_;
  kernels::PickedCodes picked_;
  uint32_t count_bits_ = 0, shift_ = 0;
  bool narrow_ = false;
  uint32_t total32_ = 0;
  const uint32_t* records32_ = nullptr;
  uint64_t total64_ = 0;
};

}  // namespace hayate::learn
