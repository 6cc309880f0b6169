// Where the fields of a CSV file begin and end. Two scanners give the same answer on well-formed bytes:
//
// kernels::scan_fields reads 64 bytes at a time as bit masks. It needs to know whether it starts inside quotes;
// kernels::count_block answers that for every block of the file beforehand, in both hypotheses at once, which is what lets
// chunks be cut at true record ends and read in parallel. (Cutting at the next newline byte, as other readers do, gives
// silently wrong rows when that newline is inside quotes.)
//
// next_record goes byte by byte and knows quotes that mask arithmetic does not: a quote in the middle of an unquoted
// field is a plain character, text after a closing quote is an error, a quote that never closes has a place.
// scan_fields only reports that such a quote is there; the file is then read again with next_record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace hayate::io {

struct CsvDialect {
  char separator = ',';
  char newline = '\n';  ///< '\r' only in files that have no '\n'; a '\r' before '\n' belongs to the line end
};

struct CsvField {
  size_t begin, end;  ///< quotes included, the '\r' of the line end not
};
enum class CsvFault { none, open_quote, text_after_quote };
/// The record that starts at `*at` (which moves behind it); its fields replace `fields`. On a fault `*at` is the place
/// of the quote in question. An empty line is one empty field.
CsvFault next_record(std::string_view data, const CsvDialect& dialect, size_t* at, std::vector<CsvField>* fields);

/// The dialect of which the first records are made: the separator of , ; tab | that gives every record the same number of
/// fields, more than one, and most of them; if none does, the one that gives the header most fields; `otherwise` where all give it one.
/// `sample`: the first bytes of a file, or all of them (`whole`).
CsvDialect sniff_dialect(std::string_view sample, bool whole, char otherwise = ',');
/// How many bytes sniff_dialect looks at.
inline constexpr size_t kCsvSample = size_t{256} << 10;

/// Position of the first byte that is not part of valid UTF-8, or npos.
size_t find_invalid_utf8(std::string_view data);
/// Whether `bytes` are valid UTF-8 and none of the texts that begin at these places, ascending, begins within a character.
bool are_utf8_texts(std::string_view bytes, std::span<const int64_t> begins);

/// The inside of a field in quotes, doubled quotes made one in `scratch`, which the view may point into.
std::string_view strip_quotes(std::string_view field, std::vector<char>* scratch);

/// A field's value without its quotes, if it has any.
inline std::string_view unquote(std::string_view field, std::vector<char>* scratch) {
  return field.size() >= 2 && field.front() == '"' ? strip_quotes(field, scratch) : field;
}

}  // namespace hayate::io
