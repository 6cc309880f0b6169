// See forest.h for what is computed. How it is computed depends on the number of distinct rows in the node, never what:
//
// - More rows than the ways below take: histograms. Up to eight features share one pass over the rows: the record is loaded once, and eight
//   independent read-modify-writes hide each other's latency. Then running sums in vectors and, for all features before any is chosen, rough gains
//   of 16 cuts at a time (Search32::rough()): 13 ns a feature of 64 bins, as fast as the vector units take them. Gains by division follow for the
//   one feature, mostly, that reaches the largest: 17 ns. With AVX-512 VBMI the codes are brought together first (forest_picked.h) and counting
//   costs its stores alone, one a cycle: 0.275 ns an update at 3.6 GHz.
//   Of 8.1 ms at 2000 x 60 (8.1 million updates in 16,150 nodes that are searched, and 16,280 leaves) 1.9 are counting, 0.9 bringing codes together
//   (1.2 million rows), 1.0 sums and gains, 0.7 dividing rows (43 ns a node), 1.0 nodes of few rows, 0.3 drawing features, 0.9 what a node costs
//   beside these, 0.6 cuts and codes, 0.3 drawing rows. A loop over a node's rows ends in a branch that is guessed wrong (5 ns), so that 72 rows
//   take 20 ns more than their number; that is why 0.7 ns a row of bringing together are 0.45 in a long loop. At 5000 x 160 a row lies in three
//   lines, and bringing together takes a quarter of the time: what the second cache gives, three cycles a line. Six bits a code would make two
//   lines of three.
//   Tried and not faster: permuting and counting a row in one loop or in blocks of few rows (0.37 to 0.85 ns an update), histograms that take
//   turns where eight features share a pass, running sums kept in vectors, a row adding what its code adds to every bin (0.54 ns an update: this
//   core loads half a vector of 64 bytes a cycle), fetching the lines of the next 256 rows while these are counted (10 % of both by itself,
//   nothing in a forest), one reduction for gain and rank instead of two. Growing depth-first, or whole subtrees whose codes fit the first cache
//   before the next: 1 to 3 % less at 10240 x 64, 4 to 5 % more at 2000 x 60, where a node's search then waits for the division that made it.
// - Up to 32, with AVX-512 VBMI: every row's code is compared with every other's, 64 candidates at a time in bytes (forest_few.h).
// - Up to 16 elsewhere: no histogram. The codes of the rows are the candidate cuts: a lane per candidate, one compare and one masked
//   add per row. Nodes of 8 and of 4 rows look at two and at four features at once in one vector.
// - Two rows: every feature that tells them apart has the same gain, so the first one is the answer.
//
// The best gain is kept in each of 16 lanes over all features of the node; lanes are compared once at the end. Sixteen lanes
// are one, two or four vectors of the compiler, as the instruction set has them. A lane's candidates come in ascending
// (feature, cut, direction) and the end takes the smallest of equal gains, so nothing of this shows in the result.
#include "kernels/forest.h"

#include "base/random.h"
#include "kernels/byte_vectors.h"
#include "kernels/forest_few.h"
#include "kernels/forest_search.h"

