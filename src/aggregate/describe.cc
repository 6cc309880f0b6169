#include "aggregate/describe.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <utility>

#include "aggregate/exact.h"
#include "aggregate/names.h"
#include "aggregate/plan.h"
#include "aggregate/real_sums.h"
#include "aggregate/words.h"
#include "base/hash.h"
#include "base/random.h"
#include "io/cell_text.h"

namespace hayate::aggregate {
namespace {

constexpr int64_t kBlock = 4096;
constexpr size_t kMostCounted = 100'000;
constexpr int kSketchBits = 12;
constexpr int kRadixBits = 12;

/// How many different values there are, about: HyperLogLog (Flajolet et al. 2007), 4,096 registers, 1.6 % standard error.
class DistinctSketch {
 public:
  void add(uint64_t hash) {
    uint8_t& seen = registers_[hash >> (64 - kSketchBits)];
    seen = std::max(seen, uint8_t(1 + std::countl_zero(hash << kSketchBits | uint64_t{1} << (kSketchBits - 1))));
  }
  void merge(const DistinctSketch& other) {
    for (size_t i = 0; i < registers_.size(); ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
  }
  int64_t estimate() const {
    const double m = double(registers_.size());
    double sum = 0;
    int64_t zeros = 0;
    for (const uint8_t seen : registers_) sum += std::ldexp(1.0, -int(seen)), zeros += seen == 0;
    const double raw = 0.7213 / (1 + 1.079 / m) * m * m / sum;
    return std::llround(raw <= 2.5 * m && zeros ? m * std::log(m / double(zeros)) : raw);
  }

 private:
  std::vector<uint8_t> registers_ = std::vector<uint8_t>(size_t{1} << kSketchBits, 0);
};

/// How often each word occurs: an open table, a slot of no times is free.
class WordCounts {
 public:
  void add(uint64_t word, int64_t times) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[place_of(word)];
    size_ += slot.times == 0;
    slot.word = word, slot.times += times;
  }
  size_t size() const { return size_; }
  template <class Visit>
  void each(Visit&& visit) const {
    for (const Slot& slot : slots_)
      if (slot.times > 0) visit(slot.word, slot.times);
  }

