#include "io/qlib_folder.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include "base/random.h"
#include "hayate/panel.h"
#include "io/bars.h"
#include "io/files.h"
#include "io/scratch_folder.h"

using namespace hayate;
using namespace hayate::io;
namespace fs = std::filesystem;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

void put(const std::string& path, std::string_view bytes) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

void put_values(const std::string& path, const std::vector<float>& values) {
  put(path, {reinterpret_cast<const char*>(values.data()), values.size() * 4});
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A folder as qlib's own scripts write one: four dates, two symbols, a halt in the middle of one.
void put_small(const std::string& root) {
  put(root + "/calendars/day.txt", "2020-01-02\n2020-01-03\n2020-01-06\n2020-01-07\n");
  put(root + "/instruments/all.txt", "AAPL\t2020-01-02\t2020-01-07\nBRK.B\t2020-01-03\t2020-01-06\n");
  put_values(root + "/features/aapl/close.day.bin", {0, 1, kNaN, 3, 4});
  put_values(root + "/features/aapl/volume.day.bin", {0, 10, kNaN, kNaN, 40});
  put_values(root + "/features/brk.b/close.day.bin", {1, 5, 6});
}

Table read(const std::string& root) {
  auto folder = read_qlib_folder(root, {});
  if (!folder.ok()) FAIL(folder.error().what);
  CHECK(folder.value().unreadable.empty());
  return std::move(folder.value().table);
}

Error error_of(const std::string& root) {
  auto table = read_table(root);
  if (table.ok()) FAIL("the folder is read");
  return table.error();
}

/// A table of float32 bars with gaps, of symbols listed at different dates.
Table bars(int num_symbols, int num_days) {
  std::vector<std::string> names;
  std::vector<int32_t> codes, days;
  std::vector<float> close, volume;
  for (int s = 0; s < num_symbols; ++s) {
    names.push_back(fmt::format("S{:03}", s));
    for (int day = s % 7; day < num_days; ++day) {
      const uint64_t key = uint64_t(s * num_days + day);
      if (random_unit(3, key) < 0.05 && day > s % 7) continue;
      codes.push_back(s), days.push_back(18'000 + day);
      close.push_back(float(50 + random_unit(4, key)));
      volume.push_back(random_unit(5, key) < 0.05 ? kNaN : float(std::floor(1e9 * random_unit(6, key))));
      if (random_unit(7, key) < 0.05) close.back() = volume.back() = kNaN;
    }
  }
  Table table;
  table.add("symbol", make_category_column(codes, names));
  table.add("date", make_date_column(days));
  table.add("close", make_column(close));
  table.add("volume", make_column(volume));
  return table;
}

bool same_values(const Column& a, const Column& b) {
  if (a.length != b.length) return false;
  for (int64_t row = 0; row < a.length; ++row) {
    const double x = a.number(row), y = b.number(row);
    if (x != y && !(std::isnan(x) && std::isnan(y))) return false;
  }
  return true;
}

bool same_table(const Table& a, const Table& b) {
  if (a.names != b.names || a.num_rows() != b.num_rows()) return false;
  for (int64_t row = 0; row < a.num_rows(); ++row)
    if (a.columns[0].text(row) != b.columns[0].text(row)) return false;
  for (size_t c = 1; c < a.num_columns(); ++c)
    if (!same_values(a.columns[c], b.columns[c])) return false;
  return true;
}

}  // namespace

TEST_CASE("qlib folder: values lie in the calendar, halts are no rows, fields that a symbol lacks are NaN") {
  const ScratchFolder folder;
  put_small(folder / "data");
  const Table table = read(folder / "data");
  CHECK(table.names == std::vector<std::string>{"symbol", "date", "close", "volume"});
  REQUIRE(table.num_rows() == 5);
  const std::vector<std::string> rows = {"AAPL 2020-01-02 1 10", "AAPL 2020-01-06 3 nan", "AAPL 2020-01-07 4 40", "BRK.B 2020-01-03 5 nan",
                                         "BRK.B 2020-01-06 6 nan"};
  for (int64_t row = 0; row < 5; ++row)
    CHECK(fmt::format("{} {} {} {}", table.columns[0].text(row), format_date(int32_t(table.columns[1].number(row))), table.columns[2].number(row),
                      table.columns[3].number(row)) == rows[size_t(row)]);
  CHECK(table.columns[2].dtype == Dtype::float32);
  CHECK(expand_input(folder / "data").value() == std::vector<std::string>{folder / "data"});
}

TEST_CASE("qlib folder: spans of the list of symbols cut rows, columns are chosen by name") {
  const ScratchFolder folder;
  put_small(folder / "data");
  put(folder / "data/instruments/all.txt", "AAPL\t2020-01-01\t2020-01-02\r\n\nAAPL\t2020-01-07\t2030-12-31\n");
  const auto table = read_table(folder / "data", {{"date", "close"}, {}});
  REQUIRE(table.ok());
  CHECK(table.value().names == std::vector<std::string>{"date", "close"});
  CHECK(to_doubles(table.value().columns[1]) == std::vector<double>{1, 4});
  CHECK(read_table(folder / "data", {{"clsoe"}, {}}).error().hint.find("'close'") != std::string::npos);
}

TEST_CASE("qlib folder: a table comes back as it went") {
  const ScratchFolder folder;
  const Table table = bars(23, 60);
  const auto written = write_qlib_folder(folder / "out", table, "bars");
  REQUIRE(written.ok());
  CHECK(written.value().rows == table.num_rows());
  CHECK(written.value().symbols == 23);
  CHECK(written.value().rounded == 0);
  CHECK(same_table(read(folder / "out"), table));
  exec::Pool pool(3);
  CHECK(same_table(read_table(folder / "out", {{}, {}, &pool}).value(), table));
  // The same bytes again, and nothing beside the folder.
  REQUIRE(write_qlib_folder(folder / "again/", read(folder / "out"), "bars").ok());
  for (const char* name : {"/calendars/day.txt", "/instruments/all.txt", "/features/s003/volume.day.bin"})
    CHECK(bytes_of(folder / "out" + name) == bytes_of(folder / "again" + name));
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 2);
  CHECK(bytes_of(folder / "out/instruments/all.txt").starts_with("S000\t2019-04-14\t2019-06-12\nS001\t2019-04-15\t"));
  CHECK(hash_qlib_folder(folder / "out").value() == hash_qlib_folder(folder / "again").value());
}

