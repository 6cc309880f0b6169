// Rows as text, for CSV and JSON. Blocks of rows are written down by several workers; a block strip by strip, and a strip column by column: every
// value becomes a cell with the character behind it in a place of fixed size, numbers of common forms many at once (kernels/csv_cells.h). Then
// rows are put together: where a cell goes depends on the sizes of those before alone, which are known, so this is a load, a store and an addition a
// cell (and as much for what stands before it in JSON).
//
// What it costs: 10 M rows x 9 as CSV (50 M whole numbers, 10 M decimals, 30 M short texts), 509 MB: 0.66 to 0.71 CPU s, of which the system takes
// about a third to copy the bytes into its pages; the way before, a call for each cell, 1.06 to 1.38 in the same minutes. Doubles of 17 digits and
// floats go 256 at a time too (kernels/shortest_digits.h): a million rows with three of them 0.12 CPU s, one by one 0.22.
//
// Wide tables of which hardly a cell has a value (JSON records of many kinds, each with names of its own) are written row by row: what a row without any
// value looks like is made once, and copied between the values. 20,000 records with a name each, 400 MB of commas: 1.4 CPU s, not 19.6.
//
// Dropped: all cells of a column before the next one straight to their rows: they overwrite each other's beginnings, or have to be copied byte by
// byte.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/encoders.h"
#include "kernels/shortest_digits.h"

namespace hayate::io {

inline constexpr size_t kTextCopy = 16;  ///< bytes of short text copied at once

/// The text of some rows, with room behind it.
class TextBlock {
 public:
  /// Where the next `size` bytes may be written; wrote(end) says how far they were.
  char* room(size_t size) {
    if (capacity_ - size_ < size) grow(size);
    return bytes_.get() + size_;
  }
  void wrote(const char* end) { size_ = size_t(end - bytes_.get()); }
  void append(std::string_view text) {
    char* out = room(text.size() + 8);
    // Short texts, which most are, without a call.
    if (text.size() <= 16) {
      if (text.size() >= 8) {
        std::memcpy(out, text.data(), 8), std::memcpy(out + text.size() - 8, text.data() + text.size() - 8, 8);
      } else if (text.size() >= 4) {
        std::memcpy(out, text.data(), 4), std::memcpy(out + text.size() - 4, text.data() + text.size() - 4, 4);
      } else {
        for (size_t i = 0; i < text.size(); ++i) out[i] = text[i];
      }
    } else {
      std::memcpy(out, text.data(), text.size());
    }
    size_ += text.size();
  }
  void append(char c) { *room(1) = c, ++size_; }
  std::string_view text() const { return {bytes_.get(), size_}; }
  void clear() { size_ = 0; }

 private:
  void grow(size_t size) {
    const size_t capacity = std::max(2 * capacity_, size_ + size + (size_t{64} << 10));
    std::unique_ptr<char[]> bytes(new char[capacity]);
    if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes), capacity_ = capacity;
  }
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0, capacity_ = 0;
};

/// How rows look.
struct RowStyle {
  std::vector<std::string> before;  ///< what stands before the cells of a column; none: nothing before any
  char behind = '\n';               ///< what stands behind the last cell of a row
  char separator = ',';             ///< and behind the others
  char between = 0;                 ///< what stands between two rows; 0: nothing
  std::string missing;              ///< how a missing value is written
  bool infinity_is_missing = false;
  bool quotes_times = false;                                      ///< dates and times stand in quotes
  bool quotes_bare = false;                                       ///< bare texts stand in quotes, too
  size_t growth = 2;                                              ///< a text takes growth * size + 2 bytes at most
  char* (*put_text)(std::string_view text, char* out) = nullptr;  ///< returns where it ends
  bool (*is_all_bare)(const char* text, size_t size) = nullptr;   ///< whether texts of these bytes are copied as they are, wherever one begins
};

/// The names of a category as they are written, made once for each dictionary.
class WrittenNames {
 public:
  void prepare(const Column& column, const RowStyle& style);
  std::string_view operator[](int32_t code) const { return text_.text().substr(ends_[size_t(code)], ends_[size_t(code) + 1] - ends_[size_t(code)]); }
  size_t longest() const { return longest_; }

 private:
  std::shared_ptr<const Column> known_;
  TextBlock text_;
  std::vector<size_t> ends_;
  size_t longest_ = 0;
};

