#include "aggregate/describe.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <deque>
#include <functional>
#include <mutex>
#include <numeric>
#include <span>
#include <utility>

#include "aggregate/different.h"
#include "aggregate/exact.h"
#include "aggregate/plan.h"
#include "aggregate/real_sums.h"
#include "aggregate/words.h"
#include "io/cell_text.h"

namespace hayate::aggregate {
namespace {

constexpr int64_t kBlock = 4096;
constexpr int kRadixBits = 12;

/// Words of the values of rows [begin, begin + count), at most kBlock, side by side without the missing ones; how many they are.
size_t read_values(const Column& column, int64_t begin, int64_t count, uint64_t* words) {
  uint8_t missing[kBlock];
  size_t values = 0;
  read_words(column, begin, count, words, missing);
  for (int64_t i = 0; i < count; ++i) words[values] = words[i], values += !missing[i];
  return values;
}

/// What a worker has seen of a column.
struct Seen {
  ColumnRange range;
  std::string least_text, greatest_text;
  bool any_text = false;
};

void see_extremes(std::string_view text, Seen* seen) {
  if (!seen->any_text || text < seen->least_text) seen->least_text = text;
  if (!seen->any_text || text > seen->greatest_text) seen->greatest_text = text;
  seen->any_text = true;
}

void merge(const Seen& from, Seen* into) {
  merge_range(from.range, &into->range);
  if (from.any_text) see_extremes(from.least_text, into), see_extremes(from.greatest_text, into);
}

/// The different values of all columns. Each has as many copies as memory allows, at most one for each worker; workers that share one take turns.
class DifferentColumns {
 public:
  DifferentColumns(const Table& schema, int workers, int64_t memory_bytes) {
    const auto columns = int64_t(std::max<size_t>(schema.num_columns(), 1));
    const int64_t most = std::min(kMostTextBytes, memory_bytes / (2 * columns)),
                  most_words = int64_t(DifferentValues::kMostCounted) * DifferentValues::kBytesOfOne;
    int64_t all = 1;
    for (const Column& column : schema.columns) all += word_kind(column.dtype) == WordKind::text ? most : std::min(most, most_words);
    const int64_t copies = std::clamp<int64_t>(memory_bytes / all, 1, workers);
    for (int64_t copy = 0; copy < copies; ++copy) copies_.emplace_back(schema.num_columns(), most);
  }

  void add(size_t c, const Column& column, int64_t begin, int64_t count, int worker, Seen* seen) {
    Copy& copy = copies_[size_t(worker) % copies_.size()];
    const WordKind kind = word_kind(column.dtype);
    if (kind == WordKind::text) {
      const std::lock_guard lock(copy.in_use[c]);
      seen->range.rows += count;
      seen->range.missing += copy.columns[c].add_texts(column, begin, count, [&](std::string_view text) { see_extremes(text, seen); });
      return;
    }
    add_values(column, begin, count, &seen->range);
    uint64_t words[kBlock];
    const size_t values = read_values(column, begin, count, words);
    const std::lock_guard lock(copy.in_use[c]);
    copy.columns[c].add_words({words, values}, kind == WordKind::real);
  }

  /// Of a column, when all is added.
  DifferentValues take(size_t c) {
    DifferentValues out = std::move(copies_[0].columns[c]);
    for (size_t copy = 1; copy < copies_.size(); ++copy) {
      const DifferentValues other = std::move(copies_[copy].columns[c]);
      out.merge(other);
    }
    return out;
  }

