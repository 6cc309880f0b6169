// How the values of a CSV file are written down, where its bytes do not tell, and the types that a user wants.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"
#include "hayate/table.h"
#include "io/encoding.h"

namespace hayate::io {

/// A column of a file of any format that shall have this dtype.
struct NamedType {
  std::string column;
  Dtype dtype = Dtype::text;
};

/// Of CSV files alone; at its defaults reading costs what it did without it.
struct CsvForm {
  char decimal = 0;                  ///< '.' or ','; 0: a point, and in files separated by semicolons a comma too
  char thousands = 0;                ///< between groups of three digits; 0: none
  std::vector<std::string> missing;  ///< words that are missing besides those of is_missing
  Encoding encoding = Encoding::utf8;

  bool is_default() const { return !decimal && !thousands && missing.empty() && encoding == Encoding::utf8; }
};

/// "a=int64, b=text" (--types): a name ends at the last '='. An unknown type, a part without '=' and a column that is named twice
/// are usage Errors.
Result<std::vector<NamedType>> parse_types(std::string_view text);

/// The form that --decimal, --thousands, --na and --encoding ask for; an empty text leaves the default. Usage Errors: a mark that is
/// none, and one character for both marks (a missing --decimal is a point then).
Result<CsvForm> parse_csv_form(std::string_view decimal, std::string_view thousands, std::string_view missing, std::string_view encoding);

/// The dtype wanted for `column`, or nullptr.
const Dtype* wanted_type(const std::vector<NamedType>& types, std::string_view column);
/// A usage Error with the nearest name when one of `types` is for a column that is not in `names`.
Result<void> check_types(const std::vector<NamedType>& types, const std::vector<std::string>& names);

}  // namespace hayate::io
