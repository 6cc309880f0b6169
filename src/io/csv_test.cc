#include "io/csv.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "base/strings.h"
#include "io/csv_scan.h"
#include "io/csv_value.h"
#include "io/files.h"
#include "io/scratch_folder.h"
#include "kernels/csv_numbers.h"
#include "kernels/csv_scan.h"
#include "kernels/dispatch.h"

using namespace hayate;
using namespace hayate::io;

namespace {

Table parsed(std::string_view text, const CsvOptions& options = {}) {
  auto result = parse_csv(text, "x.csv", options);
  if (!result.ok()) FAIL(result.error().what, " ", result.error().where);
  return std::move(result).value();
}

Error refused(std::string_view text) {
  const auto result = parse_csv(text, "x.csv");
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().kind == Kind::input);
  CHECK_FALSE(result.error().hint.empty());
  return result.error();
}

/// A column as "dtype: value value ...", missing values as _.
std::string shown(const Column& column) {
  std::string out = std::string(dtype_name(column.dtype)) + ":";
  for (int64_t row = 0; row < column.length; ++row) {
    out += ' ';
    if (column.is_null(row))
      out += '_';
    else if (column.dtype == Dtype::text)
      out += column.text(row);
    else if (column.dtype == Dtype::date)
      out += format_date(column.as<int32_t>()[size_t(row)]);
    else if (column.dtype == Dtype::timestamp)
      out += format_timestamp(column.as<int64_t>()[size_t(row)], column.zone);
    else if (column.dtype == Dtype::int64)
      out += std::to_string(column.as<int64_t>()[size_t(row)]);
    else if (column.dtype == Dtype::uint64)
      out += std::to_string(column.as<uint64_t>()[size_t(row)]);
    else
      out += format_shortest(column.number(row));
  }
  return out;
}

}  // namespace

TEST_CASE("csv: every dialect gives the same two columns") {
  for (const char* text :
       {"a,b\n1,2.5\n2,3.5\n", "\ufeffa,b\n1,2.5\n2,3.5\n", "a,b\r\n1,2.5\r\n2,3.5\r\n", "a;b\n1;2,5\n2;3,5\n", "a\tb\n1\t2.5\n2\t3.5",
        "a|b\n1|2.5\n2|3.5\n", "a,b\n\n1,2.5\n  \n2,3.5\n\n", "\n\na,b\n1,2.5\n2,3.5", "\"a\",\"b\"\n\"1\",\"2.5\"\n\"2\",\"3.5\"\n",
        "\ufeffsep=;\r\na;b\r\n1;2,5\r\n2;3,5\r\n", "sep=|\na|b\n1|2.5\n2|3.5\n", "\"sep=,\"\na,b\n1,2.5\n2,3.5\n", "SEP=\t\na\tb\n1\t2.5\n2\t3.5",
        "a,b\r1,2.5\r2,3.5\r", "a , b\n1, 2.5\n 2,3.5 \n", "a,b\n1,2.5\n2,3.5\r"}) {
    CAPTURE(std::string(text));
    const Table table = parsed(text);
    CHECK(table.names == std::vector<std::string>{"a", "b"});
    CHECK(shown(table.columns[0]) == "int64: 1 2");
    CHECK(shown(table.columns[1]) == "float64: 2.5 3.5");
  }
}

