// Functions side by side: a lane is what the symbol alone gives, whatever its neighbours, its length, missing rows and the
// instruction set; and what one lane of a run without missing rows gives.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/random.h"
#include "features/lane_tiles.h"
#include "features/ta_bars.h"
#include "hayate/features.h"
#include "kernels/dispatch.h"

using namespace hayate;

namespace {

const double kNaN = std::numeric_limits<double>::quiet_NaN();
const std::vector<std::string> kFields = {"open", "high", "low", "close", "volume"};

std::vector<const kernels::ta::Entry*> lane_functions() {
  std::vector<const kernels::ta::Entry*> out;
  for (const kernels::ta::Entry* entry : ta_functions())
    if (entry->lanes != kernels::LaneFunction::none || entry->tiles != kernels::LaneFunction::none) out.push_back(entry);
  return out;
}

/// Functions of averages of every type, with short and long windows.
std::vector<NamedExpression> calls_with_averages() {
  std::vector<NamedExpression> out;
  for (int type = 0; type <= 13; ++type) {
    const auto add = [&](const std::string& format, int period) {
      const std::string t = std::to_string(type), other = std::to_string((type + 5) % 14), p = std::to_string(period),
                        longer = std::to_string(period + 9);
      std::string text;
      for (const char c : format) text += c == '#' ? t : c == '@' ? other : c == '!' ? p : c == '~' ? longer : std::string(1, c);
      out.push_back({"average" + std::to_string(out.size()), text});
    };
    for (const int period : {1, 2, 5, 19}) {
      add("ta.MA($close, timeperiod=!, matype=#)", period);
      if (period == 1) continue;
      for (const char* output : {"upperband", "middleband", "lowerband"})
        add(std::string("ta.BBANDS($close, timeperiod=!, matype=#).") + output, period);
      add("ta.APO($close, fastperiod=~, slowperiod=!, matype=#)", period);
      add("ta.PPO($close, fastperiod=!, slowperiod=~, matype=#)", period);
      add("ta.PVO($volume, fastperiod=!, slowperiod=~, matype=#)", period);
      for (const char* output : {"macd", "macdsignal", "macdhist"})
        add(std::string("ta.MACDEXT($close, fastperiod=!, fastmatype=#, slowperiod=~, slowmatype=@, signalperiod=3, signalmatype=#).") + output,
            period);
      add("ta.STOCH($high, $low, $close, fastk_period=!, slowk_period=3, slowk_matype=#, slowd_period=4, slowd_matype=@).slowd", period);
      add("ta.KDJ($high, $low, $close, fastk_period=!, slowk_period=3, slowk_matype=#, slowd_period=4, slowd_matype=@).j", period);
      add("ta.STOCHRSI($close, timeperiod=!, fastk_period=~, fastd_period=4, fastd_matype=#).fastd", period);
    }
  }
  return out;
}

/// Every output of every lane function, with its initial params and with short ones, and what is made of them and they of.
std::vector<NamedExpression> expressions() {
  std::vector<NamedExpression> out;
  const auto add = [&](const std::string& text) { out.push_back({"e" + std::to_string(out.size()), text}); };
  for (const kernels::ta::Entry* entry : lane_functions()) {
    for (const bool is_short : {false, true}) {
      std::string call = std::string("ta.") + entry->name + "(";
      for (int i = 0; i < entry->num_inputs(); ++i) {
        const std::string name = entry->inputs[i];
        call += (i > 0 ? ", $" : "$") + (name == "real" ? "close" : name);
      }
      for (int p = 0; p < entry->num_params() && is_short; ++p)
        call += std::string(", ") + entry->params[p].name + "=" + std::to_string(entry->params[p].whole ? entry->params[p].least + 1 : 0.1);
      for (int o = 0; o < entry->num_outputs(); ++o) add(call + ")" + (entry->num_outputs() > 1 ? std::string(".") + entry->outputs[o] : ""));
    }
  }
  for (const char* text :
       {"EMA($close, 12)", "Mean($close, 0.3)", "ta.EMA(Mean($close, 5), timeperiod=3)", "Mean(ta.RSI($close), 5)/$close",
        "ta.EMA(ta.EMA($close, timeperiod=4), timeperiod=3)", "ta.EMA(Ref($close, 2), timeperiod=3)",
        "Ref(ta.RSI($close, timeperiod=3), 2) - Ref(ta.RSI($close, timeperiod=3), 1)", "EMA(Log($volume), 5) > EMA(Log($volume), 9)",
        "ta.ATR($high, $low, $close) / ta.EMA($close, timeperiod=5) + Std(ta.OBV($close, $volume), 3)",
        "ta.SMA(ta.RSI($close, timeperiod=3), timeperiod=4) + ta.SMA($close, timeperiod=40)"})
    add(text);
  for (const NamedExpression& call : calls_with_averages()) out.push_back(call);
  return out;
}

/// Symbols of many lengths; every third has missing values, the last ones infinite ones too.
std::vector<TaBars> symbols(size_t count) {
  std::vector<TaBars> out;
  for (size_t s = 0; s < count; ++s) {
    out.push_back(ta_walk(s % 5 == 4 ? 1 + 7 * s : 60 + 11 * s % 150, 100 + s, 20, 0.03));
    for (const std::string& name : kFields)
      for (size_t t = 0; t < out[s].close.size() && s % 3 == 2; ++t) {
        const double chance = random_unit(s, 8 * t + name.size());
        if (chance < 0.02) out[s].series(name)[t] = chance < 0.002 ? std::numeric_limits<double>::infinity() : kNaN;
      }
  }
  return out;
}

Bars bars_of(const Program& program, TaBars& bars) {
  Bars out{.rows = bars.close.size(), .series = {}};
  for (const std::string& name : program.fields()) out.series.emplace_back(std::span<const double>(bars.series(name)));
  return out;
}

template <class T>
std::vector<std::vector<T>> in_blocks(const Program& program, std::vector<TaBars>& all, size_t together) {
  std::vector<std::vector<T>> values;
  for (const TaBars& bars : all) values.emplace_back(bars.close.size() * program.num_outputs());
  Workspace workspace;
  for (size_t first = 0; first < all.size(); first += together) {
    // A stride for each symbol: blocks of one.
    for (size_t s = first; s < std::min(all.size(), first + together) && together == 1; ++s)
      evaluate(program, bars_of(program, all[s]), workspace, values[s].data(), all[s].close.size());
    if (together == 1) continue;
    size_t stride = 0;
    for (size_t s = first; s < std::min(all.size(), first + together); ++s) stride += all[s].close.size();
    std::vector<T> panel(stride * program.num_outputs(), T(-1));
    std::vector<Bars> bars;
    std::vector<T*> to;
    size_t row = 0;
    for (size_t s = first; s < std::min(all.size(), first + together); ++s) {
      bars.push_back(bars_of(program, all[s])), to.push_back(panel.data() + row);
      row += all[s].close.size();
    }
    evaluate_block(program, bars, workspace, std::span<T* const>(to), stride);
    for (size_t s = first; s < std::min(all.size(), first + together); ++s)
      for (size_t i = 0; i < program.num_outputs(); ++i)
        std::copy_n(to[s - first] + i * stride, all[s].close.size(), values[s].begin() + ptrdiff_t(i * all[s].close.size()));
  }
  return values;
}

template <class T>
void check_blocks(const CompileOptions& options) {
  const auto list = expressions();
  const Program program = Program::compile(list, kFields, options).value();
  std::vector<TaBars> all = symbols(40);
  const auto alone = in_blocks<T>(program, all, 1);
  for (const size_t together : {2, 7, 16, 40}) {
    CAPTURE(together);
    const auto got = in_blocks<T>(program, all, together);
    for (size_t s = 0; s < all.size(); ++s) {
      CAPTURE(s);
      const size_t rows = all[s].close.size();
      for (size_t i = 0; i < list.size(); ++i) {
        const std::string_view text = list[i].text;
        CAPTURE(text);
        CHECK(std::memcmp(got[s].data() + i * rows, alone[s].data() + i * rows, rows * sizeof(T)) == 0);
      }
    }
  }
}

/// Columns for lanes, of float32, float64 and shifted series, alone and as parts of expressions; and others beside them.
std::vector<NamedExpression> order_expressions() {
  std::vector<NamedExpression> out;
  const auto add = [&](const std::string& text) { out.push_back({"e" + std::to_string(out.size()), text}); };
  for (const char* x : {"$close", "Ref($close, 3)", "$close/Ref($open, 1)-1", "Log($volume)*1.5", "Ref(Quantile($close, 4, 0.3), 2)"})
    for (const char* n : {"1", "2", "5", "13", "64", "256"}) {
      add(std::string("Rank(") + x + ", " + n + ")");
      for (const char* q : {"0", "0.2", "0.5", "0.8", "1"}) add(std::string("Quantile(") + x + ", " + n + ", " + q + ")");
      add(std::string("Med(") + x + ", " + n + ")/$close");
      add(std::string("Rank(") + x + ", " + n + ")*$open");
    }
  for (const char* text : {"1/(Quantile($close, 5, 0.5)+0.25)", "Quantile($close, 5, 0.5)>$open", "Rank(Quantile($high, 5, 0.9)-$low, 7)",
                           "If(Rank($close, 5)>0.5, $open, Ref($close, 60))", "Quantile(Ref(If($close>$open, 1, 2), 3), 9, 0.4)",
                           "Quantile($close, 20, 0.7)-Quantile($close, 20, 0.3)", "Rank($close, 300)", "Quantile($close, 257, 0.1)",
                           "Mean($close, 5)/$close", "$close", "Rank($close>$open, 5)", "Rank(Mean($close, 5), 5)", "Corr($close, $volume, 10)"})
    add(text);
  return out;
}

/// Symbols that fill lanes, of many lengths: some with gaps, one empty almost throughout.
std::vector<TaBars> full_symbols(size_t count) {
  std::vector<TaBars> out;
  for (size_t s = 0; s < count; ++s) {
    out.push_back(ta_walk(300 - 9 * s % 80, 200 + s, 20, 0.03));
    for (const std::string& name : kFields)
      for (size_t t = 0; t < out[s].close.size() && s % 4 != 0; ++t) {
        out[s].series(name)[t] = double(float(out[s].series(name)[t]));
        if (s == 3 && t > 10 && t < 270) out[s].series(name)[t] = kNaN;
        if (s % 4 == 2 && random_unit(s, 8 * t + name.size()) < 0.02)
          out[s].series(name)[t] = t % 5 == 0 ? std::numeric_limits<double>::infinity() : kNaN;
        if (s == 5) out[s].series(name)[t] = std::round(out[s].series(name)[t]);  // ties
      }
  }
  return out;
}

/// The columns of all symbols in one panel whose columns begin a line at the same row; before and behind them nothing changes.
std::vector<std::vector<float>> in_panel(const Program& program, std::vector<TaBars>& all, size_t lead) {
  size_t stride = lead;
  for (const TaBars& bars : all) stride += bars.close.size() + 3;
  stride = (stride + 15) / 16 * 16;
  std::vector<float> memory(stride * program.num_outputs() + 32, -77.0f);
  float* const panel = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64 / sizeof(float);
  std::vector<Bars> bars;
  std::vector<float*> to;
  size_t row = lead;
  for (TaBars& symbol : all) {
    bars.push_back(bars_of(program, symbol)), to.push_back(panel + row);
    row += symbol.close.size() + 3;
  }
  Workspace workspace;
  for (int repeat = 0; repeat < 2; ++repeat) evaluate_block(program, bars, workspace, std::span<float* const>(to), stride);
  std::vector<std::vector<float>> values;
  for (size_t s = 0; s < all.size(); ++s)
    for (size_t i = 0; i < program.num_outputs(); ++i) {
      float* const column = to[s] + i * stride;
      values.emplace_back(column, column + all[s].close.size());
      for (size_t k = 0; k < 3; ++k) CHECK(column[all[s].close.size() + k] == -77.0f);
    }
  return values;
}

}  // namespace

