// Stages against what a reader would do by hand: compute the inner expression of every symbol, take the cross-section of each date
// naively, write it into the panel as a column, and evaluate the outer expression on that.
#include "features/stages.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "base/random.h"
#include "features/cross_section.h"
#include "hayate/features.h"

using namespace hayate;

namespace {

const double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kPlenty = int64_t{1} << 40;

/// Ragged: symbol s begins at day s, and has no bar on days that its number divides. Some prices are missing, some are equal.
Panel ragged_panel(int symbols, int days) {
  Panel panel;
  panel.fields = {"close", "open", "sector"};
  panel.values.resize(3);
  for (int s = 0; s < symbols; ++s) {
    panel.symbols.push_back("S" + std::to_string(100 + s));
    for (int day = s; day < days; ++day) {
      if (s > 2 && day % s == 1) continue;
      const double noise = std::sin(double(s * 37 + day * day % 101));
      panel.times.push_back(day);
      panel.values[0].push_back((s + day) % 17 == 0 ? kMissing : std::round(100 + 10 * noise));
      panel.values[1].push_back(100 + noise);
      panel.values[2].push_back(day % 11 == 0 && s == 1 ? kMissing : 45103010 + s % 3);
    }
    panel.offsets.push_back(int64_t(panel.times.size()));
  }
  return panel;
}

std::vector<double> computed(const std::string& text, Panel panel, int workers = 1,
                             CompileOptions options = {.dtype = Dtype::float64, .allow_look_ahead = true}) {
  const NamedExpression named{"x", text};
  auto program = Program::compile({&named, 1}, panel.fields, options);
  if (!program.ok()) FAIL(text, ": ", program.error().what, "\n", program.error().where);
  exec::Pool pool(workers);
  const auto staged = compute_stages(program.value(), panel, pool, kPlenty);
  REQUIRE(staged.ok());
  std::vector<double> out(panel.times.size());
  Workspace workspace;
  for (size_t s = 0; s < panel.num_symbols(); ++s)
    evaluate(program.value(), bars_of(program.value(), panel, s), workspace, out.data() + panel.offsets[s], out.size());
  return out;
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

using Naive = std::vector<double> (*)(const std::vector<double>&);

/// A naive cross-section of `column`, date by date.
std::vector<double> by_date(const Panel& panel, const std::vector<double>& column, Naive naive, const std::vector<double>& groups = {}) {
  std::map<std::pair<int64_t, double>, std::vector<size_t>> parts;
  std::vector<double> out(column.size(), kMissing);
  for (size_t row = 0; row < column.size(); ++row)
    if (!std::isnan(column[row]) && (groups.empty() || !std::isnan(groups[row])))
      parts[{panel.times[row], groups.empty() ? 0 : groups[row]}].push_back(row);
  for (const auto& [key, rows] : parts) {
    if (rows.size() < 2) continue;
    std::vector<double> values;
    for (const size_t row : rows) values.push_back(column[row]);
    const std::vector<double> answers = naive(values);
    for (size_t i = 0; i < rows.size(); ++i) out[rows[i]] = answers[i];
  }
  return out;
}

std::vector<double> naive_rank(const std::vector<double>& x) {
  std::vector<double> out;
  for (const double a : x) {
    double below = 0, equal = 0;
    for (const double b : x) below += b < a, equal += b == a;
    out.push_back((below + (equal + 1) / 2) / double(x.size()));
  }
  return out;
}
double naive_mean(const std::vector<double>& x) {
  long double sum = 0;
  for (const double a : x) sum += a;
  return double(sum / x.size());
}
std::vector<double> naive_demean(const std::vector<double>& x) {
  std::vector<double> out;
  for (const double a : x) out.push_back(a - naive_mean(x));
  return out;
}
std::vector<double> naive_zscore(const std::vector<double>& x) {
  std::vector<double> out = naive_demean(x);
  long double squares = 0;
  for (const double a : out) squares += (long double)(a)*a;
  for (double& a : out) a = squares == 0 ? kMissing : a / double(std::sqrt(squares / (x.size() - 1)));
  return out;
}

void check_equal(const std::vector<double>& got, const std::vector<double>& expected, const std::string& what) {
  REQUIRE(got.size() == expected.size());
  size_t present = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    present += !std::isnan(got[i]);
    const bool same = std::isnan(got[i]) ? std::isnan(expected[i]) : std::abs(got[i] - expected[i]) <= 1e-12 * (1 + std::abs(expected[i]));
    if (!same) FAIL(what, ": row ", i, " is ", got[i], ", expected ", expected[i]);
  }
  CHECK_MESSAGE(present > got.size() / 2, what);
}

}  // namespace