TEST_CASE("csv: types come from all values") {
  struct Row {
    const char *values, *expected;
  };
  for (const auto& [values, expected] : {
           Row{"1 -2 +3", "int64: 1 -2 3"},
           Row{"1 NA 3", "int64: 1 _ 3"},
           Row{"1 2.5 1e3", "float64: 1 2.5 1000"},
           Row{"9223372036854775807 -9223372036854775808", "int64: 9223372036854775807 -9223372036854775808"},
           Row{"18446744073709551615 1", "uint64: 18446744073709551615 1"},
           Row{"18446744073709551615 -1", "text: 18446744073709551615 -1"},
           Row{"99999999999999999999 1", "text: 99999999999999999999 1"},
           Row{"100000000000000000000 0.5", "float64: 1e+20 0.5"},
           Row{"0 -0", "float64: 0 -0"},
           Row{"007 008", "text: 007 008"},
           Row{"true False TRUE NA", "bool: 1 0 1 _"},
           Row{"true 1", "text: true 1"},
           Row{"inf -Inf Infinity nan", "float64: inf -inf inf _"},
           Row{"2024-01-05 2024/02/29", "date: 2024-01-05 2024-02-29"},
           Row{"2024-01-05 2023-02-29", "text: 2024-01-05 2023-02-29"},
           Row{"2024-01-05 2024-01-05T09:30", "timestamp: 2024-01-05T00:00:00 2024-01-05T09:30:00"},
           Row{"2024-01-05T09:30:00+09:00 2024-01-05T09:30:00.25Z", "timestamp: 2024-01-05T00:30:00Z 2024-01-05T09:30:00.250000Z"},
           Row{"2024-01-05T09:30Z 2024-01-05T09:30", "text: 2024-01-05T09:30Z 2024-01-05T09:30"},
           Row{"2024-01-05T09:30:00.123456789", "text: 2024-01-05T09:30:00.123456789"},
           Row{"20240105 20240106", "int64: 20240105 20240106"},
           Row{"NA null NaN", "float64: _ _ _"},
           Row{"1 2 x NA 1.50", "text: 1 2 x _ 1.50"},
           Row{"1e 0x10 1_000", "text: 1e 0x10 1_000"},
           Row{".5 5. 1e400 1e-400", "float64: 0.5 5 inf 0"},
           Row{"0.1 0.30000000000000004 179769313486231570000e288", "float64: 0.1 0.30000000000000004 1.7976931348623157e+308"},
       }) {
    std::string text = "first,v\n";
    for (const std::string& value : split(values, ' ')) text += "0," + value + "\n";
    CHECK(shown(parsed(text).columns[1]) == expected);
  }
  CHECK(shown(parsed("date,b\n20240105,1\n2024-01-06,1\n").columns[0]) == "date: 2024-01-05 2024-01-06");
  CHECK(shown(parsed("Date,b\n20240105,1\n20240199,1\n").columns[0]) == "int64: 20240105 20240199");
  CHECK(shown(parsed("date,b\n20240105,1\n1.5,1\n").columns[0]) == "float64: 20240105 1.5");
}

TEST_CASE("csv: a symbol is text as written: zeros stay, NA and TRUE are symbols") {
  CHECK(shown(parsed("symbol,b\n000001,1\nNA,1\nTRUE,1\n,1\n").columns[0]) == "text: 000001 NA TRUE _");
  CHECK(parsed("symbol,b\n").columns[0].dtype == Dtype::text);
}

TEST_CASE("csv: a separator that is known is not looked for") {
  CsvOptions tabs;
  tabs.separator = '\t';
  const Table one = parsed("a,b\n1,2\n3,4\n", tabs);
  REQUIRE(one.names == std::vector<std::string>{"a,b"});
  CHECK(one.columns[0].text(1) == "3,4");
  const Table two = parsed("a\tb,c\n1\t\"x\ty\"\n", tabs);
  CHECK(two.names == std::vector<std::string>{"a", "b,c"});
  CHECK(two.columns[1].text(0) == "x\ty");
}

TEST_CASE("csv: one decimal mark a file") {
  const Table table = parsed("a;b;c\n1,234;5.5;7\n");
  CHECK(shown(table.columns[0]) == "text: 1,234");
  CHECK(shown(table.columns[1]) == "text: 5.5");
  CHECK(shown(table.columns[2]) == "int64: 7");
  CHECK(shown(parsed("a;b\n1,5;x\n2.5;y\n").columns[0]) == "text: 1,5 2.5");
  CHECK(shown(parsed("a;b\n1.5;x\n2.5;y\n").columns[0]) == "float64: 1.5 2.5");
  CHECK(shown(parsed("a,b\n\"1,204,300\",1\n").columns[0]) == "text: 1,204,300");
}

