// A column of a table in JSON while it is read: every value is 64 bits and a kind (text stands in one run of bytes). When all values of the file are
// there, the kinds seen decide the dtype, as in CSV: over all values, never by a sample.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/table.h"
#include "io/json_cursor.h"

namespace hayate::io {

/// What the values of a column are, or-ed over its rows.
struct JsonKinds {
  enum Cell : uint8_t { kNull = 0, kBool = 1, kInteger = 2, kUnsigned = 4, kReal = 8, kText = 16, kNegative = 32 };

  int cells = 0;          ///< Cell bits
  uint16_t dates = 0;     ///< CsvSeen bits of texts that are dates or times
  bool no_dates = false;  ///< another text is among them

  void join(const JsonKinds& other) { cells |= other.cells, dates |= other.dates, no_dates |= other.no_dates; }
  Dtype dtype() const;
};

/// The cells of a column, in any order of rows.
class JsonColumn {
 public:
  explicit JsonColumn(std::string_view column) : name(column) {
    const bool is_plain = std::none_of(name.begin(), name.end(), [](char c) { return c == '"' || c == '\\' || uint8_t(c) < 0x20; });
    if (is_plain) token = "\"" + name + "\":";
  }

  std::string name;
  std::string token;  // the name as it mostly stands in front of a value; empty where it needs escapes

  void set(size_t row, const JsonScalar& value) {
    uint64_t slot = uint64_t(value.whole);
    if (value.kind == JsonScalar::real) {
      slot = std::bit_cast<uint64_t>(value.number);
    } else if (value.kind == JsonScalar::text) {
      slot = bytes_.size();
      bytes_.insert(bytes_.end(), value.text_value.begin(), value.text_value.end());
      if (row >= sizes_.size()) sizes_.resize(std::max(row + 1, 2 * sizes_.size()));
      sizes_[row] = uint32_t(value.text_value.size());
    }
    if (row == kinds_.size()) return slots_.push_back(slot), kinds_.push_back(kind_of(value.kind));
    if (row > kinds_.size()) resize(row + 1);
    slots_[row] = slot, kinds_[row] = kind_of(value.kind);
  }

  /// Of the first `rows` cells: what stands behind them is of a record that was cut off.
  JsonKinds kinds(size_t rows) const;
  /// The column of values that are these kinds, here or elsewhere in the file.
  Column finish(size_t rows, const JsonKinds& kinds);
  void reserve(size_t rows) { slots_.reserve(rows), kinds_.reserve(rows); }
  int64_t memory() const {
    return int64_t(slots_.capacity() * sizeof(uint64_t) + kinds_.capacity() + sizes_.capacity() * sizeof(uint32_t) + bytes_.capacity());
  }

 private:
  using enum JsonKinds::Cell;
  static JsonKinds::Cell kind_of(JsonScalar::Kind kind) {
    constexpr JsonKinds::Cell kKinds[] = {kNull, kBool, kInteger, kUnsigned, kReal, kText};
    return kKinds[kind];
  }
  void resize(size_t rows) { slots_.resize(rows), kinds_.resize(rows); }
  std::string_view text(size_t row) const { return {bytes_.data() + slots_[row], sizes_[row]}; }
  std::string written(size_t row) const;
  Buffer validity() const;
  template <class T, class Value>
  Buffer fixed(Value&& value) const;
  Buffer reals() const;

  std::vector<uint64_t> slots_;  // of a number its bits, of a text where it begins
  std::vector<JsonKinds::Cell> kinds_;
  std::vector<uint32_t> sizes_;  // of texts; empty before the first
  std::vector<char> bytes_;
};

}  // namespace hayate::io
