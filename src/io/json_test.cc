#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "base/strings.h"
#include "io/chunk_formats.h"
#include "io/json_reader.h"
#include "io/reader.h"
#include "io/roundings.h"
#include "io/scratch_folder.h"

using namespace hayate;
using namespace hayate::io;

namespace {

Result<Table> read_text(const char* name, const std::string& text) {
  const ScratchFolder folder;
  REQUIRE(write_file(folder / name, text).ok());
  return read_table(folder / name);
}

std::string shown(const Column& column) {
  std::string out = std::string(dtype_name(column.dtype)) + ":";
  for (int64_t row = 0; row < column.length; ++row) {
    out += ' ';
    if (column.is_null(row))
      out += '_';
    else
      out += column.dtype == Dtype::text ? std::string(column.text(row)) : format_shortest(column.number(row));
  }
  return out;
}

}  // namespace

TEST_CASE("json: records, lines and pandas' columns are the same table") {
  for (const auto& [name, text] : {std::pair{"t.json", R"([{"a":1,"b":"x"},{"b":"y","a":2.5},{"a":null}])"},
                                   {"t.json", R"({"a":{"0":1,"1":2.5,"2":null},"b":{"0":"x","1":"y","2":null}})"},
                                   {"t.json", R"({"a":{"0":1,"1":2.5,"2":null},"b":{"1":"y","0":"x"}})"},
                                   {"t.json", R"({"a":[1,2.5,null],"b":["x","y",null]})"},
                                   {"t.jsonl", "{\"a\":1,\"b\":\"x\"}\n\n{\"a\":2.5,\"b\":\"y\"}\r\n{\"b\":null}"}}) {
    CAPTURE(text);
    const auto table = read_text(name, text);
    REQUIRE(table.ok());
    CHECK(table.value().names == std::vector<std::string>{"a", "b"});
    CHECK(shown(table.value().columns[0]) == "float64: 1 2.5 _");
    CHECK(shown(table.value().columns[1]) == "text: x y _");
  }
}

TEST_CASE("json: records read by several workers are the same table, also where strings look like records") {
  const ScratchFolder folder;
  exec::Pool pool(3);
  ReadOptions parallel;
  parallel.pool = &pool;
  for (const bool tricky : {false, true})
    for (const bool lines : {false, true}) {
      std::string text = lines ? "" : "[";
      for (int i = 0; text.size() < (size_t{3} << 20); ++i) {
        text += !lines && i ? ",\n" : lines && i ? "\n" : "";
        text += "{\"a\":" + std::to_string(i) + (i % 70'000 == 69'999 ? ".5" : "") + ",\"t\":\"" + (tricky ? "}, {\\\"" : "x") +
                std::to_string(i % 9) + "\"}";
      }
      text += lines ? "" : "]";
      const std::string path = folder / (lines ? "a.jsonl" : "a.json");
      for (const std::string& ending : {std::string(), std::string("{\"a\":2}"), std::string("\xFF")}) {
        REQUIRE(write_file(path, text + ending).ok());
        const auto one = read_table(path), many = read_table(path, parallel);
        REQUIRE(one.ok() == many.ok());
        if (!one.ok()) {
          CHECK(one.error().what == many.error().what);
          CHECK(one.error().where == many.error().where);
          continue;
        }
        CHECK(one.value().names == many.value().names);
        for (size_t c = 0; c < 2; ++c) CHECK(shown(one.value().columns[c]) == shown(many.value().columns[c]));
      }
    }
}

