// hayate convert, head and schema: tables as files.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "io/cell_text.h"
#include "io/chunks.h"
#include "io/qlib_folder.h"
#include "io/reader.h"
#include "io/writer.h"

namespace hayate::cli {
namespace {

/// A value as it is shown to a person; "" when it is missing.
std::string shown(const Column& column, int64_t row) {
  if (io::is_missing_cell(column, row)) return "";
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

/// The tables of `paths` one below another, in pieces where they are large.
Result<void> each_chunk(std::span<const std::string> paths, const io::ReadOptions& reading, const std::function<Result<void>(const Table&)>& visit) {
  if (std::any_of(paths.begin(), paths.end(), io::is_qlib_folder)) {
    HY_TRY(const Table table, io::read_tables(paths, reading));
    return visit(table);
  }
  HY_TRY(const auto chunks, io::open_chunks(paths, {reading}));
  HY_CHECK(visit(chunks->schema()));
  while (true) {
    HY_TRY(const auto chunk, chunks->next());
    if (!chunk) return {};
    HY_CHECK(visit(*chunk));
    if (interruption().stopped()) return Error{Kind::interrupted, "interrupted", paths[0], "run it again"};
  }
}

Result<void> look_at(const std::string& in, const std::string& format, const TableReading& asked, const Bytes& memory_limit, const Console& console,
                     const std::function<Result<void>(const Table&)>& visit) {
  HY_TRY(io::ReadOptions reading, reading_options(asked));
  HY_TRY(const auto kind, asked_kind(format));
  HY_TRY(const auto paths, io::expand_input(in));
  if (in == "-") reading.kind = kind;
  reading.memory_limit_bytes = int64_t(memory_limit.value);
  int64_t rows = 0;
  HY_CHECK(each_chunk(paths, reading, [&](const Table& chunk) { return rows += chunk.num_rows(), visit(chunk); }));
  return say_no_rows(console, paths, rows), Result<void>();
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
  for (const std::string& symbol : written.lost)
    console.say(fmt::format("qlib's own reader takes the symbol '{}' for a missing value; rename it if qlib shall read this folder", symbol));
  return {};
}

/// A Parquet file remembers statistics, encoders and pages of every column until it is closed: 5 KB measured at a million.
Result<void> check_width(const std::string& out, const std::optional<io::FileKind>& kind, int64_t columns, int64_t limit) {
  constexpr int64_t kEach = 6'000;
  const bool parquet = kind ? kind->format == io::Format::parquet : out.find(".parquet") != std::string::npos;
  if (!parquet || columns <= limit / kEach) return {};
  return Error{Kind::budget, fmt::format("a Parquet file of {} columns takes more memory than the limit of {}", columns, format_bytes(limit)), out,
               fmt::format("--memory-limit {} would do, or write .arrow or .csv", format_bytes(columns * kEach))};
}

}  // namespace

Result<int> convert_command(ConvertOptions& options, const Console& console) {
  const bool to_folder = options.format == "qlib" || options.to == "qlib";
  if (to_folder && (options.out == "-" || options.out == "none" || options.in == "-"))
    return usage_error("a qlib folder is no stream", fmt::format("hayate convert {} qlib", options.to == "qlib" ? "--to" : "--format"),
                       "name a table to read and a folder to make");
  if (options.format == "qlib" && !options.to.empty() && options.to != "qlib")
    return usage_error("--format qlib makes a folder, --to says the format of a file", "--to " + options.to, "leave one of them out");
  HY_TRY(const auto kind, asked_kind(options.format == "qlib" ? "" : options.format));
  std::optional<io::FileKind> out_kind;
  if (!to_folder) {
    auto named = kind_to_write(options.out, options.format, options.to);
    const std::string name = options.out.substr(options.out.find_last_of('/') + 1);
    if (!named.ok() && name.find('.') == std::string::npos && options.to.empty()) {
      Error error = named.error();
      error.hint += "; --to csv and the like say the format, --to qlib makes a folder of qlib's .bin files";
      return error;
    }
    HY_TRY(out_kind, std::move(named));
  }
  HY_TRY(io::ReadOptions reading, reading_options(options.reading));
  HY_TRY(const auto paths, io::expand_input(options.in));
  exec::Pool pool(exec::worker_count(options.exec));
  exec::Steps steps(console.progress);
  steps.begin("read", int64_t(paths.size()));
  if (options.in == "-") reading.kind = kind;
  reading.pool = &pool, reading.memory_limit_bytes = exec::memory_limit_bytes(options.exec), reading.timeout_seconds = options.exec.timeout.value;
  if (!to_folder) reading.steps = &steps;
  int64_t rows = 0, columns = 0;
  Hash128 checksum;
  if (to_folder) {
    HY_TRY(const Table table, read_bar_tables(paths, reading));
    steps.begin("write", table.num_rows());
    HY_CHECK(write_folder(options, table, console));
    rows = table.num_rows(), columns = int64_t(table.num_columns());
  } else {
    HY_TRY(io::TableWriter writer, io::TableWriter::open(options.out, out_kind, false, &pool));
    HY_CHECK(each_chunk(paths, reading, [&](const Table& chunk) -> Result<void> {
      if (auto fits = check_width(options.out, out_kind, int64_t(chunk.num_columns()), reading.memory_limit_bytes); !fits.ok()) return fits;
      if (columns == 0) steps.begin("write");
      columns = int64_t(chunk.num_columns());
      steps.advance(chunk.num_rows());
      note_written(chunk, options.out, out_kind);
      return writer.append(chunk);
    }));
    HY_CHECK(writer.finish());
    rows = writer.num_rows(), checksum = writer.checksum();
  }
  steps.end();
  say_no_rows(console, paths, rows);
  console.say(fmt::format("{} rows, {} columns: {}", rows, columns, options.out));
  HY_CHECK(write_timings(options.timings, steps.records(), pool.workers()));
  if (console.json) {
    JsonWriter json;
    json.object().key("rows").value(rows).key("columns").value(columns).key("output").value(options.out);
    console.print(json.key("checksum").value(options.out == "none" ? checksum.hex() : "").end().text() + "\n");
  } else if (options.out == "none") {
    console.print(fmt::format("checksum {}\n", checksum.hex()));
  }
  return 0;
}

Result<int> head_command(HeadOptions& options, const Console& console) {
  std::vector<Table> first;
  int64_t rows = 0;
  HY_CHECK(look_at(options.in, options.format, options.reading, options.memory_limit, console, [&](const Table& chunk) -> Result<void> {
    if (first.empty() || rows < options.rows)
      first.push_back(slice(chunk, 0, std::min(options.rows - std::min(rows, options.rows), chunk.num_rows())));
    rows += chunk.num_rows();
    return {};
  }));
  HY_TRY(const Table table, concatenate(first, std::vector<std::string>(first.size(), options.in)));
  if (console.json) {
    HY_TRY(const auto kind, io::kind_named("json", "--json"));
    HY_CHECK(io::write_table("-", table, kind));
    return 0;
  }
  std::vector<std::vector<std::string>> cells;
  for (size_t c = 0; c < table.num_columns(); ++c) {
    auto& column = cells.emplace_back(1, one_line(table.names[c]));
    for (int64_t row = 0; row < table.num_rows(); ++row) column.push_back(one_line(shown(table.columns[c], row)));
  }
  for (size_t row = 0; row < size_t(table.num_rows()) + 1; ++row) {
    std::string line;
    for (const auto& column : cells) {
      size_t width = 0;
      for (const std::string& cell : column) width = std::max(width, num_characters(cell));
      line += padded(column[row], width + 2);
    }
    console.print(line.substr(0, line.find_last_not_of(' ') + 1) + "\n");
  }
  if (rows > table.num_rows()) console.say(fmt::format("{} of {} rows", table.num_rows(), rows));
  return 0;
}

namespace {
/// What `schema` says of a column.
struct ColumnSize {
  std::string name;
  Dtype dtype{};
  int64_t missing = 0, bytes = 0, names_bytes = 0;  ///< names: of the largest dictionary

