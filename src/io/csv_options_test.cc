// What a user says of a file: types, marks, missing words, encodings, folders called key=value.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "io/chunk_formats.h"
#include "io/chunks.h"
#include "io/encoding.h"
#include "io/partitions.h"
#include "io/reader.h"
#include "io/retype.h"
#include "io/scratch_folder.h"
#include "io/writer.h"

using namespace hayate;
using namespace hayate::io;

namespace {

/// "int64: 1 _ 3"
std::string shown(const Column& column) {
  std::string out = std::string(dtype_name(column.dtype)) + ":";
  for (int64_t row = 0; row < column.length; ++row) {
    out += ' ';
    if (column.is_null(row))
      out += '_';
    else if (column.dtype == Dtype::text || column.dtype == Dtype::category)
      out += column.text(row);
    else if (column.dtype == Dtype::date)
      out += format_date(column.as<int32_t>()[size_t(row)]);
    else if (column.dtype == Dtype::timestamp)
      out += format_timestamp(column.as<int64_t>()[size_t(row)], column.zone);
    else
      out += fmt::format("{}", column.number(row));
  }
  return out;
}

std::string shown(const Table& table) {
  std::string out;
  for (size_t c = 0; c < table.num_columns(); ++c) out += fmt::format("{}{} {}", c ? "; " : "", table.names[c], shown(table.columns[c]));
  return out;
}

CsvOptions asked(std::string_view types, std::string_view decimal = "", std::string_view thousands = "", std::string_view missing = "") {
  CsvOptions out;
  auto named = parse_types(types);
  REQUIRE(named.ok());
  auto form = parse_csv_form(decimal, thousands, missing, "");
  REQUIRE(form.ok());
  out.types = std::move(named).value(), out.form = std::move(form).value();
  return out;
}

/// One column of values separated by blanks, each in quotes; or what is wrong with it.
std::string column_of(std::string_view values, const CsvOptions& options) {
  std::string text = "a,b\n\"";
  for (const char c : values) text += c == ' ' ? std::string("\",1\n\"") : std::string(1, c);
  text += "\",1\n";
  const auto table = parse_csv(text, "x.csv", options);
  return table.ok() ? shown(table.value().columns[0]) : table.error().what + " at " + table.error().where;
}

std::string wrong(Result<Buffer> decoded) {
  REQUIRE_FALSE(decoded.ok());
  CHECK(decoded.error().kind == Kind::input);
  return decoded.error().what + " at " + decoded.error().where;
}

Buffer bytes_of(std::string_view text) { return make_buffer(std::vector<char>(text.begin(), text.end())); }

std::string decoded(std::string_view bytes, Encoding encoding) {
  const auto out = decode(bytes_of(bytes), encoding, "x.csv", 1 << 20);
  if (!out.ok()) return out.error().what + " at " + out.error().where;
  return {reinterpret_cast<const char*>(out.value().data), out.value().size};
}

using namespace std::string_literals;

}  // namespace

TEST_CASE("csv: a column is of the type that was asked for, or the first value that is not is named") {
  struct Row {
    const char *type, *values, *expected;
  };
  for (const auto& [type, values, expected] : {
           Row{"int8", "1 -128 NA 127", "int8: 1 -128 _ 127"},
           Row{"int8", "1 128", "'128' in column 'a' is no int8 at x.csv:3: 128"},
           Row{"uint8", "0 -1", "'-1' in column 'a' is no uint8 at x.csv:3: -1"},
           Row{"int64", "007 3.0 1e3", "int64: 7 3 1000"},
           Row{"int64", "1 3.5", "'3.5' in column 'a' is no int64 at x.csv:3: 3.5"},
           Row{"int64", "9007199254740993.0", "'9007199254740993.0' in column 'a' is no int64 at x.csv:2: 9007199254740993.0"},
           Row{"uint64", "18446744073709551615", "uint64: 1.8446744073709552e+19"},
           Row{"int64", "9223372036854775808", "'9223372036854775808' in column 'a' is no int64 at x.csv:2: 9223372036854775808"},
           Row{"float64", "1 2.5 x", "'x' in column 'a' is no float64 at x.csv:4: x"},
           Row{"float32", "0.1 16777217 inf", "float32: 0.10000000149011612 16777216 inf"},
           Row{"float32", "1e39", "'1e39' in column 'a' is no float32 at x.csv:2: 1e39"},
           Row{"text", "1 NA 007 2.50", "text: 1 _ 007 2.50"},
           Row{"category", "b a NA b", "category: b a _ b"},
           Row{"bool", "true 0 1 NA", "bool: 1 0 1 _"},
           Row{"bool", "2", "'2' in column 'a' is no bool at x.csv:2: 2"},
           Row{"date", "20240105 2024/02/29 2024-01-05", "date: 2024-01-05 2024-02-29 2024-01-05"},
           Row{"date", "20230229", "'20230229' in column 'a' is no date at x.csv:2: 20230229"},
           Row{"timestamp", "20240105 2024-01-05T09:30", "timestamp: 2024-01-05T00:00:00 2024-01-05T09:30:00"},
       }) {
    CAPTURE(type);
    CAPTURE(values);
    CHECK(column_of(values, asked(fmt::format("a={}", type))) == expected);
  }
  // 1 + 2^-24 + 2^-60: the nearest double is the middle of two float32, and rounding it again would go down.
  CHECK(column_of("1.000000059604644776257", asked("a=float32")) == "float32: 1.0000001192092896");
}