TEST_CASE("quantiles and ranks of symbols side by side have the bytes of each alone, on every instruction set") {
  const auto list = order_expressions();
  const Program program = Program::compile(list, kFields).value();
  REQUIRE(lane_split(program) != nullptr);
  CHECK(lane_split(program)->lanes_columns.size() == list.size() - 6);
  std::vector<TaBars> all = full_symbols(20);
  const auto alone = in_blocks<float>(program, all, 1);
  for (const auto isa : {kernels::Isa::baseline, kernels::Isa::avx2, kernels::Isa::avx512}) {
    kernels::set_isa(isa);
    for (const size_t lead : {size_t{0}, size_t{5}, size_t{16}}) {
      const auto got = in_panel(program, all, lead);
      for (size_t s = 0; s < all.size(); ++s)
        for (size_t i = 0; i < list.size(); ++i) {
          const auto& column = got[s * list.size() + i];
          const size_t rows = column.size();
          const bool same = std::memcmp(column.data(), alone[s].data() + i * rows, rows * sizeof(float)) == 0;
          CHECK_MESSAGE(same, list[i].text, " of symbol ", s, ", ", std::string(kernels::isa_name(isa)), ", lead ", lead);
        }
    }
  }
  kernels::set_isa(kernels::detected_isa());
}

