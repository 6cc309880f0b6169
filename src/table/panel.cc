#include "hayate/panel.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
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
    const auto where = [&] { return fmt::format("{}: row {}", source, row + 1); };  // only made for an error
    if (column->is_null(row)) return input_error("a date is missing", where(), "give every row a date, or leave the row out");
    if (column->dtype == Dtype::text || column->dtype == Dtype::category) {
      int32_t days = 0;
      const std::string_view text = column->text(row);
      if (!parse_date(text, &days))
        return input_error(fmt::format("'{}' is no date", text), where(), "write dates as 2024-01-05, 2024/01/05 or 20240105");
      out.values[size_t(row)] = days;
    } else if (column->dtype == Dtype::date) {
      out.values[size_t(row)] = column->as<int32_t>()[size_t(row)];
    } else if (column->dtype == Dtype::timestamp) {
      out.values[size_t(row)] = column->as<int64_t>()[size_t(row)];
      out.daily = false;
    } else if (is_integer(column->dtype)) {
      int32_t days = 0;
      if (!parse_date(std::to_string(int64_t(column->number(row))), &days))
        return input_error(fmt::format("{} is no date", int64_t(column->number(row))), where(), "write dates as 2024-01-05, 2024/01/05 or 20240105");
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
  const bool sorted = std::is_sorted(order.begin(), order.end(), before);
  if (!sorted) {
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
    if (!sorted || order.size() < rows) {
      std::vector<double> in_order(order.size());
      for (size_t i = 0; i < order.size(); ++i) in_order[i] = column[size_t(order[i])];
      column = std::move(in_order);
    }
    panel.values.push_back(std::move(column));
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

namespace {

/// Rows [begin, begin + count) of part `part`, all of one symbol.
struct Run {
  size_t part;
  int64_t begin, count;
};

/// The symbols of all parts in byte order, each with its runs.
using SymbolRuns = std::map<std::string, std::vector<Run>>;

SymbolRuns runs_of(const std::vector<PanelResult>& parts) {
  SymbolRuns out;
  for (size_t p = 0; p < parts.size(); ++p) {
    const Panel& panel = parts[p].panel;
    for (size_t s = 0; s < panel.num_symbols(); ++s) out[panel.symbols[s]].push_back({p, panel.offsets[s], panel.offsets[s + 1] - panel.offsets[s]});
  }
  return out;
}

/// Whether daily panels hold at least as many symbols as intraday ones; parts without rows have no say.
bool mostly_daily(const std::vector<PanelResult>& parts) {
  int64_t lead = 0;
  for (const PanelResult& part : parts) lead += (part.panel.daily ? 1 : -1) * int64_t(part.panel.num_symbols());
  return lead >= 0;
}

/// The rows of one symbol in time order, as few runs as possible; `twice` is set to the place (from 1) of the first row
/// whose time stands twice. Files of successive years become one run each; files that interleave, many short ones.
std::vector<Run> in_time(const std::vector<PanelResult>& parts, const std::vector<Run>& runs, int64_t* twice) {
  if (runs.size() == 1) return runs;
  struct Row {
    int64_t time;
    size_t part;
    int64_t row;
  };
  std::vector<Row> rows;
  for (const Run& run : runs)
    for (int64_t row = run.begin; row < run.begin + run.count; ++row) rows.push_back({parts[run.part].panel.times[size_t(row)], run.part, row});
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.time < b.time; });
  std::vector<Run> out;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i > 0 && rows[i].time == rows[i - 1].time && *twice == 0) *twice = int64_t(i) + 1;
    if (!out.empty() && out.back().part == rows[i].part && out.back().begin + out.back().count == rows[i].row)
      ++out.back().count;
    else
      out.push_back({rows[i].part, rows[i].row, 1});
  }
  return out;
}

