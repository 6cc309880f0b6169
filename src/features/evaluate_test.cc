// The evaluator against the definitions in direct.h, and the properties that make a value trustworthy: it depends on the
// rows in its window alone, to the byte.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/random.h"
#include "features/compile.h"
#include "features/direct.h"
#include "features/evaluate_rows.h"
#include "hayate/features.h"
#include "kernels/dispatch.h"

using namespace hayate;

namespace {

using Columns = std::vector<std::vector<double>>;
const double kNaN = std::numeric_limits<double>::quiet_NaN();
const double kInf = std::numeric_limits<double>::infinity();
const std::vector<std::string> kFields = {"open", "high", "low", "close", "volume"};
const kernels::Isa kIsas[] = {kernels::Isa::baseline, kernels::Isa::avx2, kernels::Isa::avx512};

double normal(uint64_t key, uint64_t i) {
  double sum = -6;
  for (uint64_t k = 0; k < 12; ++k) sum += random_unit(key, 12 * i + k);
  return sum;
}

/// Bars of a random walk on a tick, as float32 numbers.
Columns walk(size_t rows, uint64_t seed, double scale = 1) {
  Columns bars(5, std::vector<double>(rows));
  double close = 50;
  for (size_t t = 0; t < rows; ++t) {
    const double open = close * (1 + 0.005 * normal(seed, 4 * t));
    close = std::round(open * (1 + 0.02 * normal(seed, 4 * t + 1)) * 10) / 10;
    const double high = std::max(open, close) * (1 + 0.01 * std::abs(normal(seed, 4 * t + 2))), low = std::min(open, close) * 0.99;
    const double row[] = {open, high, low, close, std::round(1e6 * std::exp(normal(seed, 4 * t + 3)))};
    for (size_t f = 0; f < 5; ++f) bars[f][t] = double(float(row[f] * (f < 4 ? scale : 1)));
  }
  return bars;
}

/// The kinds of bars that have broken feature libraries.
std::vector<Columns> hard_bars() {
  std::vector<Columns> all = {walk(300, 1), walk(1, 2), walk(3, 3), walk(200, 4, 1e-9), walk(200, 5, 1e7)};
  Columns gaps = walk(400, 6);
  for (size_t t = 0; t < 400; ++t)
    for (size_t f = 0; f < 5; ++f)
      if (random_unit(7, t * (t < 200 ? 5 : 1) + (t < 200 ? f : 0)) < 0.06 || (t >= 250 && t < 330)) gaps[f][t] = kNaN;
  all.push_back(gaps);
  Columns halted = walk(300, 8);
  for (size_t t = 100; t < 180; ++t)
    for (size_t f = 0; f < 5; ++f) halted[f][t] = f == 4 ? 0 : halted[3][99];
  all.push_back(halted);
  Columns infinite = walk(200, 9);
  infinite[4][50] = kInf, infinite[3][120] = -kInf, infinite[3][0] = kNaN, infinite[3][199] = kNaN;
  all.push_back(infinite);
  all.push_back(Columns(5, std::vector<double>(100, kNaN)));
  return all;
}

/// Every operator over several windows, on float32, float64, infinite and true-or-false series.
std::vector<NamedExpression> all_operators() {
  std::vector<NamedExpression> out;
  const auto add = [&](const std::string& text) { out.push_back({"e" + std::to_string(out.size()), text}); };
  for (const char* x : {"$close", "$volume", "$close/Ref($close,1)-1", "Mean($close,3)-$open", "Log($volume)", "($close>$open)"})
    for (const char* n : {"1", "2", "3", "5", "7", "9", "13", "20", "30", "60", "64", "65", "100", "0"})
      for (const char* op :
           {"Sum", "Mean", "Std", "Var", "Max", "Min", "IdxMax", "IdxMin", "Rank", "Med", "Mad", "Slope", "Rsquare", "Resi", "WMA", "Count"})
        add(std::string(op) + "(" + x + "," + n + ")");
  for (const char* x : {"$close", "Log($volume)", "Mean($close,3)-$open"}) {
    for (const char* n : {"3", "5", "20", "60", "0"})
      add(std::string("Rolling(") + x + "," + n + ",'skew')"), add(std::string("Rolling(") + x + "," + n + ",'kurt')");
    for (const char* n : {"1", "2", "5", "20", "60", "64", "65", "0"})
      for (const char* q : {"0", "0.2", "0.8", "1"}) add(std::string("Quantile(") + x + "," + n + "," + q + ")");
    for (const char* n : {"0", "0.1", "1", "2", "12"}) add(std::string("EMA(") + x + "," + n + ")");
    for (const char* n : {"1", "2", "5", "13", "60"})
      for (const char* op : {"Corr", "Cov"}) add(std::string(op) + "(" + x + ",$volume," + n + ")");
  }
  for (const char* text : {"Ref($close,3)",
                           "Ref($close,0)",
                           "Delta($close,2)",
                           "Delta($close,0)",
                           "Ref(Ref($close,2),3)",
                           "$close-$open",
                           "$close+1",
                           "1-$close",
                           "2*$close",
                           "$volume/$close",
                           "$close/0",
                           "1/$close",
                           "Abs($close-$open)",
                           "Sign($close-$open)",
                           "Log($close)",
                           "Power($close,2)",
                           "Power($close,0.5)",
                           "Power($close,-1)",
                           "Power(2,$close/$open)",
                           "Power($close-$open,3)",
                           "Power($volume,0)",
                           "Greater($close,$open)",
                           "Less($close,$volume)",
                           "Greater($close-$open,0)",
                           "$close>$open",
                           "$close>=$open",
                           "$close<$open",
                           "$close<=$open",
                           "$close==$open",
                           "$close!=$open",
                           "Not($close>$open)",
                           "($close>$open)&($high>$open)",
                           "($close>$open)|($high>$open)",
                           "If($close>$open,$close,$open)",
                           "If($close,1,0)",
                           "If($close>$open,$low<$volume,$high<=Ref($close,1))",
                           "Mean(If($close>$open,$low<$volume,Not($close>Ref($close,1))),5)",
                           "If($close>$open,1,0)*$close",
                           "($close>$open)+($high>$open)",
                           "($close>$open)*$close",
                           "Not(And($close>$open,1))",
                           "-$close",
                           "Mean(Std($close,5),20)",
                           "Mean($close,5)>Mean($close,20)",
                           "Std($close,5)/Mean($close,5)",
                           "Mean($close,5)/Std($close,5)",
                           "Max($high,20)-Min($low,20)",
                           "Std($close,20)/$close",
                           "IdxMax($high,20)/20",
                           "Corr($close,$open,20)/$close",
                           "Quantile($close,20,0.8)/$close",
                           "Rank($close,20)/$close",
                           "$close",
                           "$close>Ref($close,1)",
                           "Mean($close>Ref($close,1),5)"})
    add(text);
  return out;
}

Columns evaluated(const std::vector<NamedExpression>& expressions, const Columns& bars,
                  CompileOptions options = {.dtype = Dtype::float64, .allow_look_ahead = true}) {
  auto program = Program::compile(expressions, kFields, options);
  if (!program.ok()) FAIL(program.error().what, "\n", program.error().where);
  const size_t rows = bars[0].size();
  Bars input{.rows = rows, .series = {}};
  for (const std::string& name : program.value().fields())
    input.series.emplace_back(std::span(bars[size_t(std::find(kFields.begin(), kFields.end(), name) - kFields.begin())]));
  std::vector<double> out(expressions.size() * rows);
  Workspace workspace;
  evaluate(program.value(), input, workspace, out.data(), rows);
  Columns columns;
  for (size_t i = 0; i < expressions.size(); ++i) columns.emplace_back(out.begin() + ptrdiff_t(i * rows), out.begin() + ptrdiff_t((i + 1) * rows));
  return columns;
}

Columns defined(const std::vector<NamedExpression>& expressions, const Columns& bars,
                CompileOptions options = {.dtype = Dtype::float64, .allow_look_ahead = true}) {
  const auto graph = compile_graph(expressions, kFields, options);
  REQUIRE(graph.ok());
  Columns fields;
  for (const std::string& name : graph.value().fields)
    fields.push_back(bars[size_t(std::find(kFields.begin(), kFields.end(), name) - kFields.begin())]);
  return direct::evaluate(graph.value(), fields);
}

bool same_bytes(std::span<const double> a, std::span<const double> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * 8) == 0;
}

