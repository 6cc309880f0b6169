// Steps of any size give the bytes of the batch, and bars that do not continue are refused.
#include "hayate/stream.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/random.h"
#include "exec/pool.h"
#include "features/talib.h"

using namespace hayate;

namespace {

const double kNaN = std::numeric_limits<double>::quiet_NaN();
const std::vector<std::string> kFields = {"close", "high", "low", "open", "volume"};

/// Random walks: A is clean, B has gaps and an infinite value, C is young. `more`: rows of A and B beyond 230 and 260, with fewer gaps, so that
/// windows of hundreds of rows have values between them.
Panel make_bars(int64_t more = 0) {
  Panel panel;
  panel.fields = kFields, panel.symbols = {"A", "B", "C"};
  panel.values.resize(kFields.size());
  const int64_t lengths[] = {230 + more, 260 + more, 33};
  const double gaps = more > 0 ? 0.0003 : 0.03;
  for (size_t s = 0; s < 3; ++s) {
    double close = 20 + 10 * double(s);
    for (int64_t t = 0; t < lengths[s]; ++t) {
      const uint64_t at = uint64_t(t) * 8 + s * 100'000;
      const auto unit = [&](uint64_t k) { return random_unit(5, at + k); };
      const double open = close * (1 + 0.01 * (unit(0) - 0.5));
      close = std::round(open * (1 + 0.04 * (unit(1) - 0.5)) * 10) / 10;
      const double row[] = {close, std::max(open, close) * (1 + 0.01 * unit(2)), std::min(open, close) * (1 - 0.01 * unit(3)), open,
                            std::round(1e6 * unit(4))};
      for (size_t f = 0; f < kFields.size(); ++f) panel.values[f].push_back(s == 1 && random_unit(6, at + f) < gaps ? kNaN : row[f]);
      if (s == 1 && t == 180) panel.values[4].back() = std::numeric_limits<double>::infinity();
      panel.times.push_back(1000 + t + 50 * int64_t(s));
    }
    panel.offsets.push_back(int64_t(panel.times.size()));
  }
  return panel;
}

/// Rows of `bars` whose time is in [from, to).
Panel between(const Panel& bars, int64_t from, int64_t to) {
  Panel out;
  out.fields = bars.fields, out.values.resize(bars.fields.size());
  for (size_t s = 0; s < bars.num_symbols(); ++s) {
    const size_t before = out.times.size();
    for (int64_t row = bars.offsets[s]; row < bars.offsets[s + 1]; ++row) {
      if (bars.times[size_t(row)] < from || bars.times[size_t(row)] >= to) continue;
      out.times.push_back(bars.times[size_t(row)]);
      for (size_t f = 0; f < bars.fields.size(); ++f) out.values[f].push_back(bars.values[f][size_t(row)]);
    }
    if (out.times.size() == before) continue;
    out.symbols.push_back(bars.symbols[s]);
    out.offsets.push_back(int64_t(out.times.size()));
  }
  return out;
}

std::vector<NamedExpression> named(const std::vector<std::string>& texts) {
  std::vector<NamedExpression> out;
  for (const std::string& text : texts) out.push_back({"e" + std::to_string(out.size()), text});
  return out;
}

std::vector<NamedExpression> rolling_features() {
  std::vector<std::string> texts = {
      "$close/Ref($close,7)-1",         "Delta($close,2)",       "If($close>$open,$high,$low)", "Mean(Std($close,5),20)", "Log($volume)",
      "Corr($close,Ref($volume,3),20)", "Cov($close,$volume,9)", "Quantile($close,20,0.8)",     "Quantile($low,60,0.3)"};
  for (const char* op :
       {"Sum", "Mean", "Std", "Var", "Max", "Min", "IdxMax", "IdxMin", "Rank", "Med", "Mad", "Slope", "Rsquare", "Resi", "WMA", "Count"})
    for (const char* window : {"1", "2", "5", "20", "60"}) texts.push_back(std::string(op) + "($close," + window + ")");
  for (const char* window : {"5", "30"})
    for (const char* kind : {"'skew'", "'kurt'"}) texts.push_back(std::string("Rolling($volume,") + window + "," + kind + ")");
  return named(texts);
}

std::vector<NamedExpression> unbounded_features() {
  std::vector<std::string> texts = {"EMA($close,12)", "EMA($close,0)",    "EMA($close,0.3)",
                                    "Ref($close,0)",  "Mean($close,0.2)", "EMA($close,5)/Mean($close,5)"};
  for (const char* op : {"Sum", "Mean", "Std", "Max", "IdxMin", "Rank", "Med", "Mad", "Slope", "Rsquare", "Resi", "WMA", "Count"})
    texts.push_back(std::string(op) + "($close,0)");
  return named(texts);
}

/// Functions that go from row to row, alone, of each other, and with windows and shifts before and after them.
std::vector<NamedExpression> recursive_features() {
  std::vector<std::string> texts = {"EMA($close,12)",
                                    "EMA($close,0.3)",
                                    "Mean($volume,0.2)",
                                    "EMA($close,5)/Mean($close,5)",
                                    "Mean(ta.RSI($close, timeperiod=5), 7)",
                                    "ta.EMA(Mean($close, 9), timeperiod=3)",
                                    "ta.EMA(ta.EMA(Std($close, 4), timeperiod=4), timeperiod=3)",
                                    "Ref(ta.RSI($close, timeperiod=3), 5)",
                                    "Max(ta.ATR($high, $low, $close, timeperiod=4) / Ref(ta.EMA($close, timeperiod=5), 3), 6)",
                                    "Corr(ta.OBV($close, $volume), EMA(Ref($close, 2), 4), 8)",
                                    "Std(ta.EMA(Log($volume), timeperiod=6), 30)"};
  for (const char* op : {"Sum", "Mean", "Std", "Var", "Max", "Min", "IdxMax", "IdxMin", "Slope", "Rsquare", "Resi", "WMA", "Count", "Skew", "Kurt"})
    texts.push_back(fmt::format("{}($close,0)", op));
  for (const char* text : {"Ref($volume,0)", "Delta($close,0)/Mean($close,0)", "Mean($close>$open,0)", "Sum($close>Ref($close,1),0)",
                           "Max(Std($close,5),0)", "Mean(Max($high,0),7)", "Ref(If($close>$open,1,0),0)"})
    texts.push_back(text);
  for (const std::string& name : talib_names()) {
    const kernels::ta::Entry& function = *find_talib(name);
    if (function.lanes == kernels::LaneFunction::none) continue;
    std::string call = name + "(";
    for (int i = 0; i < function.num_inputs(); ++i) {
      const std::string input = function.inputs[i];
      call += (i > 0 ? ", $" : "$") + (input == "real" ? "close" : input);
    }
    for (int o = 0; o < function.num_outputs(); ++o)
      texts.push_back(call + ")" + (function.num_outputs() > 1 ? "." + std::string(function.outputs[o]) : ""));
  }
  return named(texts);
}

/// Every output of every function of TA-Lib with its initial params.
std::vector<NamedExpression> talib_features() {
  std::vector<std::string> texts;
  for (const std::string& name : talib_names()) {
    const kernels::ta::Entry& function = *find_talib(name);
    std::string call = name + "(";
    for (int i = 0; i < function.num_inputs(); ++i) {
      const std::string input = function.inputs[i];
      const bool is_field = std::find(kFields.begin(), kFields.end(), input) != kFields.end();
      call += (i > 0 ? ", $" : "$") + (is_field ? input : std::string(i == 0 ? "close" : "high"));
    }
    if (name == "ta.MAVP") call = "ta.MAVP($close, Mean($close,2)/$close*5";
    for (int o = 0; o < function.num_outputs(); ++o)
      texts.push_back(call + ")" + (function.num_outputs() > 1 ? "." + std::string(function.outputs[o]) : ""));
  }
  return named(texts);
}

StreamRows update(Stream& stream, const Panel& bars) {
  exec::Pool pool(2);
  auto rows = stream.update(bars, pool);
  if (!rows.ok()) FAIL(rows.error().what, " at ", rows.error().where);
  return std::move(rows.value());
}

/// The batch over all bars, as bytes by feature and row of `bars`.
std::vector<std::string> batch(const StreamSpec& spec, const Panel& bars) {
  auto program = Program::compile(spec.features, spec.fields, spec.options);
  REQUIRE(program.ok());
  const size_t rows = size_t(bars.num_rows()), width = spec.options.dtype == Dtype::float64 ? 8 : 4;
  std::vector<double> out(rows * spec.features.size());
  float* floats = reinterpret_cast<float*>(out.data());
  Workspace space;
  for (size_t s = 0; s < bars.num_symbols(); ++s) {
    const size_t begin = size_t(bars.offsets[s]);
    if (width == 8)
      evaluate(program.value(), bars_of(program.value(), bars, s), space, out.data() + begin, rows);
    else
      evaluate(program.value(), bars_of(program.value(), bars, s), space, floats + begin, rows);
  }
  std::vector<std::string> columns;
  for (size_t i = 0; i < spec.features.size(); ++i) columns.emplace_back(reinterpret_cast<const char*>(out.data()) + i * rows * width, rows * width);
  return columns;
}

/// Holds rows against the batch.
void compare(const StreamSpec& spec, const Panel& bars, const std::vector<std::string>& wanted, const Panel& given, const StreamRows& got) {
  const size_t width = spec.options.dtype == Dtype::float64 ? 8 : 4;
  for (size_t r = 0; r < got.rows(); ++r) {
    const auto symbol = size_t(std::find(bars.symbols.begin(), bars.symbols.end(), given.symbols[size_t(got.symbol[r])]) - bars.symbols.begin());
    const auto times = bars.series_times(symbol);
    const size_t row = size_t(bars.offsets[symbol] + (std::lower_bound(times.begin(), times.end(), got.times[r]) - times.begin()));
    for (size_t i = 0; i < spec.features.size(); ++i) {
      const char* value = width == 8 ? reinterpret_cast<const char*>(&got.doubles[i * got.rows() + r])
                                     : reinterpret_cast<const char*>(&got.floats[i * got.rows() + r]);
      const bool same = std::memcmp(value, wanted[i].data() + row * width, width) == 0;
      if (!same) CHECK_MESSAGE(same, spec.features[i].text, " of ", bars.symbols[symbol], " at time ", got.times[r]);
    }
  }
}

/// Begins with the rows before `start` and goes on in steps; every second step through the bytes of the state.
void check_steps(const StreamSpec& spec, int64_t start, int64_t step, int64_t more = 0) {
  const Panel bars = make_bars(more);
  const auto wanted = batch(spec, bars);
  auto created = Stream::create(spec);
  REQUIRE(created.ok());
  Stream stream = std::move(created.value());
  const int64_t last = *std::max_element(bars.times.begin(), bars.times.end()) + 1;
  size_t seen = 0;
  for (int64_t from = 0, to = start; from < last; from = to, to = std::min(last, to + step)) {
    const Panel given = between(bars, from, to);
    const StreamRows rows = update(stream, given);
    CHECK(rows.rows() == size_t(given.num_rows()));
    seen += rows.rows();
    compare(spec, bars, wanted, given, rows);
    if ((to - start) / step % 2) continue;
    auto opened = Stream::open(stream.state(), spec, "state");
    REQUIRE(opened.ok());
    CHECK(opened.value().state() == stream.state());
    stream = std::move(opened.value());
  }
  CHECK(seen == size_t(bars.num_rows()));
}

}  // namespace

