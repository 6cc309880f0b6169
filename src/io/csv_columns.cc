// The values of a column, chunk by chunk, each in a loop made for the type that the column had so far.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/strings.h"
#include "io/cell_text.h"
#include "io/csv_parser.h"

namespace hayate::io {
namespace {

/// What a value is in a column of `as`: false when it has no place there.
bool slot_of(const CsvValue& value, Dtype as, int64_t* slot) {
  constexpr int kNumbers = kSeenInteger | kSeenNegative | kSeenUnsigned | kSeenHuge | kSeenReal | kSeenPoint | kSeenComma | kSeenCompactDate;
  const auto one_of = [&](int kinds) { return (value.seen & kinds) != 0; };
  *slot = value.seen == kSeenCompactDate ? int64_t(value.real) : value.integer;
  switch (as) {
    case Dtype::int64:
      return one_of(kSeenInteger | kSeenNegative | kSeenCompactDate);
    case Dtype::uint64:
      return one_of(kSeenInteger | kSeenUnsigned | kSeenCompactDate);
    case Dtype::float64:
      *slot = bits_of(value.real);
      return one_of(kNumbers);
    case Dtype::boolean:
      return one_of(kSeenBoolean);
    case Dtype::date:
      *slot = value.integer;
      return one_of(kSeenDate | kSeenCompactDate);
    case Dtype::timestamp:
      if (value.seen == kSeenDate) *slot = value.integer * 86'400'000'000;
      return one_of(kSeenDate | kSeenTime | kSeenZonedTime);
    default:
      return false;
  }
}

/// Whether this is an integer whose float64 is another number.
bool is_rounded(const CsvValue& value, std::string_view text) {
  constexpr double kExact = 9007199254740992;  // 2^53
  if (!(value.seen & (kSeenInteger | kSeenNegative | kSeenUnsigned | kSeenHuge)) || std::abs(value.real) < kExact) return false;
  if (value.seen == kSeenHuge) return fmt::format("{:.0f}", value.real) != trim(text);
  return value.seen == kSeenUnsigned ? is_beyond_float64(uint64_t(value.integer)) : is_beyond_float64(value.integer);
}

}  // namespace

int64_t* CsvParser::slots_of(CsvColumn& column) {
  const std::lock_guard lock(lock_of(making_, column));
  if (!column.slots) column.slots = std::static_pointer_cast<int64_t>(allocate_large(size_t(rows_ + 1) * sizeof(int64_t)));
  if (!column.slots) no_memory_ = true;
  return column.slots.get();
}

int32_t* CsvParser::codes_of(CsvColumn& column) {
  const std::lock_guard lock(lock_of(making_, column));
  if (!column.codes) column.codes = std::static_pointer_cast<int32_t>(allocate_large(size_t(rows_ + 1) * sizeof(int32_t)));
  if (!column.codes) no_memory_ = true;
  return column.codes.get();
}

/// False: no memory.
bool CsvParser::give_slots(const CsvChunk& chunk, CsvColumn& column, CsvColumnChunk& part) {
  if (part.slots) return true;
  int64_t* const slots = slots_of(column);
  if (slots) part.slots = slots + chunk.row;
  return slots;
}

/// The first chunk says what columns will most likely be: memory for that is taken now, by all workers, and the rest where it is needed.
void CsvParser::allocate() {
  for (CsvColumn& column : columns_) column.slots.reset(), column.codes.reset();
  std::vector<int64_t> slots;
  constexpr size_t kMany = 8;
  if (chunks_.size() >= kMany) {
    type_chunk(chunks_[0], scratch_[0], &slots);
    chunks_[0].malformed = false, chunks_[0].error.reset(), chunks_[0].rows = 0;
  }
  run(int64_t(columns_.size()), [&](int64_t c, int) {
    CsvColumn& column = columns_[size_t(c)];
    if (column.coded && column.seen == 0) return;
    const bool is_text = column.as_text || column.rules.symbol || reading_dtype(column.seen, column.rules) == Dtype::text;
    is_text&& column.coded ? void(codes_of(column)) : void(slots_of(column));
  });
}

/// Before chunks are read, `rows_` of them at most.
Result<void> CsvParser::prepare_columns() {
  const double needed = double(rows_ + 1) * double(columns_.size()) * sizeof(int64_t);
  if (needed > double(options_.memory_limit_bytes)) return memory_error();
  allocate();
  if (no_memory_) return memory_error();
  for (CsvColumn& column : columns_) column.text.size = column.text.done = 0;
  for (CsvRows& rows : scratch_) rows.books.clear(), rows.books.resize(options_.coded_text ? columns_.size() : 0);
  read_ = std::vector<std::atomic<bool>>(chunks_.size());
  return {};
}

Result<void> CsvParser::read_chunks() {
  HY_CHECK(prepare_columns());
  run(int64_t(chunks_.size()), [&](int64_t k, int worker) {
    CsvChunk& chunk = chunks_[size_t(k)];
    CsvRows& rows = scratch_[size_t(worker)];
    if (stopped()) return;
    if (exact_ ? find_rows_exactly(chunk, rows) : find_rows(chunk, rows)) read_columns(chunk, rows);
    join_all_ready(size_t(k));
  });
  if (stopped()) return reading_stopped(path_);
  if (no_memory_) return memory_error();
  for (CsvChunk& chunk : chunks_) {
    if (chunk.malformed) break;
    if (chunk.error) return std::move(*chunk.error);
  }
  return {};
}

void CsvParser::join_all_ready(size_t chunk) {
  read_[chunk].store(true, std::memory_order_release);
  for (size_t c = 0; c < columns_.size(); ++c) join_ready_text(c);
}

void CsvParser::read_columns(CsvChunk& chunk, CsvRows& rows) {
  chunk.columns = std::vector<CsvColumnChunk>(columns_.size());
  for (size_t c = 0; c < columns_.size() && !no_memory_; ++c) {
    read_column(chunk, rows, columns_[c], chunk.columns[c]);
    columns_[c].seen.fetch_or(chunk.columns[c].seen, std::memory_order_relaxed);
  }
}

/// What a column is read as that has had these kinds of values.
Dtype CsvParser::type_to_read(uint16_t seen, const CsvColumn& column, const CsvColumnChunk& part) const {
  const Dtype dtype = column.as_text ? Dtype::text : reading_dtype(seen, column.rules);
  return dtype == Dtype::text && !part.only_types ? text_dtype(column) : dtype;
}

/// Tries the type that the column has had so far; a value that does not fit widens it.
void CsvParser::read_column(CsvChunk& chunk, CsvRows& rows, CsvColumn& column, CsvColumnChunk& part) {
  if (column.wanted && !column.as_text) return read_wanted_column(chunk, rows, column, part);
  const uint16_t known = column.seen.load(std::memory_order_relaxed);
  const bool fresh = known == 0 && !column.rules.symbol;
  Dtype as = fresh && !column.as_text ? Dtype::int64 : type_to_read(known, column, part);
  // Ends: the value that did not fit is in part.seen, so the next type has a place for it and for all before it; what was coded is not
  // coded any more.
  while (!read_column_as(as, chunk, rows, column, part)) as = type_to_read(part.seen, column, part);
}

/// A column of the type that was asked for: the first value without a place there is an Error.
void CsvParser::read_wanted_column(CsvChunk& chunk, CsvRows& rows, CsvColumn& column, CsvColumnChunk& part) {
  if (!give_slots(chunk, column, part)) return;
  const Dtype wanted = *column.wanted;
  const bool to_real = wanted == Dtype::float32 || wanted == Dtype::float64;
  const bool plain_integers = !to_real && column.rules.plain_values() && !column.rules.compact_dates;
  const bool plain_reals = to_real && column.rules.plain_reals();
  part.as = wanted;
  part.nulls.clear();
  uint16_t seen = 0;
  each_field(rows, column.index, [&](size_t row, const char* begin, const char* end) {
    CsvValue value;
    int64_t* slot = &part.slots[row];
    if (plain_integers && read_plain_integer(begin, end, &value.integer))
      value.seen = value.integer < 0 ? kSeenNegative : kSeenInteger;
    else if (plain_reals && read_plain_real(begin, end, &value.real))
      value.seen = kSeenPoint;
    else
      value = read_value(unquote({begin, size_t(end - begin)}, &rows.unquoted), column.rules);
    seen |= value.seen;
    if (value.seen == 0) {
      *slot = to_real ? bits_of(kCsvNaN) : 0;
      return set_null(part.nulls, size_t(chunk.rows), row), true;
    }
    if (fit_value(value, wanted, slot)) return true;
    const std::string_view text = unquote({begin, size_t(end - begin)}, &rows.unquoted);
    return refuse(chunk, [&] {
      return error_at(fmt::format("'{}' in column '{}' is no {}", shown_csv(text), column.name, dtype_name(wanted)),
                      body_begin_ + chunk.begin + size_t(begin - rows.data.data()), text,
                      "mend the value, or give the column another type in --types");
    });
  });
  part.seen |= seen;
}

void CsvParser::read_text(const CsvChunk& chunk, CsvRows& rows, CsvColumn& column, CsvColumnChunk& part) {
  int64_t* slots = part.slots;
  size_t room = 0;
  bool plain = !column.rules.missing;  // no value is missing or in quotes
  each_field(rows, column.index, [&](size_t, const char* begin, const char* end) {
    room += size_t(end - begin);
    plain &= end > begin && !is_odd_first(*begin);
    return true;
  });
  part.text.bytes.reset(new char[room + kCsvCopy]);
  char* const text_begin = part.text.bytes.get();
  char* put = text_begin;
  const char* const last_safe = rows.last_safe;
  const auto copy = [&](const char* from, size_t size, bool safe) {
    if (safe) std::memcpy(put, from, kCsvCopy);  // a fixed size: one load and one store
    if (!safe || size > kCsvCopy) std::memcpy(put, from, size);
    put += size;
  };
  const auto plain_value = [&](size_t row, const char* begin, const char* end) {
    slots[row] = put - text_begin;
    return copy(begin, size_t(end - begin), begin <= last_safe), true;
  };
  const auto any_value = [&](size_t row, const char* begin, const char* end) {
    const std::string_view text = unquote({begin, size_t(end - begin)}, &rows.unquoted);
    slots[row] = put - text_begin;
    if (column.rules.symbol ? text.empty() : is_missing(text)) return set_null(part.nulls, size_t(chunk.rows), row), true;
    if (column.rules.missing && column.rules.names_missing(text)) return set_null(part.nulls, size_t(chunk.rows), row), true;
    return copy(text.data(), text.size(), text.data() == begin && begin <= last_safe), true;
  };
  plain ? each_field(rows, column.index, plain_value) : each_field(rows, column.index, any_value);
  part.text.size = size_t(put - text_begin);
  if (column.rules.symbol || column.as_text) part.seen |= kSeenText;
}

/// False: too many different texts.
bool CsvParser::read_codes(const CsvChunk& chunk, CsvRows& rows, CsvColumn& column, CsvColumnChunk& part) {
  int32_t* const codes = part.codes;
  part.worker = int(&rows - scratch_.data());
  CodeBook& book = rows.books[size_t(&column - columns_.data())];
  const bool fits = each_field(rows, column.index, [&](size_t row, const char* begin, const char* end) {
    const size_t size = size_t(end - begin);
    if (size - 1 < kCsvCopy && begin <= rows.last_safe && !is_odd_first(*begin) && !column.rules.missing)
      return codes[row] = book.code_of_short(begin, size), true;
    const std::string_view text = unquote({begin, size}, &rows.unquoted);
    codes[row] = 0;
    if (column.rules.symbol ? text.empty() : is_missing(text)) return set_null(part.nulls, size_t(chunk.rows), row), true;
    if (column.rules.missing && column.rules.names_missing(text)) return set_null(part.nulls, size_t(chunk.rows), row), true;
    return codes[row] = book.code_of(text), true;
  });
  book.count_rows(chunk.rows);
  if (!fits || book.is_too_large()) return column.coded = false, false;
  if (column.rules.symbol || column.as_text) part.seen |= kSeenText;
  return true;
}

/// False: a value has no place in a column of `as`; part.seen tells which kinds there were up to it.
bool CsvParser::read_column_as(Dtype as, const CsvChunk& chunk, CsvRows& rows, CsvColumn& column, CsvColumnChunk& part) {
  part.as = as;
  part.nulls.clear();
  part.text = {};
  part.beyond.clear();
  if (as == Dtype::category) {
    int32_t* const codes = codes_of(column);
    if (!codes) return true;
    part.codes = codes + chunk.row;
    return read_codes(chunk, rows, column, part);
  }
  if (!give_slots(chunk, column, part)) return true;
  if (as == Dtype::text) return read_text(chunk, rows, column, part), true;

  int64_t* slots = part.slots;
  uint16_t seen = 0;
  // The plain form of each type is read here; quotes, blanks, signs, missing values and everything else by read_value.
  const auto any_value = [&](size_t row, const char* begin, const char* end) {
    const std::string_view text = unquote({begin, size_t(end - begin)}, &rows.unquoted);
    const CsvValue value = read_value(text, column.rules);
    seen |= value.seen;
    if (as == Dtype::float64 && part.beyond.empty() && is_rounded(value, text)) part.beyond = text;
    if (value.seen != 0) return slot_of(value, as, &slots[row]);
    slots[row] = as == Dtype::float64 ? bits_of(kCsvNaN) : 0;
    set_null(part.nulls, size_t(chunk.rows), row);
    return true;
  };
  bool fits;
  if (as == Dtype::int64 && !column.rules.compact_dates && column.rules.plain_values()) {
    bool negative = false;
    fits = each_plain(
        rows, column.index,
        [&](const kernels::CsvFields& fields, size_t row, size_t first_row) {
          const size_t behind = kernels::csv_number_kernels().read_integers(fields, row, slots + first_row, &negative);
          if (behind > row) seen |= kSeenInteger;
          return behind;
        },
        any_value);
    if (negative) seen |= kSeenNegative;
  } else if (as == Dtype::float64 && column.rules.plain_reals()) {
    fits = each_plain(
        rows, column.index,
        [&](const kernels::CsvFields& fields, size_t row, size_t first_row) {
          const size_t behind = kernels::csv_number_kernels().read_reals(fields, row, slots + first_row);
          if (behind > row) seen |= kSeenPoint;
          return behind;
        },
        [&](size_t row, const char* begin, const char* end) {
          double real;
          if (!read_long_real(begin, end, &real)) return any_value(row, begin, end);
          slots[row] = bits_of(real);
          return seen |= kSeenPoint, true;
        });
  } else if (as == Dtype::date && column.rules.plain_values()) {
    fits = each_field(rows, column.index, [&](size_t row, const char* begin, const char* end) {
      int32_t days;
      if (!read_plain_date(begin, end, &days)) return any_value(row, begin, end);
      slots[row] = days;
      return seen |= kSeenDate, true;
    });
  } else {
    fits = each_field(rows, column.index, any_value);
  }
  part.seen |= seen;
  return fits;
}

/// Brings over the text of a chunk that has been read. Its slots become places in the column.
void CsvParser::join_text(size_t c) {
  CsvJoinedText& joined = columns_[c].text;
  CsvChunk& chunk = chunks_[joined.done++];
  CsvColumnChunk& part = chunk.columns[c];
  if (!joined.bytes.resize(joined.size + part.text.size)) no_memory_ = true;
  if (no_memory_) return;
  for (int64_t row = 0; row < chunk.rows; ++row) part.slots[row] += int64_t(joined.size);
  if (part.text.size > 0) std::memcpy(joined.bytes.data() + joined.size, part.text.bytes.get(), part.text.size);
  joined.size += part.text.size;
  part.text = {};
}

/// The same for all chunks that are ready, unless another worker is at it.
void CsvParser::join_ready_text(size_t c) {
  CsvJoinedText& joined = columns_[c].text;
  const std::unique_lock lock(lock_of(joining_, columns_[c]), std::try_to_lock);
  if (!lock.owns_lock()) return;
  while (joined.done < chunks_.size() && read_[joined.done].load(std::memory_order_acquire)) {
    const CsvChunk& chunk = chunks_[joined.done];
    if (no_memory_ || chunk.malformed || chunk.columns.size() <= c || chunk.columns[c].as != Dtype::text) return;
    join_text(c);
  }
}

}  // namespace hayate::io
