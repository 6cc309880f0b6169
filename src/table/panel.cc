#include "hayate/panel.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <unordered_map>

#include "base/strings.h"

namespace hayate {
namespace {

/// The symbol of every row as a code, and the names in byte order.
struct SymbolCodes {
  std::vector<std::string> names;
  std::vector<int32_t> codes;
};

/// Renumbers codes so that names ascend.
void sort_names(SymbolCodes& symbols) {
  std::vector<int32_t> order(symbols.names.size()), place(symbols.names.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return symbols.names[size_t(a)] < symbols.names[size_t(b)]; });
  std::vector<std::string> sorted;
  for (size_t i = 0; i < order.size(); ++i) {
    place[size_t(order[i])] = int32_t(i);
    sorted.push_back(std::move(symbols.names[size_t(order[i])]));
  }
  symbols.names = std::move(sorted);
  for (int32_t& code : symbols.codes) code = place[size_t(code)];
}

Result<SymbolCodes> symbols_of(const Column& column, const std::string& source) {
  SymbolCodes out;
  out.codes.resize(size_t(column.length));
  const bool is_text = column.dtype == Dtype::text || column.dtype == Dtype::category;
  if (!is_text && !is_integer(column.dtype))
    return input_error(fmt::format("column 'symbol' holds {}, expected text", dtype_name(column.dtype)), source,
                       "write symbols as text, such as 7203 or AAPL");
  std::unordered_map<std::string, int32_t> seen;
  std::string_view last;
  std::string number;
  for (int64_t row = 0; row < column.length; ++row) {
    if (column.is_null(row))
      return input_error("a symbol is missing", fmt::format("{}: row {}", source, row + 1), "give every row a symbol, or leave the row out");
    std::string_view name = is_text ? column.text(row) : std::string_view(number = std::to_string(int64_t(column.number(row))));
    if (row > 0 && name == last) {
      out.codes[size_t(row)] = out.codes[size_t(row) - 1];
      continue;
    }
    const auto [at, fresh] = seen.try_emplace(std::string(name), int32_t(out.names.size()));
    if (fresh) out.names.emplace_back(name);
    out.codes[size_t(row)] = at->second;
    last = at->first;
  }
  sort_names(out);
  return out;
}

struct Times {
  std::vector<int64_t> values;
  bool daily = true;
  std::string zone;
};

constexpr int64_t kMicrosecondsPerDay = 86'400'000'000;

Result<Times> times_of(const Table& table, const std::string& source) {
  const Column* column = table.find("datetime");
  if (!column) column = table.find("date");
  if (!column) {
    std::vector<std::string> names = table.names;
    return input_error("no column 'date' or 'datetime'", source, fmt::format("name the time column 'date'; the columns are {}", join(names, ", ")));
  }
  Times out;
  out.values.resize(size_t(column->length));
  for (int64_t row = 0; row < column->length; ++row) {
    const std::string where = fmt::format("{}: row {}", source, row + 1);
    if (column->is_null(row)) return input_error("a date is missing", where, "give every row a date, or leave the row out");
    if (column->dtype == Dtype::text || column->dtype == Dtype::category) {
      int32_t days = 0;
      const std::string_view text = column->text(row);
      if (!parse_date(text, &days))
        return input_error(fmt::format("'{}' is no date", text), where, "write dates as 2024-01-05, 2024/01/05 or 20240105");
      out.values[size_t(row)] = days;
    } else if (column->dtype == Dtype::date) {
      out.values[size_t(row)] = column->as<int32_t>()[size_t(row)];
    } else if (column->dtype == Dtype::timestamp) {
      out.values[size_t(row)] = column->as<int64_t>()[size_t(row)];
      out.daily = false;
    } else if (is_integer(column->dtype)) {
      int32_t days = 0;
      if (!parse_date(std::to_string(int64_t(column->number(row))), &days))
        return input_error(fmt::format("{} is no date", int64_t(column->number(row))), where, "write dates as 2024-01-05, 2024/01/05 or 20240105");
      out.values[size_t(row)] = days;
    } else {
      return input_error(fmt::format("the date column holds {}", dtype_name(column->dtype)), source, "write dates as 2024-01-05 or as a date type");
    }
  }
  // pandas writes days as timestamps at midnight without a zone: those are days.
  if (!out.daily && column->zone.empty() &&
      std::all_of(out.values.begin(), out.values.end(), [](int64_t t) { return t % kMicrosecondsPerDay == 0; })) {
    for (int64_t& t : out.values) t /= kMicrosecondsPerDay;
    out.daily = true;
  }
  out.zone = column->zone;
  return out;
}

std::string time_text(int64_t time, const Times& times) { return times.daily ? format_date(int32_t(time)) : format_timestamp(time, times.zone); }

/// Values of one field, or a failure of every symbol that holds text in it. Numbers written as text are read.
std::vector<double> field_values(const Table& table, size_t index, const SymbolCodes& symbols, const Times& times,
                                 std::map<int32_t, Finding>& failed) {
  const Column& column = table.columns[index];
  if (is_numeric(column.dtype)) return to_doubles(column);
  std::vector<double> out(size_t(column.length), std::numeric_limits<double>::quiet_NaN());
  std::vector<int64_t> rows_of(symbols.names.size(), 0);
  for (int64_t row = 0; row < column.length; ++row) {
    const int32_t symbol = symbols.codes[size_t(row)];
    const int64_t place = ++rows_of[size_t(symbol)];
    if (column.is_null(row)) continue;
    const std::string_view text = column.text(row);
    if (text.empty()) continue;
    if (const auto number = parse_number(text)) {
      out[size_t(row)] = *number;
    } else {
      failed.try_emplace(
          symbol, Finding{symbols.names[size_t(symbol)], "text", fmt::format("column '{}' holds text, expected numbers", table.names[index]), place,
                          time_text(times.values[size_t(row)], times), std::string(text.substr(0, 80))});
    }
  }
  return out;
}

}  // namespace

