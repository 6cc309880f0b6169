#include "io/qlib_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <set>

#include "base/strings.h"
#include "exec/granted.h"
#include "hayate/panel.h"
#include "io/files.h"

static_assert(std::endian::native == std::endian::little, "the files are little-endian float32");

namespace hayate::io {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSuffix = ".day.bin";
constexpr size_t kMostDates = size_t{1} << 24;  // places are float32: later ones would be rounded
constexpr uint32_t kEmptyRow = 0x7FC04859;      // a quiet NaN that no arithmetic makes
const char* const kExportAgain = "export the folder again";

std::string calendar_path(const std::string& folder) { return folder + "/calendars/day.txt"; }
std::string instruments_path(const std::string& folder) { return folder + "/instruments/all.txt"; }

/// The folder of a symbol. Names that are devices on Windows get a prefix, as in qlib.
std::string symbol_folder(const std::string& symbol) {
  const std::string name = lower(symbol);
  const bool numbered = name.size() == 4 && (name.starts_with("com") || name.starts_with("lpt")) && name[3] >= '0' && name[3] <= '9';
  const bool device = numbered || name == "con" || name == "prn" || name == "aux" || name == "nul";
  return device ? "_qlib_" + name : name;
}

/// A name that is one file of a folder and one field of a line.
bool is_plain_name(const std::string& name) {
  return !name.empty() && !name.starts_with('.') && name.size() < 200 &&
         std::none_of(name.begin(), name.end(), [](char c) { return uint8_t(c) < 0x20 || c == 0x7F || c == '/' || c == '\\'; });
}

// ---- reading ------------------------------------------------------------------------------------------------------------

struct Line {
  int number;
  std::string_view text;
};

/// The lines of a text that hold something.
std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  int number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    ++number;
    if (const std::string_view line = trim(text.substr(0, end)); !line.empty()) lines.push_back({number, line});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Result<Buffer> read_list(const std::string& path, const char* what) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return input_error(fmt::format("a qlib folder without its {}", what), path, kExportAgain);
  return read_file(path);
}

std::string_view text_of(const Buffer& bytes) { return {reinterpret_cast<const char*>(bytes.data), bytes.size}; }

Result<std::vector<int32_t>> read_calendar(const std::string& folder) {
  const std::string path = calendar_path(folder);
  HY_TRY(const Buffer bytes, read_list(path, "calendar"));
  std::vector<int32_t> dates;
  for (const Line& line : lines_of(text_of(bytes))) {
    int32_t day = 0;
    const std::string place = fmt::format("{}:{}: {}", path, line.number, line.text.substr(0, 40));
    if (!parse_date(line.text, &day)) return input_error("not a date", place, "one date a line, such as 2020-01-02");
    if (!dates.empty() && day <= dates.back())
      return input_error(fmt::format("the date is not after the one before it, {}", format_date(dates.back())), place,
                         "sort the calendar; places in value files count its lines");
    dates.push_back(day);
  }
  if (dates.empty()) return input_error("a calendar without dates", path, kExportAgain);
  if (dates.size() > kMostDates) return input_error(fmt::format("a calendar of {} dates", dates.size()), path, kExportAgain);
  return dates;
}

struct Span {
  int32_t first, last;
};
using Instruments = std::map<std::string, std::vector<Span>>;

Result<Instruments> read_instruments(const std::string& folder) {
  const std::string path = instruments_path(folder);
  HY_TRY(const Buffer bytes, read_list(path, "list of symbols"));
  Instruments out;
  for (const Line& line : lines_of(text_of(bytes))) {
    const std::vector<std::string> parts = split(line.text, '\t');
    Span span{};
    const bool dated = parts.size() >= 3 && parse_date(trim(parts[1]), &span.first) && parse_date(trim(parts[2]), &span.last);
    const std::string place = fmt::format("{}:{}: {}", path, line.number, line.text.substr(0, 60));
    if (!dated || span.last < span.first || !is_plain_name(parts[0]))
      return input_error("not a symbol with its first and last date", place, "SYMBOL, first date and last date, separated by tabs");
    out[parts[0]].push_back(span);
  }
  if (out.empty()) return input_error("a list without symbols", path, kExportAgain);
  return out;
}

