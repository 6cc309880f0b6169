// What is wrong with a CSV file, with the line and the value.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "io/csv_parser.h"

namespace hayate::io {

/// A piece of a value for an error: printable and short.
std::string shown_csv(std::string_view value) {
  std::string out;
  for (const char c : value.substr(0, 60)) out += uint8_t(c) < 32 || c == 127 ? '?' : c;
  while (!out.empty() && find_invalid_utf8(out) != std::string_view::npos) out.resize(find_invalid_utf8(out));
  return value.size() > 60 ? out + "..." : out;
}

/// Bytes [begin, begin + size) of the file, fewer at its end.
std::string CsvParser::text_at(size_t begin, size_t size) const {
  if (!file_) return std::string(bytes_.substr(std::min(begin, bytes_.size()), size));
  std::string out(size, '\0');
  const auto got = file_->read_at(int64_t(begin), out.data(), size);
  out.resize(got.ok() ? got.value() : 0);
  return out;
}

Error CsvParser::error_at(std::string what, size_t offset, std::string_view value, std::string hint) const {
  int64_t line = 1;
  for (size_t at = 0; at < offset; at += kCsvChunkBytes) {
    const std::string before = text_at(at, std::min(kCsvChunkBytes, offset - at));
    line += std::count(before.begin(), before.end(), dialect_.newline);
  }
  return input_error(std::move(what), fmt::format("{}:{}: {}", path_, line, shown_csv(value)), std::move(hint));
}

/// The line from `offset` on, as much of it as an error shows.
std::string CsvParser::line_at(size_t offset) const {
  std::string line = text_at(offset, 256);
  line.resize(std::min(line.find(dialect_.newline), line.size()));
  return line;
}

Error CsvParser::ragged_error(size_t offset, size_t fields) const {
  if (width_ == 1 && fields > 1)
    return error_at(fmt::format("{} fields, the header has 1", fields), offset, line_at(offset),
                    "if the header stands further down, leave out the lines above it: tail -n +3 FILE | hayate convert - OUT --format csv");
  return error_at(fmt::format("{} field{}, the header has {}", fields, fields == 1 ? "" : "s", width_), offset, line_at(offset),
                  dialect_.separator == ',' ? "quote values that hold a comma, or mend the line" : "mend the line");
}

Error CsvParser::fault_error(CsvFault fault, size_t offset) const {
  if (fault == CsvFault::open_quote)
    return error_at("a quote is never closed", offset, line_at(offset), "close it, or double a quote that belongs to the value");
  return error_at("text behind a closing quote", offset, line_at(offset), "double a quote that belongs to the value");
}

Error CsvParser::encoding_error(size_t offset) const {
  struct Foreign {
    std::string_view magic;
    const char *what, *hint;
  };
  constexpr Foreign kForeign[] = {{"\x1F\x8B", "the file is compressed with gzip", "call it .csv.gz, or unpack it"},
                                  {"\x28\xB5\x2F\xFD", "the file is compressed with zstd", "call it .csv.zst, or unpack it"},
                                  {"PAR1", "this is a Parquet file", "call it .parquet"},
                                  {"ARROW1", "this is an Arrow file", "call it .arrow"},
                                  {"\x89HDF", "this is an HDF5 file", "call it .h5"},
                                  {"\x93NUMPY", "this is a NumPy array", "call it .npy"},
                                  {"PK\x03\x04", "this is a spreadsheet or a zip archive", "save the sheet as CSV, or unpack the archive"}};
  const std::string begin = text_at(0, 8);
  for (const Foreign& foreign : kForeign)
    if (begin.starts_with(foreign.magic)) return input_error(foreign.what, path_, foreign.hint);
  constexpr size_t kBack = 4096;
  const std::string before = text_at(offset - std::min(offset, kBack), std::min(offset, kBack));
  const size_t newline = before.rfind(dialect_.newline);
  const std::string line = line_at(offset - before.size() + (newline == std::string::npos ? 0 : newline + 1));
  if (text_at(offset, 1) == std::string(1, '\0'))
    return error_at("a NUL byte: this is no text file", offset, line, "name a CSV file; UTF-16 is read with --encoding utf-16");
  return error_at("bytes that are not UTF-8", offset, line, "name its encoding, such as --encoding cp932, or convert it to UTF-8");
}

Error CsvParser::memory_error() const {
  return {Kind::budget, fmt::format("no memory for {} rows x {} columns", rows_, columns_.size()), path_, "read fewer columns with --columns"};
}

Error CsvParser::record_error(const CsvChunk& chunk) const {
  const int64_t bytes = int64_t(chunk.end - chunk.begin);
  return {Kind::budget,
          fmt::format("a record of {}: more than fits into the memory limit of {}", format_bytes(bytes), format_bytes(options_.memory_limit_bytes)),
          fmt::format("{}, from byte {} on", path_, body_begin_ + chunk.begin),
          fmt::format("--memory-limit {} would do; or is there a quote that nothing closes?", format_bytes(16 * bytes))};
}

Error CsvParser::changed_error() const { return input_error("the file changed while it was read", path_, "read it again when nobody writes to it"); }

}  // namespace hayate::io