TEST_CASE("json: pieces of a file with other columns and kinds of values are one table, as read at once") {
  const ScratchFolder folder;
  exec::Pool pool(3);
  ReadOptions parallel;
  parallel.pool = &pool;
  const std::string path = folder / "a.jsonl";
  struct Kind {
    const char *early, *late, *dtype;
  };
  for (const auto& [early, late, dtype] : {Kind{"1", "2.5", "float64"},
                                           Kind{"18446744073709551615", "null", "uint64"},
                                           Kind{"7", "18446744073709551615", "uint64"},
                                           Kind{"-7", "18446744073709551615", "float64"},
                                           Kind{"7", "98765432109876543210", "text"},
                                           Kind{"98765432109876543210", "0.5", "float64"},
                                           Kind{"98765432109876543210", "\"x\"", "text"},
                                           Kind{"null", "\"x\"", "text"},
                                           Kind{"\"x\"", "null", "text"},
                                           Kind{"\"x\"", "7", "text"},
                                           Kind{"true", "null", "bool"},
                                           Kind{"null", "false", "bool"},
                                           Kind{"true", "1", "text"},
                                           Kind{"\"2024-01-05\"", "null", "date"},
                                           Kind{"\"2024-01-05\"", "\"2024-01-05 09:30\"", "timestamp"},
                                           Kind{"\"2024-01-05T09:30Z\"", "null", "timestamp"},
                                           Kind{"\"2024-01-05\"", "\"soon\"", "text"},
                                           Kind{"null", "null", "float64"},
                                           Kind{"3", "", "int64"},
                                           Kind{"", "3.5", "float64"},
                                           Kind{"", "\"late\"", "text"},
                                           Kind{"\"early\"", "", "text"}}) {
    CAPTURE(early);
    CAPTURE(late);
    std::string text;
    for (int i = 0; i < 60'000; ++i) {
      const char* const value = i < 30'000 ? early : late;
      text += "{\"number\":" + std::to_string(i);
      if (*value && i % 5 == 4) text += ",\"v\":null";
      if (*value && i % 5 < 4) text += std::string(",\"v\":") + value;
      text += ",\"t\":\"text " + std::to_string(i % 13) + "\"}\n";
    }
    REQUIRE(write_file(path, text).ok());
    const auto table = read_table(path, parallel);
    REQUIRE(table.ok());
    REQUIRE(table.value().num_rows() == 60'000);
    const auto reread = read_table(path);
    const Column& column = *table.value().find("v");
    CHECK(std::string(dtype_name(column.dtype)) == dtype);
    auto chunks = json_chunks(InputFile::open(path).value(), path, {}, true, 64 << 20, 65536);  // whose types are those of a pass of its own
    REQUIRE(chunks.ok());
    int64_t row = 0;
    while (true) {
      auto chunk = chunks.value()->next();
      REQUIRE(chunk.ok());
      if (!chunk.value()) break;
      const Table& part = *chunk.value();
      for (const std::string& name : table.value().names) {
        const Column &whole = *table.value().find(name), &own = *part.find(name);
        REQUIRE(shown(slice(whole, row, part.num_rows())) == shown(own));
      }
      row += part.num_rows();
    }
    CHECK(row == 60'000);
    for (const std::string& name : table.value().names) CHECK(shown(*table.value().find(name)) == shown(*reread.value().find(name)));
  }
}

TEST_CASE("json: types come from all values") {
  struct Row {
    const char *values, *expected;
  };
  for (const auto& [values, expected] :
       {Row{"1,-2,null", "int64: 1 -2 _"}, Row{"true,null,false", "bool: 1 _ 0"}, Row{"18446744073709551615,1", "uint64: 18446744073709551616 1"},
        Row{"18446744073709551615,-1", "float64: 18446744073709551616 -1"}, Row{R"("2024-01-05","2024-01-06")", "date: 19727 19728"},
        Row{R"("2024-01-05","soon")", "text: 2024-01-05 soon"}, Row{R"("2024-01-05T00:00:01Z",null)", "timestamp: 1.704412801e+15 _"},
        Row{"123456789012345678901,-5,null", "text: 123456789012345678901 -5 _"}, Row{"-123456789012345678901,7", "text: -123456789012345678901 7"},
        Row{"123456789012345678901,0.5", "float64: 123456789012345683968 0.5"}, Row{R"("x",123456789012345678901)", "text: x 123456789012345678901"},
        Row{"-0,7", "float64: -0 7"}, Row{R"("x",1,2.5,true)", "text: x 1 2.5 true"}, Row{R"("1","2")", "text: 1 2"},
        Row{"null,null", "float64: _ _"}}) {
    const auto table = read_text("t.json", std::string("{\"a\":[") + values + "]}");
    REQUIRE(table.ok());
    CHECK(shown(table.value().columns[0]) == expected);
  }
}

TEST_CASE("json: what is no table says so") {
  CHECK(read_text("t.json", "").error().what == "the file is empty");
  CHECK(read_text("t.json", "[]").error().what == "the file holds no records");
  CHECK(read_text("t.json", "3").error().what == "no valid JSON: expected an array");
  for (const char* values : {"[1]", "[[1,2],[3,4]]", "[\"x\"]", "[null]", "[-1]"})
    CHECK(read_text("t.json", values).error().what == "a value, where a record with the names of its columns is expected");
  CHECK(read_text("t.json", "[x]").error().what == "no valid JSON: expected an object");
  CHECK(read_text("t.json", R"({"columns":["a","b"],"index":[0],"data":[[1,2]]})").error().what == "pandas' form orient='split' is not read");
  CHECK(read_text("t.json", R"({"columns":["a"],"index":[0],"data":[[1]]})").error().what == "pandas' form orient='split' is not read");
  CHECK(read_text("t.json", R"({"schema":{"fields":[{"name":"a"}]},"data":[{"a":1}]})").error().what == "pandas' form orient='table' is not read");
  CHECK(read_text("t.json", R"([{"a":{"b":1}}])").error().what == "column 'a' holds a nested value");
  CHECK(read_text("t.json", "{\"a\":1}\n{\"a\":2}\n").error().hint.starts_with("call a file of a record a line .jsonl"));
  CHECK(read_text("t.jsonl", R"([{"a":1}])").error().hint == "call a file of one array of records .json");
  CHECK(read_text("t.json", R"({"a":[1,2],"b":[1]})").error().what == "column 'b' has another length than 'a': 1 and 2");
  CHECK(read_text("t.json", R"([{"a":NaN}])").error().what.starts_with("no valid JSON"));
  const auto torn = read_text("t.jsonl", "{\"a\":1}\n{\"a\":");
  CHECK(torn.error().where.ends_with("t.jsonl:2"));
  CHECK(read_text("t.jsonl", "{\"a\":1}\n{\"a\":[2]}\n").error().where.ends_with("t.jsonl:2: [2]}"));
  CHECK_FALSE(read_text("t.json", std::string(5000, '[')).ok());
}

TEST_CASE("json: what is read in another way than it may be meant is told") {
  const auto told = [](const std::string& text) {
    const ScratchFolder folder;
    ReadOptions options;
    options.roundings = std::make_shared<Roundings>();
    REQUIRE(write_file(folder / "t.json", text).ok());
    REQUIRE(read_table(folder / "t.json", options).ok());
    return join(options.roundings->messages(), "\n");
  };
  CHECK(told(R"({"0":{"a":1,"b":2},"1":{"a":3,"b":4}})").find("orient='index'") != std::string::npos);
  CHECK(told(R"({"0":{"0":1,"1":2},"1":{"0":3,"1":4}})") == "");  // columns without names
  CHECK(told(R"({"x":{"a":1,"b":2},"y":{"a":3,"b":4}})") == "");
  CHECK(told("[{\"a\":98765432109876543210},{\"a\":0.5}]").find("which rounds large ones, such as 98765432109876543210 in ") != std::string::npos);
  CHECK(told("[{\"a\":100000000000000000000},{\"a\":0.5}]") == "");  // which a float64 is
}

TEST_CASE("json: strings and numbers as RFC 8259 has them") {
  const auto json =
      parse_json(R"(["\u00e9\n\"\\\/", "\ud83d\ude00", -0, 1e5, 0.1, 9223372036854775807, 9223372036854775808, -9223372036854775808])", "x.json");
  REQUIRE(json.ok());
  const Json::Array& items = *json.value().array();
  CHECK(*items[0].text() == "é\n\"\\/");
  CHECK(*items[1].text() == "\xF0\x9F\x98\x80");
  CHECK(std::signbit(items[2].number(1)));
  CHECK(items[3].number(0) == 1e5);
  CHECK(items[4].number(0) == 0.1);
  CHECK(*items[5].integer() == INT64_MAX);
  CHECK(items[6].number(0) == 0x1p63);
  CHECK(*items[7].integer() == INT64_MIN);
  for (const char* bad :
       {"",      "[1,]",  "[01]", "[1.]",     "[.5]", "[1e]",     "[+1]", "[\"\\x\"]", "[\"\\ud800\"]", "[\"\n\"]", "[tru]", "{\"a\" 1}",
        "{a:1}", "[1] 2", "[\"",  "[\"\\u12", "[1",   "{\"a\":1", "nul",  "-",         "[\xFF]",        "'a'"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_json(bad, "x.json").ok());
  }
  CHECK(parse_json("{\"a\":\n 1,\n \"b\": oops}", "x.json").error().where == "x.json:3: oops}");
  CHECK(parse_json(std::string(1000, '[') + std::string(1000, ']'), "x.json").ok());
  CHECK(parse_json(std::string(100'000, '['), "x.json").error().what == "no valid JSON: more than 1,024 levels");
}

TEST_CASE("json: small documents as values") {
  const auto json = parse_json(R"({"rows": 3, "rmse": 0.5, "names": ["a", null], "ok": true})", "x.json");
  REQUIRE(json.ok());
  const Json& document = json.value();
  CHECK(*document.find("rows")->integer() == 3);
  CHECK(document.find("rmse")->number(0) == 0.5);
  CHECK(*document.find("names")->array()->at(0).text() == "a");
  CHECK(document.find("names")->array()->at(1).is_null());
  CHECK(*document.find("ok")->flag());
  CHECK(document.find("none") == nullptr);
  CHECK(document.find("rows")->find("x") == nullptr);
  CHECK(parse_json("{", "x.json").error().where == "x.json:1");
  CHECK(read_json("/no/such.json").error().what == "no such file");
}

TEST_CASE("json: numbers of any length and sign are those that the decimal text names, wherever they stand") {
  uint64_t state = 7;
  const auto random = [&](uint64_t below) {
    state = state * 6364136223846793005 + 1442695040888963407;
    return (state >> 33) % below;
  };
  std::vector<std::string> numbers;
  for (int i = 0; i < 40'000; ++i) {
    std::string number = random(3) == 0 ? "-" : "";
    const uint64_t whole = random(21), places = random(4) == 0 ? 0 : random(21);
    number += whole == 0 ? '0' : char('1' + random(9));
    for (uint64_t digit = 1; digit < whole; ++digit) number += char('0' + random(10));
    if (places > 0) number += '.';
    for (uint64_t digit = 0; digit < places; ++digit) number += char('0' + random(10));
    if (random(10) == 0) number += random(2) ? "e-3" : "E12";
    numbers.push_back(number);
  }
  std::string text;
  for (const std::string& number : numbers) text += "{\"n\":" + number + ",\"half\":0.5}\n";
  const auto table = read_text("t.jsonl", text);
  REQUIRE(table.ok());
  const Column& column = table.value().columns[0];
  REQUIRE(column.dtype == Dtype::float64);
  for (size_t row = 0; row < numbers.size(); ++row) {
    CAPTURE(numbers[row]);
    REQUIRE(column.number(int64_t(row)) == std::strtod(numbers[row].c_str(), nullptr));
  }
  for (const char* bad : {"01", "-", "1.", ".5", "1.e3", "1e", "--1", "1.2.3", "00.5", "1-2", "0x10", "+1", "1_000"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_text("t.jsonl", "{\"long enough a name\":" + std::string(bad) + ",\"other\":\"a text that goes on for a while\"}\n").ok());
  }
}