TEST_CASE("csv: decimal and thousands marks") {
  struct Row {
    const char *decimal, *thousands, *values, *expected;
  };
  for (const auto& [decimal, thousands, values, expected] : {
           Row{"", ",", "1,234 12 -1,234,567", "int64: 1234 12 -1234567"},
           Row{"", ",", "1,234.5 0.25", "float64: 1234.5 0.25"},
           Row{"", ",", "1,23 4", "text: 1,23 4"},
           Row{"", ",", "1234,567", "text: 1234,567"},
           Row{"", ",", "1,,234", "text: 1,,234"},
           Row{"", ",", ",123", "text: ,123"},
           Row{"", ",", "1,234,", "text: 1,234,"},
           Row{",", ".", "1.234,5 0,25", "float64: 1234.5 0.25"},
           Row{",", ".", "1.5", "text: 1.5"},
           Row{",", "", "1,5 2", "float64: 1.5 2"},
           Row{",", "", "1.5 2,5", "text: 1.5 2,5"},
           Row{"", "'", "1'000 2", "int64: 1000 2"},
           Row{".", "", "1.5 1,5", "text: 1.5 1,5"},
       }) {
    CAPTURE(values);
    CHECK(column_of(values, asked("", decimal, thousands)) == expected);
  }
  const auto table = parse_csv("a;b\n1.234;1\n", "x.csv", asked("", ",", "."));
  REQUIRE(table.ok());
  CHECK(shown(table.value().columns[0]) == "int64: 1234");
  const auto alone = parse_csv("price\n1,5\n-0,25\n", "x.csv", asked("", ","));
  REQUIRE(alone.ok());
  CHECK(shown(alone.value()) == "price float64: 1.5 -0.25");
}

TEST_CASE("csv: words that are missing, even where they look like values") {
  CHECK(column_of("1 -999 3", asked("", "", "", "-999")) == "int64: 1 _ 3");
  CHECK(column_of("1.5 -9.5 NA", asked("", "", "", "-9.5")) == "float64: 1.5 _ _");
  CHECK(column_of("x - y", asked("", "", "", "NULL,-,n/a")) == "text: x _ y");
  CHECK(column_of("2024-01-05 1900-01-01", asked("", "", "", "1900-01-01")) == "date: 2024-01-05 _");
  CHECK(column_of("1 -", asked("a=int8", "", "", "-")) == "int8: 1 _");
  const auto symbols = parse_csv("symbol,x\nNA,1\n-,2\n", "x.csv", asked("", "", "", "-"));
  REQUIRE(symbols.ok());
  CHECK(shown(symbols.value().columns[0]) == "text: NA _");
}

TEST_CASE("csv: what is asked for is checked before any file") {
  for (const char* types : {"a", "a=", "=int64", "a=int46", "a=int8,a=int16"}) {
    CAPTURE(types);
    const auto named = parse_types(types);
    REQUIRE_FALSE(named.ok());
    CHECK(named.error().kind == Kind::usage);
  }
  CHECK(parse_types("a=int46").error().hint.find("int") != std::string::npos);
  struct Marks {
    const char *decimal, *thousands;
  };
  for (const auto& [decimal, thousands] :
       {Marks{",", ","}, Marks{".", "."}, Marks{"", "."}, Marks{"", "x"}, Marks{"", ",,"}, Marks{"x", ""}, Marks{"", "\xC2\xA0"}})
    CHECK_FALSE(parse_csv_form(decimal, thousands, "", "").ok());
  const auto unknown = parse_csv("price,b\n1,2\n", "x.csv", asked("prise=int8"));
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().kind == Kind::usage);
  CHECK(unknown.error().hint.find("price") != std::string::npos);
}

