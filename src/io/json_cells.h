// A column of a table in JSON while it is read: every value is 64 bits and a kind (text stands in one run of bytes). When all values of the file are
// there, the kinds seen decide the dtype, as in CSV: over all values, never by a sample.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/table.h"
#include "io/json_cursor.h"
#include "io/roundings.h"

namespace hayate::io {

/// What the values of a column are, or-ed over its rows.
struct JsonKinds {
  enum Cell : uint8_t { kNull = 0, kBool = 1, kInteger = 2, kUnsigned = 4, kReal = 8, kText = 16, kNegative = 32, kLong = 64 };

  int cells = 0;          ///< Cell bits
  uint16_t dates = 0;     ///< CsvSeen bits of texts that are dates or times
  bool no_dates = false;  ///< another text is among them
  std::string beyond;     ///< the first integer that no float64 is

  void join(const JsonKinds& other) {
    cells |= other.cells, dates |= other.dates, no_dates |= other.no_dates;
    if (beyond.empty()) beyond = other.beyond;
  }
  /// Tells of integers that became other numbers beside decimals.
  void tell(const std::string& column, const std::string& path, Roundings* roundings) const;
  Dtype dtype() const;
};

/// The cells of a column, in any order of rows. `first`: no cell stands in a row before; of records that all have other names, each column would
/// keep room for all rows before its own otherwise.
class JsonColumn {
 public:
  explicit JsonColumn(std::string_view column, size_t first = 0) : name(column), first_(first) {}

  std::string name;
  std::string token;  // what stood between the value before and one of this column; empty as long as that is not known

  /// There must be room for the row.
  void set(size_t row, const JsonScalar& value) {
    if (value.kind == JsonScalar::text || value.kind == JsonScalar::long_integer) return set_text(row, value.text_value, value.kind);
    set(row, value.kind, value.kind == JsonScalar::real ? std::bit_cast<uint64_t>(value.number) : uint64_t(value.whole));
  }
  /// `slot`: the bits of a number or truth value.
  void set(size_t row, JsonScalar::Kind kind, uint64_t slot) {
    assert(row >= first_ && row < room());
    slots_[row - first_] = slot, kinds_[row - first_] = kind_of(kind);
  }
  /// `kind`: text, or long_integer with the digits.
  void set_text(size_t row, std::string_view text, JsonScalar::Kind kind = JsonScalar::text) {
    set(row, kind, bytes_.size());
    if (row - first_ >= sizes_.size()) sizes_.resize(kinds_.size());
    sizes_[row - first_] = uint32_t(text.size());
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }

  /// Of the first `rows` cells: what stands behind them is of a record that was cut off.
  JsonKinds kinds(size_t rows) const;
  /// The column of values that are these kinds, here or elsewhere in the file.
  Column finish(size_t rows, const JsonKinds& kinds);
  /// Room for rows that will come.
  void reserve(size_t rows) {
    if (rows > room()) resize(rows - first_);
  }
  /// For rows before this one.
  size_t room() const { return first_ + kinds_.size(); }
  /// Rows that take memory.
  size_t held_rows() const { return kinds_.size(); }
  int64_t memory() const {
    return int64_t(slots_.capacity() * sizeof(uint64_t) + kinds_.capacity() + sizes_.capacity() * sizeof(uint32_t) + bytes_.capacity());
  }

 private:
  using enum JsonKinds::Cell;
  static JsonKinds::Cell kind_of(JsonScalar::Kind kind) {
    constexpr JsonKinds::Cell kKinds[] = {kNull, kBool, kInteger, kUnsigned, kReal, kText, kLong};
    return kKinds[kind];
  }
  void resize(size_t cells) { slots_.resize(cells), kinds_.resize(cells); }
  void begin_at_row_0();
  std::string_view text(size_t cell) const { return {bytes_.data() + slots_[cell], sizes_[cell]}; }
  double real(size_t row) const;
  std::string written(size_t row) const;
  Buffer validity() const;
  template <class T, class Value>
  Buffer fixed(Value&& value) const;
  Buffer reals() const;

  size_t first_;  // the row of the cell in front
  // As long as the last row wanted, or longer: a row that is not there is kNull.
  std::vector<uint64_t> slots_;  // of a number its bits, of a text or a long integer where it begins
  std::vector<JsonKinds::Cell> kinds_;
  std::vector<uint32_t> sizes_;  // of these; empty before the first
  std::vector<char> bytes_;
};

}  // namespace hayate::io