HAYATE_KERNELS_BEGIN
namespace {

constexpr int64_t kTogether = 8;     // features that one pass over the rows counts
constexpr int64_t kHistograms = 16;  // features that are counted before they are searched
constexpr int64_t kAhead = 12;       // rows that are fetched before they are counted
constexpr int kBins = 256;
constexpr uint32_t kMissing = 255;

// ---- histograms

/// Stores of vectors: g++ makes a memset of a plain loop, and of that `rep stos`, which takes 20 ns to begin.
template <class Record>
inline void clear_block(Record* bins) {
  uint32_t* words = reinterpret_cast<uint32_t*>(bins);
  constexpr int kQuarter = 16 * sizeof(Record) / sizeof(uint32_t);
  for (int word = 0; word < kQuarter; word += kLanes)
    for (int quarter = 0; quarter < 4; ++quarter) *reinterpret_cast<StoredU32*>(words + quarter * kQuarter + word) = U32{};
}

template <class Record>
void clear(Record* histogram, int last_code, bool may_miss) {
  for (int block = 0; block <= last_code; block += 64) clear_block(histogram + block);
  if (may_miss) histogram[kMissing] = 0;
}

/// A histogram of `feature` alone.
template <int kApart, class Record>
inline void clear_feature(const CodeTable& table, uint16_t feature, Record* histogram) {
  if constexpr (kApart == 64)
    clear_block(histogram);
  else
    clear(histogram, table.last_code[feature], table.has_missing[feature] != 0);
}

/// Whether `count` features of a node are read by columns: it has more rows than a cache near by holds lines of the table for, and so many of the
/// table's that these columns, read one line after the other as memory likes it, are not much longer than those lines. 1,000,000 x 28, five
/// features a node, 20 trees: 2.23 s without columns, 1.12 with rows up to 16 apart, 1.01 with 32, 0.93 with 64.
inline bool reads_columns(const CodeTable& table, int64_t num_rows, int64_t count) {
  return table.columns && num_rows > 8192 && num_rows * (5 * 64) >= table.num_rows * count;
}
constexpr int kColumns = -1;  // in the place of a number of lines, or of the bytes of picked codes

/// A histogram by codes becomes one by places.
template <class Record>
void move_to_places(Record* histogram, int last_code) {
  for (int block = 0; block <= last_code; block += 64) {
    Record by_code[64];
    __builtin_memcpy(by_code, histogram + block, sizeof by_code);
    for (uint8_t code = 0; code < 64; ++code) histogram[block + scan_place(code)] = by_code[code];
  }
}

/// Fetches what the features of a row lie in: kLines lines; 0: so many that each feature is fetched by itself; columns come by themselves.
template <int kCount, int kLines>
inline void fetch_row(const uint8_t* places, const int64_t* offsets, int64_t first_line) {
  for (int line = 0; line < kLines; ++line) __builtin_prefetch(places + first_line + 64 * line);
  for (int k = 0; k < kCount && kLines == 0; ++k) __builtin_prefetch(places + offsets[k]);
}

/// Histogram k is at k * kApart.
template <class Record, int kCount, int kApart, int kLines>
void count_features(const CodeTable& table, const PackedNode<Record>& node, const uint16_t* features, int64_t first_line, Record* histograms) {
  const uint8_t* const first = kLines == kColumns ? table.columns : table.rows;
  const int64_t stride = kLines == kColumns ? 1 : table.stride, feature_stride = kLines == kColumns ? table.column_stride : 1;
  int64_t offsets[kCount];
  for (int k = 0; k < kCount; ++k) offsets[k] = feature_stride * features[k];
  const auto count_row = [&](int64_t i) {
    const uint8_t* places = first + stride * node.rows[i];
    const Record record = node.records[i];
    for (int k = 0; k < kCount; ++k) histograms[k * kApart + places[offsets[k]]] += record;
  };
  int64_t i = 0;
  for (; i < node.num_rows - kAhead && kLines != kColumns; ++i) {
    fetch_row<kCount, kLines>(first + stride * node.rows[i + kAhead], offsets, first_line);
    count_row(i);
  }
  for (; i < node.num_rows; ++i) count_row(i);
}

/// One feature by itself, whose records would wait for each other: four histograms take turns.
template <class Record, int kApart>
void count_alone(const CodeTable& table, const PackedNode<Record>& node, uint16_t feature, Record* histogram) {
  alignas(64) Record turns[4][kApart];
  for (int t = 0; t < 4; ++t)
    for (int block = 0; block < kApart; block += 64) clear_block(turns[t] + block);
  const bool by_column = reads_columns(table, node.num_rows, 1);
  const uint8_t* const column = by_column ? table.columns + table.column_stride * feature : table.rows + feature;
  const int64_t stride = by_column ? 1 : table.stride;
  int64_t i = 0;
  for (; i < node.num_rows - 3; i += 4) {
    __builtin_prefetch(column + stride * node.rows[i + 4 * kAhead < node.num_rows ? i + 4 * kAhead : i]);
    for (int t = 0; t < 4; ++t) turns[t][column[stride * node.rows[i + t]]] += node.records[i + t];
  }
  for (; i < node.num_rows; ++i) turns[0][column[stride * node.rows[i]]] += node.records[i];
  for (int bin = 0; bin < kApart; ++bin) histogram[bin] = (turns[0][bin] + turns[1][bin]) + (turns[2][bin] + turns[3][bin]);
  if (by_column) move_to_places(histogram, table.last_code[feature]);
}

template <class Record, int kApart, int kLines>
struct Counting {
  static constexpr void (*of[kTogether])(const CodeTable&, const PackedNode<Record>&, const uint16_t*, int64_t, Record*) = {
      count_features<Record, 1, kApart, kLines>, count_features<Record, 2, kApart, kLines>, count_features<Record, 3, kApart, kLines>,
      count_features<Record, 4, kApart, kLines>, count_features<Record, 5, kApart, kLines>, count_features<Record, 6, kApart, kLines>,
      count_features<Record, 7, kApart, kLines>, count_features<Record, 8, kApart, kLines>};
};

/// `count` is 1 .. kTogether.
template <class Record, int kApart>
void fill_histograms(const CodeTable& table, const PackedNode<Record>& node, const uint16_t* features, int64_t count, Record* histograms) {
  if (count == 1 && node.num_rows > 4 * kApart) return count_alone<Record, kApart>(table, node, features[0], histograms);
  uint16_t first = features[0], last = first;
  for (int64_t k = 0; k < count; ++k) {
    const uint16_t feature = features[k];
    first = feature < first ? feature : first, last = feature > last ? feature : last;
    clear_feature<kApart>(table, feature, histograms + k * kApart);
  }
  if (reads_columns(table, node.num_rows, count)) {
    Counting<Record, kApart, kColumns>::of[count - 1](table, node, features, 0, histograms);
    for (int64_t k = 0; k < count; ++k) move_to_places(histograms + k * kApart, table.last_code[features[k]]);
    return;
  }
  const int64_t first_line = first / 64 * 64, lines = table.stride <= 64 ? 1 : last / 64 - first / 64 + 1;
  const auto counting = lines == 1   ? Counting<Record, kApart, 1>::of
                        : lines == 2 ? Counting<Record, kApart, 2>::of
                        : lines == 3 ? Counting<Record, kApart, 3>::of
                                     : Counting<Record, kApart, 0>::of;
  counting[count - 1](table, node, features, first_line, histograms);
}

/// Ranks of the cuts that lanes l of vector 0 of a block stand for, missing right.
struct LaneRanks {
  alignas(64) uint32_t of[16];
  constexpr LaneRanks() : of() {
    for (uint32_t lane = 0; lane < 16; ++lane) of[lane] = lane * 4 << 1;
  }
};
constexpr LaneRanks kLaneRanks;

/// Running sums of 64 bins behind `carry`: vector r of part p holds those up to bins 4 l + r of its lanes l.
inline void sum_block(const uint32_t* bins, U32& carry, U32 (&left)[kParts][4]) {
  for (int part = 0; part < kParts; ++part, bins += kLanes) {
    U32* own = left[part];
    own[0] = load(bins), own[1] = load(bins + 16), own[2] = load(bins + 32), own[3] = load(bins + 48);
    own[1] += own[0], own[2] += own[1], own[3] += own[2];
    const U32 before = lanes_before(own[3]) + carry;
    carry = splat(before[kLanes - 1] + own[3][kLanes - 1]);
    for (int r = 0; r < 4; ++r) own[r] += before;
  }
}

/// The bins of a feature, in blocks of 64 up to that of the last code.
struct Histogram {
  const uint32_t* bins;
  uint32_t last_code;
  uint32_t missing;  ///< record of the missing rows, which are in no bin
};

/// Calls visit(part, r, running sum, number of the block's first bin) for every vector of cuts.
template <int kApart, class Visit>
inline void visit_cuts(const Histogram& histogram, Visit&& visit) {
  U32 carry = {}, left[kParts][4];
  const uint32_t last_code = kApart == 64 ? 0 : histogram.last_code;
  for (uint32_t block = 0; block <= last_code; block += 64) {
    sum_block(histogram.bins + block, carry, left);
    for (int part = 0; part < kParts; ++part)
      for (int r = 0; r < 4; ++r) visit(part, uint32_t(r), left[part][r], block);
  }
}

/// With the missing rows on the left, if there is anything.
inline U32 with_missing(U32 present, U32 missing) { return present != 0 ? present + missing : present; }

/// Rough gains: in each lane the largest of some cuts, below 0 if there is none.
template <int kApart, bool kPairs, bool kMisses>
inline F32 rough_gains(const Histogram& histogram, const Search32& search) {
  F32 best = F32{} - 1.0f;
  const U32 missing = splat(histogram.missing);
  visit_cuts<kApart>(histogram, [&](int, uint32_t, U32 left, uint32_t) {
    best = larger(search.rough<kPairs>(left), best);
    if (kMisses) best = larger(search.rough<kPairs>(with_missing(left, missing)), best);
  });
  return best;
}

/// Gains of the cuts of the search's feature number `place`.
template <int kApart, bool kMisses>
inline void consider_cuts(const Histogram& histogram, uint32_t place, Search32& search) {
  const U32 missing = splat(histogram.missing);
  visit_cuts<kApart>(histogram, [&](int part, uint32_t r, U32 left, uint32_t block) {
    const U32 rank = load(kLaneRanks.of + part * kLanes) + rank_of(place, block + r, 0);
    search.consider(part, left, rank);
    if (kMisses) search.consider(part, with_missing(left, missing), rank + 1);
  });
}

/// A histogram of `feature`. The bin of missing values lies in the last block of 64 and is no cut.
template <int kApart>
inline Histogram histogram_of(const CodeTable& table, uint16_t feature, uint32_t* bins) {
  if constexpr (kApart == 64) return {bins, 0, 0};
  Histogram out = {bins, table.last_code[feature], 0};
  if (table.has_missing[feature]) out.missing = bins[kMissing], bins[kMissing] = 0;
  return out;
}

/// Features [first, first + count) of a search. `best`: the best so far.
template <int kApart, bool kPairs>
void search_counted_as(const Histogram* histograms, int64_t count, uint32_t first, Found& best, Search32& search) {
  F32 rough[kHistograms], highest = F32{} - 1.0f;
  const auto misses = [&](int64_t k) { return kApart > 64 && histograms[k].missing; };
  for (int64_t k = 0; k < count; ++k) {
    rough[k] = (misses(k) ? rough_gains<kApart, kPairs, true> : rough_gains<kApart, kPairs, false>)(histograms[k], search);
    highest = larger(rough[k], highest);
  }
  const float found = largest_lane(highest);
  if (found < 0) return;
  const F32 enough = F32{} + Search32::reaching(found > best.gain ? found : best.gain);
  uint32_t reaching = 0;  // mostly one feature: which one would be guessed wrong
  for (int64_t k = 0; k < count; ++k) reaching |= uint32_t(any_reaches(rough[k], enough)) << k;
  if (reaching == 0) return;
  do {
    const int k = __builtin_ctz(reaching);
    (misses(k) ? consider_cuts<kApart, true> : consider_cuts<kApart, false>)(histograms[k], first + uint32_t(k), search);
    reaching &= reaching - 1;
  } while (reaching != 0);
  best = search.best();
}

template <int kApart>
inline void search_counted(const Histogram* histograms, int64_t count, uint32_t first, Found& best, Search32& search) {
  (search.pairs ? search_counted_as<kApart, true> : search_counted_as<kApart, false>)(histograms, count, first, best, search);
}

/// Where rows are longer than a cache line, features that lie close together are counted together; they are searched in the
/// order given. slots[k]: the histogram of feature k.
struct CountingOrder {
  uint16_t features[kHistograms];
  uint8_t slots[kHistograms];