int Panel::field(std::string_view name) const {
  for (size_t i = 0; i < fields.size(); ++i)
    if (fields[i] == name) return int(i);
  return -1;
}

int64_t Panel::bytes() const { return int64_t(times.capacity() * sizeof(int64_t) + values.size() * times.size() * sizeof(double)); }

Result<PanelResult> make_panel(const Table& table, const std::string& source) {
  const Column* symbol_column = table.find("symbol");
  if (!symbol_column)
    return input_error("no column 'symbol'", source, fmt::format("name the key column 'symbol'; the columns are {}", join(table.names, ", ")));
  HY_TRY(SymbolCodes symbols, symbols_of(*symbol_column, source));
  HY_TRY(Times times, times_of(table, source));

  PanelResult out;
  std::map<int32_t, Finding> failed;
  std::vector<std::vector<double>> raw;
  for (size_t i = 0; i < table.num_columns(); ++i) {
    const Dtype dtype = table.columns[i].dtype;
    if (table.names[i] == "symbol" || table.names[i] == "date" || table.names[i] == "datetime" || dtype == Dtype::date || dtype == Dtype::timestamp)
      continue;
    out.panel.fields.push_back(table.names[i]);
    raw.push_back(field_values(table, i, symbols, times, failed));
  }

  const size_t rows = times.values.size();
  std::vector<int64_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  const auto before = [&](int64_t a, int64_t b) {
    const int32_t left = symbols.codes[size_t(a)], right = symbols.codes[size_t(b)];
    return left != right ? left < right : times.values[size_t(a)] < times.values[size_t(b)];
  };
  // Stable, so that what was in order stays as it is; already sorted input costs one pass.
  if (!std::is_sorted(order.begin(), order.end(), before)) {
    std::vector<int64_t> last(symbols.names.size(), std::numeric_limits<int64_t>::min());
    std::vector<bool> said(symbols.names.size());
    for (size_t row = 0; row < rows; ++row) {
      const size_t symbol = size_t(symbols.codes[row]);
      if (times.values[row] < last[symbol] && !said[symbol]) {
        out.warnings.push_back({symbols.names[symbol], "unsorted", "dates were not in order; sorted", 0, time_text(times.values[row], times), ""});
        said[symbol] = true;
      }
      last[symbol] = times.values[row];
    }
    std::stable_sort(order.begin(), order.end(), before);
  }

  for (size_t i = 1; i < rows; ++i) {
    const auto a = size_t(order[i - 1]), b = size_t(order[i]);
    if (symbols.codes[a] == symbols.codes[b] && times.values[a] == times.values[b])
      failed.try_emplace(symbols.codes[b], Finding{symbols.names[size_t(symbols.codes[b])], "duplicate", "the same date stands twice", order[i] + 1,
                                                   time_text(times.values[b], times), ""});
  }
  for (auto& [symbol, finding] : failed) out.failures.push_back(std::move(finding));

  Panel& panel = out.panel;
  panel.daily = times.daily;
  panel.zone = times.zone;
  std::erase_if(order, [&](int64_t row) { return failed.contains(symbols.codes[size_t(row)]); });
  panel.times.reserve(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    const int32_t symbol = symbols.codes[size_t(order[i])];
    if (i == 0 || symbol != symbols.codes[size_t(order[i - 1])]) {
      if (i > 0) panel.offsets.push_back(int64_t(i));
      panel.symbols.push_back(symbols.names[size_t(symbol)]);
    }
    panel.times.push_back(times.values[size_t(order[i])]);
  }
  if (!order.empty()) panel.offsets.push_back(int64_t(order.size()));
  for (std::vector<double>& column : raw) {
    std::vector<double> sorted(order.size());
    for (size_t i = 0; i < order.size(); ++i) sorted[i] = column[size_t(order[i])];
    panel.values.push_back(std::move(sorted));
    column = {};
  }
  return out;
}