 private:
  static constexpr int64_t kMostTextBytes = 64 << 20;
  struct Copy {
    Copy(size_t size, int64_t most_bytes) : in_use(size) {
      for (size_t c = 0; c < size; ++c) columns.emplace_back(most_bytes);
    }
    std::vector<DifferentValues> columns;
    std::deque<std::mutex> in_use;
  };
  std::deque<Copy> copies_;
};

/// Calls visit(number of the column, column, begin, count, worker, worker's state) for every block of every chunk. make() is called once a worker.
/// Workers begin with different columns.
template <class Make, class Visit>
auto each_block(io::ChunkReader& chunks, exec::Pool& pool, const exec::Cancellation& cancel, Make&& make, Visit&& visit)
    -> Result<std::vector<decltype(make())>> {
  std::vector<decltype(make())> states;
  for (int worker = 0; worker < pool.workers(); ++worker) states.push_back(make());
  while (true) {
    HY_TRY(const auto chunk, chunks.next());
    if (!chunk) return states;
    const int64_t rows = chunk->num_rows();
    pool.run((rows + kBlock - 1) / kBlock,
             [&](int64_t block, int worker) {
               const int64_t begin = block * kBlock;
               const size_t columns = chunk->num_columns(), first = columns * size_t(worker) / states.size();
               for (size_t i = 0; i < columns; ++i) {
                 const size_t c = (first + i) % columns;
                 visit(c, chunk->columns[c], begin, std::min(kBlock, rows - begin), worker, states[size_t(worker)]);
               }
             },
             &cancel);
    if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "describe", "run it again"};
  }
}

double number_of(uint64_t word, WordKind kind) {
  return kind == WordKind::real ? double_of(word) : kind == WordKind::unsigned_whole ? double(word) : double(whole_of(word));
}

/// One value wanted of a sorted column: the one with `rank` values below it among those in [base, base + 2^bits).
struct Search {
  size_t column = 0;
  int64_t rank = 0;
  uint64_t base = 0;
  int bits = 0;

  bool done() const { return bits == 0; }
  int shift() const { return std::max(0, bits - kRadixBits); }
  /// `counts`: of values by their distance from `base`, in steps of 2^shift().
  void narrow(const std::vector<int64_t>& counts) {
    size_t bin = 0;
    while (rank >= counts[bin]) rank -= counts[bin++];
    base += uint64_t(bin) << shift();
    bits = shift();
  }
};

/// Counts of the values of a column in a range that searches look into.
struct CountedRange {
  size_t column;
  uint64_t base, span;
  int shift;
  std::vector<int64_t> counts;