TEST_CASE("a program without quantiles and ranks is not split, nor is one of float64") {
  const NamedExpression mean{"x", "Mean($close, 5)"}, rank{"y", "Rank($close, 5)"};
  CHECK(lane_split(Program::compile({&mean, 1}, kFields).value()) == nullptr);
  CHECK(lane_split(Program::compile({&rank, 1}, kFields, {.dtype = Dtype::float64}).value()) == nullptr);
  const Program ranks = Program::compile({&rank, 1}, kFields).value();
  REQUIRE(lane_split(ranks) != nullptr);
  CHECK(lane_split(ranks)->rest_columns.empty());
}

TEST_CASE("a block of symbols has the bytes of each alone") {
  for (const bool exact : {false, true}) {
    check_blocks<float>({.dtype = Dtype::float32, .compat_talib = exact});
    check_blocks<double>({.dtype = Dtype::float64, .compat_talib = exact});
    check_blocks<double>({.dtype = Dtype::float32, .compat_talib = exact});
    check_blocks<float>({.dtype = Dtype::float64, .compat_talib = exact});
  }
}

TEST_CASE("lanes have the same bytes on every instruction set") {
  const auto list = expressions();
  const Program program = Program::compile(list, kFields, {.dtype = Dtype::float64}).value();
  std::vector<TaBars> all = symbols(21);
  const kernels::Isa before = kernels::active_isa();
  const auto wanted = in_blocks<double>(program, all, 16);
  for (const kernels::Isa isa : {kernels::Isa::baseline, kernels::Isa::avx2, kernels::Isa::avx512}) {
    kernels::set_isa(isa);
    const auto got = in_blocks<double>(program, all, 16);
    for (size_t s = 0; s < all.size(); ++s) {
      const size_t rows = all[s].close.size();
      for (size_t i = 0; i < list.size(); ++i) {
        const std::string_view text = list[i].text;
        CAPTURE(text);
        CHECK(std::memcmp(got[s].data() + i * rows, wanted[s].data() + i * rows, rows * sizeof(double)) == 0);
      }
    }
  }
  kernels::set_isa(before);
}

