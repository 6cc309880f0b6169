// From floats to ranks to codes.
//
// Two ways to the same codes. By values: sixteen columns are sorted side by side by a network, and codes are found by a search
// in registers: 2 to 3 ns a value for some hundred rows. By ranks: a column is sorted once, and a fold then needs no sorting
// and no float: it counts its training rows per rank, places the cuts, writes one table rank -> code and looks every row up in
// it: about 4 ns a value for each fold after 10 ns for the ranks.
//
// Even bins cost a forest AUC: where many features tell a little or nothing, exact training splits useless features close to
// their ends, which leaves the node nearly whole, and a bin of n / 64 rows takes that away (Ishwaran 2015, "The effect of
// splitting on random forests"). scikit-learn's AUC on 5000 x 160 (mean of two sets) is 0.807 on the values, 0.801 on their even
// bins, and 0.8055 on bins that become smaller towards both ends (Spread::ends), which forests therefore take.
//
// Cuts of long tables are placed by a sample of 16 rows a bin: one row at random from each of as many stretches of equal
// length. The sizes of bins then vary by a quarter, which no forest notices (AUC within 0.0008 on the sets of bench/forest),
// and placing cuts takes the same time for 5,000 rows and for a million. Features of few distinct values are looked at in full.
#include "hayate/binned.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>

#include "base/random.h"
#include "kernels/forest_bins.h"
#include "learn/codes.h"
#include "learn/cuts.h"
#include "learn/share.h"
#include "learn/stopped.h"

