#include "io/cell_text.h"

#include <doctest/doctest.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "base/random.h"
#include "io/csv_value.h"

namespace hayate::io {
namespace {

template <class Float>
std::string text_of(Float value) {
  std::string out;
  append_cell_text(make_column(std::vector<Float>{value}), 0, &out);
  return out;
}

/// The text that the standard library finds by its search.
template <class Float>
std::string shortest(Float value) {
  char text[64];
  const Float size = std::fabs(value);
  const bool plain = size == 0 || (size >= Float(1e-4) && size < Float(1e16));
  std::string out(text, std::to_chars(text, text + sizeof text, value, plain ? std::chars_format::fixed : std::chars_format::scientific).ptr);
  return plain && out.find('.') == std::string::npos ? out + ".0" : out;
}

template <class Float>
void check(Float value) {
  for (const Float x : {value, -value, std::nextafter(value, Float(0)), std::nextafter(value, std::numeric_limits<Float>::max())}) {
    if (!std::isfinite(x)) continue;
    CHECK(text_of(x) == shortest(x));
  }
}

}  // namespace

TEST_CASE("cell text: numbers are the shortest that read back, by whichever way they are found") {
  for (uint64_t i = 0; i < 20'000; ++i) {
    const double share = random_unit(7, 3 * i), power = std::pow(10, 24 * random_unit(7, 3 * i + 1) - 8);
    const int decimals = int(8 * random_unit(7, 3 * i + 2));
    const double scale = std::pow(10, decimals), value = std::round(share * power * scale) / scale;
    check(value), check(float(value)), check(share * power), check(float(share));
  }
  for (const double value :
       {0.0, 1.0, 0.1, 100.0, 1e-4, 9.9999e-5, 0.999999, 0.9999995, 999999.9, 1e9, 999999999.999999, 1e15, 1e16, 123456.789012, 5e-324})
    check(value), check(float(value));
}

TEST_CASE("cell text: doubles of any bits are what the standard library makes of them") {
  for (uint64_t i = 0; i < 60'000; ++i) {
    uint64_t bits = random_bits(11, i);
    if (i % 3 == 1) bits = (bits & ((uint64_t{1} << 52) - 1)) | (1000 + bits % 90) << 52;  // of common sizes
    if (i % 3 == 2) bits &= ~((uint64_t{1} << 52) - 1) | (i % 4);                          // next to a power of two
    double value;
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) check(value);
  }
}

TEST_CASE("digits and a point are read to the nearest double") {
  for (uint64_t i = 0; i < 200'000; ++i) {
    std::string digits = std::to_string(random_bits(13, 2 * i) >> (i % 61));
    const uint64_t random = random_bits(13, 2 * i + 1);
    if (i % 5 == 0) digits = std::to_string((uint64_t{1} << 53) + random % 64 * 2 + 1) + (i % 2 ? "5" : "50");  // half way between two, or near
    if (digits.size() > 19) digits.resize(19);
    const size_t places = 1 + random % (digits.size() + 3), zeros = places >= digits.size() ? places - digits.size() + 1 : 0;
    digits.insert(0, zeros, '0');
    if (digits.size() > 19) continue;
    digits.insert(digits.size() - places, ".");
    if (i % 2) digits.insert(0, "-");
    double read = 0, expected = 0;
    REQUIRE(read_long_real(digits.data(), digits.data() + digits.size(), &read));
    std::from_chars(digits.data(), digits.data() + digits.size(), expected);
    REQUIRE(std::memcmp(&read, &expected, sizeof read) == 0);
  }
  double read = 0;
  for (const std::string_view text : {"", ".", "1", "-", "1.", ".5", "-.5", "1.5x", "1e5", "1.5e5", "1,5", "1.2.3", "12345678901.1234567890"})
    CHECK_FALSE(read_long_real(text.data(), text.data() + text.size(), &read));
}

TEST_CASE("cells: whole numbers that no float64 is") {
  constexpr int64_t kLast = int64_t{1} << 53;
  CHECK(!first_beyond_float64(make_column(std::vector<int64_t>{0, -1, kLast, -kLast, kLast + 2, INT64_MIN, int64_t{1} << 62})));
  CHECK(first_beyond_float64(make_column(std::vector<int64_t>{5, -kLast - 1, INT64_MAX})).value() == "-9007199254740993");
  CHECK(first_beyond_float64(make_column(std::vector<int64_t>{INT64_MAX})).value() == "9223372036854775807");
  Column large = make_column(std::vector<int64_t>{INT64_MIN, -1});  // 2^63 and 2^64 - 1
  large.dtype = Dtype::uint64;
  CHECK(first_beyond_float64(large).value() == "18446744073709551615");
  CHECK(!first_beyond_float64(make_column(std::vector<double>{1e300})));
}

TEST_CASE("cell text: dates and times of all years are those of format_date and format_timestamp") {
  const auto same = [](int64_t time) {
    constexpr int64_t kDay = 86'400'000'000;
    Column date, naive = make_column(std::vector<int64_t>{time}), zoned = naive;
    date.dtype = Dtype::date, date.length = 1, date.values = make_buffer(std::vector<int32_t>{int32_t(time / kDay)});
    naive.dtype = zoned.dtype = Dtype::timestamp, zoned.zone = "Asia/Tokyo";
    std::string days, plain, utc;
    append_cell_text(date, 0, &days), append_cell_text(naive, 0, &plain), append_cell_text(zoned, 0, &utc);
    REQUIRE(days == format_date(int32_t(time / kDay)));
    REQUIRE(plain == format_timestamp(time, ""));
    REQUIRE(utc == format_timestamp(time, "Asia/Tokyo"));
  };
  constexpr int64_t kDay = 86'400'000'000;
  for (const int64_t day : {0, -1, 1, -719'162, -719'163, 2'932'896, 2'932'897, 11'016, 11'017, -25'567, 19'782, 100'000'000, -100'000'000})
    for (const int64_t rest : {int64_t{0}, int64_t{1}, int64_t{-1}, kDay - 1, int64_t{43'200'000'000}, int64_t{999'999}}) same(day * kDay + rest);
  for (uint64_t i = 0; i < 20'000; ++i) same(int64_t((random_unit(3, i) - 0.2) * 3e17));
}

TEST_CASE("cell text: whole numbers of every width") {
  for (const int64_t value : {int64_t{0}, int64_t{7}, int64_t{10}, int64_t{99}, int64_t{100}, int64_t{12345}, INT64_MAX, INT64_MIN, int64_t{-1}}) {
    std::string out;
    append_cell_text(make_column(std::vector<int64_t>{value}), 0, &out);
    CHECK(out == std::to_string(value));
  }
}

}  // namespace hayate::io
