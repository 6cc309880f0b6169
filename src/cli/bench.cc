// hayate bench io, compute and memory: what they measure is in pipeline/bench_*.h; here it is put into words.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "eval/chart.h"
#include "eval/page.h"
#include "io/reader.h"
#include "io/scratch_folder.h"
#include "io/writer.h"
#include "pipeline/bench_compute.h"
#include "pipeline/bench_formats.h"
#include "pipeline/bench_memory.h"

namespace hayate::cli {
namespace {

constexpr uint64_t kSeed = 42;
constexpr int64_t kNormRows = 10'000, kNormColumns = 100;

/// A table as text and in a page: the first `names` columns stand left, and the last one where it holds words.
struct Grid {
  std::vector<std::string> heads;
  std::vector<std::vector<std::string>> rows;
  size_t names = 1;
  bool words_last = true;

  bool is_left(size_t column) const { return column < names || (words_last && column + 1 == heads.size()); }
};

/// What a benchmark found, in all the forms in which it is shown.
struct Findings {
  std::string title, measured;  ///< of the page; what was measured, on what
  Grid grid;
  std::vector<std::string> lines;  ///< below the table; the first is the verdict
  std::vector<eval::BarChart> charts;
  std::string json;
};

std::string text_of(const Grid& grid) {
  std::vector<size_t> widths(grid.heads.size());
  const auto widen = [&](const std::vector<std::string>& row) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  };
  widen(grid.heads);
  for (const auto& row : grid.rows) widen(row);
  std::string out;
  const auto add = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) line += grid.is_left(c) ? padded(row[c], widths[c]) + "  " : fmt::format("{:>{}}  ", row[c], widths[c]);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  add(grid.heads);
  for (const auto& row : grid.rows) add(row);
  return out;
}

std::string html_of(const Grid& grid) {
  std::vector<eval::Head> heads;
  for (size_t c = 0; c < grid.heads.size(); ++c) heads.push_back({grid.heads[c], nullptr, !grid.is_left(c)});
  eval::HtmlTable table("What was measured", heads);
  for (const auto& row : grid.rows) {
    std::vector<eval::Cell> cells;
    for (const std::string& cell : row) cells.push_back(eval::text(cell));
    table.row(cells);
  }
  return std::move(table).finish();
}

std::string page_of(const Findings& found) {
  std::string figures, notes;
  for (const eval::BarChart& chart : found.charts) figures += eval::figure(chart, "Shorter is better.", eval::kWide);
  for (size_t i = 1; i < found.lines.size(); ++i) notes += eval::paragraph(found.lines[i]);
  eval::Page page{found.title, found.measured, found.lines[0], "", {}, ""};
  page.sections.push_back({"measured", "Measured", html_of(found.grid) + notes});
  page.sections.push_back({"charts", "Charts", figures});
  return eval::render_page(page);
}

std::string svg_of(const Findings& found) {
  constexpr int kWidth = 720;
  std::vector<eval::SvgPart> parts;
  for (const eval::BarChart& chart : found.charts) parts.push_back({chart.name, eval::draw(chart, kWidth)});
  return eval::svg_file(parts, kWidth);
}

void add_list(JsonWriter& json, const char* key, const std::vector<std::string>& values) {
  json.key(key).array();
  for (const std::string& value : values) json.value(value);
  json.end();
}

void say_missing(Findings* found, const std::vector<std::string>& missing) {
  if (!missing.empty()) found->lines.push_back("not measured: " + join(missing, "; "));
}

/// Three digits at any size: "123 us", "4.56 ms", "1.23 s". format_seconds keeps whole milliseconds.
std::string fine_seconds(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.3g} us", seconds * 1e6);
  return seconds < 1 ? fmt::format("{:.3g} ms", seconds * 1e3) : fmt::format("{:.3g} s", seconds);
}

// ---- io ----

Result<Table> table_of(const BenchOptions& options, exec::Pool& pool) {
  if (options.input.empty()) return pipeline::generated_table(options.rows, kSeed);
  HY_TRY(const auto paths, io::expand_inputs(options.input));
  io::ReadOptions read;
  read.pool = &pool, read.memory_limit_bytes = exec::memory_limit_bytes(options.exec);
  return io::read_tables(paths, read);
}

std::string formats_json(const pipeline::FormatsReport& report, const pipeline::BestFormats& best) {
  JsonWriter json(1);
  json.object().key("rows").value(report.rows).key("columns").value(report.columns).key("table_bytes").value(report.table_bytes);
  json.key("best").object().key("speed").value(best.speed).key("size").value(best.size).key("both").value(best.both).end();
  json.key("formats").array();
  for (const pipeline::FormatTime& t : report.times) {
    json.object().key("program").value(t.program).key("format").value(t.format).key("save_s").value(t.save_seconds);
    json.key("load_s").value(t.load_seconds).key("bytes").value(t.bytes).key("equal").value(t.differences.empty());
    json.key("differences").value(t.differences).key("types").value(t.types).end();
  }
  json.end();
  add_list(json, "missing", report.missing);
  return json.end().text() + "\n";
}