namespace hayate {

namespace learn {

float cut_between(float a, float b) {
  constexpr float kMost = std::numeric_limits<float>::max(), kInfinity = std::numeric_limits<float>::infinity();
  if (a == -kInfinity) return b == kInfinity ? 0.0f : -kInfinity;
  if (b == kInfinity) return kMost;
  const double middle = (double(a) + double(b)) / 2;
  float cut = float(middle);
  if (double(cut) > middle) cut = std::nextafter(cut, -kInfinity);
  return cut + 0.0f;
}

namespace {

/// What lies between value i and the one before it; NaN at infinite ones.
double gap_before(const SortedValues& values, int64_t i) { return double(values[i]) - double(values[i - 1]); }

/// Where the widest gap inside the values [begin, end) ends.
int64_t widest_gap(const SortedValues& values, int64_t begin, int64_t end) {
  int64_t widest = begin + 1;
  for (int64_t i = begin + 2; i < end; ++i)
    if (gap_before(values, i) > gap_before(values, widest)) widest = i;
  return widest;
}

/// Bins whose values lie apart, in two clusters, say: where a gap is wider than all else in its bin, the two beside it and the 16 rows on
/// either side, the nearer end of the bin that is no such gap itself moves there. `first`: of each bin, its first value, and then the number of values. Only bins wider than
/// their neighbours together are looked into.
void move_into_gaps(const SortedValues& values, std::span<int64_t> first) {
  constexpr int64_t kBeside = 16;  // of few rows some gap is wide by chance
  const size_t bins = first.size() - 1;
  for (size_t bin = 0; bin < bins; ++bin) {
    const int64_t begin = first[bin], end = first[bin + 1];
    const int64_t low = std::min(first[bin > 0 ? bin - 1 : 0], std::max<int64_t>(0, begin - kBeside));
    const int64_t high = std::max(first[std::min(bin + 2, bins)], std::min(first[bins], end + kBeside));
    const double half = (double(values[high - 1]) - double(values[low])) / 2;
    if (!(double(values[end - 1]) - double(values[begin]) > half)) continue;
    const int64_t at = widest_gap(values, begin, end);
    const double gap = gap_before(values, at);
    if (!(gap > half)) continue;
    const bool begin_moves = bin > 0 && 2 * gap_before(values, begin) < gap, end_moves = bin + 1 < bins && 2 * gap_before(values, end) < gap;
    if (begin_moves && (!end_moves || at - begin <= end - at))
      first[bin] = at;
    else if (end_moves)
      first[bin + 1] = at;
  }
}

}  // namespace

void place_cuts(const SortedValues& values, const Spacing& spacing, std::vector<float>& cuts) {
  const bool each = values.distinct <= spacing.max_bins;  // a bin for every value
  std::array<int64_t, size_t(kMaxBins) + 1> first;
  first[0] = 0;
  size_t bins = 1;
  while (bins < size_t(spacing.max_bins)) {
    const int64_t begin = first[bins - 1];
    int64_t end = begin + (each ? 1 : spacing.take(int(bins) - 1, values.count - begin));
    while (end < values.count && values[end] == values[end - 1]) ++end;
    if (end >= values.count) break;
    first[bins++] = end;
  }
  first[bins] = values.count;
  if (!each) move_into_gaps(values, std::span(first).first(bins + 1));
  for (size_t bin = 1; bin < bins; ++bin) cuts.push_back(cut_between(values[first[bin] - 1], values[first[bin]]));
}

void end_feature(BinnedMatrix& matrix, bool has_missing) {
  matrix.has_missing[size_t(matrix.cuts.num_features())] = has_missing;
  matrix.cuts.start.push_back(uint32_t(matrix.cuts.values.size()));
}

std::vector<CategoryCount> count_categories(std::vector<float> values) {
  std::sort(values.begin(), values.end());
  std::vector<CategoryCount> out;
  for (const float value : values) {
    if (out.empty() || out.back().value != value) out.push_back({value, 0});
    ++out.back().rows;
  }
  return out;
}

void place_categories(std::vector<CategoryCount> found, std::vector<float>& cuts) {
  std::sort(found.begin(), found.end(),
            [](const CategoryCount& a, const CategoryCount& b) { return a.rows != b.rows ? a.rows > b.rows : a.value < b.value; });
  if (found.size() > size_t(kMaxCategories)) found.resize(size_t(kMaxCategories));
  const size_t first = cuts.size();
  for (const CategoryCount& category : found) cuts.push_back(category.value);
  std::sort(cuts.begin() + ptrdiff_t(first), cuts.end());
}

uint8_t category_code(std::span<const float> known, float x) {
  const auto place = std::lower_bound(known.begin(), known.end(), x);
  return place != known.end() && *place == x ? uint8_t(place - known.begin()) : kMissingCode;
}

std::vector<int32_t> cut_rows(std::span<const int32_t> train_rows, int max_bins) {
  const int64_t rows = int64_t(train_rows.size()), wanted = std::max(1024, 16 * max_bins);
  if (2 * rows <= 3 * wanted) return {train_rows.begin(), train_rows.end()};
  std::vector<int32_t> sample(static_cast<size_t>(wanted));
  for (int64_t i = 0; i < wanted; ++i) {
    const int64_t begin = i * rows / wanted, end = (i + 1) * rows / wanted;
    sample[size_t(i)] = train_rows[size_t(begin) + random_below(0, uint64_t(i), uint32_t(end - begin))];
  }
  return sample;
}

Result<BinnedMatrix> begin_matrix(int64_t num_rows, int64_t num_features, std::span<const int32_t> train_rows, int max_bins,
                                  std::span<const std::string> names, std::span<const uint8_t> categorical) {
  if (max_bins < 2 || max_bins > kMaxBins)
    return usage_error(fmt::format("bins must be between 2 and {}, not {}", kMaxBins, max_bins), "bins", "bins=64");
  if (train_rows.empty()) return usage_error("no training rows", "bins", "give at least one row with a label");
  if (num_features > kMaxFeatures)
    return usage_error(fmt::format("{} features, a forest takes at most {}", num_features, kMaxFeatures), "features",
                       "choose features with --features");
  BinnedMatrix matrix;
  matrix.num_rows = num_rows, matrix.num_features = num_features;
  matrix.names.assign(names.begin(), names.end());
  matrix.has_missing.resize(size_t(num_features));
  if (std::find(categorical.begin(), categorical.end(), 1) != categorical.end()) matrix.categorical.assign(categorical.begin(), categorical.end());
  return matrix;
}

}  // namespace learn

using namespace learn;

AlignedBytes::AlignedBytes(size_t size) : AlignedBytes(unfilled(size)) { std::memset(bytes_.get(), 0, size); }

AlignedBytes AlignedBytes::unfilled(size_t size) {
  auto* bytes = static_cast<uint8_t*>(std::aligned_alloc(64, (size + 63) / 64 * 64 + 64));
  if (!bytes) throw std::bad_alloc();
  AlignedBytes out;
  out.bytes_.reset(bytes), out.size_ = size;
  return out;
}
void AlignedBytes::release(size_t first, size_t count) {
  const size_t page = size_t(::sysconf(_SC_PAGESIZE)), at = reinterpret_cast<size_t>(data()) + first;
  const size_t begin = (at + page - 1) / page * page, end = (at + count) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}
void AlignedBytes::Free::operator()(uint8_t* bytes) const { std::free(bytes); }

namespace {

/// Bits that order as the floats do; -0.0 becomes 0.0 first.
uint32_t order_bits(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x + 0.0f);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
float float_of(uint32_t order) { return std::bit_cast<float>(order & 0x80000000u ? order & 0x7FFFFFFFu : ~order); }

/// A value's order in the upper half, its row in the lower one.
using Keyed = uint64_t;
float value_of(Keyed k) { return float_of(uint32_t(k >> 32)); }
uint32_t row_of(Keyed k) { return uint32_t(k); }

/// Sorts one column: radix, 8 bits a pass, passes in which all values agree are skipped. NaN is left out.
class ColumnSorter {
 public:
  explicit ColumnSorter(const exec::Cancellation* cancel = nullptr) : cancel_(cancel) {}
  void start() { keyed_.clear(); }
  void add(float x, uint32_t row) {
    if (x == x) keyed_.push_back(uint64_t(order_bits(x)) << 32 | row);
  }
  const std::vector<Keyed>& sort() {
    uint32_t counts[4][256] = {};
    for (const Keyed k : keyed_)
      for (int pass = 0; pass < 4; ++pass) ++counts[pass][k >> (32 + 8 * pass) & 255];
    spare_.resize(keyed_.size());
    for (int pass = 0; pass < 4 && !keyed_.empty() && !stopped(cancel_); ++pass) {
      uint32_t* count = counts[pass];
      if (count[keyed_[0] >> (32 + 8 * pass) & 255] == keyed_.size()) continue;
      std::exclusive_scan(count, count + 256, count, 0u);
      for (const Keyed k : keyed_) spare_[count[k >> (32 + 8 * pass) & 255]++] = k;
      keyed_.swap(spare_);
    }
    return keyed_;
  }

