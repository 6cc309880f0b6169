// bench_dtypes: our side of problem.toml. PROGRAM DATA ANSWER THREADS REPEATS [CASE], as bench/README.md says.
#include <fstream>
#include <optional>

#include "aggregate/aggregate.h"
#include "aggregate/shrink.h"
#include "base/random.h"
#include "bench/table_race.h"
#include "exec/pool.h"
#include "io/chunks.h"
#include "io/reader.h"
#include "kernels/norms.h"

namespace {

using namespace hayate;
using bench::must;

constexpr int64_t kMemory = int64_t{4} << 30, kNormRows = 10'000, kNormColumns = 100;

Table compact(const Table& table, exec::Pool& pool) {
  const auto chunks = io::chunks_of(table, 0);
  exec::Steps steps;
  const auto plan = must(aggregate::plan_shrink(*chunks, {.mode = aggregate::ShrinkMode::compact}, pool, kMemory, steps, {}));
  return must(aggregate::shrink(table, plan, pool));
}

Table means(const Table& table, exec::Pool& pool) {
  const auto chunks = io::chunks_of(table, 0);
  exec::Steps steps;
  std::vector<Table> parts;
  const auto keep = [&](const Table& part) {
    parts.push_back(part);
    return Result<void>{};
  };
  must(aggregate::aggregate(*chunks, must(aggregate::parse_spec("category", "mean(age),mean(income),mean(score)", "", "")), pool, kMemory, steps, {},
                            keep));
  return must(concatenate(parts, std::vector<std::string>(parts.size(), "rows")));
}

void write_answers(const Table& small, const Table& by_category, const std::string& folder) {
  JsonWriter dtypes;
  dtypes.object();
  for (size_t c = 0; c < small.num_columns(); ++c) dtypes.key(small.names[c]).value(dtype_name(small.columns[c].dtype));
  std::ofstream(folder + "/dtypes.json") << dtypes.end().text();
  JsonWriter json;
  json.object();
  for (int64_t row = 0; row < by_category.num_rows(); ++row) {
    json.key(std::string(by_category.columns[0].text(row))).array();
    for (size_t c = 1; c < by_category.num_columns(); ++c) json.value(by_category.columns[c].number(row));
    json.end();
  }
  std::ofstream(folder + "/means.json") << json.end().text();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return std::fprintf(stderr, "usage: %s DATA ANSWER THREADS REPEATS [CASE]\n", argv[0]), 2;
  const auto wanted = [&](const std::string& name) { return argc == 5 || name == argv[5]; };
  exec::Pool pool(std::atoi(argv[3]));
  io::ReadOptions options;
  options.pool = &pool;
  const Table table = must(io::read_table(std::string(argv[1]) + "/rows.parquet", options));
  std::vector<double> matrix(size_t(kNormRows * kNormColumns)), norms(kNormRows);
  for (size_t i = 0; i < matrix.size(); ++i) matrix[i] = random_unit(1, i) - 0.5;
  bench::Cases cases(std::atoi(argv[4]));
  Table small, by_category;
  compact(table, pool);  // the first touch of what follows
  if (wanted("compact")) cases.time("compact", [&] { small = compact(table, pool); });
  if (wanted("means")) cases.time("means", [&] { by_category = means(table, pool); });
  constexpr int64_t kPart = 500;
  if (wanted("norms"))
    cases.time("norms", [&] {
      pool.run(kNormRows / kPart, [&](int64_t part, int) {
        kernels::norm_kernels().row_norms(matrix.data() + part * kPart * kNormColumns, kPart, kNormColumns, norms.data() + part * kPart);
      });
    });
  write_answers(small, by_category, argv[2]);
  std::ofstream(std::string(argv[2]) + "/norms.json") << "[" << norms.size() << "]";
  cases.print();
  return 0;
}
