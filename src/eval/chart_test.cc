#include "eval/chart.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "hayate/table.h"

using namespace hayate;
using namespace hayate::eval;

namespace {
constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();

std::vector<std::string> tick_texts(double least, double most, int about, Format format) {
  std::vector<std::string> texts;
  for (const Tick& tick : nice_ticks(least, most, about, format)) texts.push_back(tick.text);
  return texts;
}
using Texts = std::vector<std::string>;

double day(int year, int month, int date) { return days_from_civil(year, month, date); }

size_t count_of(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

LineChart line_of(std::vector<double> y) {
  std::vector<double> x;
  for (size_t i = 0; i < y.size(); ++i) x.push_back(double(i));
  return {"a line", {"x", Format::number, false}, {"y", Format::number, false}, {{"one", x, std::move(y), {}, {}}}, {}, 200};
}
}  // namespace

TEST_CASE("chart: text from outside is inert") {
  CHECK(escape_html("<script>alert('x' + \"y\")</script> & co") == "&lt;script&gt;alert(&#39;x&#39; + &quot;y&quot;)&lt;/script&gt; &amp; co");
  CHECK(escape_html("日本 é 🙂") == "日本 é 🙂");
  CHECK(escape_html(std::string_view("a\0b\x01\x7f\tc\n", 9)) == "ab\tc\n");
  CHECK(escape_html("\xff\xfe") == "\uFFFD\uFFFD");
  CHECK(escape_html("cut \xe6\x97") == "cut \uFFFD\uFFFD");              // the end of a character is missing
  CHECK(escape_html("\xc0\xbc") == "\uFFFD\uFFFD");                      // an overlong '<'
  CHECK(escape_html("\xed\xa0\x80") == "\uFFFD\uFFFD\uFFFD");            // a surrogate
  CHECK(escape_html("\xf4\x90\x80\x80") == "\uFFFD\uFFFD\uFFFD\uFFFD");  // past U+10FFFF
}

TEST_CASE("chart: numbers for people") {
  CHECK(format_value(0.012345, Format::number) == "0.0123");
  CHECK(format_value(-1234.5, Format::number) == "-1,234");
  CHECK(format_value(1234567, Format::number, 3) == "1,234,567");
  CHECK(format_value(0, Format::number) == "0");
  CHECK(format_value(1.5e-9, Format::number) == "1.50e-09");
  CHECK(format_value(0.0214, Format::percent) == "2.14 %");
  CHECK(format_value(12345, Format::count) == "12,345");
  CHECK(format_value(0.0123, Format::seconds) == "12 ms");
  CHECK(format_value(0.001234, Format::seconds) == "1.23 ms");
  CHECK(format_value(0.00036649, Format::seconds) == "366 us");
  CHECK(format_value(0.0, Format::seconds) == "0 ms");
  CHECK(format_value(day(2024, 1, 5), Format::days) == "2024-01-05");
  CHECK(format_value(day(2024, 1, 5) * 86'400e6 + (9 * 60 + 30) * 60e6, Format::micros) == "2024-01-05 09:30");
  CHECK(format_value(-60e6, Format::micros) == "1969-12-31 23:59");
  CHECK(format_fixed(-0.00001, 2) == "0.00");
  CHECK(format_fixed(-1000, 1) == "-1,000.0");
  CHECK(format_count(-1234567) == "-1,234,567");
  for (const Format format : {Format::number, Format::percent, Format::count, Format::seconds, Format::days, Format::micros}) {
    CHECK(format_value(kNan, format) == "–");
    CHECK(format_value(kInf, format) == "–");
    for (const double extreme : {1e300, -1e300, 1e18, -1e18, 4e9, 1e-300}) CHECK_FALSE(format_value(extreme, format).empty());
  }
}

TEST_CASE("chart: ticks are 1, 2 or 5 times a power of ten, with equal decimals") {
  CHECK(tick_texts(0, 10, 5, Format::number) == Texts{"0", "2", "4", "6", "8", "10"});
  CHECK(tick_texts(-0.013, 0.021, 4, Format::number) == Texts{"-0.01", "0.00", "0.01", "0.02"});
  CHECK(tick_texts(0.97, 1.04, 4, Format::number) == Texts{"0.98", "1.00", "1.02", "1.04"});
  CHECK(tick_texts(0, 0.3, 3, Format::percent) == Texts{"0 %", "10 %", "20 %", "30 %"});
  CHECK(tick_texts(0, 3, 10, Format::count) == Texts{"0", "1", "2", "3"});  // no half symbols
  CHECK(tick_texts(0, 2'000'000, 2, Format::number) == Texts{"0", "1,000,000", "2,000,000"});
  CHECK(tick_texts(1, 1, 5, Format::number).empty());
  CHECK(tick_texts(2, 1, 5, Format::number).empty());
  CHECK(tick_texts(kNan, 1, 5, Format::number).empty());
  CHECK(tick_texts(-1.7e308, 1.7e308, 5, Format::number).empty());
}

TEST_CASE("chart: ticks lie inside the range and are few, for any range") {
  for (const Format format : {Format::number, Format::percent, Format::count, Format::seconds, Format::days, Format::micros})
    for (double least = -1e19; least < 1e19; least = least < -1 ? least / 173 : least < 1 ? least + 0.37 : least * 173)
      for (double width = 1e-12; width < 1e19; width *= 101)
        for (const int about : {1, 4, 12}) {
          if (width < std::abs(least) * 1e-10) continue;  // finer than the numbers themselves
          const auto ticks = nice_ticks(least, least + width, about, format);
          REQUIRE(ticks.size() <= size_t(5 * about + 3));
          for (const Tick& tick : ticks) {
            REQUIRE(tick.at >= least - width * 1e-3);
            REQUIRE(tick.at <= least + width * (1 + 1e-3));
          }
        }
}

TEST_CASE("chart: dates are marked by year, month, week or day") {
  CHECK(tick_texts(day(2000, 3, 1), day(2013, 2, 1), 7, Format::days) == Texts{"2002", "2004", "2006", "2008", "2010", "2012"});
  CHECK(tick_texts(day(2020, 2, 10), day(2021, 8, 1), 6, Format::days) == Texts{"Apr 2020", "Jul", "Oct", "2021", "Apr", "Jul"});
  CHECK(tick_texts(day(2024, 2, 27), day(2024, 3, 2), 5, Format::days) == Texts{"2024-02-27", "02-28", "02-29", "03-01", "03-02"});
  const auto weeks = nice_ticks(day(2024, 1, 3), day(2024, 2, 1), 5, Format::days);
  REQUIRE(weeks.size() == 4);
  CHECK(weeks[0].at == day(2024, 1, 8));  // a Monday
  const double noon = day(2024, 1, 5) * 86'400e6 + 12 * 3600e6;
  CHECK(tick_texts(noon, noon + 3 * 3600e6, 3, Format::micros) == Texts{"2024-01-05 12:00", "13:00", "14:00", "15:00"});
  CHECK(tick_texts(noon + 10 * 3600e6, noon + 14 * 3600e6, 4, Format::micros) == Texts{"2024-01-05 22:00", "23:00", "01-06", "01:00", "02:00"});
  CHECK(tick_texts(noon, noon + 800 * 86'400e6, 3, Format::micros) == Texts{"2025", "2026"});
}

TEST_CASE("chart: nothing to draw is said") {
  const LineChart empty = line_of({}), nans = line_of({kNan, kInf, -kInf, 1e200});
  for (const std::string& svg :
       {draw(empty, 400), draw(nans, 400), draw(BarChart{"bars", Format::number, {}}, 400),
        draw(BarChart{"bars", Format::number, {{"a", kNan, ""}}}, 400), draw(ColumnChart{"columns", "", {}, {}, {}, false, 200}, 400),
        draw(TimelineChart{"tasks", {}, {"worker 1"}, {"train"}, {}}, 400)}) {
    CHECK(svg.find("no data</text>") != std::string::npos);
    CHECK(svg.find("nan") == std::string::npos);
  }
  CHECK(sparkline({}, "none") == "–");
}

TEST_CASE("chart: a NaN is a gap in a line, a lone point a dot") {
  const std::string svg = draw(line_of({1, 2, kNan, 3, 4, kNan, 5}), 400);
  CHECK(svg.find("nan") == std::string::npos);
  const size_t begin = svg.find("<path class=\"line s0\" d=\"");
  REQUIRE(begin != std::string::npos);
  const std::string path = svg.substr(begin, svg.find("/>", begin) - begin);
  CHECK(count_of(path, "M") == 3);
  CHECK(path.ends_with("h0\""));
  CHECK(count_of(svg, "<circle") == 5);
}

TEST_CASE("chart: a long line costs no more bytes than the paper has columns, and keeps its peaks") {
  std::vector<double> y;
  for (int i = 0; i < 200'000; ++i) y.push_back(std::sin(i * 0.01));
  y[123'456] = 9;
  LineChart chart = line_of(y);
  const std::string tall = draw(chart, 600);
  CHECK(tall.size() < 60'000);
  // The peak stands alone at the top of the range: 5 % padding below the upper edge of the plot.
  chart.series[0].y[123'456] = 0;
  CHECK(draw(chart, 600) != tall);
}

TEST_CASE("chart: constants, one point and negative values are drawn") {
  for (const std::vector<double>& y : {std::vector<double>{3, 3, 3}, {0, 0}, {-7}, {1e-300, 2e-300}, {-1e149, 1e149}}) {
    const std::string svg = draw(line_of(y), 400);
    CHECK(svg.find("no data") == std::string::npos);
    CHECK(svg.find("nan") == std::string::npos);
    CHECK(svg.find("inf") == std::string::npos);
  }
  const std::string bars = draw(BarChart{"bars", Format::number, {{"up", 2, ""}, {"down", -1, ""}, {"none", kNan, ""}}}, 400);
  CHECK(count_of(bars, "class=\"bar s0\"") == 3);
  CHECK(bars.find("width=\"-") == std::string::npos);
}

TEST_CASE("chart: hostile names stay text, long ones are cut and whole in the tooltip") {
  const std::string hostile = "\"><script>alert(1)</script>", longest(300, 'x');
  const std::string svg = draw(BarChart{hostile, Format::number, {{hostile, 1, hostile}, {longest, 2, ""}}}, 358);
  CHECK(svg.find("<script") == std::string::npos);
  CHECK(svg.find("…</text>") != std::string::npos);
  CHECK(svg.find("<title>" + longest) != std::string::npos);
}

TEST_CASE("chart: histogram bins are centred on round numbers and hold every value") {
  std::vector<double> values;
  for (int i = 0; i < 500; ++i) values.push_back(0.95 + 0.1 * i / 499);
  values.push_back(40), values.push_back(kNan);
  const Columns columns = histogram(values, 10, Format::number);
  double sum = 0;
  for (const double count : columns.values) sum += count;
  CHECK(sum == 501);
  CHECK(columns.values.size() <= 22);
  CHECK(columns.labels[0] == "0.95");
  CHECK(columns.labels.back().starts_with("≥ 1.0"));
  CHECK(histogram({}, 10, Format::number).values.empty());
  CHECK(histogram(std::vector<double>{2, 2, 2}, 10, Format::number).values.size() >= 1);
}

TEST_CASE("chart: a timeline of very many tasks has a bounded size and drops impossible ones") {
  TimelineChart chart{"tasks", {"seconds", Format::seconds, true}, {"worker 1", "worker 2"}, {"bin", "train"}, {}};
  chart.spans = {
      {0, 0, 0, 1, "first"}, {1, 1, 0.5, 2, "second"}, {7, 0, 0, 1, "no such row"}, {0, 9, 0, 1, "no such kind"}, {0, 0, 2, 1, "ends early"}};
  const std::string few = draw(chart, 500);
  CHECK(few.find("train second\n500 ms to 2.0 s") != std::string::npos);
  CHECK(few.find("no such") == std::string::npos);
  CHECK(few.find("ends early") == std::string::npos);
  for (int i = 0; i < 100'000; ++i) chart.spans.push_back({i % 2, i % 3 == 0, i * 1e-4, (i + 1) * 1e-4, "task"});
  CHECK(draw(chart, 1024).size() < 200'000);
}

TEST_CASE("chart: a drawing fills its width, is named for screen readers and needs nothing from outside") {
  LineChart chart = line_of({1, 2, 3});
  chart.series.push_back({"two", {0, 1, 2}, {3, 2, 1}, {}, {}});
  for (const int width : {358, 1024}) {
    const std::string svg = draw(chart, width);
    CHECK(svg.find("viewBox=\"0 0 " + std::to_string(width)) != std::string::npos);
    CHECK(svg.find("role=\"img\" aria-label=\"a line\"") != std::string::npos);
    CHECK(count_of(svg, "http") == 1);  // the name of SVG itself
    CHECK(svg.find(">two</text>") != std::string::npos);
    CHECK(svg == draw(chart, width));
  }
}

TEST_CASE("parallel axes: a line passes an axis where it has no place") {
  const ParallelChart chart{"trials", {{"a", {}}, {"b", {}}, {"c", {}}}, {"whole"}, {{{0.5, kNan, 1}, 0, "one"}}};
  const std::string drawn = draw(chart, 400);
  const size_t path = drawn.find("<path");
  REQUIRE(path != std::string::npos);
  const std::string_view line = std::string_view(drawn).substr(path, drawn.find('>', path) - path);
  CHECK(count_of(line, "M") == 1);
  CHECK(count_of(line, "L") == 1);
}