TEST_CASE("encoding: UTF-16 of both orders, with pairs") {
  CHECK(decoded("\xFF\xFE"
                "a\0\x42\x30\x3D\xD8\x00\xDE"s,
                Encoding::utf16) == "a\xE3\x81\x82\xF0\x9F\x98\x80");
  CHECK(decoded("\xFE\xFF"
                "\0a\x30\x42\xD8\x3D\xDE\x00"s,
                Encoding::utf16) == "a\xE3\x81\x82\xF0\x9F\x98\x80");
  CHECK(decoded("\xFF\xFE"s, Encoding::utf16).empty());
  CHECK(wrong(decode(bytes_of("a\0"s), Encoding::utf16, "x.csv", 99)).find("no byte order mark") == 0);
  CHECK(wrong(decode(bytes_of(""), Encoding::utf16, "x.csv", 99)).find("no byte order mark") == 0);
  CHECK(wrong(decode(bytes_of("\xFF\xFE"
                              "a\0\n\0b"s),
                     Encoding::utf16, "x.csv", 99))
            .find("odd number of bytes is no UTF-16 at x.csv:2") != std::string::npos);
  for (const std::string& lone : {"\xFF\xFE"
                                  "\n\0\x3D\xD8"
                                  "a\0"s,
                                  "\xFF\xFE"
                                  "\n\0\x00\xDE"s,
                                  "\xFF\xFE"
                                  "\n\0\x3D\xD8"s,
                                  "\xFF\xFE"
                                  "\n\0\x3D\xD8\x3D\xD8"s})
    CHECK(wrong(decode(bytes_of(lone), Encoding::utf16, "x.csv", 99)).find("x.csv:2: U+D") != std::string::npos);
  CHECK(decode(bytes_of("\xFF\xFE"
                        "a\0b\0"s),
               Encoding::utf16, "x.csv", 1)
            .error()
            .kind == Kind::budget);
}

TEST_CASE("encoding: cp932, in pieces of any size") {
  const std::string text = "\x93\xFA\x96\x7B\x8C\xEA,\xB1\xB2\n\x81\x60\x5C~\x87\x40";
  const std::string expected = "日本語,ｱｲ\n～\\~①";
  CHECK(decoded(text, Encoding::cp932) == expected);
  for (size_t piece = 1; piece < 5; ++piece) {
    auto decoder = make_decoder(Encoding::cp932, "x.csv");
    REQUIRE(decoder.ok());
    std::string out;
    for (size_t at = 0; at < text.size(); at += piece)
      CHECK(decoder.value()->add(reinterpret_cast<const uint8_t*>(text.data()) + at, std::min(piece, text.size() - at), &out).ok());
    CHECK(decoder.value()->finish().ok());
    CHECK(out == expected);
  }
  CHECK(wrong(decode(bytes_of("a\nb\x81"), Encoding::cp932, "x.csv", 99)).find("x.csv:2: 81 at byte 3") != std::string::npos);
  CHECK(wrong(decode(bytes_of("a\nb\x81\x20z"), Encoding::cp932, "x.csv", 99)).find("x.csv:2: 81 20 at byte 3") != std::string::npos);
}