  CountingOrder(bool sorted, const uint16_t* given, int64_t count) {
    uint8_t places[kHistograms];
    for (int64_t k = 0; k < count; ++k) {
      int64_t at = k;
      for (; sorted && at > 0 && given[places[at - 1]] > given[k]; --at) places[at] = places[at - 1];
      places[at] = uint8_t(k);
    }
    for (int64_t slot = 0; slot < count; ++slot) features[slot] = given[places[slot]], slots[places[slot]] = uint8_t(slot);
  }
};

/// The best split.
template <int kApart>
Found search_histograms32(const CodeTable& table, const PackedNode<uint32_t>& node, const uint16_t* features, int64_t num_features,
                          Search32& search) {
  alignas(64) uint32_t histograms[kHistograms * kApart];
  Found best{-1, 0};
  for (int64_t first = 0; first < num_features; first += kHistograms) {
    const int64_t together = num_features - first < kHistograms ? num_features - first : kHistograms;
    const CountingOrder order(table.stride > 64 && node.num_rows >= 256, features + first, together);
    for (int64_t slot = 0; slot < together; slot += kTogether)
      fill_histograms<uint32_t, kApart>(table, node, order.features + slot, together - slot < kTogether ? together - slot : kTogether,
                                        histograms + slot * kApart);
    Histogram counted[kHistograms];
    for (int64_t k = 0; k < together; ++k) counted[k] = histogram_of<kApart>(table, features[first + k], histograms + order.slots[k] * kApart);
    search_counted<kApart>(counted, together, uint32_t(first), best, search);
  }
  return best;
}

#if defined(__AVX512BW__)

/// The same from codes that were brought together.
template <int kApart>
Found search_picked32(const CodeTable& table, const PackedNode<uint32_t>& node, const PickedCodes& picked, const uint16_t* features,
                      int64_t num_features, Search32& search) {
  alignas(64) uint32_t histograms[kTogether * kApart];
  Found best{-1, 0};
  for (int64_t first = 0; first < num_features; first += kTogether) {
    const int64_t together = num_features - first < kTogether ? num_features - first : kTogether;
    for (int64_t k = 0; k < together; ++k) clear_feature<kApart>(table, features[first + k], histograms + k * kApart);
    if (num_features == 1 && node.num_rows > 4 * kApart)
      count_one<kApart>(node, picked, histograms);
    else
      CountingPicked<kApart>::of[together - 1](node, picked, first, histograms);
    Histogram counted[kTogether];
    for (int64_t k = 0; k < together; ++k) counted[k] = histogram_of<kApart>(table, features[first + k], histograms + k * kApart);
    search_counted<kApart>(counted, together, uint32_t(first), best, search);
  }
  return best;
}

#endif

/// What search_small() reads: places of a table row by row.
struct TableCodes {
  static constexpr bool kMapped = true;  // all codes of a search are made of places at once
  struct Column {
    const uint8_t* first;
    int64_t stride;
    uint32_t raw(int32_t row) const { return first[stride * row]; }
    uint32_t code(int32_t row) const { return code_at(uint8_t(raw(row))); }
  };
  const CodeTable& table;
  const uint8_t* has_missing;

