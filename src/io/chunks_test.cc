#include "io/chunks.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "base/random.h"
#include "io/cell_text.h"
#include "io/chunk_formats.h"
#include "io/npy_header.h"
#include "io/scratch_folder.h"
#include "io/writer.h"

namespace hayate::io {
namespace {

std::string text_of(const Table& table) {
  std::string out;
  for (size_t c = 0; c < table.num_columns(); ++c) out += table.names[c] + ":" + dtype_name(table.columns[c].dtype) + table.columns[c].zone + " ";
  for (int64_t row = 0; row < table.num_rows(); ++row) {
    out += "\n";
    for (const Column& column : table.columns) {
      if (is_missing_cell(column, row)) {
        out += "-";
      } else if (column.dtype == Dtype::text || column.dtype == Dtype::category) {
        out += column.text(row);
      } else {
        append_cell_text(column, row, &out);
      }
      out += "|";
    }
  }
  return out;
}

/// All chunks below one another.
std::string joined(ChunkReader& chunks) {
  std::string out = text_of(chunks.schema());
  while (true) {
    auto chunk = chunks.next();
    if (!chunk.ok()) return chunk.error().what + " at " + chunk.error().where;
    if (!chunk.value()) return out;
    CHECK(chunk.value()->num_rows() > 0);
    const std::string rows = text_of(*chunk.value());
    out += rows.substr(rows.find('\n'));
  }
}

/// The file by windows of `chunk_bytes`, twice: a reader begins anew.
std::string by_windows(const std::string& path, size_t chunk_bytes, exec::Pool* pool, std::vector<std::string> columns = {}) {
  auto file = InputFile::open(path);
  REQUIRE(file.ok());
  CsvOptions options;
  options.columns = std::move(columns), options.pool = pool;
  auto chunks = csv_chunks(std::move(file).value(), path, options, chunk_bytes);
  if (!chunks.ok()) return chunks.error().what + " at " + chunks.error().where;
  const std::string once = joined(*chunks.value());
  CHECK(joined(*chunks.value()) == once);
  return once;
}

std::string at_once(const std::string& path, std::vector<std::string> columns = {}) {
  ReadOptions options;
  options.columns = std::move(columns);
  const auto table = read_table(path, options);
  return table.ok() ? text_of(table.value()) : table.error().what + " at " + table.error().where;
}

std::string random_csv(uint64_t seed, size_t rows) {
  const uint64_t key = random_key(seed, Stage::synth);
  uint64_t index = 0;
  const auto below = [&](uint64_t n) { return random_bits(key, index++) % n; };
  std::string out = "a,\"b \"\"q\"\"\",date,e,symbol\n";
  for (size_t row = 0; row < rows; ++row) {
    if (below(500) == 0) out += "\n";
    out += below(20) == 0 ? "NA" : std::to_string(below(1000));
    out += below(4) == 0 ? ",\"x, \"\"y\"\"\nz\"" : below(3) == 0 ? "," : ",plain" + std::to_string(below(9));
    out += below(50) == 0 ? "," : ",2024-01-" + std::to_string(10 + below(20));
    out += seed % 3 == 0 && row + 3 > rows ? ",late text" : seed % 3 == 1 && row + 3 > rows ? ",1.5" : "," + std::to_string(below(99));
    out += ",S" + std::to_string(below(5)) + "\n";
  }
  return out;
}

TEST_CASE("a CSV file in windows is the table at once") {
  const ScratchFolder folder;
  exec::Pool pool(3);
  for (uint64_t seed = 0; seed < 6; ++seed) {
    const std::string path = folder / "a.csv";
    REQUIRE(write_file(path, random_csv(seed, seed == 5 ? 3 : 60'000)).ok());
    const std::string expected = at_once(path);
    CAPTURE(seed);
    CHECK(by_windows(path, 1, nullptr) == expected);
    CHECK(by_windows(path, 700'000, &pool) == expected);
    CHECK(by_windows(path, 1, &pool, {"e", "a"}) == at_once(path, {"e", "a"}));
  }
}

TEST_CASE("what is wrong with a CSV file is told with its line") {
  const ScratchFolder folder;
  std::string good = "a,b\n";
  for (int i = 0; i < 200'000; ++i) good += std::to_string(i) + ",x\n";
  const std::string endings[] = {"1,2,3\n",  "1\n",          "1,\"open\n",         "1,\"x\"y\n",    std::string("1,a\0b\n", 6),
                                 "1,\xFF\n", "1,5\" pipe\n", "1,\"two\nlines\"\n", "7,\"late\" \n", ""};
  for (const std::string& ending : endings) {
    const std::string path = folder / "a.csv";
    REQUIRE(write_file(path, good + ending + "8,end\n").ok());
    CAPTURE(ending);
    CHECK(by_windows(path, 1 << 20, nullptr) == at_once(path));
  }
  for (const std::string& small : {std::string(), std::string("\n\n"), std::string("a,b\n"), std::string("a,b"), std::string("\"a")}) {
    const std::string path = folder / "small.csv";
    REQUIRE(write_file(path, small).ok());
    CAPTURE(small);
    CHECK(by_windows(path, 1 << 20, nullptr) == at_once(path));
  }
}

TEST_CASE("other formats chunk by chunk") {
  const ScratchFolder folder;
  REQUIRE(write_file(folder / "a.csv", random_csv(1, 150'000)).ok());
  const auto table = read_table(folder / "a.csv");
  REQUIRE(table.ok());
  exec::Pool pool(2);
  for (const char* name : {"b.parquet", "b.arrow", "b.csv.gz", "b.csv.zst", "b.jsonl"}) {
    REQUIRE(write_table(folder / name, table.value()).ok());
    ChunkOptions options;
    options.read.pool = &pool;
    options.read.memory_limit_bytes = 24 << 20;  // too little to read it at once
    const std::string path = folder / name;
    auto chunks = open_chunks({&path, 1}, options);
    REQUIRE(chunks.ok());
    CAPTURE(name);
    CHECK(chunks.value()->held_bytes() == 0);
    CHECK(joined(*chunks.value()) == at_once(path));
    options.chunk_rows = 1000;
    auto cut = open_chunks({&path, 1}, options);
    REQUIRE(cut.ok());
    CHECK(joined(*cut.value()) == at_once(path));
    options.read.memory_limit_bytes = 0;
    auto whole = open_chunks({&path, 1}, options);
    REQUIRE(whole.ok());
    CHECK(whole.value()->held_bytes() > 0);
    CHECK(joined(*whole.value()) == at_once(path));
  }
}

TEST_CASE("JSON lines: types of the whole file in every chunk, lines in errors") {
  const ScratchFolder folder;
  const std::string path = folder / "a.jsonl";
  std::string text;
  for (int i = 0; i < 60'000; ++i)
    text += i == 59'000  ? std::string("{\"k\": 1.5, \"t\": \"2024-01-05T10:00:00Z\", \"late\": \"}\\n{\"}\n")
            : i % 5 == 0 ? std::string("{\n  \"t\": null,\n  \"k\": 7\n}\n\n")
                         : std::string("{\"k\": 1, \"t\": \"2024-01-05T09:30:00Z\"}\n");
  REQUIRE(write_file(path, text).ok());
  ChunkOptions options;
  options.read.memory_limit_bytes = 4 << 20;
  auto chunks = open_chunks({&path, 1}, options);
  REQUIRE(chunks.ok());
  CHECK(chunks.value()->held_bytes() == 0);
  const std::string expected = text_of(read_table(path).value());
  CHECK(joined(*chunks.value()) == expected);
  CHECK(joined(*chunks.value()) == expected);

  const size_t half = text.find("}\n{", text.size() / 2) + 2;
  REQUIRE(write_file(path, text.substr(0, half) + "{\"k\": tru}\n" + text.substr(half)).ok());
  const auto torn = open_chunks({&path, 1}, options);
  REQUIRE(!torn.ok());
  CHECK(torn.error().where == read_table(path).error().where);
  REQUIRE(write_file(path, "{\"k\": \"" + std::string(6 << 20, 'x')).ok());
  CHECK(!open_chunks({&path, 1}, options).ok());
}

TEST_CASE("JSON records in pieces of any size are the table at once") {
  const ScratchFolder folder;
  const std::string records[] = {R"({"a": 12.5, "t": "}, {\"\u00e9 \ud83d\ude00"})", R"({"t": "日本😀", "a":-1e-3})", R"({})",
                                 R"({"a":true,"new":18446744073709551615})", R"({"t":null,"new":-7, "a":null})"};
  std::string lines, array = "\xEF\xBB\xBF [";
  for (int i = 0; i < 25; ++i) {
    lines += records[i % 5] + (i % 3 ? "\n" : "\r\n\n");
    array += (i ? " ,\n" : "") + records[i % 5];
  }
  array += "\n ] \n";
  const auto in_pieces = [&](const std::string& path, bool is_lines, size_t bytes) {
    auto chunks = json_chunks(InputFile::open(path).value(), path, {}, is_lines, 1 << 20, bytes);
    if (!chunks.ok()) return chunks.error().what;
    const std::string once = joined(*chunks.value());
    CHECK(joined(*chunks.value()) == once);
    return once;
  };
  for (const bool is_lines : {false, true}) {
    const std::string path = folder / (is_lines ? "a.jsonl" : "a.json"), &text = is_lines ? lines : array;
    REQUIRE(write_file(path, text).ok());
    const std::string expected = text_of(read_table(path).value());
    for (size_t bytes = 1; bytes < 80; ++bytes) REQUIRE(in_pieces(path, is_lines, bytes) == expected);
    for (const std::string& bad :
         {text + "x", text + "]", text.substr(0, text.size() / 2), text.substr(0, text.rfind('}')), text + std::string(1, '\0'),
          text.substr(0, text.rfind('{')) + "]" + text.substr(text.rfind('{')), text + "\xC3", text.substr(0, 600) + "\xFF" + text.substr(600)}) {
      REQUIRE(write_file(path, bad).ok());
      const auto whole = read_table(path);
      CAPTURE(bad);
      REQUIRE(!whole.ok());
      for (const size_t bytes : {1, 7, 30, 500, 100'000}) CHECK(in_pieces(path, is_lines, bytes) == whole.error().what);
    }
  }
}

TEST_CASE("JSON in pandas' column form is refused where it does not fit") {
  const ScratchFolder folder;
  const std::string path = folder / "a.json";
  std::string text = "{\"a\":{";
  for (int i = 0; i < 200'000; ++i) text += (i ? ",\"" : "\"") + std::to_string(i) + "\":" + std::to_string(i % 7);
  REQUIRE(write_file(path, text + "}}").ok());
  ChunkOptions options;
  for (const int64_t limit : {int64_t{3} << 20, int64_t{5} << 20}) {
    options.read.memory_limit_bytes = limit;
    const auto chunks = open_chunks({&path, 1}, options);
    REQUIRE(!chunks.ok());
    CHECK(chunks.error().kind == Kind::budget);
    CHECK(chunks.error().hint.find("--memory-limit ") == 0);
  }
  options.read.memory_limit_bytes = 16 << 20;
  const auto chunks = open_chunks({&path, 1}, options);
  REQUIRE(chunks.ok());
  CHECK(joined(*chunks.value()) == text_of(read_table(path).value()));
}

TEST_CASE("JSON with more columns than fit is refused, at once and in pieces, in all its forms") {
  const ScratchFolder folder;
  std::string record = "{", lists = "{", rows = "{", lines;
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = (i ? ",\"c" : "\"c") + std::to_string(i) + "\":";
    record += name + "1", lists += name + "[1,2]", rows += name + "{\"0\":1}", lines += "{\"c" + std::to_string(i) + "\":1}\n";
  }
  for (const auto& [name, text] :
       {std::pair{"a.json", "[" + record + "}]"}, {"a.jsonl", record + "}\n"}, {"b.json", lists + "}"}, {"c.json", rows + "}"}, {"d.jsonl", lines}}) {
    const std::string path = folder / name;
    CAPTURE(path);
    REQUIRE(write_file(path, text).ok());
    ChunkOptions options;
    options.read.memory_limit_bytes = 16 << 20;
    const auto chunks = open_chunks({&path, 1}, options);
    REQUIRE(!chunks.ok());
    CHECK(chunks.error().kind == Kind::budget);
    CHECK(chunks.error().what.find(" columns take more than the memory limit of ") != std::string::npos);
    CHECK(chunks.error().hint.find("--memory-limit ") == 0);
    const auto table = read_table(path, options.read);
    REQUIRE(!table.ok());
    CHECK(table.error().kind == Kind::budget);
    if (path.ends_with("d.jsonl")) continue;
    CHECK(table.error().what == "20000 columns take more than the memory limit of 16.8 MB");
    options.read.memory_limit_bytes = 64 << 20;
    CHECK(open_chunks({&path, 1}, options).ok());
  }
}

TEST_CASE("JSON records that all have other names come in as many pieces as fit") {
  constexpr int kRows = 3000;
  const ScratchFolder folder;
  const std::string path = folder / "a.jsonl";
  std::string text;
  for (int i = 0; i < kRows; ++i) text += fmt::format("{{\"c{}\":{}}}\n", i, i);
  REQUIRE(write_file(path, text).ok());
  ChunkOptions options;
  options.read.memory_limit_bytes = 24 << 20;
  const auto chunks = open_chunks({&path, 1}, options);
  REQUIRE(chunks.ok());
  int64_t rows = 0, pieces = 0;
  for (auto chunk = chunks.value()->next(); chunk.ok() && chunk.value(); chunk = chunks.value()->next(), ++pieces) {
    const Table& table = *chunk.value();
    REQUIRE(table.num_columns() == kRows);
    for (int64_t row = 0; row < table.num_rows(); ++row, ++rows) {
      CHECK(table.columns[size_t(rows)].number(row) == double(rows));
      CHECK(table.columns[size_t((rows + 1) % kRows)].is_null(row));
    }
  }
  CHECK(rows == kRows);
  CHECK(pieces > 1);
}

TEST_CASE(".npy: rows and columns of both orders, some rows at a time") {
  const ScratchFolder folder;
  constexpr size_t kRows = 100'000, kColumns = 12;
  for (const bool fortran_order : {false, true}) {
    NpyHeader header;
    header.dtype = Dtype::float64, header.fortran_order = fortran_order, header.shape = {kRows, kColumns};
    std::string bytes = make_npy_header(header);
    for (size_t i = 0; i < kRows * kColumns; ++i) {
      const double value = double(i) / 4;
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    const std::string path = folder / "a.npy";
    REQUIRE(write_file(path, bytes).ok());
    ChunkOptions options;
    options.read.memory_limit_bytes = 12 << 20;
    for (const std::vector<std::string>& columns : {std::vector<std::string>(), std::vector<std::string>{"11", "3"}}) {
      options.read.columns = columns;
      auto chunks = open_chunks({&path, 1}, options);
      REQUIRE(chunks.ok());
      CHECK(chunks.value()->held_bytes() == 0);
      ReadOptions whole;
      whole.columns = columns;
      CHECK(joined(*chunks.value()) == text_of(read_table(path, whole).value()));
    }
    REQUIRE(write_file(path, bytes.substr(0, bytes.size() - 1)).ok());
    CHECK(!open_chunks({&path, 1}, options).ok());
  }
}

TEST_CASE("several files get one type, as when they are read at once") {
  const ScratchFolder folder;
  std::string one = "k,v,w\n", two = "v,k,w\n";
  for (int i = 0; i < 60'000; ++i) one += "1,2,\n", two += i == 59'999 ? "x,1.5,7\n" : "3,4,7\n";
  REQUIRE(write_file(folder / "1.csv", one).ok());
  REQUIRE(write_file(folder / "2.csv", two).ok());
  const std::string paths[] = {folder / "1.csv", folder / "2.csv"};
  ChunkOptions options;
  options.read.memory_limit_bytes = 3 << 20;
  auto chunks = open_chunks(paths, options);
  REQUIRE(chunks.ok());
  CHECK(chunks.value()->held_bytes() == 0);
  CHECK(joined(*chunks.value()) == text_of(read_tables(paths).value()));
}

TEST_CASE("packed data that is cut off is an error before anything is read") {
  const ScratchFolder folder;
  REQUIRE(write_file(folder / "a.csv", random_csv(1, 20'000)).ok());
  const auto table = read_table(folder / "a.csv");
  for (const char* name : {"b.csv.gz", "b.csv.zst"}) {
    REQUIRE(write_table(folder / name, table.value()).ok());
    const auto bytes = read_file(folder / name);
    for (const size_t size : {size_t{0}, size_t{5}, bytes.value().size / 2, bytes.value().size - 1}) {
      REQUIRE(write_file(folder / name, {reinterpret_cast<const char*>(bytes.value().data), size}).ok());
      CHECK(!open_unpacked(folder / name, kind_of(name).value().codec).ok());
    }
  }
}

}  // namespace
}  // namespace hayate::io