/// Fields of the parts that give rows: a file whose symbols all failed adds no column.
std::vector<std::string> union_of_fields(const std::vector<PanelResult>& parts, const std::vector<Run>& rows) {
  std::set<size_t> used;
  for (const Run& run : rows) used.insert(run.part);
  std::set<std::string> fields;
  for (const size_t part : used) fields.insert(parts[part].panel.fields.begin(), parts[part].panel.fields.end());
  return {fields.begin(), fields.end()};
}

/// By symbol, one of each kind.
void sort_findings(std::vector<Finding>* findings) {
  const auto all = [](const Finding& f) { return std::tie(f.symbol, f.kind, f.row, f.time, f.what, f.value); };
  std::sort(findings->begin(), findings->end(), [&](const Finding& a, const Finding& b) { return all(a) < all(b); });
  const auto same = [](const Finding& a, const Finding& b) { return a.symbol == b.symbol && a.kind == b.kind; };
  findings->erase(std::unique(findings->begin(), findings->end(), same), findings->end());
}

}  // namespace

PanelResult merge_panels(std::vector<PanelResult> parts) {
  PanelResult out;
  Panel& panel = out.panel;
  panel.daily = mostly_daily(parts);
  std::set<std::string> failed;
  for (PanelResult& part : parts) {
    for (Finding& finding : part.failures) failed.insert(finding.symbol), out.failures.push_back(std::move(finding));
    for (Finding& finding : part.warnings) out.warnings.push_back(std::move(finding));
    if (part.panel.daily != panel.daily || part.panel.num_symbols() == 0) continue;
    if (panel.zone.empty()) panel.zone = part.panel.zone;
    if (panel.zone != part.panel.zone) panel.zone = "UTC";
  }
  const auto fail = [&](Finding finding) { failed.insert(finding.symbol), out.failures.push_back(std::move(finding)); };

  std::vector<Run> rows;  // of the whole panel, in its order
  for (const auto& [symbol, runs] : runs_of(parts)) {
    if (failed.contains(symbol)) continue;
    if (std::any_of(runs.begin(), runs.end(), [&](const Run& run) { return parts[run.part].panel.daily != panel.daily; })) {
      fail({symbol, "mixed", panel.daily ? "intraday bars in a set of daily bars" : "daily bars in a set of intraday bars", 0, "", ""});
      continue;
    }
    int64_t twice = 0;
    const std::vector<Run> sorted = in_time(parts, runs, &twice);
    const size_t symbol_begin = panel.times.size();
    for (const Run& run : sorted) {
      const auto begin = parts[run.part].panel.times.begin() + run.begin;
      panel.times.insert(panel.times.end(), begin, begin + run.count);
    }
    if (twice) {
      const int64_t time = panel.times[symbol_begin + size_t(twice) - 1];
      fail({symbol, "duplicate", "the same date stands in two files", twice,
            panel.daily ? format_date(int32_t(time)) : format_timestamp(time, panel.zone), ""});
      panel.times.resize(symbol_begin);
      continue;
    }
    rows.insert(rows.end(), sorted.begin(), sorted.end());
    panel.symbols.push_back(symbol);
    panel.offsets.push_back(int64_t(panel.times.size()));
  }
  sort_findings(&out.failures);
  sort_findings(&out.warnings);

  panel.fields = union_of_fields(parts, rows);
  for (const std::string& field : panel.fields) {
    std::vector<int> place;
    for (const PanelResult& part : parts) place.push_back(part.panel.field(field));
    std::vector<double> values;
    values.reserve(panel.times.size());
    for (const Run& run : rows) {
      if (place[run.part] < 0) {
        values.insert(values.end(), size_t(run.count), std::numeric_limits<double>::quiet_NaN());
      } else {
        const auto begin = parts[run.part].panel.values[size_t(place[run.part])].begin() + run.begin;
        values.insert(values.end(), begin, begin + run.count);
      }
    }
    panel.values.push_back(std::move(values));
    for (size_t p = 0; p < parts.size(); ++p)
      if (place[p] >= 0) parts[p].panel.values[size_t(place[p])] = {};
  }
  return out;
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
