#include "tests/fuzz/targets.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "aggregate/aggregate.h"
#include "exec/pool.h"
#include "hayate/exchange.h"
#include "hayate/expression.h"
#include "hayate/features.h"
#include "hayate/model.h"
#include "io/chunk_formats.h"
#include "io/chunks.h"
#include "io/json_reader.h"
#include "io/reader.h"
#include "io/writer.h"
#include "pipeline/spec.h"
#include "pipeline/task_result.h"
#include "tune/space.h"

namespace hayate::fuzz {
namespace {

constexpr int64_t kLimit = int64_t{64} << 20;

/// The bytes as a file without a name; readers open it by its path.
class File {
 public:
  explicit File(std::string_view bytes) : file_(memfd_create("fuzz", 0)) {
    if (file_ < 0 || write(file_, bytes.data(), bytes.size()) != ssize_t(bytes.size())) std::abort();
    path_ = "/proc/self/fd/" + std::to_string(file_);
  }
  ~File() { close(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  const std::string& path() const { return path_; }

 private:
  int file_;
  std::string path_;
};

/// Touches every value, so that a column that points outside its buffers is found.
void look_at(const Table& table) {
  Result<Hash128> hash = io::write_table("none", table);
  if (table.num_columns() > 0 && !hash.ok()) std::abort();
}

/// As a table at once and in small chunks: both or neither, and the same rows.
template <io::Format format, io::Codec codec = io::Codec::none>
void read(std::string_view bytes) {
  const File file(bytes);
  io::ReadOptions options;
  options.kind = io::FileKind{format, codec};
  options.memory_limit_bytes = kLimit;
  const Result<Table> table = io::read_table(file.path(), options);
  if (table.ok()) look_at(table.value());
  auto chunks = io::open_chunks(std::vector<std::string>{file.path()}, {.read = options, .chunk_rows = 7});
  if (!chunks.ok()) return;
  int64_t rows = 0;
  while (true) {
    const auto chunk = chunks.value()->next();
    if (!chunk.ok()) return;
    if (!chunk.value()) break;
    look_at(*chunk.value());
    rows += chunk.value()->num_rows();
  }
  if (table.ok() && rows != table.value().num_rows()) std::abort();
}

/// JSON some bytes at a time: the first byte says how many, the second whether a record stands in every line. Both ways of reading take the text or
/// refuse it, and make the same table of it.
void read_json_pieces(std::string_view bytes) {
  if (bytes.size() < 2) return;
  const size_t piece = 1 + size_t(uint8_t(bytes[0]));
  const bool lines = bytes[1] & 1;
  const File file(bytes.substr(2));
  io::ReadOptions options;
  options.kind = io::FileKind{lines ? io::Format::jsonl : io::Format::json, io::Codec::none};
  options.memory_limit_bytes = kLimit;
  const Result<Table> table = io::read_table(file.path(), options);
  const auto compare = [&]() -> Result<void> {
    HY_TRY(auto opened, io::InputFile::open(file.path()));
    HY_TRY(const auto chunks, io::json_chunks(std::move(opened), file.path(), options, lines, kLimit, piece));
    for (int pass = 0; pass < 2; ++pass) {  // what follows the end begins anew
      std::vector<Table> parts = {chunks->schema()};
      while (true) {
        HY_TRY(auto chunk, chunks->next());
        if (!chunk) break;
        parts.push_back(std::move(*chunk));
      }
      HY_TRY(const Table joined, concatenate(parts, std::vector<std::string>(parts.size(), "fuzz")));
      const Result<Hash128> once = io::write_table("none", joined);
      if (!table.ok() || !once.ok() || once.value() != io::write_table("none", table.value()).value()) std::abort();
    }
    return {};
  };
  const Result<void> in_pieces = compare();
  const bool is_budget = (!table.ok() && table.error().kind == Kind::budget) || (!in_pieces.ok() && in_pieces.error().kind == Kind::budget);
  if (table.ok() != in_pieces.ok() && !is_budget) std::abort();
}

void read_json(std::string_view bytes) { (void)io::parse_json(bytes, "fuzz"); }

/// What was read is written and read again.
void use(const Model& model) {
  if (!parse_model(serialize(model), "fuzz").ok()) std::abort();
}
void read_model(std::string_view bytes) {
  if (const auto model = parse_model(bytes, "fuzz"); model.ok()) use(model.value());
}
void read_lightgbm(std::string_view bytes) {
  if (const auto model = from_lightgbm(bytes, "fuzz"); model.ok()) use(model.value());
}
void read_xgboost(std::string_view bytes) {
  if (const auto model = from_xgboost(bytes, "fuzz"); model.ok()) use(model.value());
}
void read_task_result(std::string_view bytes) { (void)pipeline::parse_task_result(bytes); }

void read_spec(std::string_view bytes) {
  exec::ExecConfig config;
  (void)pipeline::parse_run_spec(std::string(bytes), "fuzz", &config);
}

/// Parsed, compiled and computed over a few bars.
void compute_expression(std::string_view bytes) {
  const auto parsed = parse_expression(bytes, "fuzz");
  if (!parsed.ok()) return;
  static const std::vector<std::string> fields = {"open", "high", "low", "close", "volume", "vwap"};
  const auto program = Program::compile(std::vector<NamedExpression>{{"x", std::string(bytes)}}, fields);
  if (!program.ok() || program.value().has_stages()) return;
  static const std::vector<float> series = {1, 2, 3, 2.5F, 2.5F, 0, -1, 7, 1e9F, 1e-9F, 3, 4, 4, 5};
  Bars bars{.rows = series.size(), .series = {}};
  for (size_t i = 0; i < program.value().fields().size(); ++i) bars.series.emplace_back(std::span<const float>(series));
  Workspace space;
  std::vector<double> out(series.size());
  evaluate(program.value(), bars, space, out.data(), out.size());
}

/// A condition and calls over a small table: "condition\ncalls".
void aggregate_by(std::string_view bytes) {
  const size_t cut = std::min(bytes.find('\n'), bytes.size());
  const std::string where(bytes.substr(0, cut)), calls(cut < bytes.size() ? bytes.substr(cut + 1) : "count()");
  auto spec = aggregate::parse_spec("k", calls, where, "");
  if (!spec.ok()) return;
  Table table;
  table.add("k", make_text_column(std::vector<std::string>{"a", "b", "a", "c"}));
  table.add("x", make_column(std::vector<double>{1, -2.5, 1e300, 0}));
  table.add("n", make_column(std::vector<int64_t>{1, INT64_MIN, INT64_MAX, 0}));
  table.add("d", make_date_column({0, 19000, -1, 20000}));
  auto chunks = io::chunks_of(std::move(table), 3);
  static exec::Pool pool(1);
  exec::Steps steps;
  (void)aggregate::aggregate(*chunks, std::move(spec).value(), pool, kLimit, steps, exec::Cancellation(),
                             [](const Table&) { return Result<void>{}; });
}

void read_space(std::string_view bytes) { (void)tune::parse_space(std::vector<std::string>{std::string(bytes)}, "fuzz"); }

constexpr Target kTargets[] = {
    {"csv", read<io::Format::csv>},
    {"csv_gz", read<io::Format::csv, io::Codec::gzip>},
    {"csv_zst", read<io::Format::csv, io::Codec::zstd>},
    {"parquet", read<io::Format::parquet>},
    {"arrow", read<io::Format::arrow>},
    {"json_table", read<io::Format::json>},
    {"jsonl", read<io::Format::jsonl>},
    {"json_pieces", read_json_pieces},
    {"npy", read<io::Format::npy>},
    {"json", read_json},
    {"model", read_model},
    {"lightgbm", read_lightgbm},
    {"xgboost", read_xgboost},
    {"task_result", read_task_result},
    {"spec", read_spec},
    {"expression", compute_expression},
    {"aggregate", aggregate_by},
    {"space", read_space},
};

}  // namespace

std::span<const Target> targets() { return kTargets; }

const Target* find_target(std::string_view name) {
  for (const Target& target : kTargets)
    if (name == target.name) return &target;
  return nullptr;
}

}  // namespace hayate::fuzz
