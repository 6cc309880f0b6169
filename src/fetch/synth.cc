#include "fetch/synth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/missing.h"
#include "base/random.h"
#include "exec/pool.h"

namespace hayate::fetch {
namespace {

constexpr const char* kFields[] = {"open", "high", "low", "close", "volume", "adj_close"};
enum FieldIndex { open_field, high_field, low_field, close_field, volume_field, adj_close_field };

constexpr int32_t kFirstMonday = 14613;  // 2010-01-04
constexpr double kMeanBlockDays = 25;
constexpr double kMostDrift = 0.0005;  // a day; the models' own drift is what survived in the samples people keep

// Streams of random numbers: random_key(seed, Stage::synth, symbol number, stream). Number 0 is the market.
enum Stream : uint64_t { blocks, traits, halts, splits, volumes };

uint64_t stream_key(const SynthSpec& spec, int64_t number, Stream stream) { return random_key(spec.seed, Stage::synth, uint64_t(number), stream); }

double uniform(uint64_t key, uint64_t index, double least, double most) { return least + (most - least) * random_unit(key, index); }

/// Nearly normal: the sum of four uniforms, scaled to variance 1; never beyond 3.5.
double normal(uint64_t key, uint64_t index) {
  double sum = -2;
  for (uint64_t i = 0; i < 4; ++i) sum += random_unit(key, 4 * index + i);
  return sum * std::sqrt(3.0);
}

/// One real day in units of its symbol's volatility; logs throughout.
struct Shape {
  double gap;       ///< open against the close before
  double move;      ///< close against open
  double up, down;  ///< wicks beyond open and close, 0 or more
  double volume;    ///< against the mean of the weeks around it
};

/// A real symbol as a source of days.
struct Model {
  std::vector<Shape> days;  ///< by position in the dates of all symbols
  double volatility = 0, drift = 0;
};

/// The rows of one symbol of `like` that can be drawn, as raw logs.
struct RawDays {
  std::vector<size_t> place;  ///< position among all dates
  std::vector<Shape> shapes;
};

struct LikeFields {
  int open, high, low, close, volume, adj_close;  ///< adj_close: -1 when there is none
};

Result<LikeFields> find_fields(const Panel& like) {
  int found[6];
  for (size_t i = 0; i < 6; ++i) {
    found[i] = like.field(kFields[i]);
    if (found[i] < 0 && i != adj_close_field)
      return input_error(fmt::format("the bars to imitate have no column '{}'", kFields[i]), "--like",
                         "give files with open, high, low, close and volume");
  }
  return LikeFields{found[0], found[1], found[2], found[3], found[4], found[5]};
}

bool is_price(double value) { return value > 0 && std::isfinite(value); }

/// Log volume less its mean over 31 rows; 0 where it is missing. An index that trades 1e9 and a stock that trades 1e5 are alike.
std::vector<double> relative_volume(std::span<const double> volume) {
  constexpr size_t kHalf = 15;
  std::vector<double> sum(volume.size() + 1, 0), count(volume.size() + 1, 0), out(volume.size(), 0);
  const auto known = [&](size_t i) { return volume[i] > 0 && std::isfinite(volume[i]); };
  for (size_t i = 0; i < volume.size(); ++i) {
    sum[i + 1] = sum[i] + (known(i) ? std::log(volume[i]) : 0);
    count[i + 1] = count[i] + known(i);
  }
  for (size_t i = 0; i < volume.size(); ++i) {
    const size_t begin = i < kHalf ? 0 : i - kHalf, end = std::min(volume.size(), i + kHalf + 1);
    if (known(i)) out[i] = std::log(volume[i]) - (sum[end] - sum[begin]) / (count[end] - count[begin]);
  }
  return out;
}

/// The days of one symbol that follow a day with prices. The gap is what the adjusted return leaves beside the day's move.
RawDays raw_days(const Panel& like, size_t symbol, const LikeFields& fields, const std::vector<int64_t>& dates) {
  constexpr double kMostMove = 0.336;  // log(1.4)
  const auto open = like.series(fields.open, symbol), high = like.series(fields.high, symbol), low = like.series(fields.low, symbol);
  const auto close = like.series(fields.close, symbol);
  const auto adjusted = like.series(fields.adj_close < 0 ? fields.close : fields.adj_close, symbol);
  const std::vector<double> volume = relative_volume(like.series(fields.volume, symbol));
  const std::span<const int64_t> times = like.series_times(symbol);
  const auto usable = [&](size_t i) {
    return is_price(open[i]) && is_price(high[i]) && is_price(low[i]) && is_price(close[i]) && is_price(adjusted[i]);
  };
  RawDays out;
  for (size_t i = 1; i < times.size(); ++i) {
    if (!usable(i) || !usable(i - 1)) continue;
    const double change = std::log(adjusted[i] / adjusted[i - 1]), move = std::log(close[i] / open[i]);
    if (fields.adj_close < 0 && std::abs(change) > kMostMove) continue;
    const double top = std::max(open[i], close[i]), bottom = std::min(open[i], close[i]);
    out.place.push_back(size_t(std::lower_bound(dates.begin(), dates.end(), times[i]) - dates.begin()));
    out.shapes.push_back({change - move, move, std::max(0.0, std::log(high[i] / top)), std::max(0.0, std::log(bottom / low[i])), volume[i]});
  }
  return out;
}

/// Mean and standard deviation of a member over some days.
struct Spread {
  double mean = 0, deviation = 0;
};
template <class Value>
Spread spread_of(const std::vector<Shape>& shapes, Value value) {
  Spread s;
  for (const Shape& d : shapes) s.mean += value(d) / double(shapes.size());
  for (const Shape& d : shapes) s.deviation += (value(d) - s.mean) * (value(d) - s.mean) / double(shapes.size());
  s.deviation = std::sqrt(s.deviation);
  return s;
}

/// A model with the symbol's own days; places without one have a NaN gap until fill_from_others.
Model model_of(const RawDays& raw, size_t num_dates) {
  const auto change = spread_of(raw.shapes, [](const Shape& d) { return d.gap + d.move; });
  const auto gap = spread_of(raw.shapes, [](const Shape& d) { return d.gap; }), move = spread_of(raw.shapes, [](const Shape& d) { return d.move; });
  Model model{std::vector<Shape>(num_dates, Shape{kNaN, 0, 0, 0, 0}), change.deviation, std::clamp(change.mean, -kMostDrift, kMostDrift)};
  const double unit = change.deviation > 0 ? 1 / change.deviation : 0;
  for (size_t i = 0; i < raw.shapes.size(); ++i) {
    const Shape& d = raw.shapes[i];
    model.days[raw.place[i]] = {(d.gap - gap.mean) * unit, (d.move - move.mean) * unit, d.up * unit, d.down * unit, d.volume};
  }
  return model;
}

bool has_day(const Model& model, size_t place) { return !std::isnan(model.days[place].gap); }

/// Dates that a model lacks (another exchange, a later listing) come from the next model that has them.
void fill_from_others(std::vector<Model>& models) {
  const std::vector<Model> own = models;
  for (size_t m = 0; m < models.size(); ++m)
    for (size_t place = 0; place < models[m].days.size(); ++place)
      for (size_t step = 1; step < models.size() && !has_day(models[m], place); ++step)
        models[m].days[place] = own[(m + step) % own.size()].days[place];
}

/// Drops the dates on which no model has a day, so that every position left can be drawn by all.
void drop_empty_dates(std::vector<Model>& models) {
  std::vector<bool> keep(models[0].days.size());
  for (size_t place = 0; place < keep.size(); ++place) keep[place] = has_day(models[0], place);
  for (Model& model : models) {
    size_t end = 0;
    for (size_t place = 0; place < keep.size(); ++place)
      if (keep[place]) model.days[end++] = model.days[place];
    model.days.resize(end);
  }
}

Result<std::vector<Model>> read_models(const Panel& like) {
  if (!like.daily) return input_error("the bars to imitate are not daily", "--like", "give daily bars: a column 'date'");
  HY_TRY(const LikeFields fields, find_fields(like));
  std::vector<int64_t> dates = like.times;
  std::sort(dates.begin(), dates.end());
  dates.erase(std::unique(dates.begin(), dates.end()), dates.end());
  std::vector<Model> models;
  int64_t most = 0;
  for (size_t symbol = 0; symbol < like.num_symbols(); ++symbol) {
    const RawDays raw = raw_days(like, symbol, fields, dates);
    most = std::max(most, int64_t(raw.shapes.size()));
    if (int64_t(raw.shapes.size()) >= kLeastSynthBars) models.push_back(model_of(raw, dates.size()));
  }
  if (models.empty())
    return input_error(fmt::format("{} usable bars to imitate, at least {} of one symbol are needed", most, kLeastSynthBars), "--like",
                       "give a symbol with more bars that have all prices");
  fill_from_others(models);
  drop_empty_dates(models);
  return models;
}

/// Which real day stands for each made-up day.
std::vector<uint32_t> draw_blocks(uint64_t key, int64_t days, size_t num_source_days) {
  std::vector<uint32_t> source(static_cast<size_t>(days));
  const auto end = uint32_t(num_source_days);
  uint32_t at = end;
  for (uint64_t day = 0; day < source.size(); ++day) {
    const bool fresh = ++at >= end || random_unit(key, 2 * day) * kMeanBlockDays < 1;
    if (fresh) at = random_below(key, 2 * day + 1, end);
    source[day] = at;
  }
  return source;
}

/// What a made-up symbol is like all its life.
struct Traits {
  double market_share;  ///< b of the header
  double volatility, drift;
  double first_price, shares_a_day;
};

Traits draw_traits(const SynthSpec& spec, int64_t number, const Model& model) {
  const uint64_t key = stream_key(spec, number, traits);
  return {uniform(key, 0, 0.55, 0.9), model.volatility * std::exp(0.25 * normal(key, 10)), model.drift, 40 * std::exp(0.6 * normal(key, 11)),
          1e6 * std::exp(1.2 * normal(key, 12))};
}

/// The days on which a symbol has a bar: listed on the first day (three in four) or within the first half, delisted within
/// the last quarter (one in twenty of those listed on the first day), without the days of its halts.
std::vector<int32_t> trading_days(const SynthSpec& spec, int64_t number) {
  const uint64_t life = stream_key(spec, number, traits), key = stream_key(spec, number, halts);
  const auto days = double(spec.days);
  const bool late = random_unit(life, 1) < 0.25, delisted = !late && random_unit(life, 2) < 0.05;
  const auto first = late ? int64_t(uniform(life, 3, 0, 0.5) * days) : 0,
             end = delisted ? int64_t(std::ceil(uniform(life, 4, 0.75, 1) * days)) : spec.days;
  std::vector<int32_t> out;
  int64_t halted_until = 0;
  for (int64_t day = first; day < end; ++day) {
    const auto at = uint64_t(3 * day);
    if (day > first && day >= halted_until && random_unit(key, at) < 1.0 / 700) {
      const bool is_long = random_unit(key, at + 1) < 0.1;  // an inquiry, a takeover; else a day or two
      halted_until = day + 1 + int64_t(random_unit(key, at + 2) * (is_long ? 40 : 3));
    }
    // The last day always trades, so that half of the days is a promise only halts can't break by more than their length.
    if (day >= halted_until || day + 1 == end) out.push_back(int32_t(day));
  }
  return out;
}

/// A day beyond 6 deviations (one stock lost half of its price) is news of one company: in the market's blocks it would hit
/// every symbol of that model on the same day, so there it is cut; in own blocks it stays.
double of_market(double units) { return std::clamp(units, -6.0, 6.0); }

Shape mixed(const Shape& market, const Shape& own, double b) {
  const double rest = std::sqrt(1 - b * b);
  const auto blend = [&](double m, double o) { return b * b * m + (1 - b * b) * o; };
  return {b * of_market(market.gap) + rest * own.gap, b * of_market(market.move) + rest * own.move, blend(market.up, own.up),
          blend(market.down, own.down), blend(market.volume, own.volume)};
}

/// The price in whole ticks, at least one.
double to_tick(double price) {
  const double ticks = price < 1 ? 1e4 : 1e2;
  return std::max(1.0, std::round(price * ticks)) / ticks;
}

/// Shares that one share becomes today, 1 on most days. A share that is not cheap splits once in 25 years; one whose price has
/// quadrupled splits, and one that has lost 95 % is joined, within 40 days on average.
double draw_split(uint64_t key, uint64_t day, double price, double first_price) {
  constexpr double kSplits[] = {2, 2, 3, 4, 1.5}, kJoins[] = {0.1, 0.2, 0.05};
  const bool high = price > 4 * first_price, low = price < first_price / 20;
  const double chance = high || low ? 1.0 / 40 : price > first_price / 2 ? 1.0 / 6000 : 0;
  if (random_unit(key, 2 * day) >= chance) return 1;
  return low ? kJoins[random_below(key, 2 * day + 1, 3)] : kSplits[random_below(key, 2 * day + 1, 5)];
}

/// The columns of one symbol inside the panel.
struct Bars {
  std::span<double> column[6];
  void set(size_t row, double open, double high, double low, double close, double volume) {
    open = to_tick(open), close = to_tick(close);
    column[open_field][row] = open;
    column[close_field][row] = close;
    column[high_field][row] = std::max({to_tick(high), open, close});
    column[low_field][row] = std::min({to_tick(low), open, close});
    column[volume_field][row] = std::max(100.0, std::round(volume / 100) * 100);
  }
};

/// Walks through all days of the calendar from the listing on; a halted day moves the price but leaves no row.
void write_bars(const SynthSpec& spec, int64_t number, const Model& model, const std::vector<uint32_t>& market, const std::vector<int32_t>& trading,
                Bars bars) {
  const Traits t = draw_traits(spec, number, model);
  const std::vector<uint32_t> own = draw_blocks(stream_key(spec, number, blocks), spec.days, model.days.size());
  const uint64_t split_key = stream_key(spec, number, splits), volume_key = stream_key(spec, number, volumes);
  double log_price = std::log(t.first_price);  // of the share as it was at first
  double shares = 1;                           // what that share has become
  double* adj_close = bars.column[adj_close_field].data();
  size_t row = 0;
  for (int32_t day = trading.front(); row < trading.size(); ++day) {
    const auto at = size_t(day);
    const Shape shape = mixed(model.days[market[at]], model.days[own[at]], t.market_share);
    const double before = log_price, open = before + t.volatility * shape.gap, close = open + t.volatility * shape.move + t.drift;
    log_price = close;
    if (day != trading[row]) continue;
    const double factor = row == 0 ? 1 : draw_split(split_key, at, std::exp(before) / shares, t.first_price);
    for (size_t i = 0; factor != 1 && i < row; ++i) adj_close[i] /= factor;
    shares *= factor;
    const double top = std::max(open, close) + t.volatility * shape.up, bottom = std::min(open, close) - t.volatility * shape.down;
    const double volume = t.shares_a_day * std::exp(shape.volume + 0.2 * normal(volume_key, at));
    bars.set(row, std::exp(open) / shares, std::exp(top) / shares, std::exp(bottom) / shares, std::exp(close) / shares, volume * shares);
    adj_close[row] = bars.column[close_field][row];
    ++row;
  }
}

int32_t business_day(int64_t day) { return kFirstMonday + int32_t(day / 5 * 7 + day % 5); }

/// Numbers 1 .. count in the byte order of their names (S10000 stands before S1001).
std::vector<int64_t> numbers_by_name(int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 1);
  if (count > 9999)
    std::sort(numbers.begin(), numbers.end(), [](int64_t a, int64_t b) { return fmt::format("S{:04}", a) < fmt::format("S{:04}", b); });
  return numbers;
}

Result<void> check_range(const char* flag, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return {};
  return usage_error(fmt::format("{} is {}, expected {} to {}", flag, value, least, most), flag,
                     fmt::format("give a number from {} to {}", least, most));
}

}  // namespace