  Column column(uint16_t feature) const { return {table.rows + feature, table.stride}; }
  static void map(uint32_t* places, int64_t count) {
    for (int64_t i = 0; i < count; ++i) places[i] = code_at(uint8_t(places[i]));
  }
};

void best_split32(const CodeTable& table, const PackedNode<uint32_t>& node, const uint16_t* features, int64_t num_features, PickedCodes& picked,
                  Split& best) {
#if defined(__AVX512BW__)
  if (node.num_rows > 2 && pick(table, node, features, num_features, picked)) {
    Search32 search(node);
    const Found found = is_few(node, search)
                            ? search_few(node, picked, num_features, search)
                            : (table.narrow ? search_picked32<64> : search_picked32<kBins>)(table, node, picked, features, num_features, search);
    picked.column = take_found(found, features, best);
    if (picked.column < 0) picked.width = 0;  // an earlier search of other features found the best split
    return;
  }
#endif
  picked.width = 0;
  if (search_small<kMissing>(TableCodes{table, table.has_missing}, node, features, num_features, best)) return;
  Search32 search(node);
  const Found found = (table.narrow ? search_histograms32<64> : search_histograms32<kBins>)(table, node, features, num_features, search);
  take_found(found, features, best);
}

// ---- 64-bit records: large nodes, where the scan is a small part

void scan64(const PackedNode<uint64_t>& node, const uint64_t* histogram, uint16_t feature, int last_code, uint64_t missing, Split& best) {
  const auto consider = [&](uint64_t left, int cut, bool missing_left) {
    const double gain = gain64(node, left);
    if (gain > best.gain) best = {gain, feature, uint16_t(cut), missing_left};
  };
  uint64_t left = 0;
  for (int cut = 0; cut <= last_code; ++cut) {
    left += histogram[scan_place(uint8_t(cut))];
    consider(left, cut, false);
    if (missing && left) consider(left + missing, cut, true);
  }
}

template <int kApart>
void search_histograms64(const CodeTable& table, const PackedNode<uint64_t>& node, const uint16_t* features, int64_t num_features, Split& best) {
  alignas(64) uint64_t histograms[kTogether * kApart];
  for (int64_t first = 0; first < num_features; first += kTogether) {
    const int64_t together = num_features - first < kTogether ? num_features - first : kTogether;
    fill_histograms<uint64_t, kApart>(table, node, features + first, together, histograms);
    for (int64_t k = 0; k < together; ++k) {
      const uint16_t feature = features[first + k];
      const uint64_t* histogram = histograms + k * kApart;
      scan64(node, histogram, feature, table.last_code[feature], table.has_missing[feature] ? histogram[kMissing] : 0, best);
    }
  }
}

void best_split64(const CodeTable& table, const PackedNode<uint64_t>& node, const uint16_t* features, int64_t num_features, Split& best) {
  (table.narrow ? search_histograms64<64> : search_histograms64<kBins>)(table, node, features, num_features, best);
}

// ---- rows of a node

#if defined(__AVX2__)

/// The codes of the places in the bytes of a vector.
inline __m128i codes_of(__m128i places) {
  const __m128i lane = _mm_slli_epi16(_mm_and_si128(places, _mm_set1_epi8(15)), 2);
  const __m128i vector = _mm_and_si128(_mm_srli_epi16(places, 4), _mm_set1_epi8(3));
  return _mm_or_si128(_mm_or_si128(lane, vector), _mm_and_si128(places, _mm_set1_epi8(char(0xC0))));
}

/// The places of 8 rows, in the lower half. place_of(i) reads that of row i.
template <class PlaceOf>
inline __m128i load_places(PlaceOf place_of) {
  __m128i places = _mm_cvtsi32_si128(place_of(0));
  places = _mm_insert_epi8(places, place_of(1), 1), places = _mm_insert_epi8(places, place_of(2), 2);
  places = _mm_insert_epi8(places, place_of(3), 3), places = _mm_insert_epi8(places, place_of(4), 4);
  places = _mm_insert_epi8(places, place_of(5), 5), places = _mm_insert_epi8(places, place_of(6), 6);
  return _mm_insert_epi8(places, place_of(7), 7);
}

inline uint8_t least_byte(__m128i x) { return uint8_t(_mm_cvtsi128_si32(_mm_minpos_epu16(_mm_min_epu8(x, _mm_srli_epi16(x, 8))))); }

#endif

#if defined(__AVX512F__)

uint64_t sum_of_lanes(__m512i x) {
  const __m512i low = _mm512_and_si512(x, _mm512_set1_epi64(0xFFFFFFFF)), high = _mm512_srli_epi64(x, 32);
  return uint64_t(_mm512_reduce_add_epi64(_mm512_add_epi64(low, high)));
}

/// The bytes of 16 rows, `at` steps of kStep bytes into the column. Sixteen loads: faster than a gather.
template <int kStep>
inline __m128i load_bytes(const uint8_t* column, __m512i at) {
  alignas(64) uint32_t steps[16];
  _mm512_store_si512(steps, at);
  asm("" : "+m"(steps));  // or g++ takes the numbers out of the vector one by one
  const __m128i low = load_places([&](int i) { return int(column[uint64_t{steps[i]} * kStep]); });
  const __m128i high = load_places([&](int i) { return int(column[uint64_t{steps[i + 8]} * kStep]); });
  return _mm_unpacklo_epi64(low, high);
}

/// Sixteen rows at a time: load the codes (with kWidth 0 from the table, with kColumns from its columns), compare, and compress each side to the
/// front.
template <Units kForm, int kWidth>
class DividerOf16 {
 public:
  DividerOf16(const CodeTable& table, const PickedCodes& picked, const Test& test, int64_t num_rows, int32_t* rows, uint32_t* units)
      : num_rows_(num_rows),
        rows_(rows),
        units_(units),
        column_(kWidth > 0           ? picked.places + picked.column
                : kWidth == kColumns ? table.columns + table.column_stride * test.feature
                                     : table.rows + test.feature),
        stride_(_mm512_set1_epi32(int(table.stride / 8))),
        shift_(_mm_set1_epi8(test.missing_left)),
        limit_(_mm_set1_epi8(char(test.cut + test.missing_left))) {}