TEST_CASE("steps of any size give the bytes of the batch") {
  for (Dtype dtype : {Dtype::float32, Dtype::float64})
    for (int64_t step : {1, 2, 3, 7, 100}) check_steps({rolling_features(), kFields, {.dtype = dtype}}, step == 1 ? 1200 : 1001, step);
}

TEST_CASE("so do features that depend on every earlier row") {
  for (Dtype dtype : {Dtype::float32, Dtype::float64})
    for (int64_t step : {1, 7, 100}) check_steps({unbounded_features(), kFields, {.dtype = dtype}}, step == 1 ? 1250 : 1001, step);
  for (int64_t step : {1, 2, 3, 7, 100}) check_steps({talib_features(), kFields, {}}, step < 7 ? 1290 : 1100, step);
}

TEST_CASE("recursive features go on from a state: the bytes of the batch for a cut at every row") {
  for (Dtype dtype : {Dtype::float32, Dtype::float64})
    for (const bool exact : {false, true})
      for (int64_t step : {1, 5, 300}) {
        const StreamSpec spec{recursive_features(), kFields, {.dtype = dtype, .compat_talib = exact}};
        check_steps(spec, 1001, step);
      }
}

TEST_CASE("recursive features keep no rows but those that windows around them look back to") {
  const Panel bars = between(make_bars(), 0, 1260);
  const auto grows_by = [&](const std::vector<std::string>& texts) {
    Stream stream = std::move(Stream::create({named(texts), kFields, {}}).value());
    update(stream, between(bars, 0, 1200));
    const size_t before = stream.state().size();
    update(stream, between(bars, 1200, 1210));
    return stream.state().size() - before;
  };
  const size_t hashes = 4 * 10 * between(bars, 1200, 1201).num_symbols();
  CHECK(grows_by({"Mean($close,5)"}) == hashes);
  CHECK(grows_by({"ta.RSI($close)", "Mean(ta.EMA($close, 7), 5)/Std($close, 9)", "EMA($close, 5)", "Mean($open, 0.1)"}) == hashes);
  CHECK(grows_by({"Mean($close,0)", "Std($close,0)", "Max($high,0)", "IdxMin($low,0)", "Slope($close,0)", "Count($volume,0)", "Ref($open,0)",
                  "Mean(ta.CDLDOJI($open, $high, $low, $close), 5)", "ta.CDLHIKKAKE($open, $high, $low, $close)", "ta.HT_SINE($close).sine",
                  "ta.MAMA($close).fama"}) == hashes);
  CHECK(grows_by({"Rank($close,0)"}) > hashes);
  for (const char* name : {"essential16", "daytrade21"}) {
    std::vector<std::string> texts;
    for (const NamedExpression& feature : expressions_of(*feature_set(name).value())) texts.push_back(feature.text);
    CAPTURE(name);
    CHECK(grows_by(texts) == hashes);
    check_steps({named(texts), kFields, {}}, 1001, 1);
  }
}