TEST_CASE("cross-sections at any depth equal those taken by hand") {
  const Panel panel = ragged_panel(13, 60);
  struct Row {
    const char *name, *inner, *outer;
    Naive naive;
  };
  for (const Row& row : {Row{"CSRank", "$close", "$by_hand", naive_rank}, Row{"CSZScore", "Mean($close,5)", "Mean($by_hand,3)/$open", naive_zscore},
                         Row{"CSDemean", "$close/Ref($close,3)-1", "Std($by_hand,10)-Ref($by_hand,1)", naive_demean},
                         Row{"CSRank", "$close>$open", "If($by_hand>0.5,$open,0)", naive_rank}}) {
    Panel with_column = panel;
    with_column.fields.emplace_back("by_hand");
    with_column.values.push_back(by_date(panel, computed(row.inner, panel), row.naive));
    std::string whole = row.outer;
    for (size_t at = 0; (at = whole.find("$by_hand")) != std::string::npos;) whole.replace(at, 8, std::string(row.name) + "(" + row.inner + ")");
    check_equal(computed(whole, panel), computed(row.outer, with_column), whole);
  }
}

TEST_CASE("a cross-section of a rolling of a cross-section takes three stages") {
  const Panel panel = ragged_panel(9, 50);
  Panel first = panel, second;
  first.fields.emplace_back("a"), first.values.push_back(by_date(panel, computed("$close", panel), naive_zscore));
  second = first;
  second.fields.emplace_back("b"), second.values.push_back(by_date(panel, computed("Mean($a,4)+$a", first), naive_rank));
  check_equal(computed("CSRank(Mean(CSZScore($close),4)+CSZScore($close))*2", panel), computed("$b*2", second), "three stages");
}

TEST_CASE("groups are compared in double, and a group of one symbol has no value") {
  const Panel panel = ragged_panel(10, 40);
  const auto got = computed("CSNeutralize($close,$sector)", panel, 1, {});
  check_equal(
      got,
      [&] {
        std::vector<double> out = by_date(panel, panel.values[0], naive_demean, panel.values[2]);
        for (double& x : out) x = double(float(x));
        return out;
      }(),
      "CSNeutralize");
  Panel lone = panel;
  lone.values[2].assign(lone.times.size(), 1);
  std::fill(lone.values[2].begin(), lone.values[2].begin() + lone.offsets[1], 2);
  CHECK(std::isnan(computed("CSNeutralize($close,$sector)", lone)[5]));
}

TEST_CASE("the same bytes for any number of workers, and a neighbour's expression changes nothing") {
  const Panel panel = ragged_panel(40, 300);
  const std::string text = "CSZScore(Mean($close,5))-CSRank($open)+CSNeutralize($open,$sector)";
  const auto one = computed(text, panel), eight = computed(text, panel, 8);
  CHECK(std::memcmp(one.data(), eight.data(), one.size() * sizeof(double)) == 0);
}

TEST_CASE("missing, infinite, equal and lone values of a date") {
  const double inf = std::numeric_limits<double>::infinity();
  const auto of = [](CrossSection kind, std::vector<double> values) { return cross_section(kind, values), values; };
  CHECK(of(CrossSection::rank, {3, 1, 3}) == std::vector<double>{2.5 / 3, 1.0 / 3, 2.5 / 3});
  CHECK(of(CrossSection::rank, {inf, 1, -inf, 2}) == std::vector<double>{1, 0.5, 0.25, 0.75});
  CHECK(std::isnan(of(CrossSection::rank, {3})[0]));
  CHECK(std::isnan(of(CrossSection::rank, {3, kMissing})[0]));
  CHECK(of(CrossSection::demean, {1, 3}) == std::vector<double>{-1, 1});
  CHECK(of(CrossSection::demean, {1, inf, 3})[2] == 1);
  CHECK(std::isnan(of(CrossSection::demean, {1, inf, 3})[1]));
  CHECK(of(CrossSection::zscore, {1, 3})[1] == doctest::Approx(1 / std::sqrt(2.0)));
  for (const double x : of(CrossSection::zscore, {0.1, 0.1, 0.1})) CHECK(std::isnan(x));
  CHECK(of(CrossSection::demean, {}).empty());
}

TEST_CASE("fields are shared between programs, and those that only stages read are dropped") {
  Panel panel = ragged_panel(5, 20);
  exec::Pool pool(1);
  const auto add = [&](const std::string& text) {
    const NamedExpression named{"x", text};
    const auto program = Program::compile({&named, 1}, {"close", "open", "sector"}, {});
    REQUIRE(program.ok());
    REQUIRE(compute_stages(program.value(), panel, pool, kPlenty).ok());
  };
  add("CSRank(Mean(CSZScore($close),4))");
  CHECK(panel.fields.size() == 4);
  add("$open*CSRank(Mean(CSZScore($close),4))");
  CHECK_MESSAGE(panel.fields.size() == 4, panel.fields[3], " ", panel.fields.back());
  add("CSZScore($close)");
  CHECK(panel.fields.size() == 5);
}

