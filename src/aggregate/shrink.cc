#include "aggregate/shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "aggregate/ranges.h"
#include "aggregate/statistics.h"
#include "base/strings.h"

namespace hayate::aggregate {
namespace {

/// What one column's values allow; all of it merges without order.
struct Seen {
  ColumnRange range;
  kernels::Narrowing narrowing;  // of float64
  int64_t text_bytes = 0;
  TextSet names;
  TextSet dictionary_names;  // of categories: also those that no row has, which stay in the dictionary
  bool names_kept = true;
  std::shared_ptr<const Column> dictionary;  // the one that `used` tells of: which of its names have been added
  std::vector<uint8_t> used;

  bool has_values() const { return range.has_values(); }
};

/// float64: null stands for a value that fits.
void see_reals(const Column& column, int64_t begin, int64_t count, const ShrinkOptions& options, Seen* seen) {
  const auto narrowing = kernels::word_kernels().narrowing;
  const double* from = column.as<double>().data() + begin;
  double valid[kRangeRows];
  if (column.validity.data) {
    for (int64_t i = 0; i < count; ++i) {
      const bool null = column.is_null(begin + i);
      valid[i] = null ? 0 : from[i];
      seen->range.missing += null;
    }
    from = valid;
  }
  seen->range.missing += narrowing(from, count, options.rtol, options.atol, &seen->narrowing);
  ColumnRange range;
  add_values(column, begin, count, &range);
  range.rows = range.missing = 0;  // counted already
  merge_range(range, &seen->range);
}

void see_text(const Column& column, int64_t begin, int64_t count, Seen* seen) {
  const auto* const offsets = reinterpret_cast<const int64_t*>(column.offsets.data);
  seen->text_bytes += offsets[begin + count] - offsets[begin];
  const auto null = [&](int64_t row) { ++seen->range.missing, seen->text_bytes -= offsets[row + 1] - offsets[row]; };
  if (seen->names_kept) return add_texts(column, begin, count, &seen->names, [](int64_t, uint32_t) {}, null);
  for (int64_t row = begin; row < begin + count && column.validity.data; ++row)
    if (column.is_null(row)) null(row);
}

/// Names that no row has are left out.
void see_codes(const Column& column, int64_t begin, int64_t count, Seen* seen) {
  if (seen->dictionary != column.dictionary) seen->dictionary = column.dictionary, seen->used.assign(size_t(column.dictionary->length), 0);
  for (int64_t row = begin; row < begin + count; ++row) {
    if (column.is_null(row)) {
      ++seen->range.missing;
      continue;
    }
    uint8_t& used = seen->used[size_t(column.as<int32_t>()[size_t(row)])];
    if (!used && seen->names_kept) seen->names.add(column.text(row));
    used = 1;
  }
}

/// Once a chunk. More names than statistics keep need not be complete.
void see_dictionary(const Column& column, Seen* seen) {
  if (column.dtype != Dtype::category || seen->dictionary_names.size() > kMostNameBytes) return;
  for (int64_t i = 0; i < column.dictionary->length; ++i) seen->dictionary_names.add(column.dictionary->text(i));
}

void see(const Column& column, int64_t begin, int64_t count, const ShrinkOptions& options, int64_t names_bytes, Seen* seen) {
  const bool text = column.dtype == Dtype::text;
  if (word_kind(column.dtype) != WordKind::text && column.dtype != Dtype::float64) return add_values(column, begin, count, &seen->range);
  seen->range.rows += count;
  if (column.dtype == Dtype::float64) return see_reals(column, begin, count, options, seen);
  text ? see_text(column, begin, count, seen) : see_codes(column, begin, count, seen);
  if (seen->names_kept && seen->names.memory() > names_bytes) seen->names_kept = false, seen->names = {};
}

void merge(Seen* from, int64_t names_bytes, Seen* into) {
  merge_range(from->range, &into->range);
  into->narrowing.exact &= from->narrowing.exact, into->narrowing.close &= from->narrowing.close;
  into->narrowing.infinite |= from->narrowing.infinite;
  into->text_bytes += from->text_bytes;
  into->names_kept &= from->names_kept;
  for (uint32_t i = 0; i < from->names.size() && into->names_kept; ++i) {
    into->names.add(from->names.text(i));
    into->names_kept = into->names.memory() <= names_bytes;
  }
  if (!into->names_kept) into->names = {};
  *from = {};
}

/// Integers from the narrowest; `unsigned_too`: unsigned ones between the signed.
Dtype narrowest_integer(Dtype before, const Seen& seen, bool unsigned_too) {
  if (!seen.has_values()) return Dtype::int8;
  if (before == Dtype::uint64) {
    constexpr std::pair<Dtype, uint64_t> kUnsigned[] = {{Dtype::int8, 127},       {Dtype::uint8, 255},       {Dtype::int16, 32767},
                                                        {Dtype::uint16, 65535},   {Dtype::int32, INT32_MAX}, {Dtype::uint32, UINT32_MAX},
                                                        {Dtype::int64, INT64_MAX}};
    for (const auto& [dtype, most] : kUnsigned)
      if (seen.range.greatest <= most && (unsigned_too || dtype <= Dtype::int64)) return dtype;
    return before;
  }
  const int64_t least = whole_of(seen.range.least), greatest = whole_of(seen.range.greatest);
  struct Range {
    Dtype dtype;
    int64_t least, greatest;
  };
  constexpr Range kRanges[] = {{Dtype::int8, INT8_MIN, INT8_MAX}, {Dtype::uint8, 0, UINT8_MAX},         {Dtype::int16, INT16_MIN, INT16_MAX},
                               {Dtype::uint16, 0, UINT16_MAX},    {Dtype::int32, INT32_MIN, INT32_MAX}, {Dtype::uint32, 0, UINT32_MAX}};
  for (const Range& range : kRanges)
    if (least >= range.least && greatest <= range.greatest && (unsigned_too || range.dtype <= Dtype::int64)) return range.dtype;
  return Dtype::int64;
}

int code_width(uint32_t names) { return names <= 128 ? 1 : names <= 32768 ? 2 : 4; }

int offset_width(const Column& column) { return column.dtype == Dtype::text && column.file_width ? column.file_width : 8; }

int64_t fixed_bytes(Dtype dtype, int64_t rows) { return dtype == Dtype::boolean ? (rows + 7) / 8 : rows * int64_t(dtype_width(dtype)); }

int64_t names_bytes_of(const TextSet& names, int offsets) {
  int64_t bytes = (int64_t(names.size()) + 1) * offsets;
  for (uint32_t i = 0; i < names.size(); ++i) bytes += int64_t(names.text(i).size());
  return bytes;
}

void decide_text(const Column& like, const Seen& seen, ShrinkMode mode, ShrunkColumn* out) {
  const bool category = like.dtype == Dtype::category;
  const int offsets = offset_width(like);
  const int64_t dictionary = names_bytes_of(seen.names, category ? 8 : offsets);
  const int64_t as_text = (seen.range.rows + 1) * offsets + seen.text_bytes;
  const int codes = code_width(seen.names.size());
  const int64_t as_category = seen.range.rows * codes + dictionary;
  out->bytes_before = category ? seen.range.rows * (like.file_width ? like.file_width : 4) + dictionary : as_text;
  const bool fewer = mode == ShrinkMode::compact ? 2 * int64_t(seen.names.size()) < seen.range.rows : as_category < as_text;
  if (!seen.names_kept || (!category && !fewer)) {
    out->after = like.dtype, out->file_width = like.file_width, out->bytes_after = out->bytes_before;
    out->why = seen.names_kept ? fmt::format("{} different texts: a dictionary would take more", seen.names.size())
                               : "too many different texts to keep in mind";
    return;
  }
  out->after = Dtype::category, out->file_width = codes, out->bytes_after = as_category;
  out->why = fmt::format("{} different texts in {} rows, int{} codes", seen.names.size(), seen.range.rows, 8 * codes);
}

void decide_reals(const Seen& seen, const ShrinkOptions& options, ShrunkColumn* out) {
  out->after = out->before;
  if (out->before == Dtype::float32) {
    out->why = "narrow already";
  } else if (seen.narrowing.exact) {
    out->after = Dtype::float32, out->why = "every value comes back from float32";
  } else if (options.mode == ShrinkMode::tolerance && seen.narrowing.close && !seen.narrowing.infinite) {
    out->after = Dtype::float32, out->lossy = true, out->why = fmt::format("every value within {:g} of itself, or {:g}", options.rtol, options.atol);
  } else if (options.mode == ShrinkMode::compact) {
    out->after = Dtype::float32, out->lossy = true;
    out->why = seen.narrowing.infinite ? "rounded to float32; values beyond its range became infinite" : "rounded to float32";
  } else {
    out->why = options.mode == ShrinkMode::tolerance ? "float32 would be too far off" : "float32 would change values";
  }
}

ShrunkColumn decide(const std::string& name, const Column& like, const Seen& seen, const ShrinkOptions& options) {
  ShrunkColumn out;
  out.name = name, out.before = like.dtype, out.missing = seen.range.missing;
  if (word_kind(like.dtype) == WordKind::text) return decide_text(like, seen, options.mode, &out), out;
  out.bytes_before = fixed_bytes(like.dtype, seen.range.rows);
  if (is_integer(like.dtype)) {
    out.after = narrowest_integer(like.dtype, seen, options.mode != ShrinkMode::compact);
    if (dtype_width(out.after) >= dtype_width(like.dtype)) out.after = like.dtype;  // as narrow already: the type stays
    const bool constant = seen.range.least == seen.range.greatest && seen.range.missing == 0;
    const auto shown = [&](uint64_t word) { return like.dtype == Dtype::uint64 ? fmt::format("{}", word) : fmt::format("{}", whole_of(word)); };
    out.why = !seen.has_values() ? "no values"
              : constant         ? "always " + shown(seen.range.least)
                                 : fmt::format("from {} to {}", shown(seen.range.least), shown(seen.range.greatest));
  } else if (like.dtype == Dtype::float64 || like.dtype == Dtype::float32) {
    decide_reals(seen, options, &out);
    if (!seen.has_values() && seen.range.rows > 0) out.why = "no values";
  } else {
    out.after = like.dtype, out.why = "as narrow as it gets";
  }
  out.bytes_after = fixed_bytes(out.after, seen.range.rows);
  return out;
}

/// What is known of the values of a new column; nothing where they are others than before, or texts without a dictionary.
std::optional<KnownColumn> known(const ShrunkColumn& column, Seen seen) {
  if (column.lossy || column.after == Dtype::text) return std::nullopt;
  KnownColumn out = {column.name, column.after, seen.range};
  if (column.after == Dtype::category) {
    if (!seen.names_kept) return std::nullopt;
    const bool was_text = column.before == Dtype::text;
    out.range.names = std::make_shared<const SortedNames>(std::move(was_text ? seen.names : seen.dictionary_names));
  } else if (column.before == Dtype::uint64 && column.after != Dtype::uint64 && seen.has_values()) {
    out.range.least = word_of(int64_t(seen.range.least)), out.range.greatest = word_of(int64_t(seen.range.greatest));
  }
  return out;
}

}  // namespace

Result<ShrinkPlan> plan_shrink(io::ChunkReader& chunks, const ShrinkOptions& options, exec::Pool& pool, int64_t names_bytes, exec::Steps& steps,
                               const exec::Cancellation& cancel) {
  const Table schema = chunks.schema();
  const size_t columns = schema.num_columns();
  const int64_t share = names_bytes / int64_t(columns);
  std::vector<std::vector<Seen>> workers(size_t(pool.workers()));
  for (auto& worker : workers) worker = std::vector<Seen>(columns);
  while (true) {
    HY_TRY(const auto chunk, chunks.next());
    if (!chunk) break;
    const int64_t rows = chunk->num_rows(), blocks = (rows + kRangeRows - 1) / kRangeRows;
    for (size_t c = 0; c < columns; ++c) see_dictionary(chunk->columns[c], &workers[0][c]);
    pool.run(
        blocks,
        [&](int64_t block, int worker) {
          const int64_t begin = block * kRangeRows;
          for (size_t c = 0; c < columns; ++c)
            see(chunk->columns[c], begin, std::min(kRangeRows, rows - begin), options, share / pool.workers(), &workers[size_t(worker)][c]);
        },
        &cancel);
    if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "optimize", "run it again"};
    steps.advance(rows);
  }
  ShrinkPlan plan;
  std::vector<KnownColumn> columns_known;
  for (size_t c = 0; c < columns; ++c) {
    Seen seen = std::move(workers[0][c]);
    for (size_t w = 1; w < workers.size(); ++w) merge(&workers[w][c], share, &seen);
    plan.rows = seen.range.rows;
    plan.columns.push_back(decide(schema.names[c], schema.columns[c], seen, options));
    if (auto column = known(plan.columns.back(), std::move(seen))) columns_known.push_back(std::move(*column));
  }
  plan.statistics = write_statistics(plan.rows, columns_known);
  return plan;
}