/// The rows where the columns differ by more than `tolerance` of the value and of the column's usual size.
void compare(const std::vector<NamedExpression>& expressions, const Columns& got, const Columns& wanted, double tolerance) {
  for (size_t i = 0; i < got.size(); ++i) {
    std::vector<double> sizes;
    for (double x : wanted[i])
      if (std::isfinite(x)) sizes.push_back(std::abs(x));
    std::sort(sizes.begin(), sizes.end());
    const double usual = sizes.empty() ? 0 : sizes[sizes.size() / 2];
    for (size_t t = 0; t < got[i].size(); ++t) {
      const double x = got[i][t], y = wanted[i][t];
      const bool equal = x == y || (std::isnan(x) && std::isnan(y)) || std::abs(x - y) <= tolerance * (std::abs(y) + usual);
      if (!equal) {
        CHECK_MESSAGE(equal, expressions[i].text, " at row ", t, ": ", x, " should be ", y);
        break;
      }
    }
  }
}

struct OnEveryIsa {
  ~OnEveryIsa() { kernels::set_isa(kernels::detected_isa()); }
};

}  // namespace

TEST_CASE("every operator agrees with its definition, on every instruction set") {
  const OnEveryIsa restore;
  const auto expressions = all_operators();
  for (const Columns& bars : hard_bars()) {
    const Columns wanted = defined(expressions, bars), wanted32 = defined(expressions, bars, {.allow_look_ahead = true});
    Columns first, first32;
    for (kernels::Isa isa : kIsas) {
      kernels::set_isa(isa);
      const Columns got = evaluated(expressions, bars), got32 = evaluated(expressions, bars, {.allow_look_ahead = true});
      if (first.empty()) {
        compare(expressions, got, wanted, 1e-9);
        compare(expressions, got32, wanted32, 1e-6);
        first = got, first32 = got32;
      }
      for (size_t i = 0; i < got.size(); ++i) {
        CHECK_MESSAGE(same_bytes(got[i], first[i]), expressions[i].text, " on ", kernels::isa_name(isa));
        CHECK_MESSAGE(same_bytes(got32[i], first32[i]), expressions[i].text, " on ", kernels::isa_name(isa));
      }
    }
  }
}