TEST_CASE("retype: columns of other formats") {
  const auto as = [](const Column& column, Dtype dtype) {
    const auto out = retyped(column, dtype, "a", "x.parquet");
    return out.ok() ? shown(out.value()) : out.error().what + " at " + out.error().where;
  };
  CHECK(as(make_column(std::vector<double>{1, std::nan(""), 3}), Dtype::int8) == "int8: 1 _ 3");
  CHECK(as(make_column(std::vector<double>{1, 3.5}), Dtype::int8) == "'3.5' in column 'a' is no int8 at x.parquet: row 2");
  CHECK(as(make_column(std::vector<int64_t>{1, 300}), Dtype::uint8) == "'300' in column 'a' is no uint8 at x.parquet: row 2");
  CHECK(as(make_column(std::vector<int64_t>{20240105}), Dtype::date) == "date: 2024-01-05");
  CHECK(as(make_column(std::vector<int64_t>{20240105}), Dtype::text) == "text: 20240105");
  CHECK(as(make_date_column({0}), Dtype::timestamp) == "timestamp: 1970-01-01T00:00:00");
  CHECK(as(make_timestamp_column({86'400'000'000}, ""), Dtype::date) == "date: 1970-01-02");
  CHECK(as(make_timestamp_column({1}, ""), Dtype::date).find("is no date") != std::string::npos);
  CHECK(as(make_text_column(std::vector<std::string>{"007", "x"}), Dtype::category) == "category: 007 x");
  CHECK(as(make_text_column(std::vector<std::string>{"007", "8"}), Dtype::int32) == "int32: 7 8");
}

TEST_CASE("partitions: keys of folders are columns, in memory and in chunks") {
  const ScratchFolder folder;
  const std::string root = folder / "sales";
  for (const char* part : {"/year=2023/region=north%20sea", "/year=2024/region=__HIVE_DEFAULT_PARTITION__"}) {
    std::filesystem::create_directories(root + part);
    REQUIRE(write_file(root + part + "/a.csv", "x,y\n1,2\n3,4\n").ok());
  }
  const auto paths = expand_input(root);
  REQUIRE(paths.ok());
  REQUIRE(paths.value().size() == 2);
  std::vector<std::string> sorted = paths.value();
  std::sort(sorted.begin(), sorted.end());
  const char* all = "x int64: 1 3 1 3; y int64: 2 4 2 4; year int64: 2023 2023 2024 2024; region category: north sea north sea _ _";
  const auto table = read_tables(sorted);
  REQUIRE_MESSAGE(table.ok(), table.error().what);
  CHECK(shown(table.value()) == all);

  ReadOptions some;
  some.columns = {"year", "y"};
  some.types = {{"year", Dtype::text}, {"y", Dtype::float32}};
  const auto few = read_tables(sorted, some);
  REQUIRE_MESSAGE(few.ok(), few.error().what);
  CHECK(shown(few.value()) == "year text: 2023 2023 2024 2024; y float32: 2 4 2 4");

  std::string large = "x,y\n";
  for (int row = 0; row < 100'000; ++row) large += fmt::format("{},{}\n", row, row % 7);
  REQUIRE(write_file(sorted[0], large).ok());
  ChunkOptions chunks;
  chunks.read = some;
  chunks.read.memory_limit_bytes = 4 << 20;  // too little to read it at once
  auto reader = open_chunks(sorted, chunks);
  REQUIRE_MESSAGE(reader.ok(), reader.error().what);
  CHECK(shown(reader.value()->schema()) == "year text:; y float32:");
  int64_t rows = 0;
  for (auto chunk = reader.value()->next(); chunk.ok() && chunk.value(); chunk = reader.value()->next()) {
    rows += chunk.value()->num_rows();
    CHECK(chunk.value()->columns[0].text(0) == (rows <= 100'000 ? "2023" : "2024"));
  }
  CHECK(rows == 100'002);

  const auto names = column_names(sorted, {});
  REQUIRE(names.ok());
  CHECK(names.value() == std::vector<std::string>{"x", "y", "year", "region"});

  REQUIRE(write_file(root + "/year=2024/region=__HIVE_DEFAULT_PARTITION__/b.csv", "x,year\n1,2\n").ok());
  CHECK_FALSE(read_tables(expand_input(root).value()).ok());
  CHECK(partitions_of("/data/run=5/a.csv").empty());
}

TEST_CASE("chunks: a file has the same rows in windows as at once, whatever is asked for") {
  const ScratchFolder folder;
  std::string text = "a;b;date\n";
  for (int row = 0; row < 60'000; ++row) text += fmt::format("{};1.{:03},5;20240105\n", row % 100, row % 1000);
  const std::string path = folder / "x.csv";
  REQUIRE(write_file(path, text).ok());
  CsvOptions options = asked("a=int8,date=date", ",", ".", "77");
  const auto whole = read_csv_file(path, options);
  REQUIRE_MESSAGE(whole.ok(), whole.error().what);
  CHECK(whole.value().columns[0].dtype == Dtype::int8);
  CHECK(whole.value().columns[0].count_nulls() == 600);
  CHECK(whole.value().columns[1].number(1) == 1001.5);
  auto chunks = csv_chunks(InputFile::open(path).value(), path, options, 1 << 16);
  REQUIRE(chunks.ok());
  int64_t row = 0;
  while (true) {
    const auto chunk = chunks.value()->next();
    REQUIRE(chunk.ok());
    if (!chunk.value()) break;
    const Table& part = *chunk.value();
    for (size_t c = 0; c < 3; ++c) {
      CHECK(part.columns[c].dtype == whole.value().columns[c].dtype);
      CHECK(shown(part.columns[c]) == shown(slice(whole.value().columns[c], row, part.num_rows())));
    }
    row += part.num_rows();
  }
  CHECK(row == 60'000);

  text += "128;1;20240105\n";
  REQUIRE(write_file(path, text).ok());
  const auto refused = read_csv_file(path, options);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().where.find(":60002: 128") != std::string::npos);
}