Result<Panel> synth_universe(const Panel& like, const SynthSpec& spec, exec::Pool& pool) {
  HY_CHECK(check_range("--symbols", spec.symbols, 1, kMostSynthSymbols));
  HY_CHECK(check_range("--days", spec.days, 2, kMostSynthDays));
  HY_TRY(const std::vector<Model> models, read_models(like));
  const std::vector<uint32_t> market = draw_blocks(stream_key(spec, 0, blocks), spec.days, models[0].days.size());

  // Rows are counted before any is written, so that every symbol is written straight into its place.
  const std::vector<int64_t> numbers = numbers_by_name(spec.symbols);
  std::vector<std::vector<int32_t>> trading(numbers.size());
  pool.run(spec.symbols, [&](int64_t i, int) { trading[size_t(i)] = trading_days(spec, numbers[size_t(i)]); });
  Panel panel;
  for (size_t i = 0; i < numbers.size(); ++i) {
    panel.symbols.push_back(fmt::format("S{:04}", numbers[i]));
    panel.offsets.push_back(panel.offsets.back() + int64_t(trading[i].size()));
  }
  const auto rows = size_t(panel.offsets.back());
  panel.fields.assign(std::begin(kFields), std::end(kFields));
  panel.values.assign(panel.fields.size(), std::vector<double>(rows));
  panel.times.resize(rows);
  pool.run(spec.symbols, [&](int64_t index, int) {
    const auto i = size_t(index);
    const auto begin = size_t(panel.offsets[i]), count = trading[i].size();
    for (size_t row = 0; row < count; ++row) panel.times[begin + row] = business_day(trading[i][row]);
    Bars bars;
    for (size_t f = 0; f < 6; ++f) bars.column[f] = std::span(panel.values[f]).subspan(begin, count);
    write_bars(spec, numbers[i], models[size_t(numbers[i] - 1) % models.size()], market, trading[i], bars);
  });
  return panel;
}

}  // namespace hayate::fetch