TEST_CASE("a missing value at every position") {
  const std::vector<NamedExpression> expressions = {
      {"a", "Std($close,5)"},        {"b", "Slope($close,9)"},       {"c", "Rsquare($close,7)"},      {"d", "Max($close,6)"},
      {"e", "IdxMin($close,6)"},     {"f", "Rank($close,8)"},        {"g", "Quantile($close,9,0.3)"}, {"h", "Corr($close,$volume,9)"},
      {"i", "Sum($close,5)/$close"}, {"j", "Resi($close,5)/$close"}, {"k", "Mean($close,5)"},         {"l", "EMA($close,5)"},
      {"m", "Mean($close>$open,5)"}, {"n", "Count($close,4)"},       {"o", "WMA($close,4)"},          {"p", "Mad($close,4)"}};
  for (size_t hole = 0; hole < 40; ++hole) {
    for (double value : {kNaN, kInf}) {
      Columns bars = walk(40, 11);
      bars[3][hole] = value;
      compare(expressions, evaluated(expressions, bars), defined(expressions, bars), 1e-9);
    }
  }
}

TEST_CASE("a missing value at every position, for every rolling operator") {
  std::vector<NamedExpression> expressions;
  for (const char* op :
       {"Sum", "Mean", "Std", "Var", "Max", "Min", "IdxMax", "IdxMin", "Rank", "Med", "Mad", "Slope", "Rsquare", "Resi", "WMA", "Count"})
    for (const char* n : {"1", "2", "5", "12", "20", "0"})
      expressions.push_back({"e" + std::to_string(expressions.size()), std::string(op) + "($close," + n + ")"});
  for (const char* text : {"Corr($close,$volume,5)", "Corr($close,$volume,20)", "Cov($close,$volume,5)", "Quantile($close,5,0.2)",
                           "Quantile($close,20,0.8)", "Rolling($close,9,'skew')", "Rolling($close,9,'kurt')", "EMA($close,5)", "EMA($close,0)"})
    expressions.push_back({"e" + std::to_string(expressions.size()), text});
  for (size_t hole = 0; hole < 33; ++hole) {
    Columns bars = walk(33, 21);
    bars[3][hole] = kNaN;
    compare(expressions, evaluated(expressions, bars), defined(expressions, bars), 1e-9);
  }
}