  struct Right {
    __m512i rows, units;
    int count;
  };
  /// Stores those of 16 rows that go left behind the others that do, and returns the rest. What is behind them is not written: rows of this or of
  /// the next node may stand there.
  inline Right divide(int64_t i) {
    const __mmask16 here = first_of(num_rows_ - i);
    const __m512i row = _mm512_maskz_loadu_epi32(here, rows_ + i), unit = _mm512_maskz_loadu_epi32(here, units_ + i);
    __m128i code;
    if constexpr (kWidth == kColumns)
      code = load_bytes<1>(column_, row);
    else if constexpr (kWidth == 0)
      code = codes_of(load_bytes<8>(column_, _mm512_mullo_epi32(row, stride_)));
    else
      code = codes_of(picked_places<kWidth>(column_, i));
    const __mmask16 goes_right = _mm_mask_cmpgt_epu8_mask(here, _mm_add_epi8(code, shift_), limit_);
    const __mmask16 goes_left = __mmask16(here & ~goes_right);
    store(left_, _mm512_maskz_compress_epi32(goes_left, row), _mm512_maskz_compress_epi32(goes_left, unit), __builtin_popcount(goes_left));
    next_ = _mm_mask_min_epu8(next_, goes_right, next_, code);
    misses_ |= _mm_mask_cmpeq_epi8_mask(here, code, _mm_set1_epi8(char(kMissing)));
    if constexpr (kForm == Units::paired) {
      count_ = _mm512_mask_add_epi32(count_, goes_left, count_, unit);
    } else {
      const __m512i counts = _mm512_and_si512(unit, _mm512_set1_epi32(0x7FFFFFFF));
      count_ = _mm512_mask_add_epi32(count_, goes_left, count_, counts);
      marked_ = _mm512_mask_add_epi32(marked_, goes_left & _mm512_movepi32_mask(unit), marked_, counts);
    }
    return {_mm512_maskz_compress_epi32(goes_right, row), _mm512_maskz_compress_epi32(goes_right, unit), __builtin_popcount(goes_right)};
  }

