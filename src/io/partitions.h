// Hive partitions: folders called key=value below a folder that was given as input. Their keys are columns of the files in them.
//
// A path says by itself where the given folder ends: by "/./", as rsync -R has it ("sales/./year=2024/a.csv"). So a list of paths is
// all that readers need, and a folder called key=value above the given one, or of a file that was named itself, is only a name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/csv_form.h"

namespace hayate::io {

struct Partition {
  std::string name;
  std::optional<std::string> value;  ///< nothing for __HIVE_DEFAULT_PARTITION__
};
/// The keys of a path, outermost first; %XX in them is undone. Empty for a path without "/./".
std::vector<Partition> partitions_of(std::string_view path);

/// Is this a name of the form key=value?
bool is_partition_folder(std::string_view name);

/// The types of the keys, told from the values of all `paths` as those of a CSV column are (so 01 is text), or as `types` has them.
/// A key whose values are text is a category.
std::vector<NamedType> partition_types(const std::vector<std::string>& paths, const std::vector<NamedType>& types);

/// What a file under `path` must give, of the `wanted` columns (empty: all), and the types among `types` that are not of keys.
std::vector<std::string> columns_in_file(const std::string& path, const std::vector<std::string>& wanted);
std::vector<NamedType> types_in_file(const std::string& path, const std::vector<NamedType>& types);

/// `table` (of the file at `path`) with the columns of its keys, of the types that `keys` has, behind its own; only `wanted`
/// ones in their order, if any. A key that is also a column of the file, and a value that is not of its type, are Errors.
Result<Table> with_partitions(Table table, const std::string& path, const std::vector<NamedType>& keys, const std::vector<std::string>& wanted);

}  // namespace hayate::io
