// bench_groupby: our side of problem.toml. PROGRAM DATA ANSWER THREADS REPEATS [QUESTION], as bench/README.md says.
#include "aggregate/aggregate.h"
#include "bench/table_race.h"
#include "exec/pool.h"
#include "io/chunks.h"
#include "io/reader.h"
#include "io/writer.h"

namespace {

using namespace hayate;
using bench::must;

struct Question {
  std::string name, by, calls;
};
const std::vector<Question> kQuestions = {
    {"q1", "id1", "sum(v1)"},
    {"q2", "id1,id2", "sum(v1)"},
    {"q3", "id3", "sum(v1),mean(v3)"},
    {"q4", "id4", "mean(v1),mean(v2),mean(v3)"},
    {"q5", "id6", "sum(v1),sum(v2),sum(v3)"},
    {"q6", "id4,id5", "median(v3),std(v3)"},
    {"q7", "id3", "max(v1),min(v2)"},
    {"q10", "id1,id2,id3,id4,id5,id6", "sum(v3),count()"},
};
constexpr int64_t kMemory = int64_t{12} << 30;

std::vector<Table> answer(const Table& rows, const Question& question, exec::Pool& pool) {
  auto chunks = io::chunks_of(rows, 0);
  exec::Steps steps;
  exec::Cancellation cancel;
  std::vector<Table> out;
  const auto keep = [&](const Table& part) {
    out.push_back(part);
    return Result<void>{};
  };
  must(aggregate::aggregate(*chunks, must(aggregate::parse_spec(question.by, question.calls, "", "")), pool, kMemory, steps, cancel, keep));
  return out;
}

/// Of q10 the rows with the least id1: they are the first, for answers are sorted.
Table shown(const std::vector<Table>& parts, const Question& question) {
  Table all = must(concatenate(parts, std::vector<std::string>(parts.size(), question.name)));
  if (question.name != "q10") return all;
  int64_t count = 0;
  while (count < all.num_rows() && all.columns[0].text(count) == "id001") ++count;
  return slice(all, 0, count);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return std::fprintf(stderr, "usage: %s DATA ANSWER THREADS REPEATS [QUESTION]\n", argv[0]), 2;
  exec::Pool pool(std::atoi(argv[3]));
  io::ReadOptions read;
  read.pool = &pool;
  const Table rows = must(io::read_table(std::string(argv[1]) + "/rows.parquet", read));
  bench::Cases cases(std::atoi(argv[4]));
  for (const Question& question : kQuestions) {
    if (argc > 5 && argv[5] != question.name) continue;
    std::vector<Table> parts;
    cases.time(question.name.c_str(), [&] {
      parts.clear();
      parts = answer(rows, question, pool);
    });
    must(io::write_table(std::string(argv[2]) + "/" + question.name + ".parquet", shown(parts, question)));
  }
  cases.print();
  return 0;
}