std::string answer_words(const pipeline::FormatTime& time) {
  if (!time.differences.empty()) return "DIFFERENT: " + time.differences;
  return time.types.empty() ? "equal" : "equal values; " + time.types;
}

/// One bar per program and format.
eval::BarChart formats_chart(const pipeline::FormatsReport& report, const char* name, eval::Format format,
                             double (*value)(const pipeline::FormatTime&)) {
  eval::BarChart chart{name, format, {}};
  for (const pipeline::FormatTime& t : report.times) chart.bars.push_back({t.format + ", " + t.program, value(t), ""});
  return chart;
}

Result<Findings> bench_io(const BenchOptions& options, exec::Pool& pool, exec::Steps& steps) {
  steps.begin("read");
  HY_TRY(const Table table, table_of(options, pool));
  if (table.num_rows() == 0)
    return input_error("the table has no rows", join(options.input, ", "), "give one with rows, or --rows N for a generated one");
  HY_TRY(const auto report, pipeline::time_formats(table, options.python, pool, exec::memory_limit_bytes(options.exec), steps, interruption()));
  const pipeline::BestFormats best = pipeline::best_formats(report);
  Findings found;
  found.title = "hayate bench io";
  found.measured =
      fmt::format("{} rows x {} columns, {} in memory, {} workers", report.rows, report.columns, format_bytes(report.table_bytes), pool.workers());
  found.grid = {{"format", "program", "save", "load", "size", "loaded again"}, {}, 2};
  for (const pipeline::FormatTime& t : report.times)
    found.grid.rows.push_back(
        {t.format, t.program, fine_seconds(t.save_seconds), fine_seconds(t.load_seconds), format_bytes(t.bytes), answer_words(t)});
  found.lines.push_back(best.both.empty()
                            ? "no format gave every value back"
                            : fmt::format("best here: {} for speed (save and load), {} for size, {} for both", best.speed, best.size, best.both));
  found.lines.push_back("seconds: the best of up to 3 runs; saving by hayate includes the sync to disk, which others leave to the system");
  say_missing(&found, report.missing);
  found.charts = {formats_chart(report, "Seconds to save", eval::Format::seconds, [](const pipeline::FormatTime& t) { return t.save_seconds; }),
                  formats_chart(report, "Seconds to load", eval::Format::seconds, [](const pipeline::FormatTime& t) { return t.load_seconds; }),
                  formats_chart(report, "Megabytes", eval::Format::number, [](const pipeline::FormatTime& t) { return double(t.bytes) / 1e6; })};
  found.json = formats_json(report, best);
  return found;
}

// ---- compute ----

std::string norms_json(const pipeline::ComputeReport& report) {
  JsonWriter json(1);
  json.object().key("rows").value(report.rows).key("columns").value(report.columns).key("ways").array();
  for (const pipeline::WayTime& way : report.ways) {
    json.object().key("name").value(way.name).key("best_s").value(way.best_seconds).key("median_s").value(way.median_seconds);
    json.key("equal").value(way.largest_difference <= pipeline::kNormTolerance).key("largest_difference").value(way.largest_difference).end();
  }
  json.end();
  add_list(json, "missing", report.missing);
  return json.end().text() + "\n";
}

Result<Findings> bench_compute(const BenchOptions& options, exec::Pool& pool, exec::Steps& steps) {
  HY_TRY(const auto report, pipeline::time_row_norms(kNormRows, kNormColumns, kSeed, options.python, pool, steps, interruption()));
  Findings found;
  found.title = "hayate bench compute";
  found.measured = fmt::format("norms of {} rows of {} float64, {} workers, warm", report.rows, report.columns, pool.workers());
  found.grid = {{"way", "best", "median", "times the naive loop", "answer"}, {}, 1};
  // Python's loop takes a hundred times as long: beside it no other bar could be seen.
  eval::BarChart chart{"Seconds, median", eval::Format::seconds, {}}, python{"Seconds, median, with Python's", eval::Format::seconds, {}};
  const double naive = report.ways[0].median_seconds;
  const pipeline::WayTime* fastest = &report.ways[0];
  for (const pipeline::WayTime& way : report.ways) {
    const bool equal = way.largest_difference <= pipeline::kNormTolerance;
    found.grid.rows.push_back({way.name, fine_seconds(way.best_seconds), fine_seconds(way.median_seconds),
                               fmt::format("{:.3g}", naive / way.median_seconds),
                               equal ? "equal" : fmt::format("DIFFERENT by {:.1e}", way.largest_difference)});
    python.bars.push_back({way.name, way.median_seconds, ""});
    if (python.bars.size() <= pipeline::kOwnWays) chart.bars.push_back(python.bars.back());
    if (equal && way.median_seconds < fastest->median_seconds) fastest = &way;
  }
  found.lines.push_back(fmt::format("best here: {}, {:.3g} times as fast as the naive loop", fastest->name, naive / fastest->median_seconds));
  say_missing(&found, report.missing);
  found.charts = {chart};
  if (python.bars.size() > chart.bars.size()) found.charts.push_back(python);
  found.json = norms_json(report);
  return found;
}