TEST_CASE("extents are those of the whole expression") {
  const auto program = [](const std::string& text) {
    const NamedExpression named{"x", text};
    return Program::compile({&named, 1}, {"close", "open"}, {.allow_look_ahead = true}).value();
  };
  CHECK(program("Mean(CSRank(Mean($close,5)),3)").reach() == 6);
  CHECK(program("CSRank(Ref($close,3))").lookback(0) == 3);
  CHECK(program("CSRank(Ref($close,-3)/$close)").look_ahead() == 3);
  CHECK(program("Mean(CSRank($close),0)").reach() == std::nullopt);
  CHECK(program("CSRank($close)").has_cross_sections());
  CHECK(program("Mask($close,'A')").has_cross_sections());
  CHECK(program("Mask(Ref($close,-3),'A')").look_ahead() == 3);
  CHECK(program("Mask(Ref($close,3),'A')").reach() == 3);
  CHECK(program("Mask(Ref($close,3),'A')").lookback(0) == 0);  // the other symbol may begin earlier
  CHECK_FALSE(program("TripleBarrier($close,5,10,2,2)").has_cross_sections());
  CHECK(program("CSRank($close/Mean($open,2))").columns() == std::vector<std::string>{"close", "open"});
  CHECK(program("TripleBarrier($close,5,10,2,2)").look_ahead() == 5);
  CHECK(program("TripleBarrier($close,5,10,2,2).touch").reach() == 10);
  CHECK(program("ForwardReturn($close,7)").look_ahead() == 7);
  CHECK(program("CSRank(Mean($close,5))").settled(0) == 4);
  CHECK(program("EMA($close,19)").settled(0) == 132);  // 0.9^132 is below a millionth
  CHECK(program("Mean($close,1e-122)").settled(0) == std::nullopt);
  CHECK(program("Sum($close,0)").settled(0) == std::nullopt);
  CHECK(program("ta.OBV($close,$open)").settled(0) == std::nullopt);
}

TEST_CASE("another symbol's values, by time") {
  const Panel panel = ragged_panel(7, 60);
  const auto value_of = [&](const std::vector<double>& column, size_t symbol, int64_t time) {
    for (int64_t row = panel.offsets[symbol]; row < panel.offsets[symbol + 1]; ++row)
      if (panel.times[size_t(row)] == time) return column[size_t(row)];
    return kMissing;
  };
  const auto mean = computed("Mean($close,5)", panel), rank = computed("CSRank($close)", panel);
  for (const size_t other : {size_t(0), size_t(4), size_t(6)}) {
    const std::string name = panel.symbols[other];
    CAPTURE(name);
    const auto masked = computed("Mask(Mean($close,5),'" + name + "')", panel);
    std::vector<double> naive;
    for (const int64_t time : panel.times) naive.push_back(value_of(mean, other, time));
    CHECK(same(masked, naive));
    CHECK(same(computed("ChangeInstrument(\"" + name + "\", Mean($close,5))", panel, 8), naive));
    for (size_t row = 0; row < naive.size(); ++row) naive[row] = value_of(rank, other, panel.times[row]);
    CHECK(same(computed("Mask(CSRank($close),'" + name + "')", panel, 8), naive));
    // Around it run the rows of the symbol in hand.
    Panel with = panel;
    with.fields.push_back("other"), with.values.push_back(masked);
    CHECK(same(computed("Corr($close, Mask(Mean($close,5),'" + name + "'), 9)", panel), computed("Corr($close, $other, 9)", with)));
  }
  const auto two = computed("Mask($close,'S100') - Mask($close,'S101')", panel);
  const auto left = computed("Mask($close,'S100')", panel), right = computed("Mask($close,'S101')", panel);
  for (size_t row = 0; row < two.size(); ++row) CHECK((two[row] == left[row] - right[row] || std::isnan(two[row])));

  exec::Pool pool(1);
  const auto refusal = [&](const std::string& text) {
    const NamedExpression named{"x", text};
    const auto program = Program::compile({&named, 1}, panel.fields, {});
    if (!program.ok()) return program.error();
    Panel own = panel;
    const auto staged = compute_stages(program.value(), own, pool, kPlenty);
    REQUIRE_FALSE(staged.ok());
    CHECK(own.fields.size() == panel.fields.size());
    return staged.error();
  };
  CHECK(refusal("Mask($close,'S1000')").what.find("S1000") != std::string::npos);
  CHECK(refusal("Mask($close,'S1000')").hint.find("S100") != std::string::npos);
  CHECK(refusal("Mask($close,5)").what == "expected the name of a symbol, in quotes");
  CHECK(refusal("Mask(5,'S100')").what == "Mask of a number");
  CHECK(refusal("ChangeInstrument($close,'S100')").what == "expected the name of a symbol, in quotes");
  CHECK(refusal("Mask(Ref($close,-1),'S100')").what.find("look") != std::string::npos);
}

