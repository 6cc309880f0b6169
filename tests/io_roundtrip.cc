// io_roundtrip OUT IN...: reads the inputs as one table and writes it; the tests in tests/python compare what other
// libraries make of OUT. Prints the three lines of an error and exits 1.
#include <fmt/format.h>

#include "io/reader.h"
#include "io/writer.h"

using namespace hayate;

static Result<void> convert(const std::string& out, std::span<const std::string> inputs) {
  exec::Pool pool(2);
  io::ReadOptions options;
  options.pool = &pool;
  HY_TRY(const std::vector<std::string> paths, io::expand_inputs(inputs));
  HY_TRY(const Table table, io::read_tables(paths, options));
  HY_TRY(const Hash128 checksum, io::write_table(out, table));
  fmt::print("{} rows {}\n", table.num_rows(), checksum.hex());
  return {};
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::vector<std::string> inputs(argv + 2, argv + argc);
  const auto result = convert(argv[1], inputs);
  if (result.ok()) return 0;
  fmt::print(stderr, "error: {}\n   at: {}\n  try: {}\n", result.error().what, result.error().where, result.error().hint);
  return 1;
}