// ---- memory ----

std::string memory_json(const pipeline::MemoryReport& report) {
  JsonWriter json(1);
  json.object().key("rows").value(report.rows).key("chunk_rows").value(report.chunk_rows).key("groups").value(report.groups);
  json.key("bytes_before").value(report.bytes_before).key("bytes_after").value(report.bytes_after);
  json.key("equal").value(report.differences.empty()).key("differences").value(report.differences);
  json.key("peaks_are_own").value(report.peaks_are_own).key("stages").array();
  for (const pipeline::MemoryStage& stage : report.stages) {
    json.object().key("name").value(stage.name).key("wall_s").value(stage.seconds).key("rss_before").value(stage.before);
    json.key("rss_peak").value(stage.peak).key("rss_after").value(stage.after).end();
  }
  return json.end().end().text() + "\n";
}

Result<pipeline::MemoryReport> measured_memory(const BenchOptions& options, exec::Pool& pool, exec::Steps& steps) {
  const int64_t limit = exec::memory_limit_bytes(options.exec);
  if (!options.input.empty()) {
    HY_TRY(const auto paths, io::expand_inputs(options.input));
    return pipeline::measure_memory(paths, pool, limit, steps, interruption());
  }
  const io::ScratchFolder folder;
  const std::string path = folder / "table.csv";
  steps.begin("write", options.rows);
  HY_TRY([[maybe_unused]] const auto written, io::write_table(path, pipeline::generated_table(options.rows, kSeed)));
  return pipeline::measure_memory({path}, pool, limit, steps, interruption());
}

Result<Findings> bench_memory(const BenchOptions& options, exec::Pool& pool, exec::Steps& steps) {
  HY_TRY(const auto report, measured_memory(options, pool, steps));
  Findings found;
  found.title = "hayate bench memory";
  found.measured = fmt::format("{} rows; means by {} in {} groups", report.rows, report.by.empty() ? "nothing" : report.by[0], report.groups);
  found.grid = {{"stage", "seconds", "before", "peak", "after", "added at most"}, {}, 1, false};
  eval::BarChart chart{"Megabytes of the process at its peak", eval::Format::number, {}};
  for (const pipeline::MemoryStage& stage : report.stages) {
    found.grid.rows.push_back({stage.name, fine_seconds(stage.seconds), format_bytes(stage.before), format_bytes(stage.peak),
                               format_bytes(stage.after), format_bytes(stage.peak - stage.before)});
    chart.bars.push_back({stage.name, double(stage.peak) / 1e6, ""});
  }
  const double less = report.bytes_before ? 100.0 * double(report.bytes_before - report.bytes_after) / double(report.bytes_before) : 0.0;
  found.lines.push_back(fmt::format("columns: {} before, {} optimised without loss ({:.1f} % less); chunks of {} rows",
                                    format_bytes(report.bytes_before), format_bytes(report.bytes_after), less, report.chunk_rows));
  found.lines.push_back(report.differences.empty() ? "answers: equal" : "answers: DIFFERENT: " + report.differences);
  if (!report.peaks_are_own) found.lines.push_back("peaks are those of all stages so far: this system lets no process start its peak anew");
  found.charts = {chart};
  found.json = memory_json(report);
  return found;
}

// ---- all ----

using Benchmark = Result<Findings> (*)(const BenchOptions&, exec::Pool&, exec::Steps&);

Benchmark benchmark_named(const std::string& name) { return name == "io" ? bench_io : name == "compute" ? bench_compute : bench_memory; }

std::string report_text(const Findings& found) {
  std::string out = found.measured + "\n" + text_of(found.grid);
  for (const std::string& line : found.lines) out += line + "\n";
  return out;
}

}  // namespace

Result<int> bench_command(BenchOptions& options, const Console& console) {
  if (options.what == "compute" && !options.input.empty())
    return usage_error("bench compute reads no table", "--input", "leave it out, or use: hayate bench io --input " + options.input[0]);
  HY_CHECK(check_plot(options.plot));
  exec::Pool pool(exec::worker_count(options.exec));
  exec::Steps steps(console.progress);
  HY_TRY(const Findings found, benchmark_named(options.what)(options, pool, steps));
  steps.end();
  if (!options.plot.empty()) HY_CHECK(io::write_file(options.plot, svg_of(found)));
  if (!options.html.empty()) HY_CHECK(io::write_file(options.html, page_of(found)));
  HY_CHECK(write_timings(options.timings, steps.records(), pool.workers()));
  console.print(console.json ? found.json : report_text(found));
  return 0;
}

}  // namespace hayate::cli