  /// Stores `count` rows at `at`, which then stands behind them.
  inline void store(int64_t& at, __m512i rows, __m512i units, int64_t count) {
    const __mmask16 front = first_of(count);
    _mm512_mask_storeu_epi32(rows_ + at, front, rows);
    _mm512_mask_storeu_epi32(units_ + at, front, units);
    at += count;
  }

  Division finish(int64_t left) const {
    const uint64_t all = kForm == Units::paired ? uint32_t(_mm512_reduce_add_epi32(count_)) : sum_of_lanes(count_);
    return {left, mass_of(kForm, all, kForm == Units::paired ? 0 : sum_of_lanes(marked_)), least_byte(next_), misses_ != 0};
  }
  int64_t left() const { return left_; }

 private:
  static __mmask16 first_of(int64_t count) { return __mmask16(count >= 16 ? 0xFFFF : (1 << count) - 1); }

  const int64_t num_rows_;
  int32_t* const rows_;
  uint32_t* const units_;
  const uint8_t* const column_;
  const __m512i stride_;
  const __m128i shift_, limit_;
  int64_t left_ = 0;
  __m128i next_ = _mm_set1_epi8(char(kMissing));
  __m512i count_ = _mm512_setzero_si512(), marked_ = count_;
  unsigned misses_ = 0;
};

template <Units kForm, int kWidth>
Division divide_as(const CodeTable& table, const PickedCodes& picked, const Test& test, int64_t num_rows, int32_t* rows, uint32_t* units,
                   int32_t* spare_rows, uint32_t* spare_units) {
  DividerOf16<kForm, kWidth> divider(table, picked, test, num_rows, rows, units);
  if (num_rows <= 32) {  // what goes right waits in registers
    const auto first = divider.divide(0);
    auto second = first;
    second.count = 0;
    if (num_rows > 16) second = divider.divide(16);
    const int64_t left = divider.left();
    int64_t right = left;
    divider.store(right, first.rows, first.units, first.count);
    if (num_rows > 16) divider.store(right, second.rows, second.units, second.count);
    return divider.finish(left);
  }
  int64_t right = 0;
  for (int64_t i = 0; i < num_rows; i += 16) {
    const auto rest = divider.divide(i);
    _mm512_storeu_si512(spare_rows + right, rest.rows);
    _mm512_storeu_si512(spare_units + right, rest.units);
    right += rest.count;
  }
  const int64_t left = divider.left();
  int64_t at = left;
  for (int64_t i = 0; i < right; i += 16)
    divider.store(at, _mm512_loadu_si512(spare_rows + i), _mm512_loadu_si512(spare_units + i), right - i >= 16 ? 16 : right - i);
  return divider.finish(left);
}

template <int kWidth>
struct Dividing {
  static constexpr decltype(&divide_as<Units::paired, kWidth>) of[2] = {divide_as<Units::marked, kWidth>, divide_as<Units::paired, kWidth>};
};

Division divide_rows(const CodeTable& table, const PickedCodes& picked, const Test& test, Units form, int64_t num_rows, int32_t* rows,
                     uint32_t* units, int32_t* spare_rows, uint32_t* spare_units) {
  const bool by_column = picked.width == 0 && reads_columns(table, num_rows, 1);
  const auto& divide = by_column            ? Dividing<kColumns>::of
                       : picked.width == 0  ? Dividing<0>::of
                       : picked.width == 1  ? Dividing<1>::of
                       : picked.width == 4  ? Dividing<4>::of
                       : picked.width == 8  ? Dividing<8>::of
                       : picked.width == 16 ? Dividing<16>::of
                       : picked.width == 32 ? Dividing<32>::of
                                            : Dividing<64>::of;
  return divide[form == Units::paired](table, picked, test, num_rows, rows, units, spare_rows, spare_units);
}

#else

/// Rows one after another: the way without vectors, and the end of the way with them.
class Divider {
 public:
  Divider(const CodeTable& table, const Test& test, Units form, int64_t num_rows, int32_t* rows, uint32_t* units, int32_t* spare_rows,
          uint32_t* spare_units)
      : by_column_(reads_columns(table, num_rows, 1)),
        column_(by_column_ ? table.columns + table.column_stride * test.feature : table.rows + test.feature),
        stride_(by_column_ ? 1 : table.stride),
        test_(test),
        form_(form),
        rows_(rows),
        units_(units),
        spare_rows_(spare_rows),
        spare_units_(spare_units) {}

#if defined(__AVX2__)
  /// Eight rows at a time, as long as there are eight: what a store writes behind the rows that go left was read before.
  int64_t divide_eights(int64_t num_rows) {
    const __m128i missing = _mm_set1_epi8(char(kMissing)), shift = _mm_set1_epi8(test_.missing_left);
    const __m128i limit = _mm_set1_epi8(char(test_.cut + test_.missing_left));
    __m128i next = missing, misses = _mm_setzero_si128();
    __m256i count = _mm256_setzero_si256(), marked = count;
    const __m256i count_mask = _mm256_set1_epi32(int(mask_of_count()));
    int64_t i = 0;
    for (; i + 8 <= num_rows; i += 8) {
      const __m256i row = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows_ + i));
      const __m256i unit = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(units_ + i));
      const __m128i loaded = load_places([&](int k) { return int(column_[stride_ * rows_[i + k]]); });
      const __m128i code = by_column_ ? loaded : codes_of(loaded);
      const __m128i moved = _mm_add_epi8(code, shift), goes_left = _mm_cmpeq_epi8(_mm_min_epu8(moved, limit), moved);
      const int front = _mm_movemask_epi8(goes_left) & 255, go_left = __builtin_popcount(unsigned(front));
      const __m256i to_left = order_of(front), to_right = order_of(front ^ 255);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(rows_ + left_), _mm256_permutevar8x32_epi32(row, to_left));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(units_ + left_), _mm256_permutevar8x32_epi32(unit, to_left));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(spare_rows_ + right_), _mm256_permutevar8x32_epi32(row, to_right));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(spare_units_ + right_), _mm256_permutevar8x32_epi32(unit, to_right));
      next = _mm_min_epu8(next, _mm_or_si128(code, goes_left));
      misses = _mm_or_si128(misses, _mm_cmpeq_epi8(code, missing));
      const __m256i counts = _mm256_and_si256(_mm256_and_si256(unit, count_mask), _mm256_cvtepi8_epi32(goes_left));
      count = _mm256_add_epi32(count, counts);
      marked = _mm256_add_epi32(marked, _mm256_and_si256(counts, _mm256_srai_epi32(unit, 31)));
      left_ += go_left, right_ += 8 - go_left;
    }
    next_ = least_byte(_mm_unpacklo_epi64(next, missing)), misses_ = (_mm_movemask_epi8(misses) & 255) != 0;
    alignas(32) uint32_t lanes[2][8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes[0]), count), _mm256_store_si256(reinterpret_cast<__m256i*>(lanes[1]), marked);
    for (int lane = 0; lane < 8; ++lane) count_ += lanes[0][lane], marked_ += lanes[1][lane];
    return i;
  }