/// qlib reads its list of symbols by pandas, to which these say that there is none.
bool is_missing_to_qlib(const std::string& symbol) {
  constexpr std::string_view kWords[] = {"#N/A", "#NA", "-NaN", "-nan", "<NA>",   "N/A",     "NA",      "NULL",    "NaN",
                                         "None", "n/a", "nan",  "null", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"};
  return std::find(std::begin(kWords), std::end(kWords), symbol) != std::end(kWords);
}

bool is_value(float x) { return !std::isnan(x) || std::bit_cast<uint32_t>(x) == kEmptyRow; }

/// One value file, checked against the calendar before its values are read.
struct ValueFile {
  std::string field, path;
  size_t first = 0;
  std::vector<float> values;
};

Result<ValueFile> read_values(const std::string& field, const std::string& path, size_t num_dates) {
  ValueFile out{field, path, 0, {}};
  HY_TRY(const auto file, InputFile::open(path));
  const int64_t size = file->size();
  if (size < 4 || size % 4 != 0)
    return input_error(fmt::format("{} bytes: the file is torn, a place and values take 4 bytes each", size), path, kExportAgain);
  float place = 0;
  HY_TRY(const size_t got, file->read_at(0, &place, 4));
  if (got != 4 || !(place >= 0) || place != std::floor(place) || double(place) >= double(num_dates))
    return input_error(fmt::format("the first value is place {} of a calendar of {} dates", place, num_dates), path,
                       "places are whole numbers from 0; use the calendar that the folder was made with");
  const size_t count = size_t(size) / 4 - 1;
  out.first = size_t(place);
  if (count > num_dates - out.first)
    return input_error(fmt::format("{} values from place {} on, the calendar ends after {}", count, out.first, num_dates - out.first), path,
                       "use the calendar that the folder was made with");
  out.values.resize(count);
  HY_TRY(const size_t read, file->read_at(4, out.values.data(), count * 4));
  if (read != count * 4) return input_error("the file became shorter while it was read", path, "read it again when nobody writes to it");
  return out;
}

/// The value files of a symbol, in byte order of their fields.
Result<std::vector<ValueFile>> list_values(const std::string& folder, const std::string& symbol) {
  const std::string path = fmt::format("{}/features/{}", folder, symbol_folder(symbol));
  std::vector<ValueFile> files;
  std::error_code code;
  for (fs::directory_iterator at(path, code), end; !code && at != end; at.increment(code)) {
    const std::string name = at->path().filename();
    if (name.size() > kSuffix.size() && name.ends_with(kSuffix))
      files.push_back({name.substr(0, name.size() - kSuffix.size()), at->path().string(), 0, {}});
  }
  if (code)
    return input_error(fmt::format("no folder of values of '{}': {}", symbol, code.message()), path,
                       "export it again, or leave it out of instruments/all.txt");
  if (files.empty()) return input_error(fmt::format("no {} file of '{}'", kSuffix, symbol), path, "daily values are read; minute bars are not");
  std::sort(files.begin(), files.end(), [](const ValueFile& a, const ValueFile& b) { return a.field < b.field; });
  return files;
}

struct Symbol {
  std::string name;
  std::vector<Span> spans;
  std::vector<ValueFile> files;
  std::vector<int32_t> rows;  ///< places in the calendar at which any field has a value
  std::optional<Error> error;
};

bool holds(const std::vector<Span>& spans, int32_t day) {
  return std::any_of(spans.begin(), spans.end(), [day](const Span& span) { return span.first <= day && day <= span.last; });
}

Result<void> read_symbol(const std::string& folder, const std::vector<int32_t>& calendar, Symbol* symbol) {
  HY_TRY(symbol->files, list_values(folder, symbol->name));
  size_t first = calendar.size(), last = 0;
  for (ValueFile& file : symbol->files) {
    HY_TRY(file, read_values(file.field, file.path, calendar.size()));
    first = std::min(first, file.first), last = std::max(last, file.first + file.values.size());
  }
  std::vector<bool> any(last > first ? last - first : 0, false);
  for (const ValueFile& file : symbol->files)
    for (size_t i = 0; i < file.values.size(); ++i)
      if (is_value(file.values[i])) any[file.first + i - first] = true;
  for (size_t i = 0; i < any.size(); ++i)
    if (any[i] && holds(symbol->spans, calendar[first + i])) symbol->rows.push_back(int32_t(first + i));
  return {};
}

/// Bytes of all value files, so that a folder beyond the limit is refused before it is read.
int64_t total_bytes(const std::string& folder, const std::vector<Symbol>& symbols) {
  int64_t bytes = 0;
  for (const Symbol& symbol : symbols)
    if (const auto files = list_values(folder, symbol.name); files.ok())
      for (const ValueFile& file : files.value()) bytes += file_size(file.path).value_or(0);
  return bytes;
}

Table table_of(const std::vector<Symbol>& symbols, const std::vector<int32_t>& calendar) {
  std::vector<int32_t> codes, days;
  std::vector<std::string> names;
  std::map<std::string, std::vector<float>> fields;
  size_t num_rows = 0;
  for (const Symbol& symbol : symbols) num_rows += symbol.rows.size();
  for (const Symbol& symbol : symbols)
    for (const ValueFile& file : symbol.files)
      if (!fields.contains(file.field)) fields.emplace(file.field, std::vector<float>(num_rows, std::numeric_limits<float>::quiet_NaN()));
  for (const Symbol& symbol : symbols) {
    const size_t begin = days.size();
    for (const int32_t row : symbol.rows) codes.push_back(int32_t(names.size())), days.push_back(calendar[size_t(row)]);
    names.push_back(symbol.name);
    for (const ValueFile& file : symbol.files) {
      std::vector<float>& column = fields.at(file.field);
      for (size_t i = 0; i < symbol.rows.size(); ++i) {
        const size_t at = size_t(symbol.rows[i]);
        const bool inside = at >= file.first && at - file.first < file.values.size();
        if (inside && !std::isnan(file.values[at - file.first])) column[begin + i] = file.values[at - file.first];
      }
    }
  }
  Table table;
  table.add("symbol", make_category_column(std::move(codes), names));
  table.add("date", make_date_column(std::move(days)));
  for (auto& [name, values] : fields) table.add(name, make_column(std::move(values)));
  return table;
}

Result<Table> chosen(Table table, const std::vector<std::string>& columns, const std::string& path) {
  if (columns.empty()) return table;
  Table out;
  for (const std::string& name : columns) {
    HY_TRY(const Column* column, table.column(name, path));
    out.add(name, *column);
  }
  return out;
}

// ---- writing ------------------------------------------------------------------------------------------------------------

Error write_error(std::string doing, const std::string& path, int code) {
  return {Kind::io, fmt::format("{}: {}", doing, std::strerror(code)), path,
          code == ENOSPC ? "free some space there, or write to another folder" : "check the path and its permissions"};
}

/// A folder that appears complete or not at all. Destroyed without publish(), it leaves nothing behind.
class AtomicFolder {
 public:
  static Result<std::unique_ptr<AtomicFolder>> create(const std::string& given) {
    auto out = std::make_unique<AtomicFolder>();
    std::error_code code;
    fs::path target(given);
    if (!target.has_filename()) target = target.parent_path();  // "folder/"
    out->target_ = target.string();
    if (fs::exists(target, code) && !(fs::is_directory(target, code) && fs::is_empty(target, code)))
      return Error{Kind::io, "it exists already, and a folder is never overwritten", given, "remove it first, or choose another name"};
    const std::string parent = target.has_parent_path() ? target.parent_path().string() : ".";
    if (!fs::is_directory(parent, code))
      return Error{Kind::io, "the folder to write to does not exist", given, fmt::format("make it first: mkdir -p {}", parent)};
    static std::atomic<uint64_t> counter{0};
    const std::string temporary = fmt::format("{}/.{}.{}-{}.tmp", parent, target.filename().string(), ::getpid(), counter++);
    if (!fs::create_directory(temporary, code)) return write_error("cannot make a folder here", given, code.value());
    out->temporary_ = temporary, out->parent_ = parent;
    return out;
  }

  AtomicFolder() = default;
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  ~AtomicFolder() {
    std::error_code ignored;
    if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  }

  Result<void> make(const std::string& folder) const {
    std::error_code code;
    fs::create_directories(temporary_ + "/" + folder, code);
    if (code) return write_error("cannot make a folder", target_ + "/" + folder, code.value());
    return {};
  }

  Result<void> write(const std::string& name, const void* data, size_t size) const {
    std::ofstream file(temporary_ + "/" + name, std::ios::binary);
    file.write(static_cast<const char*>(data), std::streamsize(size));
    file.close();
    if (!file) return write_error("cannot write", target_ + "/" + name, errno);
    return {};
  }

  /// One sync of the file system in place of one a file: there may be thousands.
  Result<void> publish() {
    const int folder = ::open(parent_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || ::syncfs(folder) != 0) {
      const int code = errno;
      if (folder >= 0) ::close(folder);
      return write_error("cannot write", target_, code);
    }
    const bool renamed = ::rename(temporary_.c_str(), target_.c_str()) == 0;
    const int code = errno;
    if (renamed) temporary_.clear(), ::fsync(folder);
    ::close(folder);
    if (!renamed) return write_error("cannot rename the finished folder", target_, code);
    return {};
  }

 private:
  std::string target_, temporary_, parent_;
};

Error refused(const Finding& finding, const std::string& source) {
  const std::string time = finding.time.empty() ? "" : " " + finding.time;
  return input_error(finding.what, fmt::format("{}: {}{}", source, finding.symbol, time),
                     finding.kind == "text" ? "leave the column out with --columns" : "mend the table first");
}

/// A panel whose names can be those of files.
Result<Panel> exportable(const Table& table, const std::string& source) {
  HY_TRY(PanelResult made, make_panel(table, source));
  if (!made.failures.empty()) return refused(made.failures.front(), source);
  Panel& panel = made.panel;
  if (!panel.daily) return input_error("bars within a day; this folder holds daily ones", source, "aggregate them to days first");
  if (panel.num_rows() == 0) return input_error("a table without rows", source, "give bars");
  std::map<std::string, std::string> folders;
  for (const std::string& symbol : panel.symbols) {
    if (!is_plain_name(symbol)) return input_error(fmt::format("the symbol '{}' cannot be the name of a folder", symbol), source, "rename it first");
    const auto [at, fresh] = folders.emplace(symbol_folder(symbol), symbol);
    if (!fresh)
      return input_error(fmt::format("the symbols '{}' and '{}' would share a folder: names are stored in lower case", at->second, symbol), source,
                         "rename one of them first");
  }
  std::set<std::string> fields;
  for (const std::string& field : panel.fields)
    if (!is_plain_name(field) || !fields.insert(lower(field)).second)
      return input_error(fmt::format("the column '{}' cannot be the name of a file of its own, in lower case", field), source,
                         "rename it, or leave it out with --columns");
  return std::move(panel);
}

std::vector<int64_t> dates_of(const Panel& panel) {
  std::vector<int64_t> dates = panel.times;
  std::sort(dates.begin(), dates.end());
  dates.erase(std::unique(dates.begin(), dates.end()), dates.end());
  return dates;
}

size_t place_of(const std::vector<int64_t>& dates, int64_t day) { return size_t(std::lower_bound(dates.begin(), dates.end(), day) - dates.begin()); }

bool is_empty_row(const Panel& panel, size_t symbol, size_t row) {
  for (size_t f = 0; f < panel.fields.size(); ++f)
    if (!std::isnan(panel.series(int(f), symbol)[row])) return false;
  return true;
}

/// The place of the first bar, then a value for every date up to the last one.
std::vector<float> values_of(const Panel& panel, size_t field, size_t symbol, const std::vector<int64_t>& dates, int64_t* rounded) {
  const auto times = panel.series_times(symbol);
  const auto series = panel.series(int(field), symbol);
  const size_t first = place_of(dates, times.front()), last = place_of(dates, times.back());
  std::vector<float> out(last - first + 2, std::numeric_limits<float>::quiet_NaN());
  out[0] = float(first);
  for (size_t i = 0; i < times.size(); ++i) {
    const float value = float(series[i]);
    *rounded += double(value) != series[i] && !std::isnan(series[i]);
    const bool empty = std::isnan(series[i]) && is_empty_row(panel, symbol, i);
    out[place_of(dates, times[i]) - first + 1] = empty ? std::bit_cast<float>(kEmptyRow) : value;
  }
  return out;
}

}  // namespace