TEST_CASE("so do functions that smooth what windows make, with averages of any type") {
  std::vector<std::string> texts = {"ta.STOCHRSI($close).fastk",
                                    "ta.STOCHRSI($close, fastd_matype=1).fastd",
                                    "ta.KDJ($high, $low, $close).j",
                                    "ta.SMI($high, $low, $close).smisignal",
                                    "ta.RVI($close)",
                                    "ta.MASSI($high, $low)",
                                    "ta.BBANDS($close, timeperiod=7, matype=1).upperband",
                                    "ta.STOCH($high, $low, $close, slowk_matype=1, slowd_matype=9).slowd",
                                    "ta.STOCHF($high, $low, $close, fastd_matype=13).fastd",
                                    "ta.MACDEXT($close, fastmatype=1, slowmatype=0, signalmatype=3).macdhist",
                                    "ta.APO($close, matype=4)",
                                    "ta.PPO($close, matype=6)",
                                    "ta.PVO($volume, matype=8)",
                                    "ta.STOCH($high, $low, $close, slowk_matype=7, slowd_matype=7).slowd",
                                    "ta.MACDEXT($close, fastmatype=7, slowmatype=1, signalmatype=7).macdsignal",
                                    "ta.SMI(Mean($high, 3), $low, $close).smi",
                                    "ta.BBANDS($close).lowerband / ta.EMA($close)",
                                    "ta.SMA($close, timeperiod=300)",
                                    "ta.WILLR($high, $low, $close, timeperiod=400)",
                                    "ta.BBANDS($close, timeperiod=257).upperband",
                                    "ta.KDJ($high, $low, $close, fastk_period=290).k",
                                    "ta.MA($close, timeperiod=500, matype=9)"};
  for (int type = 0; type <= 13; ++type) texts.push_back("ta.MA($close, timeperiod=11, matype=" + std::to_string(type) + ")");
  const Panel bars = between(make_bars(), 0, 1260);
  Stream stream = std::move(Stream::create({named(texts), kFields, {}}).value());
  update(stream, between(bars, 0, 1200));
  const size_t before = stream.state().size();
  update(stream, between(bars, 1200, 1210));
  CHECK(stream.state().size() - before == 4 * 10 * between(bars, 1200, 1201).num_symbols());
  for (const int step : {1, 7, 100}) check_steps({named(texts), kFields, {}}, 1001, step);
  check_steps({named(texts), kFields, {.dtype = Dtype::float64}}, 1001, 33);
  check_steps({named(texts), kFields, {.dtype = Dtype::float64}}, 1001, 101, 1500);
}

