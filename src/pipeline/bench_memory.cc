#include "pipeline/bench_memory.h"

#include <malloc.h>

#include <algorithm>
#include <cstdio>

#include "aggregate/aggregate.h"
#include "aggregate/shrink.h"
#include "base/clock.h"
#include "base/strings.h"
#include "io/chunks.h"
#include "io/reader.h"
#include "pipeline/bench_formats.h"

namespace hayate::pipeline {
namespace {

constexpr int64_t kChunks = 100;

/// Starts the peak of resident memory anew (proc(5), clear_refs); false where that is not allowed.
bool reset_peak() {
  std::FILE* file = std::fopen("/proc/self/clear_refs", "w");
  if (!file) return false;
  const bool written = std::fputs("5", file) >= 0;
  return (std::fclose(file) == 0) && written;
}

/// Runs `work` and adds what it took. Freed memory that the allocator keeps is given back before each look.
template <class Work>
Result<void> measure(MemoryReport* report, exec::Steps& steps, const char* name, Work work) {
  steps.begin(name);
  ::malloc_trim(0);
  report->peaks_are_own &= reset_peak();
  MemoryStage stage = {name, 0, resident_bytes(), 0, 0};
  const double start = wall_seconds();
  HY_CHECK(work());
  stage.seconds = wall_seconds() - start;
  stage.peak = peak_memory_bytes();
  ::malloc_trim(0);
  stage.after = resident_bytes();
  stage.peak = std::max({stage.peak, stage.before, stage.after});
  report->stages.push_back(std::move(stage));
  return {};
}

/// count() and the mean of every number, by the first column of text.
aggregate::Spec group_means(const Table& schema) {
  aggregate::Spec spec;
  spec.calls.push_back({aggregate::Function::count, "", 0.5, "count()"});
  for (size_t c = 0; c < schema.num_columns(); ++c) {
    const Dtype dtype = schema.columns[c].dtype;
    const std::string& name = schema.names[c];
    if ((dtype == Dtype::text || dtype == Dtype::category) && spec.by.empty())
      spec.by.push_back(name);
    else if (is_numeric(dtype) && dtype != Dtype::boolean)
      spec.calls.push_back({aggregate::Function::mean, name, 0.5, "mean(" + name + ")"});
  }
  return spec;
}

Result<Table> answer_of(io::ChunkReader& chunks, const aggregate::Spec& spec, exec::Pool& pool, int64_t memory, const exec::Cancellation& cancel) {
  std::vector<Table> pieces;
  exec::Steps silent;
  HY_TRY([[maybe_unused]] const auto outcome,
         aggregate::aggregate(chunks, spec, pool, memory, silent, cancel, [&](const Table& rows) -> Result<void> {
           pieces.push_back(rows);
           return {};
         }));
  return concatenate(pieces, std::vector<std::string>(pieces.size(), "bench memory"));
}

int64_t bytes_of(const Table& table) {
  int64_t bytes = 0;
  for (const Column& column : table.columns) bytes += column.bytes();
  return bytes;
}

/// Memory for reading in chunks: too little to hold the table, so that a file that has chunks is read in them.
int64_t chunk_memory(int64_t table_bytes, int64_t limit) {
  constexpr int64_t kLeast = int64_t{32} << 20;
  return std::min(limit, std::max(kLeast, table_bytes));
}

}  // namespace

Result<MemoryReport> measure_memory(const std::vector<std::string>& paths, exec::Pool& pool, int64_t memory_limit_bytes, exec::Steps& steps,
                                    const exec::Cancellation& cancel) {
  MemoryReport report;
  io::ChunkOptions chunks;
  chunks.read.pool = &pool, chunks.read.memory_limit_bytes = memory_limit_bytes;
  Table table;
  HY_CHECK(measure(&report, steps, "read the whole table", [&]() -> Result<void> {
    HY_TRY(table, io::read_tables(paths, chunks.read));
    return {};
  }));
  report.rows = table.num_rows(), report.bytes_before = bytes_of(table);
  const aggregate::Spec spec = group_means(table);
  report.by = spec.by;
  Table from_whole, from_small, from_chunks;
  HY_CHECK(measure(&report, steps, "group means of it", [&]() -> Result<void> {
    HY_TRY(from_whole, answer_of(*io::chunks_of(table, 0), spec, pool, memory_limit_bytes, cancel));
    return {};
  }));
  report.groups = from_whole.num_rows();
  HY_CHECK(measure(&report, steps, "optimise its dtypes", [&]() -> Result<void> {
    exec::Steps silent;
    HY_TRY(const auto plan, aggregate::plan_shrink(*io::chunks_of(table, 0), {}, pool, memory_limit_bytes / 4, silent, cancel));
    HY_TRY(table, aggregate::shrink(table, plan, pool));
    return {};
  }));
  report.bytes_after = bytes_of(table);
  HY_CHECK(measure(&report, steps, "group means of the optimised table", [&]() -> Result<void> {
    HY_TRY(from_small, answer_of(*io::chunks_of(table, 0), spec, pool, memory_limit_bytes, cancel));
    return {};
  }));
  table = {};
  report.chunk_rows = std::max<int64_t>(1, report.rows / kChunks);
  HY_CHECK(measure(&report, steps, "group means of the file in chunks", [&]() -> Result<void> {
    chunks.chunk_rows = report.chunk_rows, chunks.read.memory_limit_bytes = chunk_memory(report.bytes_before, memory_limit_bytes);
    HY_TRY(const auto names, io::column_names(paths, chunks.read));
    HY_TRY(chunks.read.columns, aggregate::columns_read(spec, names));
    if (chunks.read.columns.empty()) chunks.read.columns = {names[0]};  // count() alone
    HY_TRY(const auto reader, io::open_chunks(paths, chunks));
    HY_TRY(from_chunks, answer_of(*reader, spec, pool, memory_limit_bytes, cancel));
    return {};
  }));
  steps.end();
  std::vector<std::string> found = differences(from_whole, from_small).values;
  for (const std::string& what : differences(from_whole, from_chunks).values) found.push_back("in chunks: " + what);
  report.differences = join(found, "; ");
  return report;
}

}  // namespace hayate::pipeline