bool is_qlib_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path + "/features", ignored) &&
         (fs::is_directory(path + "/calendars", ignored) || fs::is_directory(path + "/instruments", ignored));
}

Result<QlibFolder> read_qlib_folder(const std::string& path, const ReadOptions& options) {
  HY_TRY(const std::vector<int32_t> calendar, read_calendar(path));
  HY_TRY(const Instruments instruments, read_instruments(path));
  std::vector<Symbol> symbols;
  for (const auto& [name, spans] : instruments) symbols.push_back({name, spans, {}, {}, {}});
  const int64_t bytes = total_bytes(path, symbols),
                limit = options.memory_limit_bytes > 0 ? options.memory_limit_bytes : exec::granted_memory().value / 5 * 4;
  if (bytes > limit / 3)  // the values of files, columns of them, and what is made of those
    return Error{Kind::budget, fmt::format("the value files have {}, the limit is {}", format_bytes(bytes), format_bytes(limit)), path,
                 "raise --memory-limit"};
  const auto read_one = [&](int64_t i, int) {
    Symbol& symbol = symbols[size_t(i)];
    const Result<void> read = read_symbol(path, calendar, &symbol);
    if (!read.ok()) symbol.error = read.error(), symbol.files.clear(), symbol.rows.clear();
  };
  if (options.pool) {
    options.pool->run(int64_t(symbols.size()), read_one);
  } else {
    for (size_t i = 0; i < symbols.size(); ++i) read_one(int64_t(i), 0);
  }
  QlibFolder out;
  for (const Symbol& symbol : symbols)
    if (symbol.error) out.unreadable.push_back({symbol.name, *symbol.error});
  if (out.unreadable.size() == symbols.size()) {
    Error error = out.unreadable.front().error;
    if (symbols.size() > 1) error.what = fmt::format("none of {} symbols can be read; the first: {}", symbols.size(), error.what);
    return error;
  }
  std::erase_if(symbols, [](const Symbol& symbol) { return symbol.error.has_value(); });
  HY_TRY(out.table, chosen(table_of(symbols, calendar), options.columns, path));
  return out;
}

