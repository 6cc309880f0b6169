// hayate aggregate: group-by of a table of any size.
#include "aggregate/aggregate.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "io/writer.h"

namespace hayate::cli {
namespace {

/// What may still be used: the limit less what the process holds, and what its libraries take on the way.
int64_t memory_left(const exec::ExecConfig& exec) {
  constexpr int64_t kMargin = int64_t{16} << 20;
  return exec::memory_limit_bytes(exec) - resident_bytes() - kMargin;
}

/// The columns that may be used: those of the files, or the ones among them that --columns leaves.
Result<std::vector<std::string>> usable_columns(std::span<const std::string> paths, const io::ReadOptions& reading) {
  HY_TRY(std::vector<std::string> names, io::column_names(paths, reading));
  if (names.empty()) return reading.columns;
  for (const std::string& name : reading.columns)
    if (std::find(names.begin(), names.end(), name) == names.end()) return unknown_name("column", name, names, "--columns");
  HY_CHECK(io::check_types(reading.types, names));
  return reading.columns.empty() ? names : reading.columns;
}

}  // namespace

Result<int> aggregate_command(AggregateOptions& options, const Console& console) {
  HY_TRY(aggregate::Spec spec, aggregate::parse_spec(options.by, options.agg, options.where, options.having));
  HY_TRY(const auto kind, asked_kind(options.format));
  HY_TRY(const auto written_kind, kind_to_write(options.output, options.format, options.to));
  io::ChunkOptions chunks;
  HY_TRY(chunks.read, reading_options(options.reading));
  HY_TRY(const auto paths, io::expand_inputs(options.input));
  exec::Pool pool(exec::worker_count(options.exec));
  exec::Steps steps(console.progress);
  steps.begin("read");
  chunks.chunk_rows = options.chunk_rows;
  chunks.read.coded_text = true;
  chunks.read.pool = &pool, chunks.read.steps = &steps, chunks.read.memory_limit_bytes = exec::memory_limit_bytes(options.exec);
  if (paths[0] == "-") chunks.read.kind = kind;
  // Mostly the files are alike, and looking into thousands of them takes its time.
  auto names = std::vector<std::string>();
  auto columns = Result<std::vector<std::string>>(names);
  for (const size_t files : {size_t(1), paths.size()}) {
    const auto usable = usable_columns(std::span(paths).first(files), chunks.read);
    columns = usable.ok() ? aggregate::columns_read(spec, names = usable.value()) : usable;
    if (columns.ok() || columns.error().kind != Kind::usage) break;
  }
  HY_TRY(chunks.read.columns, std::move(columns));
  if (chunks.read.columns.empty() && !names.empty()) chunks.read.columns = {names[0]};  // count() alone
  HY_TRY(spec.statistics, io::stored_statistics(paths, chunks.read));
  HY_TRY(const auto reader, io::open_chunks(paths, chunks));
  HY_TRY(io::TableWriter writer, io::TableWriter::open(options.output, written_kind, false, &pool));
  HY_TRY(const auto outcome,
         aggregate::aggregate(*reader, std::move(spec), pool, memory_left(options.exec), steps, interruption(), [&](const Table& rows) {
           note_written(rows, options.output, written_kind);
           return writer.append(rows);
         }));
  HY_CHECK(writer.finish());
  steps.end();
  say_no_rows(console, paths, outcome.rows);
  const std::string spilled = outcome.spilled_bytes ? fmt::format(", {} through temporary files", format_bytes(outcome.spilled_bytes)) : "";
  console.say(
      fmt::format("{} rows, {} groups{}, peak {}: {}", outcome.rows, outcome.groups, spilled, format_bytes(peak_memory_bytes()), options.output));
  HY_CHECK(write_timings(options.timings, steps.records(), pool.workers()));
  const std::string checksum = options.output == "none" ? writer.checksum().hex() : "";
  if (console.json) {
    JsonWriter json;
    json.object().key("rows").value(outcome.rows).key("groups").value(outcome.groups).key("spilled_bytes").value(outcome.spilled_bytes);
    console.print(json.key("output").value(options.output).key("checksum").value(checksum).end().text() + "\n");
  } else if (!checksum.empty()) {
    console.print(fmt::format("checksum {}\n", checksum));
  }
  return 0;
}

}  // namespace hayate::cli