TEST_CASE("a missing value at any row leaves of a lane what runs of complete rows give") {
  for (const kernels::ta::Entry* entry : lane_functions()) {
    CAPTURE(entry->name);
    const std::string inputs = [&] {
      std::string text;
      for (int i = 0; i < entry->num_inputs(); ++i) {
        const std::string name = entry->inputs[i];
        text += (i > 0 ? ", $" : "$") + (name == "real" ? "close" : name);
      }
      return text;
    }();
    std::vector<NamedExpression> list;
    for (int o = 0; o < entry->num_outputs(); ++o)
      list.push_back({"x" + std::to_string(o), "ta." + std::string(entry->name) + "(" + inputs + ")" +
                                                   (entry->num_outputs() > 1 ? std::string(".") + entry->outputs[o] : "")});
    const Program program = Program::compile(list, kFields, {.dtype = Dtype::float64}).value();
    std::vector<TaBars> all;
    for (size_t row = 0; row < 80; ++row) {
      all.push_back(ta_walk(80, 3));
      const std::string name = entry->inputs[row % size_t(entry->num_inputs())];
      all.back().series(name)[row] = kNaN;
    }
    const auto got = in_blocks<double>(program, all, 16);
    for (size_t s = 0; s < all.size(); ++s) {
      const std::vector<TaSeries> wanted = ta_run(*entry, all[s], ta_defaults(*entry));
      for (size_t o = 0; o < wanted.size(); ++o) CHECK(std::memcmp(got[s].data() + o * 80, wanted[o].data(), 80 * sizeof(double)) == 0);
    }
  }
}

TEST_CASE("blocks take the longest symbols first and leave every worker something to do") {
  const NamedExpression recursive{"x", "ta.EMA($close)"}, window{"y", "Mean($close, 5)"};
  const std::vector<int64_t> offsets = {0, 10, 40, 45, 85};
  using Blocks = std::vector<std::vector<size_t>>;
  const Program lanes = Program::compile({&recursive, 1}, kFields).value(), windows = Program::compile({&window, 1}, kFields).value();
  CHECK(symbol_blocks(lanes, offsets, 1) == Blocks{{3, 1}, {0, 2}});
  CHECK(symbol_blocks(lanes, offsets, 4) == Blocks{{3}, {1}, {0}, {2}});
  CHECK(symbol_blocks(windows, offsets, 1) == Blocks{{3}, {1}, {0}, {2}});
  CHECK(symbol_blocks(lanes, {}, 1).empty());
  const NamedExpression rank{"z", "Rank($close, 5)"};
  const Program ranks = Program::compile({&rank, 1}, kFields).value();
  std::vector<int64_t> many = {0};
  while (many.size() <= 40) many.push_back(many.back() + 100);
  CHECK(symbol_blocks(ranks, offsets, 1).size() == 4);
  CHECK(symbol_blocks(ranks, many, 2).size() == 3);
  CHECK(symbol_blocks(windows, many, 2).size() == 40);
}
