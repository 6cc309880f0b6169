// bench_csv: our side of problem.toml. PROGRAM DATA ANSWER THREADS REPEATS [CASE], as bench/README.md says.
#include "aggregate/aggregate.h"
#include "bench/table_race.h"
#include "exec/pool.h"
#include "io/chunks.h"
#include "io/reader.h"
#include "io/writer.h"

namespace {

using namespace hayate;
using bench::must;

constexpr int64_t kSample = 9973, kMemory = int64_t{12} << 30;

/// Sums by key of the file, which is read in chunks of what it needs.
Table sums(const std::string& path, exec::Pool& pool) {
  const auto spec = must(aggregate::parse_spec("id1", "sum(v1),sum(v3)", "", ""));
  io::ChunkOptions options;
  options.read.pool = &pool, options.read.coded_text = true;
  options.read.columns = must(aggregate::columns_read(spec, {}));
  const auto chunks = must(io::open_chunks(std::vector<std::string>{path}, options));
  exec::Steps steps;
  exec::Cancellation cancel;
  std::vector<Table> parts;
  const auto keep = [&](const Table& part) {
    parts.push_back(part);
    return Result<void>{};
  };
  must(aggregate::aggregate(*chunks, spec, pool, kMemory, steps, cancel, keep));
  return must(concatenate(parts, std::vector<std::string>(parts.size(), path)));
}

Table sample_of(const Table& table) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < table.num_rows(); row += kSample) rows.push_back(row);
  return take(table, rows);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return std::fprintf(stderr, "usage: %s DATA ANSWER THREADS REPEATS [CASE]\n", argv[0]), 2;
  const auto wanted = [&](const std::string& name) { return argc == 5 || name == argv[5]; };
  const std::string source = std::string(argv[1]) + "/rows.csv", answer = argv[2];
  exec::Pool pool(std::atoi(argv[3]));
  io::ReadOptions options;
  options.pool = &pool;
  bench::Cases cases(std::atoi(argv[4]));
  Table table;
  if (wanted("sums")) {
    cases.time("sums", [&] { table = sums(source, pool); });
    must(io::write_table(answer + "/sums.parquet", table));
  }
  if (!wanted("read") && !wanted("write")) return cases.print(), 0;
  cases.time("read", [&] {
    table = {};
    table = must(io::read_table(source, options));
  });
  must(io::write_table(answer + "/read.parquet", sample_of(table)));
  if (wanted("write")) cases.time("write", [&] { must(io::write_table(answer + "/write.csv", table, {}, &pool)); });
  cases.print();
  return 0;
}
