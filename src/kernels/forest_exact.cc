// Exact splits of a node without sorting it. A feature's ranks are few bits more than bins are, so records are added up in a
// histogram of all ranks, and a bit remembers which of them the node has. Walking the bits gives the node's own codes in order,
// their running sums side by side (sixteen gains at a time follow), and leaves zeros behind for the next feature: the cost
// follows the rows of the node, not the ranks of the table. About 2 ns a row and feature, a tenth of a radix sort's.
//
// Up to 64 rows a lane per row compares itself with all rows instead, as forest.h does up to 16.
#include "kernels/forest_exact.h"

#include "kernels/forest_search.h"

HAYATE_KERNELS_BEGIN
namespace {

constexpr uint32_t kNone = 0xFFFF;  // the code of a missing value, whatever the feature
constexpr int kCompared = 64;       // rows of a node that are compared with each other

struct Column {
  const uint16_t* ranks;
  uint16_t missing;
  uint32_t raw(int32_t row) const { return ranks[row]; }
  uint32_t code(int32_t row) const { return ranks[row] == missing ? kNone : ranks[row]; }
  void map(uint32_t* codes, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) codes[i] = codes[i] == missing ? kNone : codes[i];
  }
};

/// What search_small() reads.
struct RankCodes {
  static constexpr bool kMapped = false;
  const RankColumns& columns;
  const uint8_t* has_missing;
  Column column(uint16_t feature) const { return {columns.ranks + feature * columns.stride, columns.missing[feature]}; }
};

/// Sixteen candidates of one feature against all rows of the node.
template <bool kMisses>
void search_against(const uint32_t* own_codes, const uint32_t* codes, const PackedNode<uint32_t>& node, uint32_t place, Search32& search) {
  for (int part = 0; part < kParts; ++part) {
    const U32 own = load(own_codes + part * kLanes);
    U32 left = {}, missing = {};
    for (int i = 0; i < int(node.num_rows); ++i) {
      const U32 code = splat(codes[i]);
      left = own >= code ? left + node.records[i] : left;
      if (kMisses) missing = code == kNone ? missing + node.records[i] : missing;
    }
    const U32 rank = splat(rank_of(place, 0, 0)) + (own << 1);
    search.consider(part, left, rank);
    if (kMisses) search.consider(part, own == kNone ? left : left + missing, rank + 1);
  }
}

void search_compared(const RankCodes& ranks, const PackedNode<uint32_t>& node, const uint16_t* features, int64_t num_features, Search32& search) {
  alignas(64) uint32_t codes[kCompared];
  for (int i = 0; i < kCompared; ++i) codes[i] = kNone;
  for (int64_t k = 0; k < num_features; ++k) {
    const Column column = ranks.column(features[k]);
    for (int64_t i = 0; i < node.num_rows; ++i) codes[i] = column.code(node.rows[i]);
    const auto against = ranks.has_missing[features[k]] ? search_against<true> : search_against<false>;
    for (int64_t i = 0; i < node.num_rows; i += 16) against(codes + i, codes, node, uint32_t(k), search);
  }
}

/// The node's codes of a feature in order, with running sums of the records up to each.
template <class Record>
struct Ordered {
  typedef Record Stored __attribute__((may_alias));  // the scratch holds records of both widths
  Stored* left;
  uint32_t* codes;
  int64_t count = 0;
  Record missing = 0;

  Ordered(const Column& column, const PackedNode<Record>& node, const RankScratch& scratch)
      : left(reinterpret_cast<Stored*>(scratch.left)), codes(scratch.codes) {
    Stored* sums = reinterpret_cast<Stored*>(scratch.sums);
    for (int64_t i = 0; i < node.num_rows; ++i) {
      const uint32_t rank = column.ranks[node.rows[i]];
      sums[rank] += node.records[i];
      scratch.present[rank / 64] |= uint64_t{1} << rank % 64;
    }
    Record running = 0;
    for (uint32_t word = 0; word <= column.missing / 64u; ++word) {
      uint64_t bits = scratch.present[word];
      if (bits == 0) continue;
      scratch.present[word] = 0;
      for (; bits != 0; bits &= bits - 1) {
        const uint32_t rank = word * 64 + uint32_t(__builtin_ctzll(bits));
        running += sums[rank], sums[rank] = 0;
        left[count] = running, codes[count] = rank;
        ++count;
      }
    }
    if (codes[count - 1] != column.missing) return;
    --count;
    missing = count > 0 ? running - left[count - 1] : running;
  }
};