 private:
  const exec::Cancellation* cancel_;
  std::vector<Keyed> keyed_, spare_;
};

/// Ranks of one column; appends its distinct values.
template <class Rank>
void rank_column(std::span<const float> column, Rank* ranks, std::vector<float>& distinct, ColumnSorter& sorter) {
  sorter.start();
  for (size_t row = 0; row < column.size(); ++row) sorter.add(column[row], uint32_t(row));
  const size_t before = distinct.size();
  for (const Keyed k : sorter.sort()) {
    if (distinct.size() == before || distinct.back() != value_of(k)) distinct.push_back(value_of(k));
    ranks[row_of(k)] = Rank(distinct.size() - before - 1);
  }
  const Rank missing = Rank(distinct.size() - before);
  for (size_t row = 0; row < column.size(); ++row)
    if (column[row] != column[row]) ranks[row] = missing;
}

struct TrainRows {
  std::span<const int32_t> all, for_cuts;
  bool sampled() const { return for_cuts.size() < all.size(); }
};

struct RankScratch {
  std::vector<uint32_t> counts;  ///< training rows of each rank
  std::vector<float> sorted;
  std::vector<uint8_t> code_of;  ///< code of each rank
};

/// The values of some rows, ascending; `scratch` says how often each rank is there.
template <class Rank>
SortedValues sort_by_ranks(const Rank* ranks, std::span<const float> values, std::span<const int32_t> rows, RankScratch& scratch) {
  scratch.counts.assign(values.size() + 1, 0);
  for (const int32_t row : rows) ++scratch.counts[ranks[row]];
  scratch.sorted.clear();
  int64_t distinct = 0;
  for (size_t r = 0; r < values.size(); ++r) {
    scratch.sorted.insert(scratch.sorted.end(), scratch.counts[r], values[r]);
    distinct += scratch.counts[r] > 0;
  }
  return {scratch.sorted.data(), 1, int64_t(scratch.sorted.size()), distinct};
}

template <class Rank>
void bin_column(const Rank* ranks, std::span<const float> values, const TrainRows& rows, const Spacing& spacing, bool categorical,
                RankScratch& scratch, BinnedMatrix& matrix) {
  const int64_t feature = matrix.cuts.num_features();
  SortedValues sorted = sort_by_ranks(ranks, values, categorical ? rows.all : rows.for_cuts, scratch);
  if (!categorical && rows.sampled() && sorted.distinct <= spacing.max_bins) sorted = sort_by_ranks(ranks, values, rows.all, scratch);
  if (categorical)
    place_categories(count_categories(scratch.sorted), matrix.cuts.values);
  else
    place_cuts(sorted, spacing, matrix.cuts.values);
  end_feature(matrix, false);
  const std::span<const float> cuts = matrix.cuts.of(feature);
  scratch.code_of.resize(values.size() + 1);
  size_t code = 0;
  for (size_t r = 0; r < values.size(); ++r) {
    while (code < cuts.size() && cuts[code] < values[r]) ++code;
    scratch.code_of[r] = categorical ? category_code(cuts, values[r]) : uint8_t(code);
  }
  scratch.code_of[values.size()] = kMissingCode;
  // Rare categories are coded as missing, too.
  matrix.has_missing[size_t(feature)] =
      std::any_of(rows.all.begin(), rows.all.end(), [&](int32_t row) { return scratch.code_of[ranks[row]] == kMissingCode; });
  uint8_t* out = matrix.codes.data() + feature * matrix.stride;
  for (int64_t row = 0; row < matrix.num_rows; ++row) out[row] = scratch.code_of[ranks[row]];
}

/// Zeroes alone would take 20 ms where codes are 50 MB, so only what stands behind the codes of a column is zeroed.
void make_room_for_codes(BinnedMatrix& matrix) {
  matrix.stride = (matrix.num_rows + 63) / 64 * 64;
  matrix.codes = AlignedBytes::unfilled(size_t(matrix.stride * matrix.num_features));
  for (int64_t feature = 0; feature < matrix.num_features; ++feature)
    std::fill(matrix.codes.data() + feature * matrix.stride + matrix.num_rows, matrix.codes.data() + (feature + 1) * matrix.stride, uint8_t{0});
}

/// Cells that are coded between two looks at whether to go on: less than a millisecond.
constexpr int64_t kCellsAtOnce = 250'000;

/// Codes of the rows [first, first + count), which are a multiple of 64 but at the end.
void code_part(const FloatColumns& raw, int64_t first, int64_t count, const exec::Cancellation* cancel, BinnedMatrix& matrix) {
  const int64_t step = std::max<int64_t>(1, kCellsAtOnce / std::max<int64_t>(1, raw.num_features) / 64) * 64;
  for (const int64_t end = first + count; first < end && !stopped(cancel); first += step)
    code_columns(matrix.cuts, {raw.data + first, std::min(step, end - first), raw.num_features, raw.stride}, matrix.codes.data() + first,
                 matrix.stride);
}

struct CutScratch {
  ColumnSorter sorter{};
  std::vector<kernels::SortedRow> tile;
  std::vector<float> sorted;
};

SortedValues sort_values(const float* column, std::span<const int32_t> rows, CutScratch& scratch) {
  scratch.sorter.start();
  for (size_t i = 0; i < rows.size(); ++i) scratch.sorter.add(column[rows[i]], uint32_t(i));
  std::vector<float>& sorted = scratch.sorted;
  sorted.clear();
  int64_t distinct = 0;
  for (const Keyed k : scratch.sorter.sort()) {
    sorted.push_back(value_of(k));
    distinct += sorted.size() == 1 || sorted.back() != sorted[sorted.size() - 2];
  }
  return {sorted.data(), 1, int64_t(sorted.size()), distinct};
}

/// Cuts of a feature by the values of rows.for_cuts; when these are few, by those of all rows.
void cut_feature(const float* column, const TrainRows& rows, SortedValues sorted, const Spacing& spacing, CutScratch& scratch, BinnedMatrix& matrix) {
  if (rows.sampled() && sorted.distinct <= spacing.max_bins) sorted = sort_values(column, rows.all, scratch);
  place_cuts(sorted, spacing, matrix.cuts.values);
  end_feature(matrix, false);
}

/// Cuts of the next feature, or of up to sixteen of them whose rows are sorted side by side.
void cut_features(const FloatColumns& raw, const TrainRows& rows, const Spacing& spacing, CutScratch& scratch, BinnedMatrix& matrix) {
  constexpr size_t kMostTogether = 2048;  // rows up to which sorting side by side is the faster way
  const int64_t first = matrix.cuts.num_features(), count = int64_t(rows.for_cuts.size());
  if (rows.for_cuts.size() > kMostTogether) {
    return cut_feature(raw.column(first), rows, sort_values(raw.column(first), rows.for_cuts, scratch), spacing, scratch, matrix);
  }
  int64_t together = 1;
  while (together < kernels::kSortedTogether && first + together < raw.num_features && !is_categorical(matrix.categorical, first + together))
    ++together;
  scratch.tile.resize(size_t(count));
  const kernels::SortedCounts counts =
      kernels::bin_kernels().sort_columns(raw.column(first), raw.stride, together, rows.for_cuts.data(), count, scratch.tile.data());
  for (int64_t c = 0; c < together; ++c) {
    const SortedValues sorted{&scratch.tile[0].of[c], kernels::kSortedTogether, counts.present[c], counts.distinct[c]};
    cut_feature(raw.column(first + c), rows, sorted, spacing, scratch, matrix);
  }
}

/// Whether a training row misses a value; most columns have none at all.
bool some_row_misses(const BinnedMatrix& matrix, int64_t feature, std::span<const float> column, std::span<const int32_t> train_rows) {
  const uint8_t* codes = matrix.codes.data() + feature * matrix.stride;
  if (!std::memchr(codes, kMissingCode, column.size())) return false;
  return std::any_of(train_rows.begin(), train_rows.end(), [&](int32_t row) { return codes[row] == kMissingCode; });
}

/// The same for one feature of categories.
void cut_categories(const float* column, std::span<const int32_t> train_rows, BinnedMatrix& matrix) {
  std::vector<float> values;
  for (const int32_t row : train_rows)
    if (column[row] == column[row]) values.push_back(column[row] + 0.0f);
  place_categories(count_categories(std::move(values)), matrix.cuts.values);
  end_feature(matrix, false);
}

/// The ranks of a feature's known categories among themselves; those of other values become that of missing ones.
template <class Rank>
void keep_categories(std::span<const float> values, std::span<const float> known, std::span<Rank> ranks) {
  std::vector<Rank> rank_of(values.size() + 1, Rank(known.size()));
  for (size_t r = 0; r < values.size(); ++r)
    if (const auto place = std::lower_bound(known.begin(), known.end(), values[r]); place != known.end() && *place == values[r])
      rank_of[r] = Rank(place - known.begin());
  for (Rank& rank : ranks) rank = rank_of[rank];
}

/// The ranks of one feature.
template <class Rank>
std::span<Rank> ranks_of(std::vector<Rank>& ranks, const RankedMatrix& matrix, int64_t feature) {
  return std::span(ranks).subspan(size_t(feature * matrix.num_rows), size_t(matrix.num_rows));
}

/// How often each value of a feature is there in `rows`.
std::vector<CategoryCount> count_ranks(const RankedMatrix& ranked, int64_t feature, std::span<const int32_t> rows) {
  const std::span<const float> values = ranked.values_of(feature);
  std::vector<CategoryCount> counts;
  for (const float value : values) counts.push_back({value, 0});
  counts.push_back({0, 0});  // missing
  const size_t begin = size_t(feature * ranked.num_rows);
  for (const int32_t row : rows) ++counts[ranked.ranks16.empty() ? ranked.ranks32[begin + size_t(row)] : ranked.ranks16[begin + size_t(row)]].rows;
  counts.pop_back();
  std::erase_if(counts, [](const CategoryCount& c) { return c.rows == 0; });
  return counts;
}

/// The matrix itself, or, where a feature has more categories than a model knows, a copy with those that are the most frequent among
/// `train_rows`; the others are missing in it.
std::shared_ptr<const RankedMatrix> with_known_categories(std::shared_ptr<const RankedMatrix> ranked, std::span<const int32_t> train_rows,
                                                          std::span<const uint8_t> categorical) {
  const auto too_many = [&](int64_t f) { return is_categorical(categorical, f) && ranked->values_of(f).size() > size_t(kMaxCategories); };
  bool any = false;
  for (int64_t f = 0; f < ranked->num_features; ++f) any = any || too_many(f);
  if (!any) return ranked;
  auto out = std::make_shared<RankedMatrix>(*ranked);
  out->distinct.clear(), out->distinct_start = {0};
  for (int64_t f = 0; f < ranked->num_features; ++f) {
    const std::span<const float> values = ranked->values_of(f);
    std::vector<float> known;
    if (too_many(f)) {
      place_categories(count_ranks(*ranked, f, train_rows), known);
      if (ranked->ranks16.empty())
        keep_categories(values, known, ranks_of(out->ranks32, *ranked, f));
      else
        keep_categories(values, known, ranks_of(out->ranks16, *ranked, f));
    }
    const std::span<const float> kept = too_many(f) ? std::span<const float>(known) : values;
    out->distinct.insert(out->distinct.end(), kept.begin(), kept.end());
    out->distinct_start.push_back(out->distinct.size());
  }
  return out;
}

}  // namespace

RankedMatrix rank_columns(const FloatColumns& raw, const exec::Cancellation* cancel) {
  assert(raw.num_rows < int64_t{1} << 31);
  RankedMatrix out{raw.num_rows, raw.num_features, {}, {}, {0}, {}, {raw.names.begin(), raw.names.end()}};
  const bool small = raw.num_rows < 65'536;
  // Room for all, but pages are touched a column at a time: 100 MB of zeros take 40 ms, in which nobody would look whether to go on.
  const size_t cells = size_t(raw.num_rows * raw.num_features);
  (small ? out.ranks16.reserve(cells) : out.ranks32.reserve(cells)), out.distinct.reserve(cells);
  ColumnSorter sorter(cancel);
  for (int64_t feature = 0; feature < raw.num_features && !stopped(cancel); ++feature) {
    const std::span<const float> column(raw.column(feature), size_t(raw.num_rows));
    const size_t begin = size_t(feature * raw.num_rows);
    (small ? out.ranks16.resize(begin + column.size()) : out.ranks32.resize(begin + column.size()));
    if (small)
      rank_column(column, out.ranks16.data() + begin, out.distinct, sorter);
    else
      rank_column(column, out.ranks32.data() + begin, out.distinct, sorter);
    out.distinct_start.push_back(out.distinct.size());
  }
  return out;
}

Result<BinnedMatrix> bin_columns(const RankedMatrix& ranked, std::span<const int32_t> train_rows, int max_bins, std::span<const uint8_t> categorical,
                                 Spread spread) {
  HY_TRY(BinnedMatrix matrix, begin_matrix(ranked.num_rows, ranked.num_features, train_rows, max_bins, ranked.names, categorical));
  make_room_for_codes(matrix);
  const std::vector<int32_t> for_cuts = cut_rows(train_rows, max_bins);
  const TrainRows rows{train_rows, for_cuts};
  RankScratch scratch;
  for (int64_t feature = 0; feature < ranked.num_features; ++feature) {
    const size_t begin = size_t(feature * ranked.num_rows);
    const std::span<const float> values = ranked.values_of(feature);
    const bool of_categories = is_categorical(categorical, feature);
    if (!ranked.ranks16.empty())
      bin_column(ranked.ranks16.data() + begin, values, rows, {max_bins, spread}, of_categories, scratch, matrix);
    else
      bin_column(ranked.ranks32.data() + begin, values, rows, {max_bins, spread}, of_categories, scratch, matrix);
  }
  return matrix;
}

Result<BinnedMatrix> exact_columns(std::shared_ptr<const RankedMatrix> ranked, std::span<const int32_t> train_rows,
                                   std::span<const uint8_t> categorical, const exec::Cancellation* cancel) {
  HY_TRY(BinnedMatrix matrix, begin_matrix(ranked->num_rows, ranked->num_features, train_rows, kMaxBins, ranked->names, categorical));
  ranked = with_known_categories(std::move(ranked), train_rows, categorical);
  for (int64_t feature = 0; feature < ranked->num_features; ++feature) {
    if (stopped(cancel)) return stopped_error("bins");
    const std::span<const float> values = ranked->values_of(feature);
    const auto misses = [&](const auto& ranks) {
      return std::any_of(train_rows.begin(), train_rows.end(),
                         [&](int32_t row) { return ranks[size_t(feature * ranked->num_rows + row)] == values.size(); });
    };
    // Ranks are the codes of categories too, so all values of the table are categories.
    if (is_categorical(categorical, feature)) matrix.cuts.values.insert(matrix.cuts.values.end(), values.begin(), values.end());
    end_feature(matrix, ranked->ranks16.empty() ? misses(ranked->ranks32) : misses(ranked->ranks16));
  }
  matrix.ranked = std::move(ranked);
  return matrix;
}

Result<BinnedMatrix> bin_values(const FloatColumns& raw, std::span<const int32_t> train_rows, int max_bins, std::span<const uint8_t> categorical,
                                Spread spread, exec::Pool* pool, const exec::Cancellation* cancel) {
  HY_TRY(BinnedMatrix matrix, begin_matrix(raw.num_rows, raw.num_features, train_rows, max_bins, raw.names, categorical));
  make_room_for_codes(matrix);
  const std::vector<int32_t> for_cuts = cut_rows(train_rows, max_bins);
  const TrainRows rows{train_rows, for_cuts};
  CutScratch scratch;
  while (matrix.cuts.num_features() < raw.num_features) {
    if (stopped(cancel)) return stopped_error("bins");
    if (const int64_t feature = matrix.cuts.num_features(); is_categorical(categorical, feature))
      cut_categories(raw.column(feature), train_rows, matrix);
    else
      cut_features(raw, rows, {max_bins, spread}, scratch, matrix);
  }
  share_rows(raw.num_rows, pool, [&](int64_t first, int64_t count) { code_part(raw, first, count, cancel, matrix); });
  for (int64_t feature = 0; feature < raw.num_features; ++feature) {
    if (stopped(cancel)) return stopped_error("bins");
    const std::span<const float> column(raw.column(feature), size_t(raw.num_rows));
    uint8_t* codes = matrix.codes.data() + feature * matrix.stride;
    for (size_t row = 0; row < column.size() && is_categorical(categorical, feature); ++row)
      codes[row] = category_code(matrix.cuts.of(feature), column[row]);
    matrix.has_missing[size_t(feature)] = some_row_misses(matrix, feature, column, train_rows);
  }
  return matrix;
}

}  // namespace hayate