TEST_CASE("prices from 1e-9 to 1e9") {
  const std::vector<NamedExpression> expressions = {
      {"a", "Std($close,20)/$close"}, {"b", "Slope($close,20)/$close"},        {"c", "Resi($close,20)/$close"}, {"d", "Mean($close,20)/$close"},
      {"e", "Max($high,20)/$close"},  {"f", "Quantile($close,20,0.8)/$close"}, {"g", "Rank($close,20)"},        {"h", "$close/Ref($close,5)-1"},
      {"i", "WMA($close,9)/$close"},  {"j", "EMA($close,9)/$close"},           {"k", "Mad($close,9)/$close"},   {"l", "IdxMin($low,20)"}};
  for (double scale = 1e-9; scale < 2e9; scale *= 1000) {
    Columns bars = walk(200, 22);
    for (size_t f = 0; f < 4; ++f)
      for (double& price : bars[f]) price *= scale / 50;
    compare(expressions, evaluated(expressions, bars), defined(expressions, bars), 1e-9);
  }
}

TEST_CASE("deviations of 1e8 plus noise of 1e-3 against long double") {
  Columns bars = walk(400, 23);
  for (size_t t = 0; t < 400; ++t) bars[3][t] = 1e8 + 1e-3 * normal(24, t);
  for (int64_t window : {2, 5, 20, 60, 250, 0}) {
    const std::string n = std::to_string(window);
    const Columns got = evaluated({{"a", "Std($close," + n + ")"}, {"b", "Mad($close," + n + ")"}}, bars, {.dtype = Dtype::float64});
    for (size_t t = 1; t < 400; ++t) {
      const size_t first = window == 0 || t + 1 < size_t(window) ? 0 : t + 1 - size_t(window);
      long double mean = 0, squares = 0, distances = 0;
      for (size_t i = first; i <= t; ++i) mean += static_cast<long double>(bars[3][i] - 1e8);
      mean /= static_cast<long double>(t + 1 - first);
      for (size_t i = first; i <= t; ++i) {
        const long double distance = std::abs(static_cast<long double>(bars[3][i] - 1e8) - mean);  // 1e8 itself would take 9 of the 19 digits
        squares += distance * distance, distances += distance;
      }
      const double wanted = double(std::sqrt(squares / static_cast<long double>(t - first)));
      const double distance = double(distances / static_cast<long double>(t + 1 - first));
      CHECK_MESSAGE(std::abs(got[1][t] - distance) <= 1e-9 * distance, "Mad over ", window, " at row ", t, ": ", got[1][t], " should be ", distance);
      CHECK_MESSAGE(std::abs(got[0][t] - wanted) <= 1e-9 * wanted, "Std over ", window, " at row ", t, ": ", got[0][t], " should be ", wanted);
    }
  }
}

TEST_CASE("a value depends on the rows in its window alone") {
  auto expressions = all_operators();
  std::erase_if(expressions, [](const NamedExpression& e) {
    auto program = Program::compile({&e, 1}, kFields, {.allow_look_ahead = true});
    return !program.value().reach().has_value();
  });
  Columns bars = hard_bars()[5];  // with gaps
  for (CompileOptions options : {CompileOptions{}, CompileOptions{.dtype = Dtype::float64}}) {
    const Columns whole = evaluated(expressions, bars, options);
    for (const auto& [begin, end] : {std::pair<size_t, size_t>{0, 137}, {57, 400}, {101, 333}}) {
      Columns part;
      for (const auto& column : bars) part.emplace_back(column.begin() + ptrdiff_t(begin), column.begin() + ptrdiff_t(end));
      const Columns got = evaluated(expressions, part, options);
      for (size_t i = 0; i < expressions.size(); ++i) {
        const auto program = Program::compile({&expressions[i], 1}, kFields, options);
        const size_t warm = begin == 0 ? 0 : size_t(*program.value().reach());
        if (warm > end - begin) continue;
        // Positions count from the first row of a window that is not full yet; where it is full, they agree.
        CHECK_MESSAGE(same_bytes(std::span(got[i]).subspan(warm), std::span(whole[i]).subspan(begin + warm, end - begin - warm)), expressions[i].text,
                      " rows ", begin, " to ", end);
      }
    }
  }
}

TEST_CASE("cutting the future changes nothing, also where all rows so far count") {
  const auto expressions = all_operators();
  const Columns bars = hard_bars()[5], whole = evaluated(expressions, bars);
  Columns cut = bars;
  for (auto& column : cut) column.resize(250);
  const Columns got = evaluated(expressions, cut);
  for (size_t i = 0; i < expressions.size(); ++i) CHECK_MESSAGE(same_bytes(got[i], std::span(whole[i]).first(250)), expressions[i].text);
}

