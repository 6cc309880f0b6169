#include "io/file_columns.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/strings.h"
#include "exec/granted.h"
#include "io/chunk_formats.h"
#include "io/formats.h"
#include "io/partitions.h"
#include "io/qlib_folder.h"
#include "io/retype.h"

namespace hayate::io {
namespace {

bool has(const std::vector<std::string>& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

Column no_values(int64_t rows) {
  Column out = make_column(std::vector<double>(size_t(rows), std::numeric_limits<double>::quiet_NaN()));
  out.validity = make_buffer(std::vector<uint8_t>(size_t(rows + 7) / 8, 0));
  return out;
}

class CompletedChunks final : public ChunkReader {
 public:
  CompletedChunks(std::unique_ptr<ChunkReader> from, std::vector<std::string> columns)
      : from_(std::move(from)), columns_(std::move(columns)), schema_(completed(from_->schema(), columns_)) {}
  const Table& schema() const override { return schema_; }
  int64_t held_bytes() const override { return from_->held_bytes(); }
  bool has_values(size_t column) const override {
    const auto& names = from_->schema().names;
    const auto at = size_t(std::find(names.begin(), names.end(), columns_[column]) - names.begin());
    return at < names.size() && from_->has_values(at);
  }
  Result<std::optional<Table>> next() override {
    HY_TRY(auto chunk, from_->next());
    if (!chunk) return chunk;
    return std::optional(completed(*chunk, columns_));
  }

 private:
  std::unique_ptr<ChunkReader> from_;
  std::vector<std::string> columns_;
  Table schema_;
};

}  // namespace

Result<std::vector<std::string>> names_in_file(const std::string& path, const ReadOptions& options) {
  if ((path == "-" && !options.kind) || is_qlib_folder(path)) return std::vector<std::string>();
  FileKind kind;
  if (options.kind) {
    kind = *options.kind;
  } else {
    HY_CHECK(check_readable(path));
    HY_TRY(kind, kind_of(path));
  }
  const int64_t memory = options.memory_limit_bytes > 0 ? options.memory_limit_bytes : exec::granted_memory().value / 5 * 4;
  if (kind.format == Format::parquet) return parquet_names(path, memory);
  if (kind.format == Format::arrow) return arrow_names(path, memory);
  if (kind.format == Format::csv && kind.codec == Codec::none && options.csv.encoding == Encoding::utf8 && file_size(path)) {
    HY_TRY(const auto file, InputFile::open(path));
    return csv_names(*file, path, kind.separator);
  }
  return std::vector<std::string>();
}

std::optional<ReadOptions> options_without_lacking(const std::string& path, const ReadOptions& options, const Error& refused) {
  if (!options.roundings || refused.kind != Kind::usage || !refused.what.starts_with("unknown column")) return std::nullopt;
  ReadOptions own = options;
  auto names = names_in_file(path, options);
  if (!names.ok() || names.value().empty()) {
    own.columns.clear();
    return options.columns.empty() ? std::nullopt : std::optional(std::move(own));
  }
  const std::string first = names.value()[0];
  for (const Partition& key : partitions_of(path)) names.value().push_back(key.name);
  std::erase_if(own.columns, [&](const std::string& name) { return !has(names.value(), name); });
  std::erase_if(own.types, [&](const NamedType& type) { return !has(names.value(), type.column); });
  if (own.columns.empty() && !options.columns.empty()) own.columns = {first};  // its rows count
  return own;
}

Result<std::vector<std::string>> columns_of_all(std::span<const Table> tables, std::span<const std::string> paths, const ReadOptions& options) {
  std::vector<std::string> names, keys;
  std::unordered_map<std::string, std::vector<size_t>> files;  // that have a column
  for (size_t f = 0; f < tables.size(); ++f) {
    const std::vector<Partition> folders = partitions_of(paths[f]);
    for (const std::string& name : tables[f].names) {
      const auto [at, is_new] = files.try_emplace(name);
      at->second.push_back(f);
      const bool is_key = std::any_of(folders.begin(), folders.end(), [&](const Partition& key) { return key.name == name; });
      if (is_new) (is_key ? keys : names).push_back(name);
    }
  }
  names.insert(names.end(), keys.begin(), keys.end());
  if (!options.columns.empty()) {
    for (const std::string& name : options.columns) {
      if (files.contains(name)) continue;
      const auto others = names_in_file(paths[0], options);  // only those that are wanted were read
      for (size_t i = 0; others.ok() && i < others.value().size(); ++i)
        if (!has(names, others.value()[i])) names.push_back(others.value()[i]);
      return unknown_name("column", name, names, paths[0]);
    }
    names = options.columns;
  } else {
    HY_CHECK(check_types(options.types, names));
  }
  for (const std::string& name : names) {
    const std::vector<size_t>& in = files.at(name);
    if (in.size() == tables.size()) continue;
    size_t first = 0;
    while (first < in.size() && in[first] == first) ++first;
    if (options.roundings) options.roundings->add_absent(name, paths[first], int64_t(tables.size() - in.size()), int64_t(tables.size()));
  }
  return names;
}

Table completed(const Table& table, const std::vector<std::string>& columns) {
  if (table.names == columns) return table;
  std::unordered_map<std::string_view, const Column*> own;
  for (size_t c = 0; c < table.num_columns(); ++c) own.emplace(table.names[c], &table.columns[c]);
  Table out;
  for (const std::string& name : columns) {
    const auto found = own.find(name);
    out.add(name, found == own.end() ? no_values(table.num_rows()) : *found->second);
  }
  return out;
}

std::unique_ptr<ChunkReader> completed(std::unique_ptr<ChunkReader> chunks, std::vector<std::string> columns) {
  return std::make_unique<CompletedChunks>(std::move(chunks), std::move(columns));
}

}  // namespace hayate::io
