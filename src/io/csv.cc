// The reader goes over a file in pieces that fit the second-level cache, and over a piece column by column.
//
//   One pass, for files whose head has no quotes: a chunk goes from behind the first newline in its block to the first one behind the
//   block; scan_fields finds the ends of its fields; the chunk before, which was begun earlier, says where its rows stand, and each
//   column is read into its place in one loop made for the type that the column had so far. A value that does not fit widens the type and
//   starts the column of this chunk again.
//
//   Two passes, where a quote turns up: kernels::count_block first counts quotes and newlines of every 256 KiB block, as if it started
//   outside and inside quotes. The parity of the quotes before a block picks one, so every chunk knows where its first record starts and
//   which row it is. Then chunks are read as above, by any worker in any order.
//
//   The kinds of values seen, or-ed over the chunks, decide the dtype. Chunks read as something narrower are converted in place (int64 to
//   float64, dates to times) or read again (to text: every value as written).
//
// A file is not read into memory but piece by piece by the workers, into buffers that stay in the processor's cache. Whenever anything is
// wrong with a file, it is read as a whole and parsed again: errors need lines, and odd quotes the exact scanner.
//
// Numbers go straight to their final place, 8 bytes a row whatever the type: nothing is copied at the end but dates (narrowed to 4 bytes)
// and truth values (to bits). Texts are joined as soon as all chunks before are there, while they are in the caches. Who only groups by
// texts gets codes of them (CsvOptions::coded_text), numbers that a worker gives in order of arrival and that are sorted at the end. The
// order of work can't show in the result: the set of kinds is the same in any order, and each chunk owns its rows.
//
// What it costs: 10 M rows x 9 columns, 509 MB, on a machine at work: 0.73 CPU s at best, 1.0 in the median; two sums by a text key 0.40 to 0.50.
// Of the table a quarter to a half is the system clearing 940 MB of pages, as the machine has them at hand or not, a tenth its copying the file; of
// the sums a third is the copying (a mapped file would save that, and kill the process when somebody cuts it), a seventh clearing pages.
//
// Dropped: deciding types from a sample (the 20,001st value is the one that is different); one state machine over bytes (3 times slower
// than masks); field positions of the whole file at once (4 bytes a field, 360 MB for 10 M rows x 9).
#include "io/csv.h"

#include <fmt/format.h>

#include <unordered_map>
#include <unordered_set>

#include "base/strings.h"
#include "io/csv_parser.h"
#include "io/formats.h"

