#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "io/scratch_folder.h"
#include "io/writer.h"
#include "pipeline/bench_compute.h"
#include "pipeline/bench_formats.h"
#include "pipeline/bench_memory.h"

namespace hayate::pipeline {
namespace {

constexpr const char* kNoPython = "/no/such/python";

TEST_CASE("the generated table depends on its seed and each row alone") {
  const Table small = generated_table(100, 7), large = generated_table(300, 7);
  CHECK(differences(small, slice(large, 0, 100)).values.empty());
  CHECK_FALSE(differences(small, generated_table(100, 8)).values.empty());
  CHECK(generated_table(0, 7).num_rows() == 0);
}

TEST_CASE("differences names columns with other values, and types apart from them") {
  Table original, loaded;
  original.add("a", make_column(std::vector<int64_t>{1, 2, 3}));
  original.add("b", make_column(std::vector<double>{1, 2, std::nan("")}));
  loaded.add("a", make_column(std::vector<int32_t>{1, 2, 3}));
  loaded.add("b", make_column(std::vector<double>{1, 2.5, std::nan("")}));
  const TableDifferences found = differences(original, loaded);
  REQUIRE(found.values.size() == 1);
  CHECK(found.values[0] == "b: 1 values");
  REQUIRE(found.types.size() == 1);
  CHECK(found.types[0] == "a is int32, was int64");
  CHECK(differences(original, slice(original, 0, 2)).values[0] == "2 rows, not 3");
}

TEST_CASE("large whole numbers are compared exactly") {
  Table original, loaded;
  original.add("a", make_column(std::vector<int64_t>{(int64_t{1} << 60) + 1}));
  loaded.add("a", make_column(std::vector<int64_t>{int64_t{1} << 60}));
  CHECK(differences(original, loaded).values.size() == 1);
}

TEST_CASE("every format gives the table back, and a Python that is not there is said to be missing") {
  exec::Pool pool(2);
  exec::Steps steps;
  const auto report = time_formats(generated_table(500, 1), kNoPython, pool, int64_t{1} << 30, steps, {});
  REQUIRE(report.ok());
  CHECK(report.value().times.size() >= 5);
  for (const FormatTime& time : report.value().times) {
    CAPTURE(time.format);
    CHECK(time.differences == "");
    CHECK(time.bytes > 0);
  }
  CHECK(report.value().missing.back().find(kNoPython) == 0);
  CHECK_FALSE(best_formats(report.value()).both.empty());
}

TEST_CASE("the best format is chosen among those that lost nothing") {
  FormatsReport report;
  report.times = {
      {"hayate", "csv", 1, 1, 100, "", ""}, {"hayate", "json", 0.1, 0.1, 10, "x: 1 values", ""}, {"hayate", "feather", 0.5, 0.5, 300, "", ""}};
  const BestFormats best = best_formats(report);
  CHECK(best.speed == "feather");
  CHECK(best.size == "csv");
  CHECK(best.both == "csv");
}

TEST_CASE("the four ways of a row norm agree, for any shape") {
  exec::Pool pool(3);
  for (const int64_t columns : {1, 31, 32, 100}) {
    exec::Steps steps;
    const auto report = time_row_norms(11, columns, 5, kNoPython, pool, steps, {});
    REQUIRE(report.ok());
    CHECK(report.value().ways.size() == 4);
    for (const WayTime& way : report.value().ways) CHECK(way.largest_difference < kNormTolerance);
  }
}

TEST_CASE("memory: the same means from the whole table, the optimised one and chunks") {
  const io::ScratchFolder folder;
  const std::string path = folder / "table.csv";
  REQUIRE(io::write_table(path, generated_table(5000, 3)).ok());
  exec::Pool pool(2);
  exec::Steps steps;
  const auto report = measure_memory({path}, pool, int64_t{1} << 30, steps, {});
  REQUIRE(report.ok());
  CHECK(report.value().differences == "");
  CHECK(report.value().groups == 4);
  CHECK(report.value().bytes_after < report.value().bytes_before);
  for (const MemoryStage& stage : report.value().stages) CHECK(stage.peak >= stage.before);
}

}  // namespace
}  // namespace hayate::pipeline
