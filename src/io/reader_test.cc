#include "io/reader.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "base/random.h"
#include "io/cell_text.h"
#include "io/npy_header.h"
#include "io/scratch_folder.h"
#include "io/writer.h"

using namespace hayate;
using namespace hayate::io;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Column with_nulls(Column column, int every) {
  std::vector<uint8_t> bits(size_t(column.length + 7) / 8, 0xFF);
  for (int64_t row = 0; row < column.length; row += every) bits[size_t(row >> 3)] = uint8_t(bits[size_t(row >> 3)] & ~(1 << (row & 7)));
  column.validity = make_buffer(std::move(bits));
  return column;
}

/// A table with every dtype, values at the limits, missing ones, and text that needs quotes.
Table every_dtype(int rows) {
  const uint64_t key = random_key(11, Stage::search);
  std::vector<std::string> words, names = {"low", "mid, \"high\"", "unused"};
  std::vector<double> reals;
  std::vector<float> floats, wide_floats;
  std::vector<int32_t> codes, days;
  std::vector<int64_t> wholes, times;
  std::vector<uint8_t> bits(size_t(rows + 7) / 8, 0);
  for (int i = 0; i < rows; ++i) {
    const uint64_t random = random_bits(key, uint64_t(i));
    words.push_back(i % 5 == 0 ? fmt::format("é,\"{}\"\nline", i) : fmt::format(" word {} ", i));
    reals.push_back(i % 7 == 0 ? kNaN : i % 11 == 0 ? double(i) : random_unit(key, uint64_t(i)) * 1e9);
    floats.push_back(i % 9 == 0 ? float(kNaN) : float(random_unit(key, uint64_t(i))) / 3);
    wide_floats.push_back(i % 9 == 0 ? float(kNaN) : i % 10 == 0 ? -1.2345678e15f : i % 4 == 0 ? -1.2345679e-38f : float(i));
    codes.push_back(int32_t(random % 2));
    days.push_back(int32_t(random % 40'000) - 10'000);
    wholes.push_back(i % 3 ? int64_t(random >> 1) : -int64_t(random >> 1));
    times.push_back(int64_t(random % 4'000'000'000'000'000));
    bits[size_t(i >> 3)] = uint8_t(bits[size_t(i >> 3)] | (random & 1) << (i & 7));
  }
  Column flag;
  flag.dtype = Dtype::boolean, flag.length = rows, flag.values = make_buffer(std::move(bits));
  Table table;
  table.add("text", with_nulls(make_text_column(words), 13));
  table.add("real", make_column(reals));
  table.add("float", make_column(floats));
  table.add("float of many digits", make_column(wide_floats));
  table.add("whole", with_nulls(make_column(wholes), 17));
  table.add("day", with_nulls(make_date_column(days), 19));
  table.add("time", make_timestamp_column(times, "UTC"));
  table.add("flag", with_nulls(flag, 23));
  table.add("few, words", with_nulls(make_category_column(codes, names), 29));
  return table;
}

/// Cells as text, NaN and null alike; what differs between two tables, or "".
std::string difference(const Table& a, const Table& b, bool same_dtypes) {
  if (a.names != b.names) return "names";
  for (size_t c = 0; c < a.num_columns(); ++c) {
    const Column &x = a.columns[c], &y = b.columns[c];
    if (x.length != y.length) return fmt::format("{}: {} rows, {} rows", a.names[c], x.length, y.length);
    if (same_dtypes && x.dtype != y.dtype) return fmt::format("{}: {}, {}", a.names[c], dtype_name(x.dtype), dtype_name(y.dtype));
    for (int64_t row = 0; row < x.length; ++row) {
      const bool text = x.dtype == Dtype::text || x.dtype == Dtype::category;
      const bool same = text ? x.text(row) == y.text(row) && x.is_null(row) == y.is_null(row)
                             : (std::isnan(x.number(row)) && std::isnan(y.number(row))) ||
                                   (x.dtype == Dtype::int64 && y.dtype == x.dtype ? x.as<int64_t>()[size_t(row)] == y.as<int64_t>()[size_t(row)]
                                    : x.dtype == Dtype::float32                   ? x.number(row) == double(float(y.number(row)))
                                                                                  : x.number(row) == y.number(row));
      if (!same) return fmt::format("{} row {}", a.names[c], row);
    }
  }
  return "";
}

std::string bytes_of(const std::string& path) {
  const auto bytes = read_file(path);
  REQUIRE(bytes.ok());
  return {reinterpret_cast<const char*>(bytes.value().data), bytes.value().size};
}

/// Not write_file: thousands of small files need no fsync.
void put(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

Table read_back(const std::string& path, const ReadOptions& options = {}) {
  auto result = read_table(path, options);
  if (!result.ok()) FAIL(path, ": ", result.error().what);
  return std::move(result).value();
}

}  // namespace

TEST_CASE("tables: every format gives the table back") {
  const ScratchFolder folder;
  exec::Pool pool(2);
  for (const int rows : {1, 5000, 70'000}) {
    const Table table = every_dtype(rows);
    for (const char* name : {"t.parquet", "t.zstd.parquet", "t.arrow", "t.feather", "t.csv", "t.csv.gz", "t.csv.zst", "t.json", "t.jsonl"}) {
      CAPTURE(name);
      const std::string path = folder / name;
      const auto written = write_table(path, table);
      REQUIRE(written.ok());
      const std::string by_workers = folder / (std::string("w_") + name);
      REQUIRE(write_table(by_workers, table, {}, &pool).ok());
      CHECK(hash_file(by_workers).value() == hash_file(path).value());
      const bool typed = kind_of(path).value().format == Format::parquet || kind_of(path).value().format == Format::arrow;
      if (!typed && rows == 1) continue;  // one row, mostly missing: the types are unknown
      CHECK(difference(table, read_back(path), typed) == "");
      CHECK(difference(table, read_back(path, {.columns = {}, .kind = {}, .pool = &pool, .memory_limit_bytes = 0}), typed) == "");
      const Table two = read_back(path, {.columns = {"real", "text"}, .kind = {}, .pool = nullptr, .memory_limit_bytes = 0});
      CHECK(two.names == std::vector<std::string>{"real", "text"});
      const auto unknown = read_table(path, {.columns = {"rael"}, .kind = {}, .pool = nullptr, .memory_limit_bytes = 0});
      REQUIRE_FALSE(unknown.ok());
      CHECK(unknown.error().hint == "did you mean 'real'?");
    }
  }
}

TEST_CASE("tables: numbers of CSV are written together as they are one by one") {
  const ScratchFolder folder;
  const uint64_t key = random_key(5, Stage::search);
  for (const int rows : {1, 7, 255, 256, 257, 3000}) {
    std::vector<double> few, many, mixed, all_sizes;
    for (int i = 0; i < rows; ++i) {
      const double unit = random_unit(key, uint64_t(i)), short_one = std::round(unit * 1e4) / 100, sign = i % 2 ? 1 : -1;
      few.push_back(sign * short_one), many.push_back(sign * unit);
      mixed.push_back(i % 5 == 0 ? kNaN : i % 3 ? short_one : unit * 100);
      all_sizes.push_back(i % 50 == 1 ? INFINITY : i % 7 == 0 ? std::ldexp(sign, i % 60 - 20) : sign * unit * std::pow(10, i % 40 - 20));
    }
    Table table;
    for (const auto* values : {&few, &many, &mixed, &all_sizes}) {
      const std::vector<float> floats(values->begin(), values->end());
      for (const Column& column : {make_column(*values), make_column(floats)}) {
        table.add(fmt::format("x{}", table.num_columns()), column);
        table.add(fmt::format("x{}", table.num_columns()), with_nulls(column, 4));
      }
    }
    std::string expected;
    for (size_t c = 0; c < table.num_columns(); ++c) expected += table.names[c] + (c + 1 < table.num_columns() ? "," : "\n");
    for (int row = 0; row < rows; ++row)
      for (size_t c = 0; c < table.num_columns(); ++c) {
        if (!is_missing_cell(table.columns[c], row)) append_cell_text(table.columns[c], row, &expected);
        expected += c + 1 < table.num_columns() ? "," : "\n";
      }
    REQUIRE(write_table(folder / "t.csv", table).ok());
    CHECK(bytes_of(folder / "t.csv") == expected);
  }
}

TEST_CASE("tables: no rows") {
  const ScratchFolder folder;
  const Table table = slice(every_dtype(3), 0, 0);
  for (const char* name : {"t.parquet", "t.zstd.parquet", "t.arrow", "t.csv"}) {
    REQUIRE(write_table(folder / name, table).ok());
    const Table back = read_back(folder / name);
    CHECK(back.names == table.names);
    CHECK(back.num_rows() == 0);
  }
}

TEST_CASE("tables: the bytes do not depend on how rows were cut into append calls") {
  const ScratchFolder folder;
  const Table table = every_dtype(140'000);
  for (const char* name : {"t.parquet", "t.zstd.parquet", "t.arrow", "t.csv", "t.csv.gz", "t.csv.zst", "t.jsonl", "none"}) {
    CAPTURE(name);
    const bool none = std::string_view(name) == "none";
    const std::string path = none ? "none" : folder / name;
    std::string first;
    for (const int64_t step : {140'000, 65'536, 7'777, 65'537}) {
      auto writer = TableWriter::open(path);
      REQUIRE(writer.ok());
      for (int64_t begin = 0; begin < table.num_rows(); begin += step) {
        Table part = slice(table, begin, std::min(step, table.num_rows() - begin));
        // A dictionary of the part's own, in the order in which its names appear: as a batch of symbols has it.
        Column& few = part.columns.back();
        if (step == 7'777) few.dictionary = std::make_shared<const Column>(*few.dictionary);
        REQUIRE(writer.value().append(part).ok());
      }
      REQUIRE(writer.value().finish().ok());
      const std::string bytes = none ? writer.value().checksum().hex() : bytes_of(path);
      if (first.empty()) first = bytes;
      CHECK(bytes == first);
    }
  }
}

TEST_CASE("tables: dictionaries that grow from call to call give the bytes of one call") {
  const ScratchFolder folder;
  constexpr int kSymbols = 300, kRows = 700;
  std::vector<std::string> all;
  std::vector<int32_t> codes;
  for (int s = 0; s < kSymbols; ++s) {
    all.push_back(fmt::format("S{:03}", s));
    codes.insert(codes.end(), kRows, s);
  }
  for (const char* name : {"t.parquet", "t.zstd.parquet", "t.arrow"}) {
    std::string first;
    for (const int batch : {kSymbols, 1, 50, 7}) {
      auto writer = TableWriter::open(folder / name);
      REQUIRE(writer.ok());
      for (int begin = 0; begin < kSymbols; begin += batch) {
        const int count = std::min(batch, kSymbols - begin);
        std::vector<int32_t> own(codes.begin(), codes.begin() + count * kRows);
        Table part;
        part.add("symbol", make_category_column(std::move(own), std::span(all).subspan(size_t(begin), size_t(count))));
        REQUIRE(writer.value().append(part).ok());
      }
      REQUIRE(writer.value().finish().ok());
      if (first.empty()) first = bytes_of(folder / name);
      CHECK(bytes_of(folder / name) == first);
    }
    const Table back = read_back(folder / name);
    CHECK(back.columns[0].dtype == Dtype::category);
    CHECK(back.columns[0].text(kRows * 123) == "S123");
    CHECK(back.columns[0].dictionary->length == kSymbols);
  }
}

TEST_CASE("tables: the bytes are the same whoever writes a column or a block of rows down") {
  const ScratchFolder folder;
  constexpr int kRows = 150'000, kNames = 9'000;
  std::vector<std::string> names(kNames);
  for (int i = 0; i < kNames; ++i) names[size_t(i)] = fmt::format("name {}", i);
  std::vector<int32_t> codes(kRows);  // a row group uses less than half of the names
  for (int row = 0; row < kRows; ++row) codes[size_t(row)] = row / 50 * 3 % kNames;
  Table table = every_dtype(kRows);
  table.add("many", with_nulls(make_category_column(codes, names), 7));
  exec::Pool one(1), three(3);
  for (const char* name : {"t.parquet", "t.zstd.parquet", "t.arrow", "t.csv", "t.json", "t.jsonl"}) {
    REQUIRE(write_table(folder / name, table).ok());
    const std::string alone = bytes_of(folder / name);
    for (exec::Pool* pool : {&one, &three}) {
      REQUIRE(write_table(folder / name, table, {}, pool).ok());
      CHECK(bytes_of(folder / name) == alone);
    }
  }
  const Table back = read_back(folder / "t.parquet");
  const Column& many = *back.find("many");
  REQUIRE(many.dtype == Dtype::category);
  CHECK(many.dictionary->length < kNames);
  for (int row = 0; row < kRows; row += 11) CHECK(many.text(row) == (row % 7 == 0 ? "" : names[size_t(codes[size_t(row)])]));
  CHECK(write_table("/dev/full", table, kind_named("parquet", "--format").value(), &three).error().what.find("No space left") != std::string::npos);
}

TEST_CASE("tables: an unfinished writer leaves nothing; a full disk is an error") {
  const ScratchFolder folder;
  {
    auto writer = TableWriter::open(folder / "t.parquet");
    REQUIRE(writer.ok());
    REQUIRE(writer.value().append(every_dtype(70'000)).ok());
  }
  CHECK(expand_input(folder.path).error().what == "no readable file in the folder");
  for (const char* name : {"csv", "parquet", "arrow", "csv.gz", "json"}) {
    const auto result = write_table("/dev/full", every_dtype(100'000), kind_named(name, "--format").value());
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().what.find("No space left") != std::string::npos);
  }
  CHECK(write_table(folder / "t.xlsx", every_dtype(3)).error().kind == Kind::usage);
}

TEST_CASE("tables: numbers in .npy") {
  const ScratchFolder folder;
  Table table;
  table.add("0", make_column(std::vector<double>{1.5, kNaN, -3}));
  table.add("1", make_column(std::vector<int32_t>{1, 2, 3}));
  REQUIRE(write_table(folder / "t.npy", table).ok());
  CHECK(difference(table, read_back(folder / "t.npy"), false) == "");
  CHECK(bytes_of(folder / "t.npy").find("'shape': (3, 2), }") != std::string::npos);
  const std::string whole = bytes_of(folder / "t.npy");
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    put(folder / "cut.npy", whole.substr(0, cut));
    CHECK_FALSE(read_table(folder / "cut.npy").ok());
  }
  const auto as_type = [&](const char* type, const std::string& values) {
    std::string bytes = whole.substr(0, whole.size() - 6 * sizeof(double)) + values;
    bytes.replace(bytes.find("'<f8'"), 5, type);
    REQUIRE(write_file(folder / "other.npy", bytes).ok());
    return read_back(folder / "other.npy");
  };
  using namespace std::string_literals;
  const Table halves = as_type("'<f2'", "\x00\x3C\x00\xC0\x01\x00\xFF\x7B\x00\x80\x00\x7C"s);  // 1 -2; the least, the greatest; -0 and infinity
  CHECK(halves.columns[0].dtype == Dtype::float32);
  CHECK(halves.columns[0].number(0) == 1);
  CHECK(halves.columns[1].number(0) == -2);
  CHECK(halves.columns[0].number(1) == 0x1p-24);
  CHECK(halves.columns[1].number(1) == 65504);
  CHECK(std::signbit(halves.columns[0].number(2)));
  CHECK(std::isinf(halves.columns[1].number(2)));
  const Table big = as_type("'>i2'", "\x00\x01\xFF\xFE\x7F\xFF\x80\x00\x00\x00\x01\x00"s);
  CHECK(big.columns[0].dtype == Dtype::int16);
  CHECK(big.columns[0].number(0) == 1);
  CHECK(big.columns[1].number(0) == -2);
  CHECK(big.columns[0].number(1) == 32767);
  CHECK(big.columns[1].number(1) == -32768);
  CHECK(big.columns[1].number(2) == 256);
  for (const char* shape : {"(3, 99999999999999)", "(99999999999999999999,)", "(3, 2, 1)", "(-1,)", "(3, 0)"}) {
    std::string lying = whole;
    lying.replace(lying.find("(3, 2), }"), 9, std::string(shape) + ", }");
    REQUIRE(write_file(folder / "lying.npy", lying).ok());
    CHECK_FALSE(read_table(folder / "lying.npy").ok());
  }
  CHECK_FALSE(write_table(folder / "text.npy", every_dtype(3)).ok());
}

TEST_CASE("tables: several files are one; a column that is text in one CSV is text as written in all") {
  const ScratchFolder folder;
  REQUIRE(write_file(folder / "a.csv", "x,y,z\n1.50,1,\n2,2,\n").ok());
  REQUIRE(write_file(folder / "b.csv", "y,x,z\n3.5,many,2024-01-05\n").ok());
  const auto paths = expand_input(folder.path).value();
  exec::Pool pool(2);
  for (exec::Pool* workers : {static_cast<exec::Pool*>(nullptr), &pool}) {
    const auto both = read_tables(paths, {.columns = {}, .kind = {}, .pool = workers, .memory_limit_bytes = 0});
    REQUIRE(both.ok());
    const Table& table = both.value();
    CHECK(table.names == std::vector<std::string>{"x", "y", "z"});
    CHECK(table.columns[0].text(0) == "1.50");
    CHECK(table.columns[0].text(2) == "many");
    CHECK(table.columns[1].dtype == Dtype::float64);
    CHECK(table.columns[2].dtype == Dtype::date);
    CHECK(table.columns[2].is_null(1));
  }
  REQUIRE(write_file(folder / "c.csv", "x,y\n1,2\n").ok());
  CHECK(read_tables(std::vector<std::string>{folder / "a.csv", folder / "c.csv"}).error().what ==
        fmt::format("no column 'z', which {} has", folder / "a.csv"));
}

TEST_CASE("tables: a missing, foreign, torn or damaged file is an error or a table, never a crash") {
  const ScratchFolder folder;
  CHECK(read_table(folder / "no.parquet").error().what == "no such file");
  CHECK(read_table(folder / "no.xlsx").error().what == "no such file");
  CHECK(read_table("-").error().kind == Kind::usage);
  REQUIRE(write_file(folder / "junk.parquet", "PAR1" + std::string(100, '\0')).ok());
  CHECK_FALSE(read_table(folder / "junk.parquet").ok());
  const Table table = every_dtype(300);
  const uint64_t key = random_key(13, Stage::search);
  for (const char* name : {"t.parquet", "t.zstd.parquet", "t.arrow", "t.csv.gz", "t.csv.zst", "t.json", "t.jsonl"}) {
    CAPTURE(name);
    REQUIRE(write_table(folder / name, table).ok());
    const std::string whole = bytes_of(folder / name), torn = folder / (std::string("torn_") + name);
    for (size_t cut = 0; cut < whole.size(); cut += 1 + whole.size() / 150) {
      put(torn, whole.substr(0, cut));
      const auto result = read_table(torn);
      if (result.ok()) CHECK(result.value().num_rows() < 300);
      if (!result.ok()) CHECK(result.error().where.starts_with(torn));
    }
    for (uint64_t trial = 0; trial < 300; ++trial) {
      std::string flipped = whole;
      for (uint32_t flips = 0; flips <= random_below(key, 100 * trial, 4); ++flips)
        flipped[random_below(key, 100 * trial + 1 + flips, uint32_t(flipped.size()))] ^= char(1 << random_below(key, 100 * trial + 50 + flips, 8));
      put(torn, flipped);
      const auto result = read_table(torn);
      if (!result.ok()) CHECK_FALSE(result.error().what.empty());
    }
  }
}

TEST_CASE("tables: what a file claims is checked against the limit") {
  const ScratchFolder folder;
  REQUIRE(write_table(folder / "t.parquet", every_dtype(100'000)).ok());
  const auto small = read_table(folder / "t.parquet", {.columns = {}, .kind = {}, .pool = nullptr, .memory_limit_bytes = 1'000'000});
  REQUIRE_FALSE(small.ok());
  CHECK(small.error().kind == Kind::budget);
  CHECK(small.error().hint.find("--memory-limit") != std::string::npos);
  Table zeros;  // 8 MB that pack into a few kB
  zeros.add("zero", make_column(std::vector<int64_t>(1'000'000, 0)));
  REQUIRE(write_table(folder / "bomb.csv.gz", zeros).ok());
  const auto bomb = read_table(folder / "bomb.csv.gz", {.columns = {}, .kind = {}, .pool = nullptr, .memory_limit_bytes = 100'000});
  REQUIRE_FALSE(bomb.ok());
  CHECK(bomb.error().kind == Kind::budget);
}
