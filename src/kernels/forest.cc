// See forest.h for what is computed. Up to eight features share one pass over the rows: the record is loaded once, and eight
// independent read-modify-writes hide each other's latency.
#include "kernels/forest.h"

#include "kernels/isa.h"

HAYATE_KERNELS_BEGIN
namespace {

constexpr int64_t kTogether = 8;
constexpr int64_t kBins = 256;

template <class Record>
struct GainOf;
template <>
struct GainOf<uint32_t> {
  using Signed = int32_t;
  using Float = float;
};
template <>
struct GainOf<uint64_t> {
  using Signed = int64_t;
  using Float = double;
};

/// The gain when `left` goes left, or -1 when a side is too small.
template <class Record>
double gain_of(const PackedNode<Record>& node, Record left) {
  using Signed = typename GainOf<Record>::Signed;
  using Float = typename GainOf<Record>::Float;
  const Record mask = (Record{1} << node.count_bits) - 1, right = node.total - left;
  const Record left_count = left & mask, right_count = right & mask;
  if (left_count < node.min_count || right_count < node.min_count) return -1;
  const Record left_sum = left >> node.count_bits, right_sum = right >> node.count_bits;
  const Float d = Float(Signed(right_count * left_sum - left_count * right_sum));
  return double(d * d / (Float(left_count) * Float(right_count)));
}

template <class Record>
void scan(const PackedNode<Record>& node, const Record* histogram, uint16_t feature, uint8_t last_code, bool may_miss, Split& best) {
  const Record missing = may_miss ? histogram[kBins - 1] : 0;
  const auto consider = [&](Record left, int cut, bool missing_left) {
    const double gain = gain_of(node, left);
    if (gain > best.gain) best = {gain, feature, uint8_t(cut), missing_left, missing != 0};
  };
  Record left = 0;
  for (int cut = 0; cut < last_code + (missing != 0 ? 1 : 0); ++cut) {
    left += histogram[cut];
    consider(left, cut, false);
    if (missing != 0 && cut < last_code) consider(left + missing, cut, true);
  }
}

template <class Record>
void count_rows(const CodeTable& table, const PackedNode<Record>& node, const uint16_t* features, int64_t together, Record (*histograms)[kBins]) {
  const uint8_t* columns[kTogether];
  for (int64_t k = 0; k < kTogether; ++k) columns[k] = table.codes + table.stride * features[k < together ? k : 0];
  for (int64_t i = 0; i < node.num_rows; ++i) {
    const int32_t row = node.rows[i];
    const Record record = node.records[i];
    for (int64_t k = 0; k < kTogether; ++k) histograms[k][columns[k][row]] += record;
  }
}

template <class Record>
void best_split(const CodeTable& table, const PackedNode<Record>& node, const uint16_t* features, int64_t num_features, Split& best) {
  alignas(64) Record histograms[kTogether][kBins];
  for (int64_t first = 0; first < num_features; first += kTogether) {
    const int64_t together = num_features - first < kTogether ? num_features - first : kTogether;
    for (int64_t k = 0; k < kTogether; ++k)
      for (int64_t bin = 0; bin < kBins; ++bin) histograms[k][bin] = 0;
    count_rows(table, node, features + first, together, histograms);
    for (int64_t k = 0; k < together; ++k) {
      const uint16_t feature = features[first + k];
      scan(node, histograms[k], feature, table.last_code[feature], table.has_missing[feature] != 0, best);
    }
  }
}

}  // namespace

extern const ForestKernels kForestKernels;
const ForestKernels kForestKernels = {best_split<uint32_t>, best_split<uint64_t>};

HAYATE_KERNELS_END
