#include "aggregate/describe.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_map>

#include "aggregate/exact.h"
#include "aggregate/names.h"
#include "aggregate/plan.h"
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

/// How often each value occurs, as long as there are not too many.
struct Counts {
  std::unordered_map<uint64_t, int64_t> of_word;
  TextSet names;
  std::vector<int64_t> of_name;
  bool complete = true;

  void add_word(uint64_t word, int64_t times) {
    of_word[word] += times;
    check(of_word.size());
  }
  void add_name(std::string_view text, int64_t times) {
    const uint32_t number = names.add(text);
    if (number == of_name.size()) of_name.push_back(0);
    of_name[number] += times;
    check(of_name.size());
  }

 private:
  void check(size_t different) {
    if (different > kMostCounted) *this = {}, complete = false;
  }
};

struct Seen {
  ColumnRange range;
  std::string least_text, greatest_text;
  bool any_text = false;
  DistinctSketch sketch;
  Counts counts;
};

uint64_t hash_of(std::string_view text) { return checksum(text.data(), text.size()); }

void see_text(const Column& column, int64_t begin, int64_t count, Seen* seen) {
  for (int64_t row = begin; row < begin + count; ++row) {
    if (column.is_null(row)) {
      ++seen->range.missing;
      continue;
    }
    const std::string_view text = column.text(row);
    if (!seen->any_text || text < seen->least_text) seen->least_text = text;
    if (!seen->any_text || text > seen->greatest_text) seen->greatest_text = text;
    seen->any_text = true;
    seen->sketch.add(hash_of(text));
    if (seen->counts.complete) seen->counts.add_name(text, 1);
  }
}

void see(const Column& column, int64_t begin, int64_t count, Seen* seen) {
  seen->range.rows += count;
  if (word_kind(column.dtype) == WordKind::text) return see_text(column, begin, count, seen);
  uint64_t words[kBlock];
  uint8_t missing[kBlock];
  read_words(column, begin, count, words, missing);
  for (int64_t i = 0; i < count; ++i) {
    if (missing[i]) {
      ++seen->range.missing;
      continue;
    }
    seen->range.least = std::min(seen->range.least, words[i]);
    seen->range.greatest = std::max(seen->range.greatest, words[i]);
    const uint64_t word = word_kind(column.dtype) == WordKind::real && words[i] == word_of(-0.0) ? word_of(0.0) : words[i];
    seen->sketch.add(mix64(word));
    if (seen->counts.complete) seen->counts.add_word(word, 1);
  }
}

void merge(const Seen& from, Seen* into) {
  into->range.rows += from.range.rows, into->range.missing += from.range.missing;
  into->range.least = std::min(into->range.least, from.range.least), into->range.greatest = std::max(into->range.greatest, from.range.greatest);
  if (from.any_text) {
    if (!into->any_text || from.least_text < into->least_text) into->least_text = from.least_text;
    if (!into->any_text || from.greatest_text > into->greatest_text) into->greatest_text = from.greatest_text;
    into->any_text = true;
  }
  into->sketch.merge(from.sketch);
  if (!from.counts.complete) into->counts = {}, into->counts.complete = false;
  if (!into->counts.complete) return;
  for (const auto& [word, times] : from.counts.of_word)
    if (into->counts.complete) into->counts.add_word(word, times);
  for (uint32_t i = 0; i < from.counts.of_name.size() && into->counts.complete; ++i)
    into->counts.add_name(from.counts.names.text(i), from.counts.of_name[i]);
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
  std::vector<int64_t> counts = {};

  bool done() const { return bits == 0; }
  int shift() const { return std::max(0, bits - kRadixBits); }
  void narrow() {
    size_t bin = 0;
    while (rank >= counts[bin]) rank -= counts[bin++];
    base += uint64_t(bin) << shift();
    bits = shift();
  }
};

