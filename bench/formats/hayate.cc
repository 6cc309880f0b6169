// bench_formats: our side of problem.toml. PROGRAM DATA ANSWER THREADS REPEATS [FORMAT], as bench/README.md says.
#include <fstream>

#include "bench/table_race.h"
#include "exec/pool.h"
#include "io/reader.h"
#include "io/writer.h"

namespace {

using namespace hayate;
using bench::must;

struct Format {
  std::string name, file;
};
const std::vector<Format> kFormats = {
    {"csv", "rows.csv"},         {"csv.zst", "rows.csv.zst"}, {"parquet", "rows.parquet"}, {"parquet zstd", "rows.zstd.parquet"},
    {"feather", "rows.feather"}, {"hdf5", "rows.h5"},         {"json", "rows.json"},       {"jsonl", "rows.jsonl"}};

/// Rows, sums of the numbers and rows of each category.
void summarize(const Table& table, JsonWriter& json) {
  json.object().key("rows").value(table.num_rows());
  for (const char* name : {"user_id", "age", "income", "score"}) {
    double sum = 0;
    for (const double value : to_doubles(*table.find(name))) sum += value;
    json.key(name).value(sum);
  }
  int64_t counts[4] = {};
  const Column& category = *table.find("category");
  for (int64_t row = 0; row < table.num_rows(); ++row) ++counts[(category.text(row)[0] - 'A') & 3];
  for (int i = 0; i < 4; ++i) json.key(std::string(1, char('A' + i))).value(counts[i]);
  json.end();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return std::fprintf(stderr, "usage: %s DATA ANSWER THREADS REPEATS [FORMAT]\n", argv[0]), 2;
  const std::string answer = argv[2];
  exec::Pool pool(std::atoi(argv[3]));
  io::ReadOptions options;
  options.pool = &pool;
  const Table table = must(io::read_table(std::string(argv[1]) + "/rows.parquet", options));
  bench::Cases cases(std::atoi(argv[4]));
  JsonWriter loaded;
  loaded.object();
  for (const Format& format : kFormats) {
    if (argc > 5 && format.name != argv[5]) continue;
    const std::string path = answer + "/" + format.file;
    cases.time((format.name + " save").c_str(), [&] { must(io::write_table(path, table, {}, &pool)); });
    Table back;
    cases.time((format.name + " load").c_str(), [&] {
      back = {};
      back = must(io::read_table(path, options));
    });
    loaded.key(format.name);
    summarize(back, loaded);
  }
  std::ofstream(answer + "/loaded.json") << loaded.end().text();
  cases.print();
  return 0;
}