namespace {

constexpr int64_t kTaskRows = int64_t{1} << 16;

/// Stores word by word; false when a value has no place in T.
template <class T>
bool narrow_words(const uint64_t* words, int64_t count, bool is_unsigned, T* out) {
  uint64_t differing = 0;
  const uint64_t turn = is_unsigned ? 0 : kSignBit;
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t value = words[i] ^ turn;
    out[i] = T(value);
    differing |= uint64_t(int64_t(out[i])) ^ value;
    if constexpr (T(-1) < T(0)) differing |= is_unsigned && out[i] < 0;
  }
  return differing == 0;
}

/// Rows [begin, end) of a column as T; those without a value are 0.
template <class T>
bool narrow_integers(const Column& column, int64_t begin, int64_t end, void* values) {
  uint64_t words[kRangeRows];
  uint8_t missing[kRangeRows];
  const bool is_unsigned = column.dtype == Dtype::uint64;
  const uint64_t zero = is_unsigned ? 0 : word_of(int64_t{0});
  bool fits = true;
  for (int64_t at = begin; at < end; at += kRangeRows) {
    const int64_t count = std::min(kRangeRows, end - at);
    if (read_words(column, at, count, words, missing))
      for (int64_t i = 0; i < count; ++i) words[i] = missing[i] ? zero : words[i];
    fits &= narrow_words(words, count, is_unsigned, static_cast<T*>(values) + at);
  }
  return fits;
}

