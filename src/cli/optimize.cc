// hayate optimize: smaller dtypes.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "aggregate/shrink.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "eval/chart.h"
#include "io/chunks.h"
#include "io/writer.h"

namespace hayate::cli {
namespace {

using aggregate::ShrinkMode;
using aggregate::ShrinkPlan;
using aggregate::ShrunkColumn;

int64_t total(const ShrinkPlan& plan, int64_t ShrunkColumn::* bytes) {
  int64_t sum = 0;
  for (const ShrunkColumn& column : plan.columns) sum += column.*bytes;
  return sum;
}

std::string report(const ShrinkPlan& plan) {
  size_t width = 6;
  for (const ShrunkColumn& column : plan.columns) width = std::max(width, num_characters(column.name));
  std::string out = fmt::format("{} {:<10} {:<10} {:>10} {:>10}\n", padded("column", width), "before", "after", "bytes", "bytes");
  for (const ShrunkColumn& c : plan.columns)
    out += fmt::format("{} {:<10} {:<10} {:>10} {:>10}  {}{}\n", padded(one_line(c.name), width), dtype_name(c.before), dtype_name(c.after),
                       format_bytes(c.bytes_before), format_bytes(c.bytes_after), c.lossy ? "LOSSY: " : "", c.why);
  const int64_t before = total(plan, &ShrunkColumn::bytes_before), after = total(plan, &ShrunkColumn::bytes_after);
  out += fmt::format("{} {:<10} {:<10} {:>10} {:>10}  {:.1f} % less, {} rows\n", padded("total", width), "", "", format_bytes(before),
                     format_bytes(after), before ? 100.0 * double(before - after) / double(before) : 0.0, plan.rows);
  std::vector<std::string> lossy;
  for (const ShrunkColumn& column : plan.columns)
    if (column.lossy) lossy.push_back(one_line(column.name));
  if (!lossy.empty()) out += fmt::format("lossy: {}\n", join(lossy, ", "));
  return out;
}

std::string report_json(const ShrinkPlan& plan, const std::string& output) {
  JsonWriter json(1);
  json.object().key("rows").value(plan.rows);
  json.key("bytes_before").value(total(plan, &ShrunkColumn::bytes_before)).key("bytes_after").value(total(plan, &ShrunkColumn::bytes_after));
  json.key("output").value(output).key("columns").array();
  for (const ShrunkColumn& c : plan.columns)
    json.object()
        .key("name")
        .value(c.name)
        .key("dtype_before")
        .value(dtype_name(c.before))
        .key("dtype_after")
        .value(dtype_name(c.after))
        .key("bytes_before")
        .value(c.bytes_before)
        .key("bytes_after")
        .value(c.bytes_after)
        .key("lossy")
        .value(c.lossy)
        .key("why")
        .value(c.why)
        .end();
  return json.end().end().text() + "\n";
}

/// Two bars a column: before and after, in megabytes.
Result<void> write_plot(const std::string& path, const ShrinkPlan& plan) {
  eval::BarChart chart;
  chart.name = "Megabytes before and after, per column";
  constexpr int kWidth = 720;
  const auto bar = [&](const std::string& label, int64_t bytes, std::string note) {
    chart.bars.push_back({label, double(bytes) / 1e6, std::move(note)});
  };
  for (const ShrunkColumn& c : plan.columns) {
    bar(fmt::format("{}: {}", c.name, dtype_name(c.before)), c.bytes_before, "");
    bar(fmt::format("{}{}", dtype_name(c.after), c.lossy ? ", lossy" : ""), c.bytes_after, c.name);
  }
  bar("total: before", total(plan, &ShrunkColumn::bytes_before), "");
  bar("after", total(plan, &ShrunkColumn::bytes_after), "total");
  const eval::SvgPart parts[] = {{chart.name, eval::draw(chart, kWidth)}};
  return io::write_file(path, eval::svg_file(parts, kWidth));
}

}  // namespace

Result<int> optimize_command(OptimizeOptions& options, const Console& console) {
  HY_TRY(const auto kind, asked_kind(options.format));
  HY_TRY(const auto written_kind, kind_to_write(options.output, options.format, options.to));
  HY_CHECK(check_plot(options.plot));
  const std::map<std::string, ShrinkMode> modes = {
      {"lossless", ShrinkMode::lossless}, {"tolerance", ShrinkMode::tolerance}, {"compact", ShrinkMode::compact}};
  const aggregate::ShrinkOptions shrink = {modes.at(options.mode), options.rtol, options.atol};
  HY_TRY(io::ReadOptions reading, reading_options(options.reading));
  HY_TRY(const auto paths, io::expand_inputs(options.input));
  exec::Pool pool(exec::worker_count(options.exec));
  exec::Steps steps(console.progress);
  steps.begin("read");
  const int64_t memory = exec::memory_limit_bytes(options.exec);
  if (paths[0] == "-") reading.kind = kind;
  reading.pool = &pool, reading.memory_limit_bytes = memory, reading.steps = &steps;
  HY_TRY(const auto reader, io::open_chunks(paths, {std::move(reading), options.chunk_rows}));
  steps.begin("ranges");
  HY_TRY(const ShrinkPlan plan, aggregate::plan_shrink(*reader, shrink, pool, memory / 4, steps, interruption()));
  if (options.output != "none") {
    steps.begin("write", plan.rows);
    HY_TRY(io::TableWriter writer, io::TableWriter::open(options.output, written_kind, true, &pool, plan.statistics));
    HY_TRY(const Table nothing, aggregate::shrink(reader->schema(), plan, pool));
    HY_CHECK(writer.append(nothing));
    while (true) {
      HY_TRY(const auto chunk, reader->next());
      if (!chunk) break;
      HY_TRY(const Table smaller, aggregate::shrink(*chunk, plan, pool));
      note_written(smaller, options.output, written_kind);
      HY_CHECK(writer.append(smaller));
      steps.advance(chunk->num_rows());
      if (interruption().stopped()) return Error{Kind::interrupted, "interrupted", "optimize", "run it again"};
    }
    HY_CHECK(writer.finish());
  }
  steps.end();
  say_no_rows(console, paths, plan.rows);
  if (!options.plot.empty()) HY_CHECK(write_plot(options.plot, plan));
  HY_CHECK(write_timings(options.timings, steps.records(), pool.workers()));
  if (options.output == "-")  // the table itself went to stdout
    console.say(report(plan));
  else
    console.print(console.json ? report_json(plan, options.output) : report(plan));
  return 0;
}

}  // namespace hayate::cli
