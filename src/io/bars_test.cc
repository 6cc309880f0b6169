#include "io/bars.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "io/files.h"
#include "io/scratch_folder.h"
#include "io/writer.h"

using namespace hayate;
using namespace hayate::io;

namespace {

void put(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

std::string csv(int begin, int count, double close) {
  std::string out = "date,open,close\n";
  for (int i = begin; i < begin + count; ++i) out += fmt::format("{},{},{}\n", format_date(19'000 + i), close, close + i);
  return out;
}

BarsResult read_all(const ScratchFolder& folder, int workers = 2) {
  exec::Pool pool(workers);
  auto result = read_bars(expand_input(folder.path).value(), pool);
  if (!result.ok()) FAIL(result.error().what);
  return std::move(result).value();
}

std::string failures_of(const BarsResult& result) {
  std::string out;
  for (const Finding& f : result.bars.failures) out += fmt::format("{}:{} ", f.symbol, f.kind);
  return out;
}

}  // namespace

TEST_CASE("bars: files of one symbol, of many symbols, and symbols spread over files are one panel") {
  const ScratchFolder folder;
  put(folder / "BRK.B.csv", csv(0, 3, 100));
  put(folder / "many.csv", "symbol,date,close,volume\nAAPL,2022-01-10,1,10\nMSFT,2022-01-10,2,20\nAAPL,2022-01-11,3,30\n");
  Table table;
  table.add("symbol", make_text_column(std::vector<std::string>{"AAPL", "AAPL"}));
  table.add("date", make_date_column({19'100, 19'101}));
  table.add("close", make_column(std::vector<double>{7, 8}));
  REQUIRE(write_table(folder / "later.parquet", table).ok());
  const BarsResult result = read_all(folder);
  const Panel& panel = result.bars.panel;
  CHECK(panel.symbols == std::vector<std::string>{"AAPL", "BRK.B", "MSFT"});
  CHECK(panel.fields == std::vector<std::string>{"close", "open", "volume"});
  CHECK(panel.offsets == std::vector<int64_t>{0, 4, 7, 8});
  CHECK(panel.values[0] == std::vector<double>{1, 3, 7, 8, 100, 101, 102, 2});
  CHECK(std::isnan(panel.values[2][2]));
  CHECK(result.num_rows == 8);
  CHECK(result.files.size() == 3);
  CHECK(result.files[0].rows == 3);
  CHECK(failures_of(result) == "");
}

TEST_CASE("bars: one bad file is a failure of its symbol and changes nothing else") {
  const ScratchFolder folder;
  put(folder / "AAPL.csv", csv(0, 50, 100));
  put(folder / "MSFT.csv", csv(0, 40, 200));
  const BarsResult clean = read_all(folder);
  std::string binary;
  for (int i = 0; i < 10'000; ++i) binary += char(i);
  put(folder / "BINARY.csv", binary);
  put(folder / "EMPTY.csv", "");
  put(folder / "NOROW.csv", "date,open,close\n");
  put(folder / "RAGGED.csv", "date,close\n2022-01-10,1,2\n");
  put(folder / "NODATE.csv", "day,close\n2022-01-10,1\n");
  put(folder / "TEXT.csv", "date,close,odd\n2022-01-10,many,1\n");
  put(folder / "TWICE.csv", csv(0, 3, 1) + "2022-01-10,1,1\n2022-01-10,1,1\n");
  put(folder / "IBM.csv", csv(0, 3, 1));
  put(folder / "more.csv", "symbol,date,close\nIBM,2022-01-09,1\n../../etc/x,2022-01-09,1\n\"a\tb\",2022-01-09,1\n");
  put(folder / "torn.parquet", "PAR1 and then nothing");
  put(folder / "bad\nname.csv", csv(0, 3, 1));
  put(folder / "MINUTE.csv", "datetime,close\n2022-01-10T09:30:00Z,1\n");
  const BarsResult mixed = read_all(folder);
  CHECK(mixed.bars.panel.symbols == clean.bars.panel.symbols);
  CHECK(mixed.bars.panel.fields == clean.bars.panel.fields);
  CHECK(mixed.bars.panel.times == clean.bars.panel.times);
  CHECK(mixed.bars.panel.values == clean.bars.panel.values);
  CHECK(mixed.input_hash == clean.input_hash);
  CHECK(failures_of(mixed) ==
        "../../etc/x:name BINARY:unreadable EMPTY:unreadable IBM:duplicate MINUTE:mixed NODATE:unreadable NOROW:no rows RAGGED:unreadable TEXT:text "
        "TWICE:duplicate a\\x09b:name bad\\x0aname:name torn:unreadable ");
}

TEST_CASE("bars: the result depends neither on the order of files and rows nor on the workers") {
  const ScratchFolder folder;
  for (int i = 0; i < 20; ++i) put(folder / fmt::format("S{}.csv", i), csv(i, 30 + i, i));
  const BarsResult one = read_all(folder, 1);
  auto paths = expand_input(folder.path).value();
  std::reverse(paths.begin(), paths.end());
  exec::Pool pool(3);
  const auto again = read_bars(paths, pool);
  REQUIRE(again.ok());
  CHECK(again.value().bars.panel.values == one.bars.panel.values);
  CHECK(again.value().bars.panel.symbols == one.bars.panel.symbols);
  CHECK(again.value().input_hash == one.input_hash);
  CHECK(again.value().files[3].path == one.files[3].path);
  put(folder / "S7.csv", "date,open,close\n2022-02-01,1,2\n2022-01-01,3,4\n");
  const BarsResult changed = read_all(folder);
  CHECK(changed.bars.warnings.size() == 1);
  for (size_t s = 0; s < one.input_hash.size(); ++s) CHECK((changed.input_hash[s] == one.input_hash[s]) == (one.bars.panel.symbols[s] != "S7"));
}

TEST_CASE("bars: a single unreadable file, and a set of none but such, are errors") {
  const ScratchFolder folder;
  exec::Pool pool(2);
  put(folder / "a.csv", "");
  const std::vector<std::string> one = {folder / "a.csv"};
  CHECK(read_bars(one, pool).error().what == "the file is empty");
  put(folder / "b.csv", "");
  CHECK(read_bars(expand_input(folder.path).value(), pool).error().what == "none of 2 files can be read; the first: the file is empty");
  put(folder / "c.csv", "date,close\n");
  const BarsResult empty = read_all(folder);
  CHECK(empty.bars.panel.num_symbols() == 0);
  CHECK(empty.bars.failures.size() == 3);
}
