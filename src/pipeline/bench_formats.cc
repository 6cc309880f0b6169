#include "pipeline/bench_formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>

#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"
#include "base/strings.h"
#include "io/files.h"
#include "io/hdf5.h"
#include "io/reader.h"
#include "io/scratch_folder.h"
#include "io/writer.h"
#include "pipeline/bench_python.h"

namespace hayate::pipeline {
namespace {

/// The rows of the report, in its order. `extension` "": hayate does not write it.
struct BenchFormat {
  const char* name;
  const char* extension;
};
constexpr BenchFormat kFormats[] = {{"csv", ".csv"},         {"csv.zst", ".csv.zst"}, {"parquet", ".parquet"}, {"parquet zstd", ".zstd.parquet"},
                                    {"feather", ".feather"}, {"hdf5", ".h5"},         {"json", ".json"},       {"pickle", ""}};

bool is_textual(Dtype dtype) { return dtype == Dtype::text || dtype == Dtype::category; }
bool is_time(Dtype dtype) { return dtype == Dtype::date || dtype == Dtype::timestamp; }
bool is_float(Dtype dtype) { return dtype == Dtype::float32 || dtype == Dtype::float64; }

/// Missing, or the NaN of a float.
bool is_absent(const Column& column, int64_t row) { return column.is_null(row) || (is_float(column.dtype) && std::isnan(column.number(row))); }

double microseconds(const Column& column, int64_t row) { return column.number(row) * (column.dtype == Dtype::date ? 86'400e6 : 1); }

bool same_value(const Column& a, const Column& b, int64_t row) {
  const bool absent = is_absent(a, row);
  if (absent || is_absent(b, row)) return absent == is_absent(b, row);
  if (is_textual(a.dtype) && is_textual(b.dtype)) return a.text(row) == b.text(row);
  if (is_textual(a.dtype) || is_textual(b.dtype)) return false;
  if (a.dtype == Dtype::int64 && b.dtype == Dtype::int64) return a.as<int64_t>()[size_t(row)] == b.as<int64_t>()[size_t(row)];
  if (a.dtype == Dtype::uint64 && b.dtype == Dtype::uint64) return a.as<uint64_t>()[size_t(row)] == b.as<uint64_t>()[size_t(row)];
  if (is_time(a.dtype) != is_time(b.dtype)) return false;
  if (is_time(a.dtype)) return microseconds(a, row) == microseconds(b, row);
  return a.number(row) == b.number(row);
}

/// The same bytes without looking at values one by one.
bool same_bytes(const Column& a, const Column& b) {
  return a.dtype == b.dtype && dtype_width(a.dtype) > 0 && a.dtype != Dtype::category && !a.validity.data && !b.validity.data &&
         (a.length == 0 || std::memcmp(a.values.data, b.values.data, size_t(a.length) * dtype_width(a.dtype)) == 0);
}

int64_t count_different(const Column& a, const Column& b) {
  if (same_bytes(a, b)) return 0;
  int64_t count = 0;
  for (int64_t row = 0; row < a.length; ++row) count += !same_value(a, b, row);
  return count;
}

/// Seconds of the best run of `work`.
Result<double> best_of(const std::function<Result<void>()>& work, const exec::Cancellation& cancel) {
  double best = 0, began = wall_seconds();
  for (int run = 0; run < kMostRuns && (run == 0 || wall_seconds() - began < kEnoughSeconds); ++run) {
    if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "bench", "run it again"};
    const double start = wall_seconds();
    HY_CHECK(work());
    const double took = wall_seconds() - start;
    best = run == 0 ? took : std::min(best, took);
  }
  return best;
}

Result<FormatTime> time_own(const Table& table, const BenchFormat& format, const std::string& path, const io::ReadOptions& read,
                            const exec::Cancellation& cancel) {
  FormatTime time;
  time.program = "hayate", time.format = format.name;
  HY_TRY(time.save_seconds, best_of(
                                [&]() -> Result<void> {
                                  HY_TRY([[maybe_unused]] const auto written, io::write_table(path, table, {}, read.pool));
                                  return {};
                                },
                                cancel));
  time.bytes = io::file_size(path).value_or(0);
  Table loaded;
  HY_TRY(time.load_seconds, best_of(
                                [&]() -> Result<void> {
                                  HY_TRY(loaded, io::read_table(path, read));
                                  return {};
                                },
                                cancel));
  const TableDifferences found = differences(table, loaded);
  time.differences = join(found.values, "; "), time.types = join(found.types, "; ");
  return time;
}

/// A column in one number that every library can compute: the sum of its numbers, or of the bytes of its texts.
struct ColumnSize {
  double size = 0, rough = 0;  ///< rough: the sum of absolute values, against which an error of rounding is small
};
ColumnSize column_size(const Column& column) {
  ColumnSize out;
  for (int64_t row = 0; row < column.length; ++row) {
    if (is_absent(column, row)) continue;
    const double value = is_textual(column.dtype) ? double(column.text(row).size()) : column.number(row);
    out.size += value, out.rough += std::abs(value);
  }
  return out;
}

std::string job_text(const Table& table, const std::string& folder, const std::string& source, int workers) {
  JsonWriter json;
  json.object().key("folder").value(folder).key("table").value(source).key("workers").value(workers);
  json.key("runs").value(kMostRuns).key("enough").value(kEnoughSeconds).key("rows").value(table.num_rows()).key("columns").array();
  for (size_t c = 0; c < table.num_columns(); ++c) {
    const Column& column = table.columns[c];
    if (!is_textual(column.dtype) && !is_numeric(column.dtype)) continue;  // times: every library has its own
    const ColumnSize size = column_size(column);
    json.object().key("name").value(table.names[c]).key("kind").value(is_textual(column.dtype) ? "text" : "number");
    json.key("size").value(size.size).key("rough").value(size.rough).end();
  }
  return json.end().end().text();
}

Result<void> time_peers(const Table& table, const std::string& python, const std::string& folder, int workers, const exec::Cancellation& cancel,
                        FormatsReport* report) {
  const std::string source = folder + "/source.parquet";
  HY_TRY([[maybe_unused]] const auto written, io::write_table(source, table));
  HY_TRY(const bool found,
         run_python(python, kFormatsScript, folder, job_text(table, folder, source, workers), cancel, [&](const std::vector<std::string>& line) {
           if (line.size() >= 3 && line[0] == "missing") report->missing.push_back(line[1] + ": " + line[2]);
           if (line.size() < 7 || line[0] != "result") return;
           report->times.push_back({line[1], line[2], parse_number(line[3]).value_or(0), parse_number(line[4]).value_or(0),
                                    parse_integer(line[5]).value_or(0), line[6], ""});
         }));
  if (!found) report->missing.push_back(fmt::format("{}: no such Python, so pandas, Polars and DuckDB are not timed", python));
  return {};
}

size_t place_of(const std::string& format) {
  return size_t(std::find_if(std::begin(kFormats), std::end(kFormats), [&](const BenchFormat& f) { return f.name == format; }) -
                std::begin(kFormats));
}

double seconds_of(const FormatTime& time) { return time.save_seconds + time.load_seconds; }

}  // namespace

Table generated_table(int64_t rows, uint64_t seed) {
  constexpr const char* kCategories[] = {"A", "B", "C", "D"};
  const auto key = [&](uint64_t column) { return random_key(seed, Stage::synth, column); };
  const size_t count = size_t(rows);
  std::vector<int64_t> user_id(count), age(count);
  std::vector<double> income(count), score(count);
  std::vector<std::string> category(count);
  for (size_t row = 0; row < count; ++row) {
    user_id[row] = int64_t(row);
    age[row] = 18 + random_below(key(1), row, 62);
    income[row] = std::round((20'000 + 180'000 * random_unit(key(2), row)) * 100) / 100;
    category[row] = kCategories[random_below(key(3), row, 4)];
    score[row] = random_unit(key(4), row);
  }
  Table table;
  table.add("user_id", make_column(std::move(user_id)));
  table.add("age", make_column(std::move(age)));
  table.add("income", make_column(std::move(income)));
  table.add("category", make_text_column(category));
  table.add("score", make_column(std::move(score)));
  return table;
}

TableDifferences differences(const Table& original, const Table& loaded) {
  if (original.num_rows() != loaded.num_rows()) return {{fmt::format("{} rows, not {}", loaded.num_rows(), original.num_rows())}, {}};
  TableDifferences out;
  for (size_t c = 0; c < original.num_columns(); ++c) {
    const std::string& name = original.names[c];
    const Column* back = loaded.find(name);
    if (!back) {
      out.values.push_back(name + " is gone");
      continue;
    }
    const Column& column = original.columns[c];
    if (const int64_t count = count_different(column, *back)) out.values.push_back(fmt::format("{}: {} values", name, count));
    if (column.dtype != back->dtype) out.types.push_back(fmt::format("{} is {}, was {}", name, dtype_name(back->dtype), dtype_name(column.dtype)));
  }
  if (loaded.num_columns() > original.num_columns()) out.values.push_back("columns that were not there");
  return out;
}

Result<FormatsReport> time_formats(const Table& table, const std::string& python, exec::Pool& pool, int64_t memory_limit_bytes, exec::Steps& steps,
                                   const exec::Cancellation& cancel) {
  FormatsReport report;
  report.rows = table.num_rows(), report.columns = int64_t(table.num_columns());
  for (const Column& column : table.columns) report.table_bytes += column.bytes();
  const io::ScratchFolder folder;
  if (folder.path.empty()) return Error{Kind::io, "no temporary folder can be made", "$TMPDIR", "point TMPDIR at a folder with room for the table"};
  steps.begin("formats");
  io::ReadOptions read;
  read.pool = &pool, read.memory_limit_bytes = memory_limit_bytes;
  for (const BenchFormat& format : kFormats) {
    if (!*format.extension) continue;
    if (std::string_view(format.name) == "hdf5" && !io::hdf5_is_built()) {
      report.missing.push_back("hayate hdf5: built without libhdf5");
      continue;
    }
    const std::string path = folder / ("table" + std::string(format.extension));
    auto time = time_own(table, format, path, read, cancel);
    if (!time.ok() && time.error().kind == Kind::interrupted) return time.error();
    if (time.ok())
      report.times.push_back(std::move(time).value());
    else
      report.missing.push_back(fmt::format("hayate {}: {}", format.name, time.error().what));
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    steps.advance();
  }
  steps.begin("peers");
  HY_CHECK(time_peers(table, python, folder.path, pool.workers(), cancel, &report));
  steps.end();
  std::stable_sort(report.times.begin(), report.times.end(),
                   [](const FormatTime& a, const FormatTime& b) { return place_of(a.format) < place_of(b.format); });
  return report;
}

BestFormats best_formats(const FormatsReport& report) {
  const auto best = [&](auto cost) -> std::string {
    const FormatTime* least = nullptr;
    for (const FormatTime& time : report.times)
      if (time.program == "hayate" && time.differences.empty() && (!least || cost(time) < cost(*least))) least = &time;
    return least ? least->format : "";
  };
  return {best(seconds_of), best([](const FormatTime& t) { return double(t.bytes); }),
          best([](const FormatTime& t) { return seconds_of(t) * double(t.bytes); })};
}

}  // namespace hayate::pipeline