TEST_CASE("qlib folder: rows that are there and empty come back with the one NaN, halts stay away") {
  const ScratchFolder folder;
  Table table;
  table.add("symbol", make_text_column(std::vector<std::string>{"A", "A", "A", "B", "B"}));
  table.add("date", make_date_column({10, 12, 13, 11, 13}));
  table.add("close", make_column(std::vector<float>{kNaN, 1, kNaN, 2, 3}));
  REQUIRE(write_qlib_folder(folder / "out", table, "bars").ok());
  const Table back = read(folder / "out");
  CHECK(same_table(back, table));
  for (const float x : back.columns[2].as<float>()) CHECK((!std::isnan(x) || std::memcmp(&x, &kNaN, 4) == 0));
}

TEST_CASE("qlib folder: doubles are rounded and counted, names of devices are kept from Windows") {
  const ScratchFolder folder;
  Table table;
  table.add("symbol", make_text_column(std::vector<std::string>{"CON", "CON", "com1"}));
  table.add("date", make_date_column({18'001, 18'000, 18'000}));
  table.add("Close", make_column(std::vector<double>{0.1, 0.5, 2}));
  const auto written = write_qlib_folder(folder / "out", table, "bars");
  REQUIRE(written.ok());
  CHECK(written.value().rounded == 1);
  CHECK(fs::exists(folder / "out/features/_qlib_con/close.day.bin"));
  CHECK(fs::exists(folder / "out/features/_qlib_com1/close.day.bin"));
  const Table back = read(folder / "out");
  CHECK(back.names[2] == "close");
  CHECK(to_doubles(back.columns[2]) == std::vector<double>{0.5, double(0.1F), 2});
}

TEST_CASE("qlib folder: what cannot be a folder is refused, and nothing is left behind") {
  const ScratchFolder folder;
  const auto refused = [&](std::vector<std::string> symbols, std::vector<int32_t> days, Column column, const char* what) {
    Table table;
    table.add("symbol", make_text_column(symbols));
    table.add("date", make_date_column(std::move(days)));
    table.add("close", std::move(column));
    const auto written = write_qlib_folder(folder / "out", table, "bars.csv");
    REQUIRE_FALSE(written.ok());
    CHECK_MESSAGE(written.error().what.find(what) != std::string::npos, written.error().what);
    CHECK_FALSE(written.error().hint.empty());
    CHECK(fs::is_empty(folder.path));
  };
  const auto ones = [](size_t rows) { return make_column(std::vector<double>(rows, 1)); };
  refused({"A", "A"}, {1, 1}, ones(2), "twice");
  refused({"A", "a"}, {1, 1}, ones(2), "share a folder");
  refused({"../up"}, {1}, ones(1), "name of a folder");
  refused({"a/b"}, {1}, ones(1), "name of a folder");
  refused({"a\tb"}, {1}, ones(1), "name of a folder");
  refused({"A"}, {1}, make_text_column(std::vector<std::string>{"one"}), "");
  refused({}, {}, ones(0), "without rows");

  const Table table = bars(2, 5);
  put(folder / "full/mine.txt", "kept");
  CHECK(write_qlib_folder(folder / "full", table, "bars").error().kind == Kind::io);
  CHECK(bytes_of(folder / "full/mine.txt") == "kept");
  CHECK(write_qlib_folder(folder / "nowhere/out", table, "bars").error().hint.find("mkdir") != std::string::npos);
  fs::create_directory(folder / "empty");
  CHECK(write_qlib_folder(folder / "empty", table, "bars").ok());
  CHECK(write_qlib_folder("/proc/nope", table, "bars").error().kind == Kind::io);
}

TEST_CASE("qlib folder: torn and lying files are errors that name the file") {
  struct Row {
    const char* file;
    std::string bytes;
    const char* what;
  };
  const auto values = [](std::vector<float> v) { return std::string(reinterpret_cast<const char*>(v.data()), v.size() * 4); };
  const std::string close = "/features/aapl/close.day.bin";
  for (const Row& row :
       {Row{close.c_str(), "", "torn"}, Row{close.c_str(), "abc", "torn"}, Row{close.c_str(), values({0, 1, 2}) + "x", "torn"},
        Row{close.c_str(), values({4, 1}), "place 4 of a calendar of 4"}, Row{close.c_str(), values({-1, 1}), "place -1"},
        Row{close.c_str(), values({0.5, 1}), "place 0.5"}, Row{close.c_str(), values({kNaN, 1}), "place nan"},
        Row{close.c_str(), values({1e30F, 1}), "place 1e+30"}, Row{close.c_str(), values({2, 1, 2, 3}), "3 values from place 2"},
        Row{"/calendars/day.txt", "2020-01-02\n2020-01-02\n", "not after"}, Row{"/calendars/day.txt", "2020-01-03\n2020-01-02\n", "not after"},
        Row{"/calendars/day.txt", "2020-01-02\nsoon\n", "not a date"}, Row{"/calendars/day.txt", "\n\n", "without dates"},
        Row{"/instruments/all.txt", "", "without symbols"}, Row{"/instruments/all.txt", "AAPL 2020-01-02 2020-01-07\n", "not a symbol"},
        Row{"/instruments/all.txt", "AAPL\t2020-01-07\t2020-01-02\n", "not a symbol"},
        Row{"/instruments/all.txt", "../aapl\t2020-01-02\t2020-01-07\n", "not a symbol"},
        Row{"/instruments/all.txt", "MSFT\t2020-01-02\t2020-01-07\n", "no folder of values"}}) {
    const ScratchFolder folder;
    put_small(folder / "data");
    put(folder / "data" + row.file, row.bytes);
    const Error error = error_of(folder / "data");
    CAPTURE(row.what);
    CHECK_MESSAGE(error.what.find(row.what) != std::string::npos, error.what);
    CHECK(error.kind == Kind::input);
    CHECK_FALSE(error.hint.empty());
    CHECK(error.where.find(folder / "data") == 0);
  }
  const ScratchFolder folder;
  for (const char* file : {"calendars/day.txt", "instruments/all.txt"}) {
    put_small(folder / "data");
    fs::remove(folder / "data/" + file);
    CHECK(error_of(folder / "data").what.find("without its") != std::string::npos);
  }
  put_small(folder / "data");
  fs::remove(folder / "data/features/aapl/close.day.bin");
  fs::create_directory(folder / "data/features/aapl/close.day.bin");
  CHECK_FALSE(read_table(folder / "data").ok());
}

TEST_CASE("qlib folder: a folder beyond the limit is refused before its values are read") {
  const ScratchFolder folder;
  put_small(folder / "data");
  fs::resize_file(folder / "data/features/aapl/close.day.bin", uintmax_t{1} << 33);  // sparse
  CHECK(read_qlib_folder(folder / "data", {{}, {}, nullptr, 1'000'000}).error().kind == Kind::budget);
  CHECK(error_of(folder / "data").kind != Kind::usage);
}

TEST_CASE("qlib folder: as bars, a symbol that cannot be read is a failure and the others go on") {
  const ScratchFolder folder;
  put_small(folder / "data");
  put(folder / "data/features/aapl/volume.day.bin", "abc");
  exec::Pool pool(2);
  const std::vector<std::string> paths = {folder / "data"};
  const auto bars = read_bars(paths, pool);
  REQUIRE(bars.ok());
  CHECK(bars.value().bars.panel.symbols == std::vector<std::string>{"BRK.B"});
  REQUIRE(bars.value().bars.failures.size() == 1);
  CHECK(bars.value().bars.failures[0].symbol == "AAPL");
  CHECK(bars.value().bars.failures[0].kind == "unreadable");
  const auto hash = hash_qlib_folder(folder / "data");
  put_values(folder / "data/features/brk.b/close.day.bin", {1, 5, 7});
  CHECK(hash_qlib_folder(folder / "data").value() != hash.value());
  put(folder / "data/features/brk.b/close.day.bin", "abc");
  CHECK_FALSE(read_bars(paths, pool).ok());
}