/// Blocks of rows are written down by the workers of a pool, and go to the sink in order.
class RowEncoder : public Encoder {
 public:
  bool takes_any_rows() const override { return true; }
  Result<void> write(const Table& group) override;

 protected:
  RowEncoder(std::unique_ptr<ByteSink> sink, exec::Pool* pool) : sink_(std::move(sink)), pool_(pool), strips_(size_t(pool ? pool->workers() : 1)) {}

  /// Before the first rows.
  void set_style(RowStyle style, size_t num_columns);
  /// What stands in front of all rows, or behind them.
  Result<void> put(std::string_view text);
  Result<void> publish() { return sink_->publish(); }
  int64_t rows() const { return rows_; }  ///< of the groups before

 private:
  /// The values of a column in one strip of rows, each as it is written, with the character behind it.
  struct Cells {
    enum Form : uint8_t {
      narrow,  ///< 16 bytes a cell
      wide,    ///< kWide bytes a cell
      names,   ///< copied from the names of the category
      bare,    ///< copied from the column
      quoted,  ///< the same, where some need quotes or are missing
    };
    Form form = narrow;
    char* cells = nullptr;     ///< of narrow and wide ones
    uint8_t* sizes = nullptr;  ///< of these cells
    char end = 0;              ///< the character behind a cell
  };
  /// A worker's strip. Its cells are not cleared: a small table touches few of their pages.
  struct Strip {
    std::unique_ptr<char[]> cells;
    std::vector<uint8_t> sizes;
    std::vector<Cells> columns;
  };

  /// The columns that have a value in row r of a group, in order: columns[begin[r]] to columns[begin[r + 1]]; those that miss none have one in
  /// every row.
  struct Values {
    std::vector<size_t> begin;
    std::vector<uint32_t> columns;
  };
  /// Nothing where more than few cells have a value.
  std::optional<Values> few_values(const Table& group) const;
  void append_few_values(const Table& group, const Values& values, int64_t begin, int64_t end, Strip* strip, TextBlock* out) const;
  char* put_cell(const Table& group, size_t column, const Cells& cells, int64_t place, int64_t row, char* at) const;

  Result<void> put_ready();
  void append_rows(const Table& group, int64_t begin, int64_t end, int worker, TextBlock* out);
  void append_strip(const Table& group, int64_t begin, int64_t rows, Strip* strip, TextBlock* out) const;
  static char* join_narrow(const Strip& strip, int64_t rows, char* at);
  char* join_rows(const Table& group, int64_t begin, const Strip& strip, int64_t rows, char* at) const;
  char* put_before(size_t column, char* at) const;
  char* put_value(const Column& column, const WrittenNames& names, Cells::Form form, int64_t row, char* out) const;
  size_t write_cells(const Table& group, size_t c, int64_t begin, int64_t rows, Cells* out) const;
  size_t write_texts(const Column& column, int64_t begin, int64_t rows, Cells* out) const;
  void write_names(const Column& column, const WrittenNames& names, int64_t begin, int64_t rows, Cells* out) const;
  bool write_numbers(const Column& column, int64_t begin, int64_t rows, const Cells& out) const;
  bool write_floats(const Column& column, int64_t begin, int64_t rows, const Cells& out) const;
  void write_wide(const Column& column, int64_t begin, int64_t rows, const Cells& out) const;
  void widen_reals(const Column& column, int64_t begin, int64_t rows, const Cells& out) const;
  static char* put_real(const Column& column, int64_t row, bool negative, const kernels::ShortestDigits& digits, int64_t i, char* out);
  uint8_t put_missing(char end, char* cell) const;
  template <class Float>
  bool is_missing(Float value) const {
    return style_.infinity_is_missing ? !std::isfinite(value) : std::isnan(value);
  }

  std::unique_ptr<ByteSink> sink_;
  exec::Pool* pool_;
  std::vector<TextBlock> next_, ready_;
  size_t num_ready_ = 0;
  int64_t rows_ = 0;

  RowStyle style_;
  std::vector<char> before_;  ///< what stands before the cells of a column, from before_at_[column] on, with room behind it
  std::vector<size_t> before_at_, before_size_;
  size_t all_before_ = 0;    ///< bytes of a row
  std::string missing_row_;  ///< of a wide table: a row without a value; column c begins at missing_at_[c]
  std::vector<size_t> missing_at_;
  std::vector<WrittenNames> names_;  ///< by column
  std::vector<Strip> strips_;        ///< by worker
  int64_t strip_rows_ = 1, block_rows_ = 1;
};

}  // namespace hayate::io