TEST_CASE("so do windows of hundreds of rows, from the rows in them") {
  const std::vector<std::string> texts = {"ta.SUM($close, timeperiod=300)",
                                          "ta.STDDEV($close, timeperiod=390)",
                                          "ta.VAR($volume, timeperiod=257)",
                                          "ta.LINEARREG($close, timeperiod=300)",
                                          "ta.LINEARREG_SLOPE($close, timeperiod=600)",
                                          "ta.TSF($close - $open, timeperiod=513)",
                                          "ta.CORREL($close, $volume, timeperiod=300)",
                                          "ta.BETA($close, $high, timeperiod=280)",
                                          "ta.MAX($high, timeperiod=500)",
                                          "ta.MIDPRICE($high, $low, timeperiod=777)",
                                          "ta.DONCHIAN($high, $low, timeperiod=260).middleband",
                                          "ta.AROONOSC($high, $low, timeperiod=400)",
                                          "ta.ROC($close, timeperiod=390)",
                                          "ta.TRIMA($close, timeperiod=300)",
                                          "ta.WMA($close, timeperiod=512)",
                                          "ta.HMA($close, timeperiod=400)",
                                          "ta.VWMA($close, $volume, timeperiod=300)",
                                          "ta.CMF($high, $low, $close, $volume, timeperiod=300)",
                                          "ta.ULTOSC($high, $low, $close, timeperiod1=100, timeperiod2=200, timeperiod3=400)",
                                          "ta.VORTEX($high, $low, $close, timeperiod=300).plusvi",
                                          "ta.PERCENTILE($close, timeperiod=300, percentile=20)",
                                          "ta.AVGDEV($close, timeperiod=301)",
                                          "ta.ER($close, timeperiod=350)",
                                          "ta.COPPOCK($close, wmaperiod=300, roc1period=310, roc2period=20)"};
  const Panel bars = make_bars(1500);
  auto created = Stream::create({named(texts), kFields, {}});
  REQUIRE(created.ok());
  Stream stream = std::move(created.value());
  update(stream, between(bars, 0, 2600));
  const size_t before = stream.state().size();
  update(stream, between(bars, 2600, 2610));
  CHECK(stream.state().size() - before == 4 * 10 * between(bars, 2600, 2601).num_symbols());
  check_steps({named(texts), kFields, {.dtype = Dtype::float64}}, 2700, 1, 1500);
  for (const int step : {7, 300}) check_steps({named(texts), kFields, {.dtype = Dtype::float64}}, 1001, step, 1500);
}