TEST_CASE("csv: quotes, newlines inside them, and quotes that are plain characters") {
  const Table table = parsed("a,b\n1,\"x \"\"y\"\" z\"\n2,\"two\nlines, one field\"\n3,\"\"\n4,\"\"\"\"\n");
  CHECK(table.columns[1].text(0) == "x \"y\" z");
  CHECK(table.columns[1].text(1) == "two\nlines, one field");
  CHECK(table.columns[1].is_null(2));
  CHECK(table.columns[1].text(3) == "\"");
  const Table inches = parsed("a,b\n1,5\" pipe\n2,\"x, y\"\n3,6\" pipe\n");
  CHECK(shown(inches.columns[1]) == "text: 5\" pipe x, y 6\" pipe");
  CHECK(shown(parsed("a,b\r\n1,\"x\"\r\n").columns[1]) == "text: x");
}

TEST_CASE("csv: names of columns as pandas makes them, and only the wanted ones") {
  CHECK(parsed(",a,a,\n0,1,2,3\n").names == std::vector<std::string>{"Unnamed: 0", "a", "a.1", "Unnamed: 3"});
  const Table table = parsed("a,b,c\n1,x,2\n", {.columns = {"c", "a"}, .as_text = {"a"}, .pool = nullptr});
  CHECK(table.names == std::vector<std::string>{"c", "a"});
  CHECK(shown(table.columns[0]) == "int64: 2");
  CHECK(shown(table.columns[1]) == "text: 1");
  const std::vector<std::string> wrong = {"colse"};
  CHECK(parse_csv("close,b\n1,2\n", "x.csv", {.columns = wrong, .as_text = {}, .pool = nullptr}).error().hint == "did you mean 'close'?");
  const Table empty = parsed("a,b\n");
  CHECK(empty.num_rows() == 0);
  CHECK(empty.columns[0].dtype == Dtype::float64);
}

