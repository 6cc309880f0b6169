// A JSON text in memory as a table: in pieces on several workers where it holds records, at once where it holds columns or there is one worker.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "base/strings.h"
#include "io/csv_scan.h"
#include "io/formats.h"
#include "io/json_records.h"

namespace hayate::io {
namespace {

/// Where the next record begins, if text from `at` on looks so: a brace, in an array a comma, and a brace again. Inside a string it may be wrong.
size_t next_record(std::string_view text, size_t at, bool lines) {
  while ((at = text.find('}', at)) != std::string_view::npos) {
    size_t next = text.find_first_not_of(" \t\r\n", ++at);
    if (!lines && next != std::string_view::npos && text[next] == ',') next = text.find_first_not_of(" \t\r\n", next + 1);
    if (next == std::string_view::npos || text[next] == '{') return next;
  }
  return at;
}

/// Records in pieces that workers read at the same time. Where a piece ends is a guess, which holds when all of them are read to their ends: the
/// first begins with a record, so the second does, and so on. Nothing: it did not hold, or something is wrong with the text.
std::optional<Result<Table>> parse_in_parallel(std::string_view text, const std::string& path, const ReadOptions& options, bool lines,
                                               int64_t limit_bytes) {
  constexpr size_t kLeast = size_t{1} << 20;
  const size_t wanted_pieces = std::min(4 * size_t(options.pool->workers()), text.size() / kLeast);
  std::vector<size_t> cuts = {0};
  for (size_t k = 1; k < wanted_pieces; ++k) {
    const size_t cut = next_record(text, std::max(text.size() / wanted_pieces * k, cuts.back() + 1), lines);
    if (cut == std::string_view::npos) break;
    cuts.push_back(cut);
  }
  const size_t pieces = cuts.size();
  cuts.push_back(text.size());
  struct Piece {
    JsonCells cells;
    std::vector<std::string> names;
    std::unordered_map<std::string, JsonKinds> kinds;
    Table table;
    bool is_read = false;
  };
  std::vector<Piece> parts;
  for (size_t k = 0; k < pieces; ++k) parts.push_back({JsonCells(path, options), {}, {}, {}});
  options.pool->run(int64_t(pieces), [&](int64_t k, int) {
    Piece& piece = parts[size_t(k)];
    const std::string_view own = text.substr(cuts[size_t(k)], cuts[size_t(k) + 1] - cuts[size_t(k)]);
    if (find_invalid_utf8(own) != std::string_view::npos) return;
    piece.cells.limit_memory(limit_bytes / int64_t(pieces));
    JsonCursor cursor(own, path);
    const bool last = size_t(k) + 1 == pieces;
    JsonRecordReader reader = k == 0 ? JsonRecordReader(lines) : JsonRecordReader::behind_others(lines);
    piece.is_read = reader.read(cursor, last, &piece.cells) && reader.taken() == own.size() && (last || reader.is_before_record());
    if (piece.is_read) piece.cells.join_kinds(&piece.names, &piece.kinds);
  });
  std::vector<std::string> names;
  std::unordered_map<std::string, JsonKinds> kinds;
  for (const Piece& piece : parts) {
    if (!piece.is_read) return std::nullopt;
    for (const std::string& name : piece.names) {
      const auto [at, fresh] = kinds.try_emplace(name);
      if (fresh) names.push_back(name);
      at->second.join(piece.kinds.at(name));
    }
  }
  const std::vector<std::string>& wanted = options.columns.empty() ? names : options.columns;
  if (names.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& name) { return !kinds.contains(name); })) return std::nullopt;
  options.pool->run(int64_t(pieces), [&](int64_t k, int) { parts[size_t(k)].table = parts[size_t(k)].cells.finish_as(wanted, kinds); });
  Table out;
  for (const std::string& name : wanted) out.add(name, Column());
  exec::run_all(int64_t(wanted.size()), options.pool, [&](int64_t c) {
    std::vector<Column> columns;
    for (Piece& piece : parts) columns.push_back(std::move(piece.table.columns[size_t(c)]));
    [[maybe_unused]] const bool same = concatenate(columns, &out.columns[size_t(c)]);
    assert(same);
  });
  return out;
}

}  // namespace

Result<Table> parse_json_table(Buffer bytes, const std::string& path, const ReadOptions& options, bool lines, int64_t limit_bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data), bytes.size);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (trim(text).empty()) return input_error("the file is empty", path, kWriteJsonRecords);
  const bool columns = !lines && trim(text.substr(0, 4096)).starts_with('{');
  if (options.pool && options.pool->workers() > 1 && !columns)
    if (auto table = parse_in_parallel(text, path, options, lines, limit_bytes - int64_t(bytes.size))) return std::move(*table);
  if (find_invalid_utf8(text) != std::string_view::npos) return input_error(kJsonNotUtf8, path, "convert the file to UTF-8");
  JsonCells table(path, options);
  JsonCursor cursor(text, path);
  table.limit_memory(limit_bytes - int64_t(bytes.size));
  if (!lines && cursor.peek() == '{') {
    if (table.add_columns(cursor) && !cursor.at_end()) cursor.fail("text behind the table");
  } else {
    JsonRecordReader(lines).read(cursor, true, &table);
  }
  if (table.needed_bytes() > 0) {
    const double part = double(std::max<size_t>(cursor.offset(), 1)) / double(text.size());
    return Error{Kind::budget, fmt::format("the table takes more memory than the limit of {} while it is read", format_bytes(limit_bytes)), path,
                 fmt::format("--memory-limit {} would do, or write records: to_json(orient='records') is read in pieces",
                             format_bytes(int64_t(double(table.needed_bytes()) / part) + int64_t(bytes.size) + limit_bytes / 8))};
  }
  if (cursor.failed()) return cursor.error();
  bytes = {};  // all texts are copied
  return table.finish();
}

}  // namespace hayate::io