TEST_CASE("features of both kinds stand in their own order") {
  auto features = named({"EMA($close,12)", "Mean($close,5)", "Std($volume,0)", "$close/$open", "ta.RSI($close, 14)", "Rank($close,20)"});
  check_steps({features, kFields, {}}, 1100, 3);
}

TEST_CASE("the first steps of a set are those of its batch too") {
  std::vector<std::string> fields = kFields;
  fields.push_back("vwap");
  auto set = expressions_of(*feature_set("alpha158").value());
  std::erase_if(set, [](const NamedExpression& e) { return e.text.find("$vwap") != std::string::npos; });
  check_steps({set, kFields, {}}, 1001, 1);
}

TEST_CASE("peek gives the rows of update and keeps nothing") {
  const Panel bars = make_bars();
  auto features = rolling_features();
  for (const NamedExpression& feature : recursive_features()) features.push_back({"r" + feature.name, feature.text});
  const StreamSpec spec{features, kFields, {}};
  Stream stream = std::move(Stream::create(spec).value());
  exec::Pool pool(1);
  update(stream, between(bars, 0, 1150));
  const std::string before = stream.state();
  const Panel day = between(bars, 1150, 1151);
  const StreamRows peeked = std::move(stream.peek(day, pool).value());
  CHECK(stream.state() == before);
  const StreamRows updated = update(stream, day);
  CHECK((peeked.floats.size() == updated.floats.size() && std::memcmp(peeked.floats.data(), updated.floats.data(), peeked.floats.size() * 4) == 0));
  Stream taken = std::move(Stream::open(before, spec, "state").value());
  REQUIRE(taken.take(day, pool).ok());
  CHECK(taken.state() == stream.state());
}