TEST_CASE("csv: what cannot be read is named by line and value") {
  CHECK(refused("").what == "the file is empty");
  CHECK(refused("\n\n").what == "no header: the file holds blank lines only");
  CHECK(refused("a,b\n1,2,3\n").what == "3 fields, the header has 2");
  CHECK(refused("a,b\n1,2\n\n4\n").where == "x.csv:4: 4");
  CHECK(refused("a,b\n1,\"x\n").what == "a quote is never closed");
  CHECK(refused("a,b\n0,1\n1,\"x\n").where == "x.csv:3: \"x");
  CHECK(refused("a,b\n1,\"x\" y\n").what == "text behind a closing quote");
  CHECK(refused(std::string("a,b\n1,\0", 7) + "x\n").what.starts_with("a NUL byte"));
  CHECK(refused("a,b\n1,\xE9t\xE9\n").what == "bytes that are not UTF-8");
  CHECK(refused("a\xFF,b\n1,2\n").what == "bytes that are not UTF-8");
  CHECK(refused(std::string("\xFF\xFE"
                            "a\0",
                            4))
            .what == "the file is in UTF-16");
  const std::string far = "a,b\n" + std::string(400'000, '1') + ",2\n" + "1,2\n1,2,3\n";
  CHECK(refused(far).where == "x.csv:4: 1,2,3");
}

TEST_CASE("csv: one late text value makes the column text, every value as written") {
  std::string text = "a,b\n";
  for (int i = 0; i < 200'000; ++i) text += "1.50,2\n";
  text += "x,2.5\n";
  const Table table = parsed(text);
  CHECK(table.columns[0].dtype == Dtype::text);
  CHECK(table.columns[0].text(0) == "1.50");
  CHECK(table.columns[0].text(199'999) == "1.50");
  CHECK(table.columns[0].text(200'000) == "x");
  CHECK(table.columns[1].dtype == Dtype::float64);
  CHECK(table.columns[1].number(3) == 2);
  CHECK(table.columns[1].number(200'000) == 2.5);
}

TEST_CASE("csv: chunks of a large file meet in the right place, whatever stands at their borders; any workers, same table") {
  // Rows with newlines and separators inside quotes, blank lines and CRLF, of random lengths: the borders fall anywhere.
  constexpr int kRows = 60'000;
  const uint64_t key = random_key(7, Stage::search);
  std::string text = "id,note,price,day\r\n";
  std::vector<std::string> notes;
  for (int i = 0; i < kRows; ++i) {
    const uint64_t bits = random_bits(key, uint64_t(i));
    std::string note(bits % 40, char('a' + bits % 26)), quoted;
    if (bits % 3 == 0) note += "\n1,2,\"x\"\r\n";
    if (bits % 5 == 0) note += "é日本";
    for (const char c : note) quoted += c == '"' ? "\"\"" : std::string(1, c);
    text += fmt::format("{},\"{}\",{},{}\r\n", i, quoted, double(i) / 7, bits % 11 == 0 ? "" : "2024-01-05");
    if (bits % 13 == 0) text += "\r\n";
    notes.push_back(note);
  }
  REQUIRE(text.size() > 8 * 256 * 1024);
  exec::Pool pool(3);
  for (exec::Pool* workers : {static_cast<exec::Pool*>(nullptr), &pool}) {
    const Table table = parsed(text, {.columns = {}, .as_text = {}, .pool = workers});
    REQUIRE(table.num_rows() == kRows);
    CHECK(table.columns[3].dtype == Dtype::date);
    bool same = true;
    for (int i = 0; i < kRows; ++i) {
      same &= table.columns[0].as<int64_t>()[size_t(i)] == i && table.columns[2].number(i) == double(i) / 7;
      same &= table.columns[1].text(i) == notes[size_t(i)] && table.columns[1].is_null(i) == notes[size_t(i)].empty();
      same &= table.columns[3].is_null(i) == (random_bits(key, uint64_t(i)) % 11 == 0);
    }
    CHECK(same);
  }
}

namespace {
void compare_scanners() {
  const uint64_t key = random_key(3, Stage::search);
  constexpr std::string_view kAlphabet = "\"\"\"\"ab,,\n\n\r";
  const CsvDialect dialect;
  const auto [count_block, scan_fields] = kernels::csv_kernels();
  int agreed = 0;
  for (uint64_t trial = 0; trial < 20'000; ++trial) {
    std::string text;
    const uint32_t size = random_below(key, 1000 * trial, 150);
    for (uint32_t i = 0; i < size; ++i) text += kAlphabet[random_below(key, 1000 * trial + 1 + i, uint32_t(kAlphabet.size()))];
    std::vector<uint32_t> ends(text.size() + 64), expected;
    const kernels::CsvScan scan = scan_fields(text.data(), text.size(), ',', '\n', ends.data());
    std::vector<CsvField> fields;
    CsvFault fault = CsvFault::none;
    for (size_t at = 0; at < text.size() && fault == CsvFault::none;) {
      fault = next_record(text, dialect, &at, &fields);
      for (size_t i = 0; i + 1 < fields.size(); ++i) expected.push_back(uint32_t(fields[i].end));
      if (fault == CsvFault::none && text[at - 1] == '\n') expected.push_back(uint32_t(at - 1));
    }
    if (fault != CsvFault::none) REQUIRE(scan.malformed);
    if (scan.malformed) continue;
    ++agreed;
    ends.resize(scan.num_ends);
    REQUIRE(ends == expected);
    REQUIRE(int64_t(scan.num_rows) == count_block(text.data(), text.size(), '\n').newlines[0]);
    REQUIRE(scan.num_rows == size_t(std::count_if(ends.begin(), ends.end(), [&](uint32_t end) { return text[end] == '\n'; })));
    for (size_t cut = 0; cut <= text.size(); ++cut) {  // parity of the front and both hypotheses of the rest add up
      const kernels::CsvBlock front = count_block(text.data(), cut, '\n'), rest = count_block(text.data() + cut, text.size() - cut, '\n');
      REQUIRE(front.newlines[0] + rest.newlines[front.odd_quotes] == int64_t(scan.num_rows));
    }
  }
  CHECK(agreed > 500);
}
}  // namespace

TEST_CASE("csv: both scanners find the same fields in well-formed bytes; the fast one knows when it cannot") {
  for (const auto isa : {kernels::Isa::baseline, kernels::Isa::avx2, kernels::Isa::avx512}) {
    kernels::set_isa(isa);
    compare_scanners();
  }
  kernels::set_isa(kernels::detected_isa());
}

TEST_CASE("csv: plain numbers are read exactly as from_chars reads them") {
  const uint64_t key = random_key(5, Stage::search);
  for (uint64_t i = 0; i < 200'000; ++i) {
    const int places = int(random_below(key, 2 * i, 10));
    const std::string text = fmt::format("{:.{}f}", (random_unit(key, 2 * i + 1) - 0.5) * std::pow(10, random_below(key, 3 * i, 12)), places);
    double real = 0;
    int64_t integer = 0;
    if (read_plain_real(text.data(), text.data() + text.size(), &real)) REQUIRE(real == *parse_number(text));
    if (read_plain_integer(text.data(), text.data() + text.size(), &integer)) REQUIRE(integer == *parse_integer(text));
    const std::string behind = "1234,6789" + text;
    if (read_short_integer(behind.data() + 9, behind.data() + behind.size(), &integer)) REQUIRE(integer == *parse_integer(text));
    const CsvValue value = read_value(text, {});
    REQUIRE(value.real == *parse_number(text));
  }
}

namespace {
/// The kernels read what read_value reads, or say that they can't.
void compare_numbers() {
  const kernels::CsvNumberKernels& kernels = kernels::csv_number_kernels();
  constexpr std::string_view kAlphabet = "0123456789012345678901234567890123456789...--+e \"\r";
  const uint64_t key = random_key(6, Stage::search);
  int integers = 0, reals = 0;
  for (uint64_t trial = 0; trial < 200'000; ++trial) {
    std::string field;
    const uint32_t size = random_below(key, 100 * trial, 20);
    for (uint32_t i = 0; i < size; ++i) field += kAlphabet[random_below(key, 100 * trial + 1 + i, uint32_t(kAlphabet.size() - (trial % 2) * 12))];
    const bool last = trial % 3 == 0;
    const std::string around(16, '7'), text = around + field + (last ? "\r\n" : ",") + around;
    const uint32_t before[2] = {15, uint32_t(16 + field.size() + last)};
    const kernels::CsvFields fields = {text.data(), before + 1, 1, 1, last};
    int64_t slot = 0;
    bool negative = false;
    const CsvValue value = read_value(field, {});
    if (kernels.read_integers(fields, 0, &slot, &negative) == 1) {
      REQUIRE(value.seen == (negative ? kSeenNegative : kSeenInteger));
      REQUIRE(value.integer == slot);
      ++integers;
    } else {
      const bool plain =
          (value.seen == kSeenInteger || value.seen == kSeenNegative) && field[0] != '+' && field.find_first_of(" \r") == std::string::npos;
      REQUIRE((!plain || field.size() > 16));
    }
    if (kernels.read_reals(fields, 0, &slot) == 1) {
      REQUIRE(value.seen == kSeenPoint);
      REQUIRE(bits_of(value.real) == slot);
      ++reals;
    }
    double real = 0;
    if (read_long_real(field.data(), field.data() + field.size(), &real)) {
      REQUIRE(value.seen == kSeenPoint);
      REQUIRE(bits_of(value.real) == bits_of(real));
    }
  }
  CHECK(integers > 10'000);
  CHECK(reals > 1'000);
}
}  // namespace

namespace {
/// Many rows together are read as one by one, up to the same row.
void compare_columns() {
  const kernels::CsvNumberKernels& kernels = kernels::csv_number_kernels();
  const uint64_t key = random_key(8, Stage::search);
  const std::vector<std::string> odd = {"", ".5", "5.", "1.2.3", "12345678.12345678", "123456789.5", "1.123456789", "1e5", "x", "007", "-0", "1 "};
  size_t all = 0;
  for (uint64_t trial = 0; trial < 4'000; ++trial) {
    const bool reals = trial % 2 == 0, last = trial % 3 == 0;
    const size_t rows = 1 + random_below(key, 1000 * trial, 70), width = 2;
    std::string text(16, '7');
    std::vector<uint32_t> ends = {15};
    for (size_t row = 0; row < rows; ++row) {
      const uint64_t counter = 1000 * trial + 10 * row;
      const auto digits = [&](uint64_t at, uint32_t most) {
        std::string out;
        for (uint32_t count = 1 + random_below(key, counter + at, most); count > 0; --count)
          out += char('0' + random_below(key, counter + at + count, 10));
        return out;
      };
      std::string field = digits(1, 8);
      if (reals) field += "." + digits(9, uint32_t(15 - field.size() < 8 ? 15 - field.size() : 8));
      if (!reals && field[0] == '0') field = "0";
      if (row % 5 == 4 && trial % 4 < 2) field = "-" + field;
      if (random_below(key, counter, 200) == 0) field = odd[random_below(key, counter + 1, uint32_t(odd.size()))];
      const auto append = [&](const std::string& cell, const char* end) { text += cell, ends.push_back(uint32_t(text.size())), text += end; };
      if (last) append("x", ",");
      append(field, last ? "\r\n" : ",");
      if (last) ++ends.back();
      if (!last) append("x", "\n");
    }
    text += std::string(16, '7');
    const kernels::CsvFields fields = {text.data(), ends.data() + 1 + last, width, rows, last};
    const auto read = [&](const kernels::CsvFields& part, int64_t* slots, bool* negative) {
      return reals ? kernels.read_reals(part, 0, slots) : kernels.read_integers(part, 0, slots, negative);
    };
    std::vector<int64_t> slots(rows), expected(rows);
    bool negative = false, expected_negative = false;
    size_t row = 0;
    while (row < rows && read({fields.data, fields.ends + row * width, width, 1, last}, &expected[row], &expected_negative) == 1) ++row;
    REQUIRE(read(fields, slots.data(), &negative) == row);
    REQUIRE(negative == expected_negative);
    for (size_t i = 0; i < row; ++i) REQUIRE(slots[i] == expected[i]);
    all += row;
  }
  CHECK(all > 80'000);
}
}  // namespace

TEST_CASE("csv: kernels read plain numbers as read_value reads them, and leave the others") {
  for (const auto isa : {kernels::Isa::baseline, kernels::Isa::avx2, kernels::Isa::avx512}) {
    kernels::set_isa(isa);
    compare_numbers();
    compare_columns();
  }
  kernels::set_isa(kernels::detected_isa());
}

TEST_CASE("csv: eight digits at once: every byte in every place") {
  for (size_t size = 1; size <= 8; ++size)
    for (size_t place = 0; place < size; ++place)
      for (int byte = 0; byte < 256; ++byte) {
        std::string text = "99999999" + std::string("12345678").substr(0, size);
        text[8 + place] = char(byte);
        int64_t value = 0;
        const bool read = read_short_integer(text.data() + 8, text.data() + text.size(), &value);
        const bool digits = byte >= '0' && byte <= '9' && !(place == 0 && byte == '0' && size > 1);
        REQUIRE(read == digits);
        if (read) REQUIRE(value == *parse_integer(std::string_view(text).substr(8)));
      }
}

namespace {

/// What reading a file says that must not depend on how it is read: the values, or what is wrong.
std::string outcome(const Result<Table>& result) {
  if (!result.ok()) return result.error().what + " " + result.error().where;
  std::string out;
  for (size_t c = 0; c < result.value().num_columns(); ++c) {
    const Column& column = result.value().columns[c];
    Column plain = column;
    if (column.dtype == Dtype::category) plain = widened(column, Dtype::text, "");
    out += result.value().names[c] + " " + shown(plain) + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("csv: a file gives what its bytes in memory give, in one pass or two, on any number of workers, coded or not") {
  constexpr int kRows = 130'000;  // some 4 MB: beyond what is read at once
  const auto lines = [](auto&& line) {
    std::string text = "k,name,x,v\n";
    for (int i = 0; i < kRows; ++i) text += line(i);
    return text;
  };
  const auto usual = [](int i) { return fmt::format("{},n{:04},{}.25,{}\n", i, i % 700, i % 991, i * 7919 % 100'003); };
  const auto at = [&](int row, std::string other) { return lines([&, row](int i) { return i == row ? other : usual(i); }); };
  const std::pair<const char*, std::string> files[] = {
      {"plain", lines(usual)},
      {"returns", lines([&](int i) { return usual(i).substr(0, usual(i).size() - 1) + "\r\n"; })},
      {"quotes late", at(120'000, "1,\"a,\nb\",2.5,3\n")},
      {"odd quotes late", at(120'000, "1,a\"b,2.5,3\n")},
      {"open quote late", at(120'000, "1,\"ab,2.5,3\n")},
      {"ragged", at(70'000, "1,2\n")},
      {"blank lines", at(70'000, "\n \n\r\n")},
      {"missing values", lines([&](int i) { return i % 3 ? usual(i) : std::string(",NA,,nan\n"); })},
      {"late text", at(129'000, "x,y,z,w\n")},
      {"late real", at(129'000, "1.5,y,-3,-12345678901\n")},
      {"a long line", at(50'000, "1," + std::string(700'000, 'a') + ",2.5,3\n")},
      {"shorter and shorter", lines([&](int i) { return i < 20'000 ? usual(i) : std::string("1,,,\n"); })},
      {"all different", lines([&](int i) { return fmt::format("{},name {} of them,{}.25,{}\n", i, i, i, -i); })},
      {"not UTF-8", at(90'000, "1,\xff,2.5,3\n")},
      {"no newline at the end", lines(usual) + "1,a,2.5,3"},
  };
  const ScratchFolder folder;
  exec::Pool two(2), three(3);
  for (const auto& [name, text] : files) {
    const std::string named = name;
    CAPTURE(named);
    const std::string path = folder / "x.csv";
    REQUIRE(write_file(path, text).ok());
    const std::string expected = outcome(parse_csv(text, path));
    for (exec::Pool* pool : {static_cast<exec::Pool*>(nullptr), &two, &three})
      for (const bool coded : {false, true}) {
        const auto table = read_csv_file(path, {.columns = {}, .as_text = {}, .pool = pool, .coded_text = coded});
        const bool same = outcome(table) == expected;  // too long to be shown
        CHECK(same);
        if (std::string_view(name) == "plain") CHECK(table.value().columns[1].dtype == (coded ? Dtype::category : Dtype::text));
      }
  }
}

TEST_CASE("csv: cut anywhere or with any byte changed it is an error or a table, never a crash") {
  std::string text = "symbol,date,close,note\n";
  for (int i = 0; i < 40; ++i) text += fmt::format("AAPL,2024-01-{:02},{}.5,\"say \"\"hi\"\", é\n{}\"\n", i % 28 + 1, i, i);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const auto result = parse_csv(std::string_view(text).substr(0, cut), "x.csv");
    if (result.ok()) CHECK(result.value().num_rows() <= 40);
  }
  const uint64_t key = random_key(9, Stage::search);
  for (uint64_t trial = 0; trial < 20'000; ++trial) {
    std::string torn = text;
    for (uint32_t flips = 0; flips <= random_below(key, 100 * trial, 3); ++flips)
      torn[random_below(key, 100 * trial + 1 + flips, uint32_t(torn.size()))] = char(random_bits(key, 100 * trial + 50 + flips));
    const auto result = parse_csv(torn, "x.csv");
    if (!result.ok()) CHECK(result.error().where.starts_with("x.csv"));
  }
}
