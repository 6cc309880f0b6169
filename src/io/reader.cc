#include "io/reader.h"

#include <fmt/format.h>

#include <unordered_map>

#include "base/strings.h"
#include "exec/granted.h"
#include "io/csv.h"
#include "io/file_columns.h"
#include "io/formats.h"
#include "io/hdf5.h"
#include "io/large_memory.h"
#include "io/partitions.h"
#include "io/qlib_folder.h"
#include "io/retype.h"

namespace hayate::io {
namespace {

Result<Table> read_csv(const std::string& path, const FileKind& kind, const ReadOptions& options, const std::vector<std::string>& as_text,
                       int64_t limit_bytes) {
  const CsvOptions csv = {.columns = options.columns,
                          .as_text = as_text,
                          .pool = options.pool,
                          .memory_limit_bytes = limit_bytes,
                          .types = options.types,
                          .form = options.csv,
                          .separator = kind.separator,
                          .coded_text = options.coded_text,
                          .cancel = options.cancel,
                          .roundings = options.roundings.get()};
  if (path != "-" && kind.codec == Codec::none && options.csv.encoding == Encoding::utf8) return read_csv_file(path, csv);
  HY_TRY(Buffer bytes, read_unpacked(path, kind.codec, limit_bytes));
  if (options.csv.encoding != Encoding::utf8) {
    HY_TRY(bytes, decode(bytes, options.csv.encoding, path, limit_bytes));
  }
  return parse_csv({reinterpret_cast<const char*>(bytes.data), bytes.size}, path, csv);
}

Result<Table> read_npy(const std::string& path, const ReadOptions& options) {
  HY_TRY(const Buffer bytes, read_file(path));
  return parse_npy(bytes, path, options);
}

Result<FileKind> kind_to_read(const std::string& path, const ReadOptions& options) {
  if (options.kind) return *options.kind;
  if (path == "-") return usage_error("standard input has no name to tell its format", "-", "say it with --format, such as --format csv");
  HY_CHECK(check_readable(path));
  return kind_of(path);
}

int64_t limit_of(const ReadOptions& options) {
  return options.memory_limit_bytes > 0 ? options.memory_limit_bytes : exec::granted_memory().value / 5 * 4;
}

/// A qlib folder in which every symbol can be read.
Result<Table> read_whole_folder(const std::string& path, const ReadOptions& options) {
  HY_TRY(QlibFolder folder, read_qlib_folder(path, options));
  if (!folder.unreadable.empty()) return std::move(folder.unreadable.front().error);
  return std::move(folder.table);
}

/// The file itself, its columns of the types that it has.
Result<Table> read_as_written(const std::string& path, const ReadOptions& options, const std::vector<std::string>& as_text) {
  if (is_qlib_folder(path)) return read_whole_folder(path, options);
  HY_TRY(const FileKind kind, kind_to_read(path, options));
  const int64_t limit = limit_of(options);
  keep_large_memory(limit);
  if (const auto size = file_size(path); size && *size > limit && kind.format != Format::parquet)
    return Error{Kind::budget, fmt::format("the file has {}, the limit is {}", format_bytes(*size), format_bytes(limit)), path,
                 "raise --memory-limit"};
  switch (kind.format) {
    case Format::csv:
      return read_csv(path, kind, options, as_text, limit);
    case Format::parquet:
      return read_parquet(path, options, limit);
    case Format::arrow:
      return read_arrow(path, options, limit);
    case Format::json:
    case Format::jsonl:
      return read_json_table(path, options, kind.format == Format::jsonl, limit);
    case Format::npy:
      return read_npy(path, options);
    case Format::hdf5:
      return read_hdf5(path, options, limit);
  }
  return usage_error("an unknown format", path, "see --format");
}

/// read_table with columns that stay text if the file is CSV, and the types of the keys of its folders.
Result<Table> read_typed(const std::string& path, const ReadOptions& options, const std::vector<std::string>& as_text,
                         const std::vector<NamedType>& keys) {
  const auto kind = options.kind ? Result<FileKind>(*options.kind) : kind_of(path);
  const bool csv = kind.ok() && kind.value().format == Format::csv && !is_qlib_folder(path);
  if (kind.ok() && !csv && !options.csv.is_default())
    return usage_error("--decimal, --thousands, --na and --encoding are for CSV files", path, "leave them out");
  ReadOptions inner = options;
  inner.columns = columns_in_file(path, options.columns), inner.types = types_in_file(path, options.types);
  HY_TRY(Table table, read_as_written(path, inner, as_text));
  if (!csv) HY_CHECK(retype(inner.types, path, &table));
  if (!csv && inner.columns.empty()) HY_CHECK(check_types(inner.types, table.names));
  return with_partitions(std::move(table), path, keys, options.columns);
}

bool is_csv(const std::string& path, const ReadOptions& options) {
  const auto kind = options.kind ? Result<FileKind>(*options.kind) : kind_of(path);
  return kind.ok() && kind.value().format == Format::csv;
}

/// Columns that are text in one table and something else, with values, in another.
std::vector<std::string> half_text(const std::vector<Table>& tables) {
  std::unordered_map<std::string, int> seen;  // bit 0: text, bit 1: other
  for (const Table& table : tables)
    for (size_t i = 0; i < table.num_columns(); ++i) {
      const Column& column = table.columns[i];
      if (column.count_nulls() < column.length) seen[table.names[i]] |= column.dtype == Dtype::text ? 1 : 2;
    }
  std::vector<std::string> names;
  for (const auto& [name, kinds] : seen)
    if (kinds == 3) names.push_back(name);
  return names;
}

/// Runs task(0 .. count - 1) on the pool, or here.
void run(exec::Pool* pool, size_t count, const std::function<void(size_t)>& task) {
  if (pool) {
    pool->run(int64_t(count), [&](int64_t i, int) { task(size_t(i)); });
  } else {
    for (size_t i = 0; i < count; ++i) task(i);
  }
}

}  // namespace

Result<Table> read_table(const std::string& path, const ReadOptions& options) {
  return read_typed(path, options, {}, partition_types({path}, options.types));
}

Result<Table> read_tables(std::span<const std::string> paths, const ReadOptions& options) {
  assert(!paths.empty());
  if (paths.size() == 1) return read_table(paths[0], options);
  ReadOptions single = options;
  single.pool = nullptr;  // the workers take files
  const std::vector<NamedType> keys = partition_types({paths.begin(), paths.end()}, options.types);
  std::vector<Result<Table>> results(paths.size(), Result<Table>(Table{}));
  std::vector<ReadOptions> asked(paths.size(), single);  // of each file
  run(options.pool, paths.size(), [&](size_t i) {
    results[i] = read_typed(paths[i], single, {}, keys);
    if (results[i].ok()) return;
    if (auto other = options_without_lacking(paths[i], single, results[i].error()))
      results[i] = read_typed(paths[i], asked[i] = std::move(*other), {}, keys);
  });
  std::vector<Table> tables;
  for (Result<Table>& result : results) {
    HY_TRY(Table table, std::move(result));
    tables.push_back(std::move(table));
  }
  const std::vector<std::string> as_text = half_text(tables);
  if (!as_text.empty()) {
    run(options.pool, paths.size(), [&](size_t i) {
      if (!is_csv(paths[i], options)) return;
      results[i] = read_typed(paths[i], asked[i], as_text, keys);
      if (results[i].ok()) tables[i] = std::move(results[i]).value();
    });
  }
  if (options.roundings) {
    HY_TRY(const std::vector<std::string> columns, columns_of_all(tables, paths, options));
    for (Table& table : tables) table = completed(table, columns);
  }
  HY_TRY(Table out, concatenate(tables, paths));
  if (options.roundings)
    for (size_t i = 0; i < tables.size(); ++i) options.roundings->add_widened(tables[i], out, paths[i]);
  return out;
}

}  // namespace hayate::io