#endif

  void divide(int64_t first, int64_t num_rows) {
    for (int64_t i = first; i < num_rows; ++i) {
      const int32_t row = rows_[i];
      const uint32_t unit = units_[i];
      const uint8_t loaded = column_[stride_ * row], code = by_column_ ? loaded : code_at(loaded);
      const bool goes_right = uint8_t(code + test_.missing_left) > test_.cut + test_.missing_left;
      rows_[left_] = row, units_[left_] = unit;
      spare_rows_[right_] = row, spare_units_[right_] = unit;
      left_ += !goes_right, right_ += goes_right;
      const uint64_t counted = goes_right ? 0 : unit & mask_of_count();
      count_ += counted, marked_ += unit & kMark ? counted : 0;
      next_ = goes_right && code < next_ ? code : next_;
      misses_ |= code == kMissing;
    }
  }

  Division finish() const {
    for (int64_t i = 0; i < right_; ++i) rows_[left_ + i] = spare_rows_[i], units_[left_ + i] = spare_units_[i];
    return {left_, mass_of(form_, count_, marked_), next_, misses_};
  }

 private:
  uint32_t mask_of_count() const { return form_ == Units::paired ? ~0u : ~kMark; }

#if defined(__AVX2__)
  /// The lanes whose bit is set first, in their order.
  static __m256i order_of(int bits) {
    struct Orders {
      uint64_t of[256];
      constexpr Orders() : of() {
        for (int mask = 0; mask < 256; ++mask)
          for (int lane = 0, to = 0; lane < 8; ++lane)
            if (mask >> lane & 1) of[mask] |= uint64_t(lane) << 8 * to++;
      }
    };
    static constexpr Orders kOrders;
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(int64_t(kOrders.of[bits])));
  }
#endif

  const bool by_column_;
  const uint8_t* const column_;
  const int64_t stride_;
  const Test& test_;
  Units form_;
  int32_t* rows_;
  uint32_t* units_;
  int32_t* spare_rows_;
  uint32_t* spare_units_;
  int64_t left_ = 0, right_ = 0;
  uint64_t count_ = 0, marked_ = 0;
  uint8_t next_ = kMissing;
  bool misses_ = false;
};

Division divide_rows(const CodeTable& table, const PickedCodes&, const Test& test, Units form, int64_t num_rows, int32_t* rows, uint32_t* units,
                     int32_t* spare_rows, uint32_t* spare_units) {
  Divider divider(table, test, form, num_rows, rows, units, spare_rows, spare_units);
#if defined(__AVX2__)
  divider.divide(divider.divide_eights(num_rows), num_rows);
#else
  divider.divide(0, num_rows);
#endif
  return divider.finish();
}

#endif

LabelRange label_range(const int64_t* fixed, const int32_t* rows, const uint32_t* units, int64_t num_rows) {
  LabelRange range{0, fixed[rows[0]], fixed[rows[0]]};
  for (int64_t i = 0; i < num_rows; ++i) {
    const int64_t label = fixed[rows[i]];
    range.sum += label * units[i];
    range.low = label < range.low ? label : range.low;
    range.high = label > range.high ? label : range.high;
  }
  return range;
}

template <class Record>
Record number_records(const int64_t* fixed, int64_t low, uint32_t shift, uint32_t count_bits, const int32_t* rows, const uint32_t* units,
                      int64_t num_rows, Record* records) {
  Record total = 0;
  for (int64_t i = 0; i < num_rows; ++i) {
    const Record label = Record((fixed[rows[i]] - low) >> shift);
    records[i] = label * units[i] << count_bits | units[i];
    total += records[i];
  }
  return total;
}

