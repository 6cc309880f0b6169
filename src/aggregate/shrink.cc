#include "aggregate/shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_map>

#include "aggregate/names.h"
#include "aggregate/words.h"
#include "base/strings.h"

namespace hayate::aggregate {
namespace {

constexpr int64_t kBlock = 4096;

/// What one column's values allow; all of it merges without order.
struct Seen {
  int64_t rows = 0, missing = 0;
  uint64_t least = UINT64_MAX, greatest = 0;  // words
  bool exact = true;                          // every float64 comes back from float32 bit for bit
  bool close = true;                          // or within the tolerance
  bool infinite = false;                      // a finite one becomes infinite
  int64_t text_bytes = 0;
  TextSet names;
  bool names_kept = true;
};

void see_reals(const Column& column, int64_t begin, int64_t count, const ShrinkOptions& options, Seen* seen) {
  const double* from = column.as<double>().data() + begin;
  bool exact = true, close = true, infinite = false;
  for (int64_t i = 0; i < count; ++i) {
    const float narrow = float(from[i]);
    const double back = narrow;
    exact &= std::bit_cast<uint64_t>(back) == std::bit_cast<uint64_t>(from[i]) || column.is_null(begin + i);
    if (exact) continue;
    if (column.is_null(begin + i) || from[i] != from[i]) continue;
    infinite |= std::isinf(back) && !std::isinf(from[i]);
    close &= from[i] == back || std::fabs(back - from[i]) <= options.atol + options.rtol * std::fabs(from[i]);
  }
  seen->exact &= exact, seen->close &= close, seen->infinite |= infinite;
}

void see_text(const Column& column, int64_t begin, int64_t count, int64_t names_bytes, Seen* seen) {
  for (int64_t row = begin; row < begin + count; ++row) {
    if (column.is_null(row)) {
      ++seen->missing;
      continue;
    }
    const std::string_view text = column.text(row);
    seen->text_bytes += int64_t(text.size());
    if (seen->names_kept) seen->names.add(text);
  }
  if (seen->names_kept && seen->names.memory() > names_bytes) seen->names_kept = false, seen->names = {};
}

void see(const Column& column, int64_t begin, int64_t count, const ShrinkOptions& options, int64_t names_bytes, Seen* seen) {
  seen->rows += count;
  if (word_kind(column.dtype) == WordKind::text) return see_text(column, begin, count, names_bytes, seen);
  uint64_t words[kBlock];
  uint8_t missing[kBlock];
  read_words(column, begin, count, words, missing);
  for (int64_t i = 0; i < count; ++i) {
    seen->missing += column.dtype == Dtype::float64 || column.dtype == Dtype::float32 ? column.is_null(begin + i) || missing[i] : missing[i];
    seen->least = missing[i] ? seen->least : std::min(seen->least, words[i]);
    seen->greatest = std::max(seen->greatest, words[i]);
  }
  if (column.dtype == Dtype::float64) see_reals(column, begin, count, options, seen);
}

void merge(Seen* from, int64_t names_bytes, Seen* into) {
  into->rows += from->rows, into->missing += from->missing, into->text_bytes += from->text_bytes;
  into->least = std::min(into->least, from->least), into->greatest = std::max(into->greatest, from->greatest);
  into->exact &= from->exact, into->close &= from->close, into->infinite |= from->infinite;
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
  if (seen.least > seen.greatest) return Dtype::int8;  // no value at all
  if (before == Dtype::uint64) {
    constexpr std::pair<Dtype, uint64_t> kUnsigned[] = {{Dtype::int8, 127},       {Dtype::uint8, 255},       {Dtype::int16, 32767},
                                                        {Dtype::uint16, 65535},   {Dtype::int32, INT32_MAX}, {Dtype::uint32, UINT32_MAX},
                                                        {Dtype::int64, INT64_MAX}};
    for (const auto& [dtype, most] : kUnsigned)
      if (seen.greatest <= most && (unsigned_too || dtype <= Dtype::int64)) return dtype;
    return before;
  }
  const int64_t least = whole_of(seen.least), greatest = whole_of(seen.greatest);
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
  const int64_t as_text = (seen.rows + 1) * offsets + seen.text_bytes;
  const int codes = code_width(seen.names.size());
  const int64_t as_category = seen.rows * codes + dictionary;
  out->bytes_before = category ? seen.rows * (like.file_width ? like.file_width : 4) + dictionary : as_text;
  const bool fewer = mode == ShrinkMode::compact ? 2 * int64_t(seen.names.size()) < seen.rows : as_category < as_text;
  if (!seen.names_kept || (!category && !fewer)) {
    out->after = like.dtype, out->file_width = like.file_width, out->bytes_after = out->bytes_before;
    out->why = seen.names_kept ? fmt::format("{} different texts: a dictionary would take more", seen.names.size())
                               : "too many different texts to keep in mind";
    return;
  }
  out->after = Dtype::category, out->file_width = codes, out->bytes_after = as_category;
  out->why = fmt::format("{} different texts in {} rows, int{} codes", seen.names.size(), seen.rows, 8 * codes);
}

void decide_reals(const Seen& seen, const ShrinkOptions& options, ShrunkColumn* out) {
  out->after = out->before;
  if (out->before == Dtype::float32) {
    out->why = "narrow already";
  } else if (seen.exact) {
    out->after = Dtype::float32, out->why = "every value comes back from float32";
  } else if (options.mode == ShrinkMode::tolerance && seen.close && !seen.infinite) {
    out->after = Dtype::float32, out->lossy = true, out->why = fmt::format("every value within {:g} of itself, or {:g}", options.rtol, options.atol);
  } else if (options.mode == ShrinkMode::compact) {
    out->after = Dtype::float32, out->lossy = true;
    out->why = seen.infinite ? "rounded to float32; values beyond its range became infinite" : "rounded to float32";
  } else {
    out->why = options.mode == ShrinkMode::tolerance ? "float32 would be too far off" : "float32 would change values";
  }
}

ShrunkColumn decide(const std::string& name, const Column& like, const Seen& seen, const ShrinkOptions& options) {
  ShrunkColumn out;
  out.name = name, out.before = like.dtype, out.missing = seen.missing;
  if (word_kind(like.dtype) == WordKind::text) return decide_text(like, seen, options.mode, &out), out;
  out.bytes_before = fixed_bytes(like.dtype, seen.rows);
  if (is_integer(like.dtype)) {
    out.after = narrowest_integer(like.dtype, seen, options.mode != ShrinkMode::compact);
    if (dtype_width(out.after) >= dtype_width(like.dtype)) out.after = like.dtype;  // as narrow already: the type stays
    const bool constant = seen.least == seen.greatest && seen.missing == 0;
    const auto shown = [&](uint64_t word) { return like.dtype == Dtype::uint64 ? fmt::format("{}", word) : fmt::format("{}", whole_of(word)); };
    out.why = seen.least > seen.greatest ? "no values"
              : constant                 ? "always " + shown(seen.least)
                                         : fmt::format("from {} to {}", shown(seen.least), shown(seen.greatest));
  } else if (like.dtype == Dtype::float64 || like.dtype == Dtype::float32) {
    decide_reals(seen, options, &out);
    if (seen.missing == seen.rows && seen.rows > 0) out.why = "no values";
  } else {
    out.after = like.dtype, out.why = "as narrow as it gets";
  }
  out.bytes_after = fixed_bytes(out.after, seen.rows);
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
  std::vector<int> file_widths(columns, 0);
  while (true) {
    HY_TRY(const auto chunk, chunks.next());
    if (!chunk) break;
    const int64_t rows = chunk->num_rows(), blocks = (rows + kBlock - 1) / kBlock;
    pool.run(
        blocks,
        [&](int64_t block, int worker) {
          const int64_t begin = block * kBlock;
          for (size_t c = 0; c < columns; ++c)
            see(chunk->columns[c], begin, std::min(kBlock, rows - begin), options, share / pool.workers(), &workers[size_t(worker)][c]);
        },
        &cancel);
    if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "optimize", "run it again"};
    steps.advance(rows);
  }
  ShrinkPlan plan;
  for (size_t c = 0; c < columns; ++c) {
    Seen seen = std::move(workers[0][c]);
    for (size_t w = 1; w < workers.size(); ++w) merge(&workers[w][c], share, &seen);
    plan.rows = seen.rows;
    plan.columns.push_back(decide(schema.names[c], schema.columns[c], seen, options));
  }
  return plan;
}

namespace {

/// Stores word by word; false when a value has no place in T.
template <class T>
bool narrow_whole(const uint64_t* words, const uint8_t* missing, int64_t count, bool is_unsigned, T* out) {
  bool fits = true;
  for (int64_t i = 0; i < count; ++i) {
    out[i] = is_unsigned ? T(words[i]) : T(whole_of(words[i]));
    if (missing[i]) out[i] = T{};
    fits &= missing[i] || (is_unsigned ? uint64_t(out[i]) == words[i] && out[i] >= 0 : int64_t(out[i]) == whole_of(words[i]));
  }
  return fits;
}

template <class T>
bool narrow_column(const Column& column, Column* out) {
  std::vector<T> values(static_cast<size_t>(column.length));
  uint64_t words[kBlock];
  uint8_t missing[kBlock];
  bool fits = true;
  for (int64_t begin = 0; begin < column.length; begin += kBlock) {
    const int64_t count = std::min(kBlock, column.length - begin);
    read_words(column, begin, count, words, missing);
    fits &= narrow_whole(words, missing, count, column.dtype == Dtype::uint64, values.data() + begin);
  }
  out->values = make_buffer(std::move(values));
  return fits;
}

bool narrow_integers(const Column& column, Dtype to, Column* out) {
  switch (to) {
    case Dtype::int8:
      return narrow_column<int8_t>(column, out);
    case Dtype::int16:
      return narrow_column<int16_t>(column, out);
    case Dtype::int32:
      return narrow_column<int32_t>(column, out);
    case Dtype::uint8:
      return narrow_column<uint8_t>(column, out);
    case Dtype::uint16:
      return narrow_column<uint16_t>(column, out);
    case Dtype::uint32:
      return narrow_column<uint32_t>(column, out);
    default:
      return narrow_column<int64_t>(column, out);
  }
}

/// Text as codes into the names of this chunk, in order of appearance: the writer numbers them anew for the file.
void encode_text(const Column& column, Column* out) {
  TextSet names;
  std::vector<int32_t> codes(static_cast<size_t>(column.length), 0);
  for (int64_t row = 0; row < column.length; ++row)
    if (!column.is_null(row)) codes[size_t(row)] = int32_t(names.add(column.text(row)));
  out->values = make_buffer(std::move(codes));
  out->offsets = {};
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < names.size(); ++i) texts.emplace_back(names.text(i));
  out->dictionary = std::make_shared<const Column>(make_text_column(texts));
}

bool shrink_column(const Column& column, const ShrunkColumn& plan, Column* out) {
  *out = column;
  out->dtype = plan.after, out->file_width = plan.file_width;
  if (column.dtype == plan.after) return true;
  if (plan.after == Dtype::category) return encode_text(column, out), true;
  if (plan.after != Dtype::float32) return narrow_integers(column, plan.after, out);
  const auto from = column.as<double>();
  std::vector<float> values(from.size());
  for (size_t i = 0; i < from.size(); ++i) values[i] = float(from[i]);
  out->values = make_buffer(std::move(values));
  return true;
}

}  // namespace

Result<Table> shrink(const Table& chunk, const ShrinkPlan& plan, exec::Pool& pool) {
  std::vector<Column> columns(chunk.num_columns());
  std::vector<uint8_t> fits(chunk.num_columns(), 1);
  pool.run(int64_t(columns.size()),
           [&](int64_t c, int) { fits[size_t(c)] = shrink_column(chunk.columns[size_t(c)], plan.columns[size_t(c)], &columns[size_t(c)]); });
  Table out;
  for (size_t c = 0; c < columns.size(); ++c) {
    if (!fits[c])
      return input_error(fmt::format("column '{}' has other values than before", chunk.names[c]), "optimize",
                         "does another program write to the input? try again when it is done");
    out.add(chunk.names[c], std::move(columns[c]));
  }
  return out;
}

}  // namespace hayate::aggregate
