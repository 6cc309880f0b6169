// hayate describe: what stands in the columns of a table.
#include "aggregate/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"

namespace hayate::cli {
namespace {

using aggregate::ColumnSummary;
using aggregate::TableSummary;

/// A quantile in the terms of its column.
std::string shown(double value, const ColumnSummary& column) {
  if (column.dtype == Dtype::date) return format_date(int32_t(value));
  if (column.dtype == Dtype::timestamp) return format_timestamp(int64_t(value), column.zone);
  return std::isnan(value) ? "nan" : fmt::format("{:.6g}", value);  // between infinities; its sign says nothing
}

std::string cut(const std::string& text, size_t width) {
  if (text.size() <= width) return text;
  size_t end = width - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

/// A row of cells per column, under a row of headings, each as wide as its widest cell.
std::string as_text(const TableSummary& summary) {
  std::vector<std::vector<std::string>> rows = {
      {"column", "dtype", "missing", "distinct", "min", "5 %", "25 %", "50 %", "75 %", "95 %", "max", "mean", "std", "histogram", "most frequent"}};
  for (const ColumnSummary& c : summary.columns) {
    std::vector<std::string> row = {c.name, dtype_name(c.dtype), fmt::format("{}", c.missing),
                                    fmt::format("{}{}", c.distinct_is_exact ? "" : "~", c.distinct)};
    row.push_back(c.extremes.length ? std::string(c.extremes.text(0)) : "");
    for (size_t q = 0; q < std::size(aggregate::kDescribed); ++q) row.push_back(q < c.quantiles.size() ? shown(c.quantiles[q], c) : "");
    row.push_back(c.extremes.length ? std::string(c.extremes.text(1)) : "");
    for (const auto& value : {c.mean, c.std_dev}) row.push_back(value ? fmt::format("{:.6g}", *value) : "");
    row.push_back(aggregate::blocks_of(c.histogram));
    row.push_back(c.frequent ? fmt::format("{} ({})", cut(one_line(*c.frequent), 24), c.frequent_rows) : "");
    for (std::string& cell : row) cell = cut(one_line(cell), 48);
    rows.push_back(std::move(row));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      size_t width = 0;
      for (const auto& other : rows) width = std::max(width, num_characters(other[i]));
      line += padded(row[i], width + 2);
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out + fmt::format("{} rows\n", summary.rows);
}

std::string as_json(const TableSummary& summary) {
  JsonWriter json(1);
  json.object().key("rows").value(summary.rows).key("columns").array();
  for (const ColumnSummary& c : summary.columns) {
    json.object().key("name").value(c.name).key("dtype").value(dtype_name(c.dtype)).key("missing").value(c.missing);
    json.key("distinct").value(c.distinct).key("distinct_is_exact").value(c.distinct_is_exact);
    const auto number = [&](const char* name, const std::optional<double>& value) { value ? json.key(name).value(*value) : json.key(name).null(); };
    const auto text = [&](const char* name, int64_t row) { c.extremes.length ? json.key(name).value(c.extremes.text(row)) : json.key(name).null(); };
    const auto extreme = [&](const char* name, int64_t row) {
      if (!is_numeric(c.dtype) || c.dtype == Dtype::boolean || c.extremes.length == 0) return text(name, row);
      const std::string digits(c.extremes.text(row));
      digits.find_first_of("nf") == std::string::npos ? json.key(name).number(digits) : json.key(name).null();
    };
    extreme("min", 0), extreme("max", 1);
    number("mean", c.mean), number("std", c.std_dev);
    json.key("quantiles").object();
    for (size_t q = 0; q < c.quantiles.size(); ++q) {
      json.key(fmt::format("{}", aggregate::kDescribed[q]));
      c.dtype == Dtype::date || c.dtype == Dtype::timestamp ? json.value(shown(c.quantiles[q], c)) : json.value(c.quantiles[q]);
    }
    json.end().key("most_frequent");
    c.frequent ? json.value(*c.frequent) : json.null();
    json.key("most_frequent_rows").value(c.frequent_rows).key("histogram").array();
    for (const int64_t count : c.histogram) json.value(count);
    json.end().end();
  }
  return json.end().end().text() + "\n";
}

}  // namespace

Result<int> describe_command(DescribeOptions& options, const Console& console) {
  HY_TRY(const auto kind, asked_kind(options.format));
  HY_TRY(io::ReadOptions reading, reading_options(options.reading));
  HY_TRY(const auto paths, io::expand_input(options.in));
  exec::Pool pool(exec::worker_count(options.exec));
  exec::Steps steps(console.progress);
  steps.begin("read");
  if (paths[0] == "-") reading.kind = kind;
  const int64_t memory = exec::memory_limit_bytes(options.exec);
  reading.pool = &pool, reading.steps = &steps, reading.memory_limit_bytes = memory;
  HY_TRY(const auto reader, io::open_chunks(paths, {std::move(reading), 0}));
  HY_TRY(const TableSummary summary, aggregate::describe(*reader, pool, steps, interruption(), memory));
  say_no_rows(console, paths, summary.rows);
  HY_CHECK(write_timings(options.timings, steps.records(), pool.workers()));
  console.print(console.json ? as_json(summary) : as_text(summary));
  return 0;
}

}  // namespace hayate::cli