namespace hayate::io {

void CsvParser::run(int64_t count, const std::function<void(int64_t, int)>& task) {
  if (options_.pool && count > 1) {
    options_.pool->run(count, task);
  } else {
    for (int64_t i = 0; i < count; ++i) task(i, 0);
  }
}

/// Excel's first line: "sep=;" names the separator. 0: there is none.
static char skip_separator_line(std::string_view bytes, size_t* at) {
  const std::string_view line = bytes.substr(*at, std::min(bytes.find_first_of("\r\n", *at), bytes.size()) - *at);
  const std::string_view bare = line.size() > 1 && line[0] == '"' && line.back() == '"' ? line.substr(1, line.size() - 2) : line;
  if (bare.size() != 5 || lower(bare.substr(0, 4)) != "sep=" || std::string_view(",;\t|").find(bare[4]) == std::string_view::npos) return 0;
  *at += line.size();
  *at += bytes.substr(*at).starts_with("\r\n") ? 2 : *at < bytes.size() ? 1 : 0;
  return bare[4];
}

Result<std::vector<std::string>> CsvParser::read_header() {
  if (bytes_.empty()) return input_error("the file is empty", path_, "a CSV file begins with a line of column names");
  if (bytes_.starts_with("\xFF\xFE") || bytes_.starts_with("\xFE\xFF"))
    return input_error("the file is in UTF-16", path_, "read it with --encoding utf-16");
  if (const size_t nul = bytes_.substr(0, 4096).find('\0'); nul != std::string_view::npos) return encoding_error(nul);

  size_t at = bytes_.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  const char named = skip_separator_line(bytes_, &at);
  dialect_ = sniff_dialect(bytes_.substr(at), !file_ || int64_t(bytes_.size()) == file_->size(), options_.form.decimal == ',' ? ';' : ',');
  if (named) dialect_.separator = named;
  if (options_.separator) dialect_.separator = options_.separator;
  std::vector<CsvField> fields;
  while (true) {
    if (at == bytes_.size()) return input_error("no header: the file holds blank lines only", path_, "a CSV file begins with a line of column names");
    const size_t begin = at;
    if (const CsvFault fault = next_record(bytes_, dialect_, &at, &fields); fault != CsvFault::none) return fault_error(fault, at);
    if (fields.size() > 1 || !is_blank(bytes_.substr(begin, fields[0].end - begin))) break;
  }
  if (const size_t bad = find_invalid_utf8(bytes_.substr(0, at)); bad != std::string_view::npos) return encoding_error(bad);
  body_begin_ = at;
  body_size_ = (file_ ? size_t(file_->size()) : bytes_.size()) - at;
  width_ = fields.size();

  std::vector<std::string> names;
  std::unordered_set<std::string> taken;
  std::vector<char> scratch;
  for (const CsvField& field : fields) {
    std::string name(trim(unquote(bytes_.substr(field.begin, field.end - field.begin), &scratch)));
    if (name.empty()) name = fmt::format("Unnamed: {}", names.size());
    std::string fresh = name;
    for (int again = 1; !taken.insert(fresh).second; ++again) fresh = fmt::format("{}.{}", name, again);
    names.push_back(fresh);
  }
  return names;
}

Result<void> CsvParser::choose_columns(const std::vector<std::string>& names) {
  const int64_t columns = int64_t(options_.columns.empty() ? names.size() : options_.columns.size());
  if (columns > options_.memory_limit_bytes / kColumnBytes)
    return Error{Kind::budget, fmt::format("{} columns take more than the memory limit of {}", columns, format_bytes(options_.memory_limit_bytes)),
                 path_, fmt::format("--memory-limit {} would do, or read fewer of them with --columns", format_bytes(columns * kColumnBytes))};
  std::unordered_map<std::string_view, size_t> index_of;
  for (size_t i = 0; i < names.size(); ++i) index_of[names[i]] = i;
  const std::vector<std::string>& wanted = options_.columns.empty() ? names : options_.columns;
  columns_ = std::vector<CsvColumn>(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto found = index_of.find(wanted[i]);
    if (found == index_of.end()) return unknown_name("column", wanted[i], names, path_);
    CsvColumn& column = columns_[i];
    column.name = wanted[i], column.index = found->second;
    column.wanted = wanted_type(options_.types, column.name);
    column.rules = rules_of(column.name, column.wanted);
    column.coded = options_.coded_text && !column.wanted;
    column.as_text = column.wanted ? *column.wanted == Dtype::text || *column.wanted == Dtype::category
                                   : std::find(options_.as_text.begin(), options_.as_text.end(), column.name) != options_.as_text.end();
  }
  return check_types(options_.types, names);
}

CsvRules CsvParser::rules_of(const std::string& name, const Dtype* wanted) const {
  const CsvForm& form = options_.form;
  CsvRules out = {.compact_dates = lower(name) == "date"};
  if (wanted) out = rules_for(*wanted);
  out.symbol = name == "symbol" && (!wanted || *wanted == Dtype::text || *wanted == Dtype::category);
  out.comma_decimal = form.decimal ? form.decimal == ',' : dialect_.separator == ';' && !form.thousands;
  out.point_decimal = form.decimal != ',';
  out.thousands = form.thousands;
  if (!form.missing.empty()) out.missing = &form.missing;
  return out;
}

Result<Table> CsvParser::parse() {
  HY_TRY(const std::vector<std::string> names, read_header());
  HY_CHECK(choose_columns(names));
  cut_chunks();
  if (!exact_) HY_CHECK(read_chunks());
  if (exact_ || any_malformed(chunks_)) {
    HY_CHECK(cut_chunks_exactly());
    for (CsvColumn& column : columns_) column.seen = 0;
    HY_CHECK(read_chunks());
  }
  return finish();
}

bool CsvParser::read_in_one_pass() {
  if (!may_be_one_pass(block_bytes()) || !prepare_columns().ok()) return false;
  const bool done = in_one_pass([&](CsvChunk& chunk, CsvRows& rows, int) {
    read_columns(chunk, rows);
    join_all_ready(size_t(&chunk - chunks_.data()));
  });
  return done && !no_memory_;
}

std::optional<Result<Table>> CsvParser::parse_in_pieces() {
  const auto names = read_header();
  if (!names.ok() || body_begin_ == bytes_.size()) return std::nullopt;  // the header may go on behind the head
  if (auto chosen = choose_columns(names.value()); !chosen.ok()) return Result<Table>(std::move(chosen.error()));
  if (!read_in_one_pass()) {
    if (stopped()) return Result<Table>(reading_stopped(path_));
    for (CsvColumn& column : columns_) column.seen = 0;
    cut_chunks();
    if (exact_) return std::nullopt;
    if (auto read = read_chunks(); !read.ok()) return Result<Table>(std::move(read.error()));
    if (any_malformed(chunks_)) return std::nullopt;
  }
  Result<Table> table = finish();
  if (any_malformed(chunks_)) return std::nullopt;
  return table;
}

Result<Table> parse_csv(std::string_view bytes, const std::string& path, const CsvOptions& options) {
  return CsvParser(bytes, path, options).parse();
}

Result<Table> read_csv_file(const std::string& path, const CsvOptions& options) {
  if (file_size(path).value_or(0) > int64_t(4 * kCsvChunkBytes)) {
    HY_TRY(const std::shared_ptr<const InputFile> file, InputFile::open(path));
    std::string head(kCsvSample, '\0');
    HY_TRY(const size_t got, file->read_at(0, head.data(), head.size()));
    head.resize(got);
    if (auto table = CsvParser(*file, head, path, options).parse_in_pieces()) return std::move(*table);
  }
  HY_TRY(const Buffer bytes, read_file(path));
  return parse_csv({reinterpret_cast<const char*>(bytes.data), bytes.size}, path, options);
}

}  // namespace hayate::io