  void add(const Column& column) {
    const int64_t names = column.dictionary ? column.dictionary->bytes() : 0;
    // Every chunk of a text column has one offset more than rows; the table has one in all.
    const int64_t twice = column.dtype == Dtype::text && bytes > 0 ? int64_t(sizeof(int64_t)) : 0;
    missing += column.count_nulls(), bytes += column.bytes() - names - twice;
    names_bytes = std::max(names_bytes, names);
  }
};
}  // namespace

Result<int> schema_command(SchemaOptions& options, const Console& console) {
  std::vector<ColumnSize> columns;
  int64_t rows = 0;
  HY_CHECK(look_at(options.in, options.format, options.reading, options.memory_limit, console, [&](const Table& chunk) -> Result<void> {
    for (size_t c = columns.size(); c < chunk.num_columns(); ++c) columns.push_back({chunk.names[c], chunk.columns[c].dtype});
    for (size_t c = 0; c < columns.size(); ++c) columns[c].add(chunk.columns[c]);
    rows += chunk.num_rows();
    return {};
  }));
  JsonWriter json(1);
  json.object().key("rows").value(rows).key("columns").array();
  size_t width = 6;
  for (const ColumnSize& column : columns) width = std::max(width, num_characters(column.name));
  if (!console.json) console.print(fmt::format("{} {:<10} {:>10} {:>10}\n", padded("column", width), "dtype", "missing", "bytes"));
  for (const ColumnSize& column : columns) {
    const int64_t bytes = column.bytes + column.names_bytes;
    json.object().key("name").value(column.name).key("dtype").value(dtype_name(column.dtype)).key("missing").value(column.missing);
    json.key("bytes").value(bytes).end();
    if (!console.json)
      console.print(fmt::format("{} {:<10} {:>10} {:>10}\n", padded(one_line(column.name), width), dtype_name(column.dtype), column.missing,
                                format_bytes(bytes)));
  }
  if (console.json)
    console.print(json.end().end().text() + "\n");
  else
    console.print(fmt::format("{} rows\n", rows));
  return 0;
}

}  // namespace hayate::cli