TEST_CASE("too little memory is a budget error that says how much is needed") {
  Panel panel = ragged_panel(5, 20);
  const NamedExpression named{"x", "CSRank($close)"};
  exec::Pool pool(1);
  const auto done = compute_stages(Program::compile({&named, 1}, panel.fields, {}).value(), panel, pool, 10);
  REQUIRE_FALSE(done.ok());
  CHECK(done.error().kind == Kind::budget);
  CHECK(panel.fields.size() == 3);
}

TEST_CASE("a triple barrier by hand") {
  Panel panel;
  panel.symbols = {"A"}, panel.fields = {"close"};
  panel.values = {{100, 101, 100, 101, 100, 104, 100, 100.5, 100.4, 90, 100, 100.2, 100.1, 100.3}};
  for (int64_t t = 0; t < 14; ++t) panel.times.push_back(t);
  panel.offsets = {0, 14};
  const auto label = computed("TripleBarrier($close, horizon=3, window=4, up=1.5, down=2)", panel);
  const auto touch = computed("TripleBarrier($close, horizon=3, window=4, up=1.5, down=2).touch", panel);
  const auto volatility = computed("Std($close/Ref($close,1)-1,4)", panel);
  for (size_t t = 0; t < 14; ++t) {
    double expected = kMissing, rows = kMissing;
    if (t + 3 < 14 && !std::isnan(volatility[t])) {
      expected = 0, rows = 3;
      for (size_t k = 3; k >= 1; --k) {
        const double change = panel.values[0][t + k] / panel.values[0][t] - 1;
        if (change >= 1.5 * volatility[t]) expected = 1, rows = double(k);
        if (change <= -2 * volatility[t]) expected = -1, rows = double(k);
      }
    }
    CHECK(std::isnan(label[t]) == std::isnan(expected));
    if (!std::isnan(expected)) {
      CHECK(label[t] == expected);
      CHECK(touch[t] == rows);
    }
  }
  CHECK(std::isnan(label[0]));
  CHECK(std::isnan(label[1]));  // one return has no deviation
  CHECK(std::isnan(label[11]));
  CHECK(label[4] == 1);
  CHECK(label[8] == -1);
  Panel still = panel;  // a price that does not move sets no barrier
  still.values[0].assign(14, 100);
  for (const double x : computed("TripleBarrier($close, horizon=3, window=4, up=1.5, down=2)", still)) CHECK(std::isnan(x));
  const auto forward = computed("ForwardReturn($close, horizon=2)", panel);
  CHECK(forward[0] == 0);
  CHECK(forward[3] == doctest::Approx(104.0 / 101 - 1));
  CHECK(std::isnan(forward[12]));
}

TEST_CASE("label makers are refused as features, and their arguments are checked") {
  const auto error = [](const std::string& text, bool ahead) {
    const NamedExpression named{"x", text};
    const auto program = Program::compile({&named, 1}, {"close"}, {.allow_look_ahead = ahead});
    return program.ok() ? std::string("compiles") : program.error().what;
  };
  CHECK(error("ForwardReturn($close,5)", false).find("looks ahead") != std::string::npos);
  CHECK(error("CSRank(TripleBarrier($close,5,10,2,2).touch)", false).find("looks ahead: its value is 5 rows") != std::string::npos);
  CHECK(error("ForwardReturn($close,0)", true) == "the horizon of ForwardReturn must be 1 or more, not 0");
  CHECK(error("TripleBarrier($close,5,1,2,2)", true) == "the window of TripleBarrier must be 2 or more, not 1");
  CHECK(error("TripleBarrier($close,5,10,-1,2)", true) == "'up' of TripleBarrier must be a number above 0");
  CHECK(error("TripleBarrier($close,5,10,2)", true) == "TripleBarrier needs 'down'");
  CHECK(error("TripleBarrier($close,5,10,2,2).tuch", true).find("tuch") != std::string::npos);
  CHECK(error("CSNeutralize($close,3)", true) == "the group is a number");
  CHECK(error("CSRank(3)", true) == "CSRank of a number");
}