template <class Record>
void class_records(const uint32_t* units, uint32_t count_bits, int64_t num_rows, Record* records) {
  for (int64_t i = 0; i < num_rows; ++i) {
    const Record count = units[i] & ~kMark;
    records[i] = count | (units[i] & kMark ? count << count_bits : 0);
  }
}

void count_draws(uint64_t key, int64_t draws, uint32_t num_rows, uint32_t* counts) {
  constexpr int64_t kBlock = 64;
  uint32_t drawn[kBlock];
  for (int64_t first = 0; first < draws; first += kBlock) {
    for (int64_t i = 0; i < kBlock; ++i) drawn[i] = random_below(key, uint64_t(first + i), num_rows);
    const int64_t here = draws - first < kBlock ? draws - first : kBlock;
    for (int64_t i = 0; i < here; ++i) ++counts[drawn[i]];
  }
}

Drawn keep_drawn(const int32_t* rows, const uint32_t* counts, const uint32_t* marks, int64_t num_rows, int32_t* kept, uint32_t* units) {
  Drawn drawn{0, {0, 0}};
  int64_t i = 0;
#if defined(__AVX512F__)
  __m512i count = _mm512_setzero_si512(), marked = count;
  for (; i + 16 <= num_rows; i += 16) {
    const __m512i times = _mm512_loadu_si512(counts + i), mark = marks ? _mm512_loadu_si512(marks + i) : _mm512_setzero_si512();
    const __mmask16 here = _mm512_test_epi32_mask(times, times);
    _mm512_storeu_si512(kept + drawn.rows, _mm512_maskz_compress_epi32(here, _mm512_loadu_si512(rows + i)));
    _mm512_storeu_si512(units + drawn.rows, _mm512_maskz_compress_epi32(here, _mm512_or_si512(times, mark)));
    count = _mm512_add_epi32(count, times), marked = _mm512_mask_add_epi32(marked, _mm512_movepi32_mask(mark), marked, times);
    drawn.rows += __builtin_popcount(here);
  }
  drawn.mass = {sum_of_lanes(count), sum_of_lanes(marked)};
#endif
  for (; i < num_rows; ++i) {
    const uint32_t mark = marks ? marks[i] : 0;
    kept[drawn.rows] = rows[i], units[drawn.rows] = counts[i] | mark;
    drawn.rows += counts[i] > 0;
    drawn.mass.count += counts[i], drawn.mass.marked += mark ? counts[i] : 0;
  }
  return drawn;
}

Mass mark_units(const int32_t* classes, const int32_t* rows, int64_t num_rows, uint32_t* units) {
  Mass mass{0, 0};
  for (int64_t i = 0; i < num_rows; ++i) mass.count += units[i];
  for (int64_t i = 0; classes && i < num_rows; ++i) {
    const uint32_t marks = classes[rows[i]] == 1 ? ~0u : 0u, unit = units[i];
    mass.marked += unit & marks;
    units[i] = unit | (kMark & marks);
  }
  return mass;
}

inline __m128i scan_places(__m128i codes) {
  const __m128i vector = _mm_slli_epi16(_mm_and_si128(codes, _mm_set1_epi8(3)), 4);
  const __m128i lane = _mm_and_si128(_mm_srli_epi16(codes, 2), _mm_set1_epi8(15));
  return _mm_or_si128(_mm_or_si128(vector, lane), _mm_and_si128(codes, _mm_set1_epi8(char(0xC0))));
}

/// Up to 16 bytes.
inline void copy_bytes(void* to, const void* from, int64_t count) {
  if (count == 16)
    __builtin_memcpy(to, from, 16);
  else
    __builtin_memcpy(to, from, size_t(count));
}

/// Sixteen features of sixteen rows at a time: the rows of a block are written one after another while its columns are read side by side.
void table_rows(const uint8_t* columns, int64_t column_stride, int64_t num_rows, int64_t num_features, int64_t row_stride, uint8_t* rows) {
  constexpr int64_t kBlock = 16;
  for (int64_t first = 0; first < num_rows; first += kBlock) {
    const int64_t count = num_rows - first < kBlock ? num_rows - first : kBlock;
    for (int64_t feature = 0; feature < row_stride; feature += kBlock) {
      const int64_t width = row_stride - feature < kBlock ? row_stride - feature : kBlock;
      __m128i block[kBlock];
      for (int64_t f = 0; f < kBlock; ++f) {
        block[f] = _mm_setzero_si128();
        if (feature + f < num_features) copy_bytes(&block[f], columns + (feature + f) * column_stride + first, count);
        block[f] = scan_places(block[f]);
      }
      transpose(block);
      for (int64_t i = 0; i < count; ++i) copy_bytes(rows + (first + i) * row_stride + feature, &block[i], width);
    }
  }
}

}  // namespace

extern const ForestKernels kForestKernels;
const ForestKernels kForestKernels = {best_split32,
                                      best_split64,
                                      divide_rows,
                                      label_range,
                                      number_records<uint32_t>,
                                      number_records<uint64_t>,
                                      class_records<uint32_t>,
                                      class_records<uint64_t>,
                                      count_draws,
                                      keep_drawn,
                                      mark_units,
                                      table_rows};

HAYATE_KERNELS_END