/// Finds what all searches look for, in passes over the chunks.
Result<void> find_all(io::ChunkReader& chunks, exec::Pool& pool, const exec::Cancellation& cancel, std::vector<Search>* searches) {
  while (std::any_of(searches->begin(), searches->end(), [](const Search& search) { return !search.done(); })) {
    std::vector<std::vector<size_t>> of_column(chunks.schema().num_columns());
    for (size_t s = 0; s < searches->size(); ++s) {
      Search& search = (*searches)[s];
      if (search.done()) continue;
      search.counts.assign(size_t{1} << (search.bits - search.shift()), 0);
      of_column[search.column].push_back(s);
    }
    HY_TRY(auto workers, each_block(
                             chunks, pool, cancel, [&] { return *searches; },
                             [&](size_t c, const Column& column, int64_t begin, int64_t count, std::vector<Search>& mine) {
                               if (of_column[c].empty()) return;
                               uint64_t words[kBlock];
                               uint8_t missing[kBlock];
                               read_words(column, begin, count, words, missing);
                               for (const size_t s : of_column[c]) {
                                 Search& search = mine[s];
                                 const uint64_t base = search.base, span = search.bits == 64 ? UINT64_MAX : (uint64_t{1} << search.bits) - 1;
                                 const int shift = search.shift();
                                 for (int64_t i = 0; i < count; ++i)
                                   if (!missing[i] && words[i] - base <= span) ++search.counts[size_t((words[i] - base) >> shift)];
                               }
                             }));
    for (size_t s = 0; s < searches->size(); ++s) {
      Search& search = (*searches)[s];
      if (search.done()) continue;
      for (const auto& worker : workers)
        for (size_t bin = 0; bin < search.counts.size(); ++bin) search.counts[bin] += worker[s].counts[bin];
      search.narrow();
      search.counts.clear();
    }
  }
  return {};
}

/// A value as it is shown.
std::string shown(uint64_t word, const Column& like) {
  std::string out;
  Column one = like;
  one.length = 1;
  if (like.dtype == Dtype::boolean) return whole_of(word) ? "true" : "false";
  if (word_kind(like.dtype) == WordKind::real) {
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

void summarize_counts(const Seen& seen, const Column& like, ColumnSummary* out) {
  const Counts& counts = seen.counts;
  out->distinct_is_exact = counts.complete;
  out->distinct = counts.complete ? int64_t(counts.of_word.size() + counts.of_name.size()) : seen.sketch.estimate();
  if (!counts.complete || out->distinct == 0) return;
  if (!counts.of_name.empty()) {
    for (uint32_t i = 0; i < counts.of_name.size(); ++i) {
      const std::string_view text = counts.names.text(i);
      if (counts.of_name[i] > out->frequent_rows || (counts.of_name[i] == out->frequent_rows && text < *out->frequent))
        out->frequent = text, out->frequent_rows = counts.of_name[i];
    }
    return;
  }
  uint64_t best = 0;
  for (const auto& [word, times] : counts.of_word)
    if (times > out->frequent_rows || (times == out->frequent_rows && word < best)) best = word, out->frequent_rows = times;
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
  out.bits = out.kind == WordKind::real ? BitRange{-1074, 1024} : BitRange{0, 64};
  out.sum_words = words_for(out.bits, range.rows, false), out.square_words = words_for(out.bits, range.rows, true);
  return out;
}

void add_moments(const SumShape& shape, const Column& column, int64_t begin, int64_t count, Moments* to) {
  uint64_t words[kBlock];
  uint8_t missing[kBlock];
  read_words(column, begin, count, words, missing);
  for (int64_t i = 0; i < count; ++i) {
    if (missing[i]) continue;
    const double value = number_of(words[i], shape.kind);
    if (shape.width > 0) ++to->histogram[std::min(kHistogramBins - 1, size_t((value - shape.least) / shape.width * double(kHistogramBins)))];
    if (!has_mean(column.dtype)) continue;
    if (shape.kind == WordKind::real) {
      const DoubleParts parts = parts_of(double_bits_of(words[i]));
      if (parts.mantissa == 0) continue;
      add_shifted(to->sum.data(), shape.sum_words, parts.mantissa, parts.exponent - shape.bits.low, parts.negative);
      add_shifted(to->squares.data(), shape.square_words, Wide(parts.mantissa) * parts.mantissa, 2 * (parts.exponent - shape.bits.low), false);
    } else {
      const bool negative = shape.kind == WordKind::whole && whole_of(words[i]) < 0;
      const uint64_t whole = shape.kind == WordKind::unsigned_whole ? words[i] : uint64_t(whole_of(words[i])), size = negative ? 0 - whole : whole;
      add_shifted(to->sum.data(), shape.sum_words, size, 0, negative);
      add_shifted(to->squares.data(), shape.square_words, Wide(size) * size, 0, false);
    }
  }
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
    summarize_counts(seen[c], schema.columns[c], &column);
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
