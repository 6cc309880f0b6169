// A table sorted by (symbol, time) with symbol offsets: what every feature, label and fold is computed on.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"
#include "hayate/table.h"

namespace hayate {

/// Bars of many symbols. Rows offsets[s] .. offsets[s + 1] belong to symbols[s], in ascending time. Symbols are in
/// byte order of their names. `times` are days when `daily`, else microseconds UTC (and `zone` is the column's zone).
struct Panel {
  std::vector<std::string> symbols;
  std::vector<int64_t> offsets = {0};
  std::vector<int64_t> times;
  bool daily = true;
  std::string zone;
  std::vector<std::string> fields;          ///< open, high, low, close, volume, ...
  std::vector<std::vector<double>> values;  ///< values[field][row]; NaN is missing

  size_t num_symbols() const { return symbols.size(); }
  int64_t num_rows() const { return int64_t(times.size()); }
  /// Index of a field, or -1.
  int field(std::string_view name) const;
  std::span<const double> series(int field, size_t symbol) const {
    return std::span(values[size_t(field)]).subspan(size_t(offsets[symbol]), size_t(offsets[symbol + 1] - offsets[symbol]));
  }
  std::span<const int64_t> series_times(size_t symbol) const {
    return std::span(times).subspan(size_t(offsets[symbol]), size_t(offsets[symbol + 1] - offsets[symbol]));
  }
  int64_t bytes() const;
};

/// A symbol that cannot be used, or is used with a remark. `row` counts from 1 in the symbol's own rows; 0: none.
struct Finding {
  std::string symbol, kind, what;
  int64_t row = 0;
  std::string time, value;
};

/// Builds a panel from rows in any order. Needs `symbol` (text, category or integer) and `date` (date, ISO text) or
/// `datetime` (timestamp). Every other numeric column becomes a field; a text column is a Finding of each symbol whose
/// rows hold text in it (kind "text"), and that symbol is left out. Same (symbol, time) twice: kind "duplicate". Unsorted rows are
/// sorted and reported in `warnings` (kind "unsorted"). An error only when a required column is missing or no column
/// is usable. `source` is the file named in errors.
struct PanelResult {
  Panel panel;
  std::vector<Finding> failures, warnings;
};
Result<PanelResult> make_panel(const Table& table, const std::string& source);

/// Several panels as one: symbols in byte order, each one's rows gathered and sorted by time; a field that a part lacks
/// is NaN there; fields in byte order of their names. The same (symbol, time) in two parts fails that symbol (kind
/// "duplicate"); so does a symbol of daily rows among intraday ones or the reverse (kind "mixed": the side with fewer
/// symbols loses, intraday when equal). A symbol that failed in any part is left out. The order of `parts` does not matter.
/// Consumes the parts field by field: needs the result, the largest field and the times of the parts at once.
PanelResult merge_panels(std::vector<PanelResult> parts);

/// A table of `symbol` (symbol[i] indexes `symbols`) and `date`, or `datetime` when not daily: the key columns of every
/// output that has a row per bar.
Table key_columns(std::vector<int32_t> symbol, std::span<const std::string> symbols, std::span<const int64_t> times, bool daily,
                  const std::string& zone);

/// The key columns and all fields.
Table to_table(const Panel& panel);

/// The panel of the given symbols only (indices into panel.symbols, ascending).
Panel select_symbols(const Panel& panel, std::span<const size_t> symbols);

}  // namespace hayate