 private:
  struct Slot {
    uint64_t word = 0;
    int64_t times = 0;
  };
  size_t place_of(uint64_t word) const {
    size_t at = size_t(mix64(word)) & (slots_.size() - 1);
    while (slots_[at].times > 0 && slots_[at].word != word) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  void grow() {
    const std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(std::max<size_t>(64, 2 * slots_.size())));
    for (const Slot& slot : before)
      if (slot.times > 0) slots_[place_of(slot.word)] = slot;
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

uint64_t hash_of(std::string_view text) { return checksum(text.data(), text.size()); }

/// The different values of a column: how often each occurs while there are not too many, from then on about how many there are.
struct Different {
  WordCounts words;
  TextSet names;
  std::vector<int64_t> of_name;  // by number in `names`
  bool complete = true;
  DistinctSketch sketch;  // of all values when the counts are not complete

  void add_word(uint64_t word, int64_t times) { complete ? words.add(word, times) : sketch.add(mix64(word)); }
  void add_name(std::string_view text, int64_t times) { complete ? count_name(names.add(text), times) : sketch.add(hash_of(text)); }
  /// `number` is what `names` gave it.
  void count_name(uint32_t number, int64_t times) {
    if (number == of_name.size()) of_name.push_back(0);
    of_name[number] += times;
  }
  /// To be called now and then: gives the counts up when there are too many.
  void check() {
    if (words.size() + of_name.size() > kMostCounted) give_up();
  }
  void merge(const Different& other) {
    if (!other.complete) give_up();
    sketch.merge(other.sketch);
    other.words.each([&](uint64_t word, int64_t times) { add_word(word, times); });
    for (uint32_t i = 0; i < other.of_name.size(); ++i) add_name(other.names.text(i), other.of_name[i]);
    check();
  }

 private:
  void give_up() {
    words.each([&](uint64_t word, int64_t) { sketch.add(mix64(word)); });
    for (uint32_t i = 0; i < of_name.size(); ++i) sketch.add(hash_of(names.text(i)));
    words = {}, names = {}, of_name = {}, complete = false;
  }
};

struct Seen {
  ColumnRange range;
  std::string least_text, greatest_text;
  bool any_text = false;
  Different different;
};

void see_extremes(std::string_view text, Seen* seen) {
  if (!seen->any_text || text < seen->least_text) seen->least_text = text;
  if (!seen->any_text || text > seen->greatest_text) seen->greatest_text = text;
  seen->any_text = true;
}

void see_text(const Column& column, int64_t begin, int64_t count, Seen* seen) {
  Different& different = seen->different;
  seen->range.rows += count;
  if (column.dtype == Dtype::text && different.complete) {
    const auto visit = [&](int64_t, uint32_t number) {
      if (number == different.of_name.size()) see_extremes(different.names.text(number), seen);
      different.count_name(number, 1);
    };
    return add_texts(column, begin, count, &different.names, visit, [&](int64_t) { ++seen->range.missing; });
  }
  for (int64_t row = begin; row < begin + count; ++row) {
    if (column.is_null(row)) {
      ++seen->range.missing;
      continue;
    }
    see_extremes(column.text(row), seen);
    different.add_name(column.text(row), 1);
  }
}

void see_words(const Column& column, int64_t begin, int64_t count, Seen* seen) {
  add_values(column, begin, count, &seen->range);
  uint64_t words[kBlock];
  uint8_t missing[kBlock];
  read_words(column, begin, count, words, missing);
  const bool is_real = word_kind(column.dtype) == WordKind::real;
  for (int64_t i = 0; i < count; ++i)
    if (!missing[i]) seen->different.add_word(is_real ? without_sign_of_zero(words[i]) : words[i], 1);
}

void see(const Column& column, int64_t begin, int64_t count, Seen* seen) {
  word_kind(column.dtype) == WordKind::text ? see_text(column, begin, count, seen) : see_words(column, begin, count, seen);
  seen->different.check();
}

void merge(const Seen& from, Seen* into) {
  merge_range(from.range, &into->range);
  if (from.any_text) see_extremes(from.least_text, into), see_extremes(from.greatest_text, into);
  into->different.merge(from.different);
}

/// Calls visit(column, begin, count, worker's state) for every block of every chunk. make() is called once a worker.
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
               for (size_t c = 0; c < chunk->num_columns(); ++c)
                 visit(c, chunk->columns[c], begin, std::min(kBlock, rows - begin), states[size_t(worker)]);
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

/// Finds what all searches look for, in passes over the chunks. Searches in the same range of a column read the same counts.
Result<void> find_all(io::ChunkReader& chunks, exec::Pool& pool, const exec::Cancellation& cancel, std::vector<Search>* searches) {
  struct Range {
    size_t column;
    uint64_t base, span;
    int shift;
    std::vector<int64_t> counts;
    bool operator==(const Range&) const = default;
  };
  while (true) {
    std::vector<Range> ranges;
    std::vector<size_t> range_of(searches->size());
    for (size_t s = 0; s < searches->size(); ++s) {
      const Search& search = (*searches)[s];
      if (search.done()) continue;
      const uint64_t span = search.bits == 64 ? UINT64_MAX : (uint64_t{1} << search.bits) - 1;
      Range range = {search.column, search.base, span, search.shift(), std::vector<int64_t>(size_t{1} << (search.bits - search.shift()), 0)};
      range_of[s] = size_t(std::find(ranges.begin(), ranges.end(), range) - ranges.begin());
      if (range_of[s] == ranges.size()) ranges.push_back(std::move(range));
    }
    if (ranges.empty()) return {};
    HY_TRY(auto workers, each_block(
                             chunks, pool, cancel, [&] { return ranges; },
                             [&](size_t c, const Column& column, int64_t begin, int64_t count, std::vector<Range>& mine) {
                               uint64_t words[kBlock];
                               uint8_t missing[kBlock];
                               bool is_read = false;
                               for (Range& range : mine) {
                                 if (range.column != c) continue;
                                 if (!is_read) read_words(column, begin, count, words, missing);
                                 is_read = true;
                                 for (int64_t i = 0; i < count; ++i)
                                   if (!missing[i] && words[i] - range.base <= range.span)
                                     ++range.counts[size_t((words[i] - range.base) >> range.shift)];
                               }
                             }));
    for (size_t w = 1; w < workers.size(); ++w)
      for (size_t r = 0; r < ranges.size(); ++r)
        std::transform(workers[w][r].counts.begin(), workers[w][r].counts.end(), workers[0][r].counts.begin(), workers[0][r].counts.begin(),
                       std::plus<>());
    for (size_t s = 0; s < searches->size(); ++s)
      if (!(*searches)[s].done()) (*searches)[s].narrow(workers[0][range_of[s]].counts);
  }
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

void summarize_different(const Different& seen, const Column& like, int64_t values, ColumnSummary* out) {
  out->distinct_is_exact = seen.complete;
  out->distinct = seen.complete ? int64_t(seen.words.size() + seen.of_name.size()) : std::min(seen.sketch.estimate(), values);
  if (!seen.complete || out->distinct == 0) return;
  if (!seen.of_name.empty()) {
    for (uint32_t i = 0; i < seen.of_name.size(); ++i) {
      const std::string_view text = seen.names.text(i);
      if (seen.of_name[i] > out->frequent_rows || (seen.of_name[i] == out->frequent_rows && text < *out->frequent))
        out->frequent = text, out->frequent_rows = seen.of_name[i];
    }
    return;
  }
  uint64_t best = 0;
  seen.words.each([&](uint64_t word, int64_t times) {
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
  uint8_t missing[kBlock];
  size_t values = 0;
  read_words(column, begin, count, words, missing);
  for (int64_t i = 0; i < count; ++i) words[values] = words[i], values += !missing[i];
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

Result<TableSummary> describe(io::ChunkReader& chunks, exec::Pool& pool, exec::Steps& steps, const exec::Cancellation& cancel) {
  const Table schema = chunks.schema();
  const size_t columns = schema.num_columns();
  steps.begin("ranges");
  HY_TRY(auto workers,
         each_block(
             chunks, pool, cancel, [&] { return std::vector<Seen>(columns); },
             [](size_t c, const Column& column, int64_t begin, int64_t count, std::vector<Seen>& mine) { see(column, begin, count, &mine[c]); }));
  std::vector<Seen> seen = std::move(workers[0]);
  for (size_t w = 1; w < workers.size(); ++w)
    for (size_t c = 0; c < columns; ++c) merge(workers[w][c], &seen[c]);
  workers.clear();

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
                           [&](size_t c, const Column& column, int64_t begin, int64_t count, std::vector<Moments>& mine) {
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
  HY_CHECK(find_all(chunks, pool, cancel, &searches));
  steps.end();

  TableSummary out;
  for (size_t c = 0; c < columns; ++c) {
    ColumnSummary column;
    const ColumnRange& range = seen[c].range;
    column.name = schema.names[c], column.dtype = schema.columns[c].dtype, column.zone = schema.columns[c].zone;
    column.rows = range.rows, column.missing = range.missing;
    column.extremes = extremes_of(seen[c], schema.columns[c]);
    const int64_t values = range.rows - range.missing;
    summarize_different(seen[c].different, schema.columns[c], values, &column);
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
    out.columns.push_back(std::move(column));
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
