#include "io/partitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/strings.h"
#include "io/csv_value.h"
#include "io/retype.h"

namespace hayate::io {
namespace {

constexpr std::string_view kRoot = "/./", kNull = "__HIVE_DEFAULT_PARTITION__";

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && std::from_chars(text.data() + i + 1, text.data() + i + 3, code, 16).ptr == text.data() + i + 3;
    out.push_back(escape ? char(code) : text[i]);
    if (escape) i += 2;
  }
  return out;
}

bool is_key(const std::string& path, std::string_view name) {
  const auto keys = partitions_of(path);
  return std::any_of(keys.begin(), keys.end(), [&](const Partition& key) { return key.name == name; });
}

/// The value of a key in each of `rows` rows.
Result<Column> constant(const Partition& key, Dtype dtype, int64_t rows, const std::string& path) {
  Column one = make_text_column(std::vector<std::string>{key.value.value_or("")});
  if (!key.value) one.validity = make_buffer(std::vector<uint8_t>{0});
  HY_TRY(one, retyped(one, dtype, key.name, path));
  return take(one, std::vector<int64_t>(size_t(rows), 0));
}

}  // namespace

bool is_partition_folder(std::string_view name) {
  const size_t equals = name.find('=');
  return equals != std::string_view::npos && equals > 0 && equals + 1 < name.size() && name[0] != '.';
}

std::vector<Partition> partitions_of(std::string_view path) {
  std::vector<Partition> out;
  const size_t root = path.rfind(kRoot);
  if (root == std::string_view::npos) return out;
  const auto parts = split(path.substr(root + kRoot.size()), '/');
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    if (!is_partition_folder(parts[i])) continue;
    const size_t equals = parts[i].find('=');
    const std::string_view value = std::string_view(parts[i]).substr(equals + 1);
    out.push_back({unescaped(std::string_view(parts[i]).substr(0, equals)), std::nullopt});
    if (value != kNull) out.back().value = unescaped(value);
  }
  return out;
}

std::vector<NamedType> partition_types(const std::vector<std::string>& paths, const std::vector<NamedType>& types) {
  struct Seen {
    std::string name;
    uint16_t seen;
  };
  std::vector<Seen> keys;
  for (const std::string& path : paths)
    for (const Partition& key : partitions_of(path)) {
      auto found = std::find_if(keys.begin(), keys.end(), [&](const Seen& k) { return k.name == key.name; });
      if (found == keys.end()) found = keys.insert(keys.end(), {key.name, 0});
      const CsvRules rules = {.compact_dates = lower(key.name) == "date", .symbol = key.name == "symbol"};
      if (key.value) found->seen = uint16_t(found->seen | read_value(*key.value, rules).seen);
    }
  std::vector<NamedType> out;
  for (const Seen& key : keys) {
    const Dtype told = dtype_of(key.seen, {});
    const Dtype* wanted = wanted_type(types, key.name);
    out.push_back({key.name, wanted ? *wanted : told == Dtype::text ? Dtype::category : told});
  }
  return out;
}

std::vector<std::string> columns_in_file(const std::string& path, const std::vector<std::string>& wanted) {
  std::vector<std::string> out;
  for (const std::string& name : wanted)
    if (!is_key(path, name)) out.push_back(name);
  return out;
}

std::vector<NamedType> types_in_file(const std::string& path, const std::vector<NamedType>& types) {
  std::vector<NamedType> out;
  for (const NamedType& type : types)
    if (!is_key(path, type.column)) out.push_back(type);
  return out;
}

Result<Table> with_partitions(Table table, const std::string& path, const std::vector<NamedType>& keys, const std::vector<std::string>& wanted) {
  const int64_t rows = table.num_rows();
  for (const Partition& key : partitions_of(path)) {
    if (table.find(key.name))
      return input_error(fmt::format("column '{}' is in the file and in the name of a folder above it", key.name), path,
                         "name the files instead of the folder, or rename the folder");
    HY_TRY(Column column, constant(key, *wanted_type(keys, key.name), rows, path));
    table.add(key.name, std::move(column));
  }
  if (wanted.empty()) return table;
  Table out;
  for (const std::string& name : wanted) {
    HY_TRY(const Column* column, table.column(name, path));
    out.add(name, *column);
  }
  return out;
}

}  // namespace hayate::io