TEST_CASE("an expression is the same alone and in a set") {
  const auto expressions = all_operators();
  const Columns bars = hard_bars()[5];
  for (CompileOptions options : {CompileOptions{}, CompileOptions{.dtype = Dtype::float64}}) {
    const Columns together = evaluated(expressions, bars, options);
    for (size_t i = 0; i < expressions.size(); i += 3)
      CHECK_MESSAGE(same_bytes(evaluated({expressions[i]}, bars, options)[0], together[i]), expressions[i].text);
  }
}

TEST_CASE("long series are done in tiles that leave no trace") {
  const std::vector<NamedExpression> expressions = {
      {"a", "Std($close,60)"},  {"b", "Corr($close,Ref($volume,3),30)"},  {"c", "Quantile($close,60,0.8)/$close"}, {"d", "IdxMax($high,20)/20"},
      {"e", "Rank($close,30)"}, {"f", "Ref($close,-2)/Ref($close,-1)-1"}, {"g", "Mean($close>$open,5)"},           {"h", "Resi($close,10)/$close"}};
  const size_t rows = 40'000;
  const Columns bars = walk(rows, 12);
  for (CompileOptions options : {CompileOptions{.allow_look_ahead = true}, CompileOptions{.dtype = Dtype::float64, .allow_look_ahead = true}}) {
    const Columns whole = evaluated(expressions, bars, options);
    for (size_t middle : {16'384ul, 32'768ul}) {
      Columns part;
      for (const auto& column : bars) part.emplace_back(column.begin() + ptrdiff_t(middle - 200), column.begin() + ptrdiff_t(middle + 200));
      const Columns got = evaluated(expressions, part, options);
      for (size_t i = 0; i < expressions.size(); ++i)
        CHECK_MESSAGE(same_bytes(std::span(got[i]).subspan(70, 320), std::span(whole[i]).subspan(middle - 130, 320)), expressions[i].text);
    }
  }
}