/// Gains of sixteen cuts at a time; `top`, the best so far, rules out most of them by a product.
template <bool kMisses>
void search_ordered(Ordered<uint32_t>& ordered, uint32_t place, float& top, Search32& search) {
  // Lanes behind the last cut repeat it.
  for (int i = 0; i < 16; ++i)
    ordered.left[ordered.count + i] = ordered.left[ordered.count - 1], ordered.codes[ordered.count + i] = ordered.codes[ordered.count - 1];
  const U32 missing = splat(ordered.missing), first = splat(rank_of(place, 0, 0));
  bool taken = false;
  for (int64_t i = 0; i < ordered.count; i += 16)
    for (int part = 0; part < kParts; ++part) {
      const U32 left = load_unaligned(ordered.left + i + part * kLanes), rank = first + (load_unaligned(ordered.codes + i + part * kLanes) << 1);
      const Search32::Quotient q = search.quotient(left);
      if (!kMisses && !any_reaches(q.square, q.sides * Search32::bound(top))) continue;
      taken = true;
      search.take(part, q, left, rank);
      if (kMisses) search.consider(part, left + missing, rank + 1);
    }
  if (taken) top = search.best().gain;
}

void best_split32(const RankColumns& columns, const PackedNode<uint32_t>& node, const uint16_t* features, int64_t num_features,
                  const RankScratch& scratch, Split& best) {
  const RankCodes ranks{columns, columns.has_missing};
  if (search_small<kNone>(ranks, node, features, num_features, best)) return;
  Search32 search(node);
  if (node.num_rows <= kCompared) {
    search_compared(ranks, node, features, num_features, search);
    take_found(search.best(), features, best);
    return;
  }
  float top = -1;
  for (int64_t k = 0; k < num_features; ++k) {
    Ordered<uint32_t> ordered(ranks.column(features[k]), node, scratch);
    if (ordered.count == 0) continue;
    (ordered.missing ? search_ordered<true> : search_ordered<false>)(ordered, uint32_t(k), top, search);
  }
  take_found(search.best(), features, best);
}

void best_split64(const RankColumns& columns, const PackedNode<uint64_t>& node, const uint16_t* features, int64_t num_features,
                  const RankScratch& scratch, Split& best) {
  const RankCodes ranks{columns, columns.has_missing};
  for (int64_t k = 0; k < num_features; ++k) {
    const Ordered<uint64_t> ordered(ranks.column(features[k]), node, scratch);
    const auto consider = [&](uint64_t left, uint32_t cut, bool missing_left) {
      const double gain = gain64(node, left);
      if (gain > best.gain) best = {gain, features[k], uint16_t(cut), missing_left};
    };
    for (int64_t i = 0; i < ordered.count; ++i) {
      consider(ordered.left[i], ordered.codes[i], false);
      if (ordered.missing) consider(ordered.left[i] + ordered.missing, ordered.codes[i], true);
    }
  }
}

Division divide_rows(const RankColumns& columns, const Test& test, Units form, int64_t num_rows, int32_t* rows, uint32_t* units, int32_t* spare_rows,
                     uint32_t* spare_units) {
  const uint16_t* ranks = columns.ranks + test.feature * columns.stride;
  const uint16_t missing = columns.missing[test.feature];
  const uint32_t mask = form == Units::paired ? ~0u : ~kMark;
  int64_t left = 0, right = 0;
  uint64_t count = 0, marked = 0;
  uint16_t next = missing;
  bool misses = false;
  for (int64_t i = 0; i < num_rows; ++i) {
    const int32_t row = rows[i];
    const uint32_t unit = units[i];
    const uint16_t rank = ranks[row];
    const bool goes_right = rank == missing ? !test.missing_left : rank > test.cut;
    rows[left] = row, units[left] = unit;
    spare_rows[right] = row, spare_units[right] = unit;
    left += !goes_right, right += goes_right;
    const uint64_t counted = goes_right ? 0 : unit & mask;
    count += counted, marked += unit & kMark ? counted : 0;
    next = goes_right && rank < next ? rank : next;
    misses |= rank == missing;
  }
  for (int64_t i = 0; i < right; ++i) rows[left + i] = spare_rows[i], units[left + i] = spare_units[i];
  return {left, mass_of(form, count, marked), next, misses};
}

}  // namespace

extern const ExactKernels kExactKernels;
const ExactKernels kExactKernels = {best_split32, best_split64, divide_rows};

HAYATE_KERNELS_END