Table key_columns(std::vector<int32_t> symbol, std::span<const std::string> symbols, std::span<const int64_t> times, bool daily,
                  const std::string& zone) {
  Table table;
  table.add("symbol", make_category_column(std::move(symbol), symbols));
  if (daily)
    table.add("date", make_date_column({times.begin(), times.end()}));
  else
    table.add("datetime", make_timestamp_column({times.begin(), times.end()}, zone));
  return table;
}

Table to_table(const Panel& panel) {
  std::vector<int32_t> symbol(panel.times.size());
  for (size_t s = 0; s < panel.num_symbols(); ++s) std::fill(symbol.begin() + panel.offsets[s], symbol.begin() + panel.offsets[s + 1], int32_t(s));
  Table table = key_columns(std::move(symbol), panel.symbols, panel.times, panel.daily, panel.zone);
  for (size_t f = 0; f < panel.fields.size(); ++f) table.add(panel.fields[f], make_column(panel.values[f]));
  return table;
}

Panel select_symbols(const Panel& panel, std::span<const size_t> symbols) {
  Panel out;
  out.daily = panel.daily;
  out.zone = panel.zone;
  out.fields = panel.fields;
  out.values.resize(panel.values.size());
  for (const size_t symbol : symbols) {
    const auto begin = panel.offsets[symbol], end = panel.offsets[symbol + 1];
    out.symbols.push_back(panel.symbols[symbol]);
    out.times.insert(out.times.end(), panel.times.begin() + begin, panel.times.begin() + end);
    for (size_t f = 0; f < panel.values.size(); ++f)
      out.values[f].insert(out.values[f].end(), panel.values[f].begin() + begin, panel.values[f].begin() + end);
    out.offsets.push_back(int64_t(out.times.size()));
  }
  return out;
}

}  // namespace hayate