TEST_CASE("bars seen may be given again; a changed, a new and a missing one are refused") {
  const Panel bars = make_bars();
  const StreamSpec spec{named({"Mean($close,5)"}), kFields, {}};
  Stream stream = std::move(Stream::create(spec).value());
  exec::Pool pool(1);
  update(stream, between(bars, 0, 1150));
  const std::string before = stream.state();
  for (int64_t from : {0, 1100, 1149}) {
    CHECK(stream.peek(between(bars, from, 1150), pool).value().rows() == 0);
    CHECK(stream.peek(between(bars, from, 1153), pool).value().rows() == size_t(between(bars, 1150, 1153).num_rows()));
  }
  for (size_t row : {0, 70, 149}) {
    Panel changed = between(bars, 0, 1153);
    changed.values[0][row] += 0.5;  // close of A
    const auto refused = stream.update(changed, pool);
    REQUIRE(!refused.ok());
    CHECK(refused.error().where.find("A ") == 0);
    CHECK(stream.state() == before);
    changed = between(bars, 0, 1153);
    changed.values[4][row] += 1;  // no feature reads the volume
    CHECK(stream.peek(changed, pool).ok());
  }
  Panel moved = between(bars, 1140, 1153);
  moved.times[9] = 1149, moved.times[10] = 1150;  // A: one day is another now
  moved.values[0][9] += 1;
  CHECK(!stream.update(moved, pool).ok());
  const Panel later = between(bars, 1120, 1140);
  CHECK(!stream.update(later, pool).ok());
  Panel longer = between(bars, 0, 1153);
  longer.times[0] = 5;
  CHECK(!stream.update(longer, pool).ok());
  Panel intraday = between(bars, 1150, 1153);
  intraday.daily = false;
  CHECK(!stream.update(intraday, pool).ok());
  Panel narrow = between(bars, 1150, 1153);
  narrow.fields[0] = "price";
  CHECK(!stream.update(narrow, pool).ok());
  CHECK(stream.state() == before);
}

TEST_CASE("a state of another spec, another version or other bytes is refused") {
  const Panel bars = make_bars();
  const StreamSpec spec{named({"Mean($close,5)", "EMA($open,3)"}), kFields, {}};
  Stream stream = std::move(Stream::create(spec).value());
  update(stream, between(bars, 0, 1060));
  const std::string state = stream.state();
  CHECK(Stream::open(state, spec, "state").ok());
  StreamSpec other = spec;
  other.features[0].text = "Mean($close,6)";
  CHECK(Stream::open(state, other, "state").error().what == "the state belongs to other features, columns or options");
  other = spec, other.options.dtype = Dtype::float64;
  CHECK(!Stream::open(state, other, "state").ok());
  other = spec, other.bars = "adj_close";
  CHECK(!Stream::open(state, other, "state").ok());
  CHECK(!Stream::open("", spec, "state").ok());
  CHECK(!Stream::open(state + "x", spec, "state").ok());
  std::string next = state;
  next[7] = '1';
  CHECK(Stream::open(next, spec, "state").error().what == "a state of version 1, this hayate reads version 3");
  for (size_t i = 0; i < state.size(); i += 11) {
    std::string damaged = state;
    damaged[i] = char(damaged[i] ^ 1);
    CHECK(!Stream::open(damaged, spec, "state").ok());
    CHECK(!Stream::open(state.substr(0, i), spec, "state").ok());
  }
  CHECK(!Stream::create({named({"Ref($close,-1)"}), kFields, {}}).ok());
  CHECK(!Stream::create({named({"CSRank($close)"}), kFields, {}}).ok());
}
