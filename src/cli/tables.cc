// hayate convert, head and schema: tables as files.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "io/qlib_folder.h"
#include "io/reader.h"
#include "io/writer.h"

namespace hayate::cli {
namespace {

/// A value as it is shown to a person; "" when it is missing.
std::string shown(const Column& column, int64_t row) {
  if (column.is_null(row)) return "";
  switch (column.dtype) {
    case Dtype::text:
    case Dtype::category:
      return std::string(column.text(row));
    case Dtype::date:
      return format_date(column.as<int32_t>()[size_t(row)]);
    case Dtype::timestamp:
      return format_timestamp(column.as<int64_t>()[size_t(row)], column.zone);
    case Dtype::boolean:
      return column.number(row) != 0 ? "true" : "false";
    case Dtype::float32:
      return fmt::format("{}", column.as<float>()[size_t(row)]);
    case Dtype::int64:
      return fmt::format("{}", column.as<int64_t>()[size_t(row)]);
    case Dtype::uint64:
      return fmt::format("{}", column.as<uint64_t>()[size_t(row)]);
    default:
      return fmt::format("{}", column.number(row));
  }
}

Result<Table> read(const std::string& in, const std::string& format, const TableReading& asked) {
  HY_TRY(io::ReadOptions reading, reading_options(asked));
  HY_TRY(const auto kind, asked_kind(format));
  HY_TRY(const auto paths, io::expand_input(in));
  if (in == "-") reading.kind = kind;
  return io::read_tables(paths, reading);
}

/// Tables of bars as one: a file without a symbol column holds one symbol, named as the file.
Result<Table> read_bar_tables(std::span<const std::string> paths, const io::ReadOptions& options) {
  std::vector<Result<Table>> results(paths.size(), Result<Table>(Table{}));
  io::ReadOptions single = options;
  single.pool = nullptr;  // the workers take files
  options.pool->run(int64_t(paths.size()), [&](int64_t i, int) { results[size_t(i)] = io::read_table(paths[size_t(i)], single); });
  std::vector<Table> tables;
  for (size_t i = 0; i < paths.size(); ++i) {
    HY_TRY(Table table, std::move(results[i]));
    const std::vector<std::string> symbol = {io::stem(paths[i])};
    if (!table.find("symbol")) table.add("symbol", make_category_column(std::vector<int32_t>(size_t(table.num_rows()), 0), symbol));
    tables.push_back(std::move(table));
  }
  return concatenate(tables, paths);
}

Result<void> write_folder(const ConvertOptions& options, const Table& table, const Console& console) {
  HY_TRY(const io::QlibExport written, io::write_qlib_folder(options.out, table, options.in));
  if (written.rounded > 0) console.say(fmt::format("{} values are rounded: qlib's files hold float32", written.rounded));
  return {};
}

}  // namespace

Result<int> convert_command(ConvertOptions& options, const Console& console) {
  const bool to_folder = options.format == "qlib";
  if (to_folder && (options.out == "-" || options.out == "none" || options.in == "-"))
    return usage_error("a qlib folder is no stream", "hayate convert --format qlib", "name a table to read and a folder to make");
  HY_TRY(const auto kind, asked_kind(to_folder ? "" : options.format));
  HY_TRY(io::ReadOptions reading, reading_options(options.reading));
  if (!to_folder && options.out != "-" && options.out != "none") HY_CHECK(io::kind_of(options.out));
  HY_TRY(const auto paths, io::expand_input(options.in));
  exec::Pool pool(exec::worker_count(options.exec));
  exec::Steps steps(console.progress);
  steps.begin("read", int64_t(paths.size()));
  const auto out_kind = options.out == "-" ? kind : std::nullopt;
  if (options.in == "-") reading.kind = kind;
  reading.pool = &pool, reading.memory_limit_bytes = exec::memory_limit_bytes(options.exec), reading.timeout_seconds = options.exec.timeout.value;
  HY_TRY(const Table table, to_folder ? read_bar_tables(paths, reading) : io::read_tables(paths, reading));
  steps.begin("write", table.num_rows());
  Hash128 checksum;
  if (to_folder) {
    HY_CHECK(write_folder(options, table, console));
  } else {
    HY_TRY(checksum, io::write_table(options.out, table, out_kind));
  }
  steps.end();
  console.say(fmt::format("{} rows, {} columns: {}", table.num_rows(), table.num_columns(), options.out));
  HY_CHECK(write_timings(options.timings, steps.records(), pool.workers()));
  if (console.json) {
    JsonWriter json;
    json.object().key("rows").value(table.num_rows()).key("columns").value(int64_t(table.num_columns())).key("output").value(options.out);
    console.print(json.key("checksum").value(options.out == "none" ? checksum.hex() : "").end().text() + "\n");
  } else if (options.out == "none") {
    console.print(fmt::format("checksum {}\n", checksum.hex()));
  }
  return 0;
}

Result<int> head_command(HeadOptions& options, const Console& console) {
  HY_TRY(const Table whole, read(options.in, options.format, options.reading));
  const Table table = slice(whole, 0, std::min(options.rows, whole.num_rows()));
  if (console.json) {
    HY_TRY(const auto kind, io::kind_named("json", "--json"));
    HY_CHECK(io::write_table("-", table, kind));
    return 0;
  }
  std::vector<std::vector<std::string>> cells;
  for (size_t c = 0; c < table.num_columns(); ++c) {
    auto& column = cells.emplace_back(1, table.names[c]);
    for (int64_t row = 0; row < table.num_rows(); ++row) column.push_back(shown(table.columns[c], row));
  }
  for (size_t row = 0; row < size_t(table.num_rows()) + 1; ++row) {
    std::string line;
    for (const auto& column : cells) {
      size_t width = 0;
      for (const std::string& cell : column) width = std::max(width, cell.size());
      line += padded(column[row], width + 2);
    }
    console.print(line.substr(0, line.find_last_not_of(' ') + 1) + "\n");
  }
  if (whole.num_rows() > table.num_rows()) console.say(fmt::format("{} of {} rows", table.num_rows(), whole.num_rows()));
  return 0;
}

Result<int> schema_command(SchemaOptions& options, const Console& console) {
  HY_TRY(const Table table, read(options.in, options.format, options.reading));
  JsonWriter json(1);
  json.object().key("rows").value(table.num_rows()).key("columns").array();
  size_t width = 6;
  for (const std::string& name : table.names) width = std::max(width, name.size());
  if (!console.json) console.print(fmt::format("{} {:<10} {:>10} {:>10}\n", padded("column", width), "dtype", "missing", "bytes"));
  for (size_t c = 0; c < table.num_columns(); ++c) {
    const Column& column = table.columns[c];
    json.object().key("name").value(table.names[c]).key("dtype").value(dtype_name(column.dtype)).key("missing").value(column.count_nulls());
    json.key("bytes").value(column.bytes()).end();
    if (!console.json)
      console.print(fmt::format("{} {:<10} {:>10} {:>10}\n", padded(table.names[c], width), dtype_name(column.dtype), column.count_nulls(),
                                format_bytes(column.bytes())));
  }
  if (console.json)
    console.print(json.end().end().text() + "\n");
  else
    console.print(fmt::format("{} rows\n", table.num_rows()));
  return 0;
}

}  // namespace hayate::cli
