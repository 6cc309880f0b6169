// From the kinds of values seen to types, and from chunks to columns.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "io/cell_text.h"
#include "io/csv_parser.h"
#include "io/retype.h"

namespace hayate::io {
namespace {

template <class Slot>
void move_rows(const std::shared_ptr<Slot>& column, int64_t row, int64_t rows, Slot** slots) {
  if (!*slots) return;
  std::memmove(column.get() + row, *slots, size_t(rows) * sizeof(Slot));
  *slots = column.get() + row;
}

Buffer validity_of(const std::vector<CsvChunk>& chunks, size_t column, int64_t rows) {
  bool any = false;
  for (const CsvChunk& chunk : chunks) any |= !chunk.columns[column].nulls.empty();
  if (!any) return {};
  std::vector<uint8_t> bits(size_t(rows + 7) / 8, 0xFF);
  for (const CsvChunk& chunk : chunks) {
    const std::vector<uint8_t>& nulls = chunk.columns[column].nulls;
    for (size_t i = 0; i < nulls.size(); ++i) {
      const size_t row = size_t(chunk.row) + i;
      if (nulls[i]) bits[row >> 3] = uint8_t(bits[row >> 3] & ~(1 << (row & 7)));
    }
  }
  return make_buffer(std::move(bits));
}

}  // namespace

/// Moves the rows of each chunk to their place when blank lines left room between chunks.
void CsvParser::close_gaps() {
  int64_t row = 0;
  for (CsvChunk& chunk : chunks_) {
    if (chunk.row != row)
      for (size_t c = 0; c < columns_.size(); ++c) {
        move_rows(columns_[c].slots, row, chunk.rows, &chunk.columns[c].slots);
        move_rows(columns_[c].codes, row, chunk.rows, &chunk.columns[c].codes);
      }
    chunk.row = row;
    row += chunk.rows;
  }
  rows_ = row;
}

/// A file has one decimal mark. In a semicolon file where some columns hold 1,5 and others 1.5, one of them is a
/// thousands mark and nothing says which: both stay text.
Result<void> CsvParser::decide_types() {
  uint16_t marks = 0;
  for (CsvColumn& column : columns_) {
    const uint16_t seen = column.seen;
    column.dtype = column.as_text ? Dtype::text : column.wanted ? *column.wanted : dtype_of(seen, column.rules);
    if (column.wanted && !column.as_text && (seen & kSeenZonedTime) && (seen & ~kSeenZonedTime))
      return input_error(fmt::format("column '{}' holds times with and without a zone", column.name), path_, "give it the type text");
    if (column.wanted && !column.as_text && (seen & kSeenPoint) && (seen & kSeenComma))
      return input_error(fmt::format("column '{}' holds 1,5 and 1.5", column.name), path_,
                         "say which is the decimal mark: --decimal , --thousands .");
    if (column.dtype == Dtype::float64) marks = uint16_t(marks | (column.seen & (kSeenPoint | kSeenComma)));
  }
  if (marks != (kSeenPoint | kSeenComma)) return {};
  for (CsvColumn& column : columns_)
    if (column.dtype == Dtype::float64 && !column.wanted && (column.seen & marks)) column.dtype = Dtype::text;
  return {};
}

void CsvParser::convert_chunks() {
  run(int64_t(chunks_.size()), [&](int64_t k, int worker) { convert_chunk(chunks_[size_t(k)], scratch_[size_t(worker)]); });
}

/// Brings the columns of a chunk that were read as something narrower to their dtype.
void CsvParser::convert_chunk(CsvChunk& chunk, CsvRows& rows) {
  bool found = false;
  for (size_t c = 0; c < columns_.size(); ++c) {
    CsvColumn& column = columns_[c];
    CsvColumnChunk& part = chunk.columns[c];
    int64_t* slots = part.slots;
    if (part.as == column.dtype) continue;
    if (part.as == Dtype::int64 && column.dtype == Dtype::float64) {
      for (int64_t row = 0; row < chunk.rows; ++row) {
        const bool missing = !part.nulls.empty() && part.nulls[size_t(row)];
        if (part.beyond.empty() && !missing && is_beyond_float64(slots[row])) part.beyond = std::to_string(slots[row]);
        slots[row] = bits_of(missing ? kCsvNaN : double(slots[row]));
      }
    } else {
      const int64_t before = chunk.rows;
      if (!found && (!(exact_ ? find_rows_exactly(chunk, rows) : find_rows(chunk, rows)) || chunk.rows != before)) {
        chunk.malformed = true;  // the file changed since it was read
        return;
      }
      found = true;
      if (!read_column_as(column.dtype, chunk, rows, column, part) && column.dtype != Dtype::category) chunk.malformed = true;
    }
    part.as = column.dtype;
  }
}

/// The names of all workers in their order, and every code that of its name there.
Column CsvParser::finish_codes(size_t index) {
  CsvColumn& column = columns_[index];
  std::vector<std::string> names;
  for (const CsvRows& rows : scratch_) names.insert(names.end(), rows.books[index].names().begin(), rows.books[index].names().end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<std::vector<int32_t>> place(scratch_.size());  // of each worker's codes
  for (size_t w = 0; w < scratch_.size(); ++w)
    for (const std::string& name : scratch_[w].books[index].names())
      place[w].push_back(int32_t(std::lower_bound(names.begin(), names.end(), name) - names.begin()));
  for (CsvChunk& chunk : chunks_) {
    const CsvColumnChunk& part = chunk.columns[index];
    if (place[size_t(part.worker)].empty()) continue;  // nothing but missing values
    int32_t* const codes = part.codes;
    const int32_t* const to = place[size_t(part.worker)].data();
    for (int64_t row = 0; row < chunk.rows; ++row) codes[row] = to[codes[row]];
  }
  Column out;
  out.dtype = Dtype::category, out.length = rows_;
  out.values = {column.codes, reinterpret_cast<const uint8_t*>(column.codes.get()), size_t(rows_) * sizeof(int32_t)};
  out.validity = validity_of(chunks_, index, rows_);
  out.dictionary = std::make_shared<const Column>(make_text_column(names));
  return out;
}

Column CsvParser::finish_column(size_t index) {
  CsvColumn& column = columns_[index];
  if (column.dtype == Dtype::category) return finish_codes(index);
  int64_t* slots = slots_of(column);
  if (!slots) return Column();
  Column out;
  const bool narrow = column.dtype != Dtype::text && dtype_width(column.dtype) != sizeof(int64_t);
  if (narrow) return column_of_slots(column.dtype, {slots, size_t(rows_)}, validity_of(chunks_, index, rows_), "");
  out.dtype = column.dtype, out.length = rows_;
  out.validity = validity_of(chunks_, index, rows_);
  const auto whole = [&](size_t rows) { return Buffer{column.slots, reinterpret_cast<const uint8_t*>(slots), rows * sizeof(int64_t)}; };
  if (column.dtype == Dtype::text) {
    while (column.text.done < chunks_.size() && !no_memory_) join_text(index);
    if (no_memory_) return Column();
    slots[rows_] = int64_t(column.text.size);
    out.values = column.text.bytes.release();
    out.offsets = whole(size_t(rows_) + 1);
    if (column.wanted && *column.wanted == Dtype::category) return categorized(out);
  } else {
    if (column.dtype == Dtype::timestamp && (column.seen & kSeenZonedTime)) out.zone = "UTC";
    out.values = whole(size_t(rows_));
  }
  return out;
}

/// The first integer of each column that became another number beside decimals.
void CsvParser::tell_roundings() const {
  for (size_t c = 0; c < columns_.size() && options_.roundings; ++c) {
    const CsvColumn& column = columns_[c];
    if (column.dtype != Dtype::float64 || column.wanted) continue;
    for (const CsvChunk& chunk : chunks_) {
      const std::string& value = chunk.columns[c].beyond;
      if (value.empty()) continue;
      options_.roundings->add(column.name, path_,
                              {std::string(kBesideDecimals), value, fmt::format("--types '{}=text' keeps every digit", column.name)});
      break;
    }
  }
}

Result<Table> CsvParser::finish() {
  close_gaps();
  HY_CHECK(decide_types());
  for (bool again = true; again;) {  // ends: what has too many different texts is not coded any more
    again = false;
    for (CsvColumn& column : columns_)
      if (column.dtype == Dtype::text || column.dtype == Dtype::category) column.dtype = text_dtype(column);
    convert_chunks();
    for (const CsvColumn& column : columns_) again |= column.dtype == Dtype::category && !column.coded;
  }
  tell_roundings();
  std::vector<Column> finished(columns_.size());
  run(int64_t(columns_.size()), [&](int64_t c, int) { finished[size_t(c)] = finish_column(size_t(c)); });
  if (no_memory_) return memory_error();
  Table table;
  for (size_t c = 0; c < columns_.size(); ++c) table.add(columns_[c].name, std::move(finished[c]));
  return table;
}

}  // namespace hayate::io