bool narrow_reals(const Column& column, int64_t begin, int64_t end, void* values) {
  const double* const from = column.as<double>().data();
  float* const to = static_cast<float*>(values);
  for (int64_t row = begin; row < end; ++row) to[row] = float(from[row]);
  return true;
}

using Narrow = bool (*)(const Column& column, int64_t begin, int64_t end, void* values);
Narrow narrow_to(Dtype dtype) {
  switch (dtype) {
    case Dtype::int8:
      return narrow_integers<int8_t>;
    case Dtype::int16:
      return narrow_integers<int16_t>;
    case Dtype::int32:
      return narrow_integers<int32_t>;
    case Dtype::uint8:
      return narrow_integers<uint8_t>;
    case Dtype::uint16:
      return narrow_integers<uint16_t>;
    case Dtype::uint32:
      return narrow_integers<uint32_t>;
    case Dtype::float32:
      return narrow_reals;
    default:
      return narrow_integers<int64_t>;
  }
}

}  // namespace

Result<Table> shrink(const Table& chunk, const ShrinkPlan& plan, exec::Pool& pool) {
  const int64_t rows = chunk.num_rows(), parts = (rows + kTaskRows - 1) / kTaskRows;
  Table out = chunk;
  std::vector<size_t> narrowed;
  std::vector<std::shared_ptr<uint8_t[]>> values(chunk.num_columns());
  for (size_t c = 0; c < chunk.num_columns(); ++c) {
    const ShrunkColumn& wanted = plan.columns[c];
    if (wanted.after == Dtype::category && chunk.columns[c].dtype == Dtype::text) {
      // Codes in order of appearance in this chunk: the writer numbers them anew for the file.
      out.columns[c] = *encode_text(chunk.columns[c], SIZE_MAX, pool);
    } else if (wanted.after != chunk.columns[c].dtype) {
      narrowed.push_back(c);
      values[c].reset(new uint8_t[size_t(rows) * dtype_width(wanted.after) + 1]);
    }
    out.columns[c].dtype = wanted.after, out.columns[c].file_width = wanted.file_width;
  }
  std::vector<std::atomic<bool>> misfits(chunk.num_columns());
  pool.run(parts * int64_t(narrowed.size()), [&](int64_t task, int) {
    const size_t c = narrowed[size_t(task / parts)];
    const int64_t begin = task % parts * kTaskRows;
    if (!narrow_to(plan.columns[c].after)(chunk.columns[c], begin, std::min(begin + kTaskRows, rows), values[c].get())) misfits[c] = true;
  });
  for (const size_t c : narrowed) {
    if (misfits[c])
      return input_error(fmt::format("column '{}' has other values than before", chunk.names[c]), "optimize",
                         "does another program write to the input? try again when it is done");
    out.columns[c].values = {values[c], values[c].get(), size_t(rows) * dtype_width(plan.columns[c].after)};
  }
  return out;
}

}  // namespace hayate::aggregate