  bool is_of(const Search& search) const { return column == search.column && base == search.base && shift == search.shift(); }
  void add(std::span<const uint64_t> words) {
    for (const uint64_t word : words)
      if (word - base <= span) ++counts[size_t((word - base) >> shift)];
  }
};

/// One pass over the chunks: narrows those of the searches, which stand by column, that have not found their value, as far as `most_ranges` go.
/// Searches in the same range of a column read the same counts.
Result<void> narrow_some(io::ChunkReader& chunks, exec::Pool& pool, const exec::Cancellation& cancel, size_t most_ranges,
                         std::span<Search> searches) {
  struct Narrowed {
    Search* search;
    size_t range;
  };
  std::vector<CountedRange> ranges;
  std::vector<Narrowed> narrowed;
  std::vector<size_t> first_of(chunks.schema().num_columns() + 1, 0);  // range of a column
  for (Search& search : searches) {
    if (search.done()) continue;
    size_t r = ranges.size();
    while (r > 0 && ranges[r - 1].column == search.column && !ranges[r - 1].is_of(search)) --r;
    if (r == 0 || ranges[r - 1].column != search.column) {
      if (ranges.size() == most_ranges) break;
      const uint64_t span = search.bits == 64 ? UINT64_MAX : (uint64_t{1} << search.bits) - 1;
      ranges.push_back({search.column, search.base, span, search.shift(), std::vector<int64_t>(size_t{1} << (search.bits - search.shift()), 0)});
      ++first_of[search.column + 1], r = ranges.size();
    }
    narrowed.push_back({&search, r - 1});
  }
  std::partial_sum(first_of.begin(), first_of.end(), first_of.begin());
  HY_TRY(auto workers, each_block(
                           chunks, pool, cancel, [&] { return ranges; },
                           [&](size_t c, const Column& column, int64_t begin, int64_t count, int, std::vector<CountedRange>& mine) {
                             if (first_of[c] == first_of[c + 1]) return;
                             uint64_t words[kBlock];
                             const size_t values = read_values(column, begin, count, words);
                             for (size_t r = first_of[c]; r < first_of[c + 1]; ++r) mine[r].add({words, values});
                           }));
  for (size_t w = 1; w < workers.size(); ++w)
    for (size_t r = 0; r < ranges.size(); ++r)
      std::transform(workers[w][r].counts.begin(), workers[w][r].counts.end(), workers[0][r].counts.begin(), workers[0][r].counts.begin(),
                     std::plus<>());
  for (const Narrowed& of : narrowed) of.search->narrow(workers[0][of.range].counts);
  return {};
}

/// Finds what all searches look for, in passes over the chunks that each count in at most `memory_bytes`.
Result<void> find_all(io::ChunkReader& chunks, exec::Pool& pool, const exec::Cancellation& cancel, int64_t memory_bytes,
                      std::vector<Search>* searches) {
  constexpr int64_t kRangeBytes = int64_t(sizeof(int64_t)) << kRadixBits;
  const auto most_ranges = size_t(std::max<int64_t>(16, memory_bytes / (kRangeBytes * (pool.workers() + 1))));
  while (!std::all_of(searches->begin(), searches->end(), [](const Search& search) { return search.done(); }))
    HY_CHECK(narrow_some(chunks, pool, cancel, most_ranges, *searches));
  return {};
}

/// A value as it is shown.
std::string shown(uint64_t word, const Column& like) {
  std::string out;
  Column one = like;
  one.length = 1;
  if (like.dtype == Dtype::boolean) return whole_of(word) ? "true" : "false";
  if (like.dtype == Dtype::float32) {
    io::append_cell_text(make_column(std::vector<float>{float(double_of(word))}), 0, &out);
  } else if (word_kind(like.dtype) == WordKind::real) {
    io::append_cell_text(make_column(std::vector<double>{double_of(word)}), 0, &out);
  } else if (like.dtype == Dtype::uint64) {
    out = std::to_string(word);
  } else if (like.dtype == Dtype::date) {
    out = format_date(int32_t(whole_of(word)));
  } else if (like.dtype == Dtype::timestamp) {
    out = format_timestamp(whole_of(word), like.zone);
  } else {
    out = std::to_string(whole_of(word));
  }
  return out;
}

void summarize_different(const DifferentValues& seen, const Column& like, int64_t values, ColumnSummary* out) {
  out->distinct_is_exact = seen.is_complete();
  out->distinct = seen.distinct(values);
  if (!seen.is_complete() || out->distinct == 0) return;
  if (seen.texts().size() > 0) {
    for (uint32_t i = 0; i < seen.texts().size(); ++i) {
      const std::string_view text = seen.texts().text(i);
      if (seen.times(i) > out->frequent_rows || (seen.times(i) == out->frequent_rows && text < *out->frequent))
        out->frequent = text, out->frequent_rows = seen.times(i);
    }
    return;
  }
  uint64_t best = 0;
  seen.words().each([&](uint64_t word, int64_t times) {
    if (times > out->frequent_rows || (times == out->frequent_rows && word < best)) best = word, out->frequent_rows = times;
  });
  out->frequent = shown(best, like);
}

/// Sums of one column and its histogram, by worker.
struct Moments {
  std::vector<uint64_t> sum, squares;
  std::vector<int64_t> histogram;
};

bool has_mean(Dtype dtype) { return is_numeric(dtype); }

/// How the words of a column are summed, from its range.
struct SumShape {
  WordKind kind = WordKind::whole;
  BitRange bits;
  int sum_words = 0, square_words = 0;
  std::optional<RealCut> cut;   // of reals that are close enough together
  double least = 0, width = 0;  // of the histogram
  bool finite = true;
};

SumShape shape_of(const Column& like, const ColumnRange& range) {
  SumShape out;
  out.kind = word_kind(like.dtype);
  if (out.kind == WordKind::text || !range.has_values()) return out;
  out.least = number_of(range.least, out.kind);
  const double greatest = number_of(range.greatest, out.kind);
  out.finite = std::isfinite(out.least) && std::isfinite(greatest);
  out.width = greatest - out.least;
  out.bits = BitRange{0, 64};
  if (out.kind == WordKind::real) {
    out.bits = bits_between(std::bit_cast<double>(range.sizes.least), std::bit_cast<double>(range.sizes.greatest));
    out.cut = cut_of(range, out.bits.low);
  }
  out.sum_words = words_for(out.bits, range.rows, false), out.square_words = words_for(out.bits, range.rows, true);
  return out;
}

void add_reals(const SumShape& shape, std::span<const uint64_t> words, Moments* to) {
  if (shape.cut) {
    ValueSums sums(*shape.cut);
    sums.add(words);
    sums.put({Op::sum_real, 0, 0, shape.sum_words}, to->sum.data());
    return sums.put({Op::squares_real, 0, 0, shape.square_words}, to->squares.data());
  }
  for (const uint64_t word : words) {
    const DoubleParts parts = parts_of(double_bits_of(word));
    if (parts.mantissa == 0) continue;
    add_shifted(to->sum.data(), shape.sum_words, parts.mantissa, parts.exponent - shape.bits.low, parts.negative);
    add_shifted(to->squares.data(), shape.square_words, Wide(parts.mantissa) * parts.mantissa, 2 * (parts.exponent - shape.bits.low), false);
  }
}

void add_wholes(const SumShape& shape, std::span<const uint64_t> words, Moments* to) {
  Wide above = 0, below = 0, low = 0, high = 0;  // sizes of values above and below 0; halves of squares
  for (const uint64_t word : words) {
    const bool negative = shape.kind == WordKind::whole && whole_of(word) < 0;
    const uint64_t whole = shape.kind == WordKind::unsigned_whole ? word : uint64_t(whole_of(word)), size = negative ? 0 - whole : whole;
    const Wide square = Wide(size) * size;
    (negative ? below : above) += size;
    low += uint64_t(square), high += uint64_t(square >> 64);
  }
  add_shifted(to->sum.data(), shape.sum_words, above, 0, false), add_shifted(to->sum.data(), shape.sum_words, below, 0, true);
  add_shifted(to->squares.data(), shape.square_words, low, 0, false), add_shifted(to->squares.data(), shape.square_words, high, 64, false);
}

void add_moments(const SumShape& shape, const Column& column, int64_t begin, int64_t count, Moments* to) {
  uint64_t words[kBlock];
  const size_t values = read_values(column, begin, count, words);
  for (size_t i = 0; shape.width > 0 && i < values; ++i) {
    const double part = (number_of(words[i], shape.kind) - shape.least) / shape.width;
    ++to->histogram[std::min(kHistogramBins - 1, size_t(part * double(kHistogramBins)))];
  }
  if (!has_mean(column.dtype)) return;
  shape.kind == WordKind::real ? add_reals(shape, {words, values}, to) : add_wholes(shape, {words, values}, to);
}

Column extremes_of(const Seen& seen, const Column& like) {
  if (word_kind(like.dtype) == WordKind::text) {
    const std::string texts[] = {seen.least_text, seen.greatest_text};
    Column out = make_text_column(seen.any_text ? std::span<const std::string>(texts) : std::span<const std::string>());
    return out;
  }
  if (!seen.range.has_values()) return {};
  const std::string texts[] = {shown(seen.range.least, like), shown(seen.range.greatest, like)};
  return make_text_column(texts);
}

}  // namespace