TEST_CASE("stretches of a long series give the bytes of the whole, and only where values reach back a little") {
  const size_t rows = 50'000;
  Columns bars = walk(rows, 13);
  for (size_t t = 0; t < rows; t += 37) bars[t % 5][t] = kNaN;
  const std::vector<NamedExpression> expressions = {
      {"a", "Std($close,60)"},  {"b", "Corr($close,$volume,30)"}, {"c", "Ref($close,-2)/Ref($close,-1)-1"},
      {"d", "Rank($close,30)"}, {"e", "Quantile($close,60,0.8)"}, {"f", "Count($close>$open,20)"}};
  const auto check = [&]<class T>(T, Dtype dtype) {
    const auto program = Program::compile(expressions, kFields, {.dtype = dtype, .allow_look_ahead = true});
    REQUIRE(program.ok());
    Bars series{rows, {}};
    for (const std::string& field : program.value().columns())
      series.series.emplace_back(std::span<const double>(bars[size_t(std::find(kFields.begin(), kFields.end(), field) - kFields.begin())]));
    Workspace workspace;
    std::vector<T> whole(expressions.size() * rows), parts(whole.size());
    evaluate(program.value(), series, workspace, whole.data(), rows);
    const auto morsels = row_morsels(program.value(), int64_t(rows));
    CHECK(morsels.size() == 3);
    CHECK(row_morsels(program.value(), 30'000).size() == 1);
    for (auto morsel = morsels.rbegin(); morsel != morsels.rend(); ++morsel)
      evaluate_morsel(program.value(), series, morsel->first, morsel->second, workspace, parts.data(), rows);
    CHECK(std::memcmp(whole.data(), parts.data(), whole.size() * sizeof(T)) == 0);
  };
  check(float(), Dtype::float32);
  check(double(), Dtype::float64);
  const std::vector<NamedExpression> recursive = {{"x", "EMA($close,5)"}};
  const auto far = Program::compile(recursive, kFields, {});
  REQUIRE(far.ok());
  CHECK(row_morsels(far.value(), 1'000'000).size() == 1);
}

TEST_CASE("a common offset costs no digits") {
  // 1e8 plus noise of 1e-3: the squares have 16 digits in front of the point and the variance 6 behind it.
  Columns bars = walk(500, 13);
  for (size_t t = 0; t < 500; ++t) bars[3][t] = 1e8 + 1e-3 * normal(14, t);
  const std::vector<NamedExpression> expressions = {{"a", "Std($close,5)"}, {"b", "Std($close,60)"},   {"c", "Var($close,30)"},
                                                    {"d", "Std($close,0)"}, {"e", "Slope($close,20)"}, {"f", "Corr($close,$volume,30)"}};
  const Columns got = evaluated(expressions, bars), wanted = defined(expressions, bars);
  for (size_t i = 0; i < expressions.size(); ++i)
    for (size_t t = 5; t < 500; ++t)
      CHECK_MESSAGE(std::abs(got[i][t] - wanted[i][t]) <= 1e-9 * std::abs(wanted[i][t]), expressions[i].text, " row ", t);
}

TEST_CASE("a constant window has no deviation, whatever came before") {
  Columns bars = walk(200, 15);
  for (size_t t = 0; t < 100; ++t) bars[4][t] = 3e10 * random_unit(16, t);
  for (size_t t = 100; t < 200; ++t) bars[4][t] = 0.1;
  const Columns got = evaluated({{"a", "Std($volume,20)"}, {"b", "Mean($volume,20)"}, {"c", "Corr($close,$volume,20)"}}, bars);
  for (size_t t = 119; t < 200; ++t) CHECK((got[0][t] == 0 && got[1][t] == 0.1 && std::isnan(got[2][t])));
}

TEST_CASE("float and double columns hold the same float32 values") {
  const auto expressions = all_operators();
  const Columns bars = hard_bars()[5];
  const auto program = Program::compile(expressions, kFields, {.allow_look_ahead = true});
  REQUIRE(program.ok());
  std::vector<std::vector<float>> narrow;
  Bars wide_bars{.rows = 400, .series = {}}, narrow_bars{.rows = 400, .series = {}};
  for (const std::string& name : program.value().fields()) {
    const auto& column = bars[size_t(std::find(kFields.begin(), kFields.end(), name) - kFields.begin())];
    narrow.emplace_back(column.begin(), column.end());
    wide_bars.series.emplace_back(std::span(column));
  }
  for (const auto& column : narrow) narrow_bars.series.emplace_back(std::span(column));
  // A stride and a start of no particular alignment; the rows between columns stay untouched.
  const size_t stride = 413;
  std::vector<float> floats(expressions.size() * stride + 3, -77.0f);
  std::vector<double> doubles(expressions.size() * stride);
  Workspace workspace;
  evaluate(program.value(), narrow_bars, workspace, floats.data() + 3, stride);
  evaluate(program.value(), wide_bars, workspace, doubles.data(), stride);
  for (size_t i = 0; i < expressions.size(); ++i) {
    for (size_t t = 0; t < 400; ++t) {
      const float x = floats[3 + i * stride + t];
      const bool same = double(x) == doubles[i * stride + t] || (std::isnan(x) && std::isnan(doubles[i * stride + t]));
      CHECK_MESSAGE(same, expressions[i].text, " row ", t);
    }
    for (size_t t = 400; t < stride; ++t) CHECK(floats[3 + i * stride + t] == -77.0f);
  }
}

TEST_CASE("the share of rows that hold is the rounded quotient") {
  const Columns bars = walk(600, 18);
  std::vector<NamedExpression> expressions;
  for (int window = 1; window <= 300; ++window) expressions.push_back({"e", "Mean($close>$open," + std::to_string(window) + ")"});
  const Columns got = evaluated(expressions, bars);
  for (size_t window = 1; window <= 300; ++window)
    for (size_t t = 0; t < 600; ++t) {
      int held = 0;
      for (size_t i = t + 1 - std::min(t + 1, window); i <= t; ++i) held += bars[3][i] > bars[0][i];
      CHECK(got[window - 1][t] == double(held) / double(std::min(t + 1, window)));
    }
}

TEST_CASE("no rows is no work") {
  const Columns none(5);
  CHECK(evaluated({{"a", "Mean($close,5)"},
                   {"b", "Quantile($close,5,0.5)"},
                   {"c", "Rank($close,5)"},
                   {"d", "Ref($close,0)"},
                   {"e", "Corr($close,$open,5)"},
                   {"f", "Max($close,5)"}},
                  none)[0]
            .empty());
}