Result<Hash128> hash_qlib_folder(const std::string& path) {
  HY_TRY(const Instruments instruments, read_instruments(path));
  Hasher hasher;
  const auto add = [&](const std::string& file) -> Result<void> {
    HY_TRY(const Hash128 hash, hash_file(file));
    hasher.text(file.substr(path.size())).number(hash.low).number(hash.high);
    return {};
  };
  HY_CHECK(add(calendar_path(path)));
  HY_CHECK(add(instruments_path(path)));
  for (const auto& [name, spans] : instruments)
    if (const auto files = list_values(path, name); files.ok())
      for (const ValueFile& file : files.value()) HY_CHECK(add(file.path));
  return hasher.finish();
}

Result<QlibExport> write_qlib_folder(const std::string& path, const Table& table, const std::string& source) {
  HY_TRY(const Panel panel, exportable(table, source));
  HY_TRY(const auto folder, AtomicFolder::create(path));
  const std::vector<int64_t> dates = dates_of(panel);
  QlibExport out{panel.num_rows(), int64_t(panel.num_symbols()), int64_t(panel.fields.size()), 0};
  std::string calendar, instruments;
  for (const int64_t day : dates) calendar += format_date(int32_t(day)) + "\n";
  for (size_t s = 0; s < panel.num_symbols(); ++s) {
    const auto times = panel.series_times(s);
    instruments += fmt::format("{}\t{}\t{}\n", panel.symbols[s], format_date(int32_t(times.front())), format_date(int32_t(times.back())));
    if (is_missing_to_qlib(panel.symbols[s])) out.lost.push_back(panel.symbols[s]);
    const std::string home = "features/" + symbol_folder(panel.symbols[s]);
    HY_CHECK(folder->make(home));
    for (size_t f = 0; f < panel.fields.size(); ++f) {
      const std::vector<float> values = values_of(panel, f, s, dates, &out.rounded);
      HY_CHECK(folder->write(fmt::format("{}/{}{}", home, lower(panel.fields[f]), kSuffix), values.data(), values.size() * 4));
    }
  }
  HY_CHECK(folder->make("calendars"));
  HY_CHECK(folder->make("instruments"));
  HY_CHECK(folder->write("calendars/day.txt", calendar.data(), calendar.size()));
  HY_CHECK(folder->write("instruments/all.txt", instruments.data(), instruments.size()));
  HY_CHECK(folder->publish());
  return out;
}

}  // namespace hayate::io