Result<TableSummary> describe(io::ChunkReader& chunks, exec::Pool& pool, exec::Steps& steps, const exec::Cancellation& cancel,
                              int64_t memory_limit_bytes) {
  const Table schema = chunks.schema();
  const size_t columns = schema.num_columns();
  steps.begin("ranges");
  TableSummary out;
  out.columns.resize(columns);
  std::vector<Seen> seen;
  {
    DifferentColumns different(schema, pool.workers(), memory_limit_bytes / 4);
    HY_TRY(auto workers, each_block(
                             chunks, pool, cancel, [&] { return std::vector<Seen>(columns); },
                             [&](size_t c, const Column& column, int64_t begin, int64_t count, int worker, std::vector<Seen>& mine) {
                               different.add(c, column, begin, count, worker, &mine[c]);
                             }));
    seen = std::move(workers[0]);
    for (size_t w = 1; w < workers.size(); ++w)
      for (size_t c = 0; c < columns; ++c) merge(workers[w][c], &seen[c]);
    for (size_t c = 0; c < columns; ++c)
      summarize_different(different.take(c), schema.columns[c], seen[c].range.rows - seen[c].range.missing, &out.columns[c]);
  }

  steps.begin("moments");
  std::vector<SumShape> shapes;
  std::vector<Moments> empty(columns);
  for (size_t c = 0; c < columns; ++c) {
    shapes.push_back(shape_of(schema.columns[c], seen[c].range));
    empty[c] = {std::vector<uint64_t>(size_t(shapes[c].sum_words), 0), std::vector<uint64_t>(size_t(shapes[c].square_words), 0),
                std::vector<int64_t>(kHistogramBins, 0)};
  }
  const auto is_summed = [&](size_t c) { return shapes[c].kind != WordKind::text && seen[c].range.has_values() && shapes[c].finite; };
  HY_TRY(auto moments, each_block(
                           chunks, pool, cancel, [&] { return empty; },
                           [&](size_t c, const Column& column, int64_t begin, int64_t count, int, std::vector<Moments>& mine) {
                             if (is_summed(c)) add_moments(shapes[c], column, begin, count, &mine[c]);
                           }));
  for (size_t w = 1; w < moments.size(); ++w)
    for (size_t c = 0; c < columns; ++c) {
      add_words(moments[0][c].sum.data(), moments[w][c].sum.data(), shapes[c].sum_words);
      add_words(moments[0][c].squares.data(), moments[w][c].squares.data(), shapes[c].square_words);
      for (size_t bin = 0; bin < kHistogramBins; ++bin) moments[0][c].histogram[bin] += moments[w][c].histogram[bin];
    }

  steps.begin("quantiles");
  std::vector<Search> searches;  // two for each quantile: the value below and the one above
  for (size_t c = 0; c < columns; ++c) {
    const ColumnRange& range = seen[c].range;
    if (shapes[c].kind == WordKind::text || schema.columns[c].dtype == Dtype::boolean || !range.has_values()) continue;
    const int64_t values = range.rows - range.missing;
    const int bits = int(std::bit_width(range.greatest - range.least));
    for (const double q : kDescribed)
      for (const double place : {std::floor(q * double(values - 1)), std::ceil(q * double(values - 1))})
        searches.push_back({c, int64_t(place), range.least, bits});
  }
  HY_CHECK(find_all(chunks, pool, cancel, memory_limit_bytes / 3, &searches));
  steps.end();

  for (size_t c = 0; c < columns; ++c) {
    ColumnSummary& column = out.columns[c];
    const ColumnRange& range = seen[c].range;
    column.name = schema.names[c], column.dtype = schema.columns[c].dtype, column.zone = schema.columns[c].zone;
    column.rows = range.rows, column.missing = range.missing;
    column.extremes = extremes_of(seen[c], schema.columns[c]);
    const int64_t values = range.rows - range.missing;
    if (is_summed(c)) {
      const Moments& m = moments[0][c];
      if (has_mean(column.dtype)) column.mean = mean_of(m.sum.data(), shapes[c].sum_words, shapes[c].bits.low, values);
      if (has_mean(column.dtype) && values > 1)
        column.std_dev =
            std::sqrt(variance_of(m.sum.data(), shapes[c].sum_words, m.squares.data(), shapes[c].square_words, shapes[c].bits.low, values));
      column.histogram = m.histogram;
      if (shapes[c].width == 0) column.histogram.assign(kHistogramBins, 0), column.histogram[kHistogramBins / 2] = values;
    }
    size_t q = 0;
    for (size_t s = 0; s < searches.size(); s += 2) {
      if (searches[s].column != c) continue;
      const double place = kDescribed[q++] * double(values - 1), part = place - std::floor(place);
      const double low = number_of(searches[s].base, shapes[c].kind), high = number_of(searches[s + 1].base, shapes[c].kind);
      column.quantiles.push_back(part == 0 || low == high ? low : part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part));
    }
    out.rows = std::max(out.rows, range.rows);
  }
  return out;
}

std::string blocks_of(const std::vector<int64_t>& counts) {
  constexpr const char* kBlocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const int64_t most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  std::string out;
  for (const int64_t count : counts) out += kBlocks[count == 0 ? 0 : size_t(1 + 7 * double(count) / double(most))];
  return out;
}

}  // namespace hayate::aggregate
