#include "pipeline/leakage.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/strings.h"
#include "hayate/folds.h"
#include "hayate/table.h"
#include "io/bars.h"
#include "io/files.h"
#include "pipeline/label_span.h"
#include "pipeline/later_window.h"
#include "pipeline/plan.h"
#include "pipeline/prepare.h"
#include "pipeline/same_order.h"
#include "pipeline/scaled_column.h"
#include "pipeline/two_sided.h"

namespace hayate::pipeline {
namespace {

constexpr int kCuts = 5;
constexpr int64_t kHorizons = 20;  // returns of the next 1 .. 20 rows
constexpr double kSameCorrelation = 0.999;
constexpr double kSettledTolerance = 1e-3;  // of a feature's own standard deviation
constexpr size_t kSampleRows = 20'000;
constexpr size_t kFewestPairs = 20;
constexpr size_t kScaledSymbols = 20;
constexpr const char* kBarColumns[] = {"open", "high", "low", "close", "volume", "vwap", "adj_close"};

std::string time_text(const Panel& panel, int64_t time) { return panel.daily ? format_date(int32_t(time)) : format_timestamp(time, panel.zone); }

std::vector<int64_t> dates_of(const Panel& panel) {
  std::vector<int64_t> dates = panel.times;
  std::sort(dates.begin(), dates.end());
  dates.erase(std::unique(dates.begin(), dates.end()), dates.end());
  return dates;
}

/// The rows of `panel` from one time to another, both included; symbols without any are gone.
Panel between(const Panel& panel, int64_t from, int64_t to) {
  Panel out;
  out.daily = panel.daily, out.zone = panel.zone, out.fields = panel.fields;
  out.values.resize(panel.fields.size());
  for (size_t s = 0; s < panel.num_symbols(); ++s) {
    const auto times = panel.series_times(s);
    const auto first = std::lower_bound(times.begin(), times.end(), from), last = std::upper_bound(first, times.end(), to);
    if (first == last) continue;
    out.symbols.push_back(panel.symbols[s]);
    out.times.insert(out.times.end(), first, last);
    out.offsets.push_back(int64_t(out.times.size()));
    for (size_t f = 0; f < panel.fields.size(); ++f) {
      const auto values = panel.values[f].begin() + ptrdiff_t(panel.offsets[s]);
      out.values[f].insert(out.values[f].end(), values + (first - times.begin()), values + (last - times.begin()));
    }
  }
  return out;
}

/// What all checks share.
struct Checker {
  Plan plan;  ///< its programs may look ahead
  const exec::ExecConfig& exec;
  exec::Pool& pool;
  const exec::Cancellation& cancel;
  Panel raw;    ///< checked bars as they were read
  Panel ready;  ///< the same, prepared
  LeakOutcome out;

  const Program& features() const { return *plan.features; }
  const Program& label() const { return *plan.label_program; }
  size_t num_features() const { return plan.expressions.size(); }
  std::string named(size_t f) const { return fmt::format("{} = {}", plan.expressions[f].name, plan.expressions[f].text); }

  Result<Panel> prepared(Panel panel) {
    HY_CHECK(prepare_bars(plan.spec.universe.adjust, {&*plan.features, &*plan.label_program}, panel, pool, exec));
    return panel;
  }
  void found(const char* check, std::string feature, std::string symbol, std::string time, std::string what) {
    out.findings.push_back({check, std::move(feature), std::move(symbol), std::move(time), std::move(what)});
  }
};

/// Features of one symbol, column by column.
struct SymbolValues {
  size_t rows = 0;
  std::vector<float> values;
  std::span<const float> column(size_t f) const { return std::span(values).subspan(f * rows, rows); }
};

SymbolValues values_of(const Program& program, const Panel& panel, size_t symbol, Workspace& space) {
  SymbolValues out;
  out.rows = panel.series_times(symbol).size();
  out.values.resize(out.rows * program.num_outputs());
  evaluate(program, bars_of(program, panel, symbol), space, out.values.data(), out.rows);
  return out;
}

/// A feature's first difference: where, and the two values.
struct Difference {
  std::string symbol;
  int64_t time = 0;
  float before = 0, after = 0;
};

/// The earliest difference of each feature over all symbols, found by `compare(symbol of other, its values, values in full, report)`.
/// `other` holds some of the rows of the prepared panel. Report takes (feature, row of other, row in full).
template <class Compare>
std::vector<std::optional<Difference>> differences(Checker& c, const Panel& other, const Compare& compare) {
  std::vector<std::vector<std::optional<Difference>>> per_symbol(other.num_symbols());
  std::vector<Workspace> spaces(size_t(c.pool.workers()));
  c.pool.run(
      int64_t(other.num_symbols()),
      [&](int64_t s, int worker) {
        const size_t full =
            size_t(std::lower_bound(c.ready.symbols.begin(), c.ready.symbols.end(), other.symbols[size_t(s)]) - c.ready.symbols.begin());
        const SymbolValues left = values_of(c.features(), c.ready, full, spaces[size_t(worker)]);
        const SymbolValues right = values_of(c.features(), other, size_t(s), spaces[size_t(worker)]);
        auto& found = per_symbol[size_t(s)];
        found.resize(c.num_features());
        compare(size_t(s), left, right, [&](size_t f, size_t in_full, size_t in_other) {
          if (!found[f])
            found[f] =
                Difference{other.symbols[size_t(s)], other.series_times(size_t(s))[in_other], left.column(f)[in_full], right.column(f)[in_other]};
        });
      },
      &c.cancel);
  std::vector<std::optional<Difference>> out(c.num_features());
  for (const auto& found : per_symbol)
    for (size_t f = 0; f < found.size(); ++f)
      if (found[f] && (!out[f] || found[f]->time < out[f]->time)) out[f] = found[f];
  return out;
}

bool same_bytes(float a, float b) { return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); }
bool same_bytes(double a, double b) { return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b); }

// ---- look_ahead --------------------------------------------------------------------------------------------------------

void check_look_ahead(Checker& c) {
  for (size_t f = 0; f < c.num_features(); ++f)
    if (const int64_t ahead = c.features().look_ahead(f); ahead > 0) {
      const std::string last = time_text(c.raw, *std::max_element(c.raw.times.begin(), c.raw.times.end()));
      c.found(
          "look_ahead", c.plan.expressions[f].name, "", last,
          fmt::format("{} reads {} row{} ahead: on {} it would need bars that are not there yet", c.named(f), ahead, ahead == 1 ? "" : "s", last));
    }
  c.out.notes.push_back(fmt::format("{} expressions", c.num_features()));
}

// ---- future_cut --------------------------------------------------------------------------------------------------------

Result<void> check_future_cut(Checker& c) {
  const std::vector<int64_t> dates = dates_of(c.raw);
  std::set<int64_t> cuts;
  for (int i = 1; i <= kCuts; ++i) cuts.insert(dates[std::min(dates.size() - 1, dates.size() * size_t(i) / (kCuts + 1))]);
  std::set<size_t> known;
  for (const int64_t cut : cuts) {
    HY_TRY(const Panel past, c.prepared(between(c.raw, dates.front(), cut)));
    const auto found = differences(c, past, [&](size_t, const SymbolValues& left, const SymbolValues& right, const auto& report) {
      for (size_t f = 0; f < c.num_features(); ++f)
        for (size_t row = 0; row < right.rows; ++row)
          if (!same_bytes(left.column(f)[row], right.column(f)[row])) report(f, row, row);
    });
    for (size_t f = 0; f < found.size(); ++f)
      if (found[f] && known.insert(f).second)
        c.found("future_cut", c.plan.expressions[f].name, found[f]->symbol, time_text(c.raw, found[f]->time),
                fmt::format("{} is {} with all bars, {} when the bars end on {}", c.named(f), format_shortest(double(found[f]->before)),
                            format_shortest(double(found[f]->after)), time_text(c.raw, cut)));
  }
  c.out.notes.push_back(fmt::format("every value up to {} dates, computed from the bars up to there: equal to the byte", cuts.size()));
  return {};
}

// ---- moved_start -------------------------------------------------------------------------------------------------------

/// Rows of a symbol's series since the moved start, or kWhole for a symbol that began later: nothing of it was cut.
constexpr int64_t kWhole = std::numeric_limits<int64_t>::max() / 2;

/// For each date of the later panel, the fewest rows that any symbol has had since the moved start. Other symbols count because
/// cross-sections read them.
std::vector<int64_t> rows_since_start(const Checker& c, const Panel& later, const std::vector<int64_t>& dates) {
  std::vector<int64_t> fewest(dates.size(), kWhole);
  for (size_t s = 0; s < later.num_symbols(); ++s) {
    const size_t full = size_t(std::lower_bound(c.ready.symbols.begin(), c.ready.symbols.end(), later.symbols[s]) - c.ready.symbols.begin());
    if (c.ready.series_times(full).size() == later.series_times(s).size()) continue;
    int64_t row = 0;
    for (const int64_t time : later.series_times(s)) {
      int64_t& place = fewest[size_t(std::lower_bound(dates.begin(), dates.end(), time) - dates.begin())];
      place = std::min(place, row++);
    }
  }
  return fewest;
}

double deviation_of(std::span<const float> values) {
  double sum = 0, squares = 0, count = 0;
  for (const float x : values)
    if (std::isfinite(x)) sum += double(x), count += 1;
  for (const float x : values)
    if (std::isfinite(x)) squares += (double(x) - sum / count) * (double(x) - sum / count);
  return count < 2 ? 0 : std::sqrt(squares / (count - 1));
}

bool is_close(float a, float b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) == std::isnan(b);
  return a == b || std::abs(double(a) - double(b)) <= tolerance;
}

/// Of features that say so themselves: totals of ta functions, N = 0, Ref(x, 0).
constexpr const char* kCountsFromFirst =
    ": by its nature it counts from the first bar of a symbol, so it has one meaning only where training and prediction begin with the same bar; "
    "a window has none of that, nor has its change, as in Delta(ta.OBV($close, $volume), 5)";

Result<void> check_moved_start(Checker& c) {
  const std::vector<int64_t> dates = dates_of(c.raw);
  const int64_t start = dates[dates.size() / 4];
  HY_TRY(const Panel later, c.prepared(between(c.raw, start, dates.back())));
  const std::vector<int64_t> later_dates = dates_of(later), since = rows_since_start(c, later, later_dates);
  std::vector<int64_t> needed;  // rows since the start from which on a feature has to agree
  size_t judged = 0;
  for (size_t f = 0; f < c.num_features(); ++f) {
    const auto settled = c.features().settled(f);
    needed.push_back(settled ? *settled : int64_t(later_dates.size()) / 2);
    judged += std::any_of(since.begin(), since.end(), [&](int64_t rows) { return rows >= needed[f] && rows < kWhole; });
  }
  const auto found = differences(c, later, [&](size_t s, const SymbolValues& left, const SymbolValues& right, const auto& report) {
    const auto times = later.series_times(s);
    const size_t cut = left.rows - right.rows;
    for (size_t f = 0; f < c.num_features(); ++f) {
      const bool exact = c.features().reach(f).has_value();
      const double tolerance = exact ? 0 : kSettledTolerance * deviation_of(left.column(f));
      for (size_t row = 0; row < right.rows; ++row) {
        if (since[size_t(std::lower_bound(later_dates.begin(), later_dates.end(), times[row]) - later_dates.begin())] < needed[f]) continue;
        const float a = left.column(f)[cut + row], b = right.column(f)[row];
        if (exact ? !same_bytes(a, b) : !is_close(a, b, tolerance)) report(f, cut + row, row);
      }
    }
  });
  for (size_t f = 0; f < found.size(); ++f)
    if (found[f])
      c.found("moved_start", c.plan.expressions[f].name, found[f]->symbol, time_text(c.raw, found[f]->time),
              fmt::format("{} is {} with all bars, {} when the bars begin on {}{}", c.named(f), format_shortest(double(found[f]->before)),
                          format_shortest(double(found[f]->after)), time_text(c.raw, start), c.features().settled(f) ? "" : kCountsFromFirst));
  c.out.notes.push_back(fmt::format("{} of {} features, once with all bars and once with those from {} on{}", judged, c.num_features(),
                                    time_text(c.raw, start), judged < c.num_features() ? "; the others need more rows to settle" : ""));
  return {};
}

// ---- label_equal, future_column ----------------------------------------------------------------------------------------

struct Match {
  double correlation = 0;
  size_t pairs = 0, first = 0;  ///< first: index in the sample
};

/// Values less their mean, 0 where they are not finite, and where they are.
struct Centred {
  std::vector<double> values, present;

  explicit Centred(std::span<const double> from) : values(from.begin(), from.end()), present(from.size()) {
    double mean = 0, count = 0;
    for (size_t i = 0; i < from.size(); ++i)
      if (std::isfinite(from[i])) present[i] = 1, count += 1, mean += (from[i] - mean) / count;
    for (size_t i = 0; i < from.size(); ++i) values[i] = present[i] > 0 ? from[i] - mean : 0;
  }
};

/// Pearson correlation over the rows of the sample where both are finite. Eight sums side by side do not wait for each other.
Match match(const Centred& x, const Centred& y) {
  constexpr size_t kSums = 8;
  double n[kSums] = {}, sx[kSums] = {}, sy[kSums] = {}, xx[kSums] = {}, yy[kSums] = {}, xy[kSums] = {};
  const auto add = [&](size_t i, size_t k) {
    const double both = x.present[i] * y.present[i], a = x.values[i] * both, b = y.values[i] * both;
    n[k] += both, sx[k] += a, sy[k] += b, xx[k] += a * a, yy[k] += b * b, xy[k] += a * b;
  };
  const size_t rows = x.values.size(), whole = rows - rows % kSums;
  for (size_t i = 0; i < whole; i += kSums)
    for (size_t k = 0; k < kSums; ++k) add(i + k, k);
  for (size_t i = whole; i < rows; ++i) add(i, i - whole);
  const auto total = [](const double(&sums)[kSums]) {
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
  };
  const double count = total(n), mean_x = total(sx) / count, mean_y = total(sy) / count;
  Match out{.pairs = size_t(count)};
  if (out.pairs < kFewestPairs) return out;
  const double of_x = total(xx) - count * mean_x * mean_x, of_y = total(yy) - count * mean_y * mean_y;
  // What is left of a constant is rounding.
  if (of_x > 1e-14 * total(xx) && of_y > 1e-14 * total(yy)) out.correlation = (total(xy) - count * mean_x * mean_y) / std::sqrt(of_x * of_y);
  while (x.present[out.first] * y.present[out.first] == 0) ++out.first;
  return out;
}

/// Something that is only known later: a name, and values for the sample.
struct Future {
  std::string name;
  Centred values;
};

/// Every so many rows of the prepared panel, symbol after symbol.
struct Sample {
  std::vector<int64_t> rows;
  std::vector<size_t> symbol;  ///< of each
};

Sample sample_of(const Panel& panel) {
  Sample out;
  const int64_t stride = std::max<int64_t>(1, panel.num_rows() / int64_t(kSampleRows));
  for (size_t s = 0; s < panel.num_symbols(); ++s)
    for (int64_t row = panel.offsets[s]; row < panel.offsets[s + 1]; ++row)
      if (row % stride == 0) out.rows.push_back(row), out.symbol.push_back(s);
  return out;
}

/// The value `ahead` rows later, NaN past the end of the symbol.
double later_value(const Panel& panel, const std::vector<double>& values, size_t symbol, int64_t row, int64_t ahead) {
  return row + ahead < panel.offsets[symbol + 1] ? values[size_t(row + ahead)] : std::nan("");
}

std::vector<Future> futures_of(const Checker& c, const Sample& sample, const std::vector<double>& labels) {
  std::vector<Future> out;
  std::vector<double> values;
  for (const int64_t row : sample.rows) values.push_back(labels[size_t(row)]);
  out.push_back({"the label", Centred(values)});
  const int close = c.ready.field("close");
  if (close < 0) return out;
  const std::vector<double>& prices = c.ready.values[size_t(close)];
  const auto add = [&](std::string name, int64_t from, int64_t to) {
    for (size_t i = 0; i < sample.rows.size(); ++i)
      values[i] =
          later_value(c.ready, prices, sample.symbol[i], sample.rows[i], to) / later_value(c.ready, prices, sample.symbol[i], sample.rows[i], from) -
          1;
    out.push_back({std::move(name), Centred(values)});
  };
  for (int64_t h = 1; h <= kHorizons; ++h) add(fmt::format("the return of the close over the next {} rows", h), 0, h);
  for (int64_t h = 2; h <= kHorizons; ++h) add(fmt::format("the return of the close {} rows ahead", h), h - 1, h);
  return out;
}

/// Reports the future thing that `values` follow most closely, when they all but are it.
bool report_match(Checker& c, const char* check, const std::string& feature, const std::string& text, std::span<const double> values,
                  const Sample& sample, const std::vector<Future>& futures) {
  Match best;
  const Future* nearest = nullptr;
  const Centred own(values);
  for (const Future& future : futures) {
    const Match m = match(own, future.values);
    if (std::abs(m.correlation) > kSameCorrelation && (!nearest || std::abs(m.correlation) > std::abs(best.correlation) + 1e-9))
      best = m, nearest = &future;
  }
  if (!nearest) return false;
  c.found(check, feature, c.ready.symbols[sample.symbol[best.first]], time_text(c.ready, c.ready.times[size_t(sample.rows[best.first])]),
          fmt::format("{} has correlation {:+.6f} with {} over {} rows", text, best.correlation, nearest->name, best.pairs));
  return true;
}

/// Features at the rows of the sample, feature by feature.
std::vector<std::vector<double>> sampled_features(Checker& c, const Sample& sample) {
  std::vector<std::vector<double>> out(c.num_features(), std::vector<double>(sample.rows.size()));
  std::vector<size_t> begin(c.ready.num_symbols() + 1, 0);
  for (const size_t s : sample.symbol) ++begin[s + 1];
  for (size_t s = 0; s < c.ready.num_symbols(); ++s) begin[s + 1] += begin[s];
  std::vector<Workspace> spaces(size_t(c.pool.workers()));
  c.pool.run(
      int64_t(c.ready.num_symbols()),
      [&](int64_t s, int worker) {
        const SymbolValues values = values_of(c.features(), c.ready, size_t(s), spaces[size_t(worker)]);
        for (size_t i = begin[size_t(s)]; i < begin[size_t(s) + 1]; ++i)
          for (size_t f = 0; f < c.num_features(); ++f) out[f][i] = double(values.column(f)[size_t(sample.rows[i] - c.ready.offsets[size_t(s)])]);
      },
      &c.cancel);
  return out;
}

/// All rows of every so many dates.
Sample dates_sample_of(const Panel& panel) {
  const std::vector<int64_t> dates = dates_of(panel);
  const size_t stride = size_t(panel.num_rows()) / kSampleRows + 1;
  Sample out;
  for (size_t s = 0; s < panel.num_symbols(); ++s)
    for (int64_t row = panel.offsets[s]; row < panel.offsets[s + 1]; ++row)
      if (size_t(std::lower_bound(dates.begin(), dates.end(), panel.times[size_t(row)]) - dates.begin()) % stride == 0)
        out.rows.push_back(row), out.symbol.push_back(s);
  return out;
}

/// Rows of a sample that are compared with each other: those of a symbol, or
/// those of a date.
struct Groups {
  Sample sample;
  const char* of;                               ///< "symbol", "date"
  std::map<int64_t, std::vector<size_t>> rows;  ///< of each group, in the sample
  std::vector<double> answers = {};             ///< labels
  double pairs = 0;                             ///< of rows of a group

  Groups(Sample all, bool by_date, const Panel& panel, const std::vector<double>& labels) : sample(std::move(all)), of(by_date ? "date" : "symbol") {
    for (size_t i = 0; i < sample.rows.size(); ++i) {
      rows[by_date ? panel.times[size_t(sample.rows[i])] : int64_t(sample.symbol[i])].push_back(i);
      answers.push_back(labels[size_t(sample.rows[i])]);
    }
    for (const auto& [key, of_group] : rows) pairs += double(of_group.size()) * double(of_group.size() - 1) / 2;
  }
};

/// Reports values that stand in the order of the label, symbol by symbol or
/// date by date.
bool report_order(Checker& c, const char* check, const std::string& feature, const std::string& text, std::span<const double> values,
                  const Groups& groups) {
  OrderCount all;
  std::vector<std::pair<double, double>> of_group;
  for (const auto& [key, rows] : groups.rows) {
    of_group.clear();
    for (const size_t i : rows) of_group.emplace_back(groups.answers[i], values[i]);
    all += count_order(of_group);
    // More than a thousandth of all pairs is already in no one order.
    if (double(std::min(all.against, all.comparable - all.against)) > (1 - kSameCorrelation) * groups.pairs + 1) return false;
  }
  if (all.share() < kSameCorrelation) return false;
  size_t first = 0;
  while (!std::isfinite(values[first]) || !std::isfinite(groups.answers[first])) ++first;
  c.found(check, feature, c.ready.symbols[groups.sample.symbol[first]], time_text(c.ready, c.ready.times[size_t(groups.sample.rows[first])]),
          fmt::format("{} stands in the order of the label: on {:.4g} % of {} "
                      "pairs of rows of a {}",
                      text, 100 * all.share(), all.comparable, groups.of));
  return true;
}

std::vector<double> labels_of(const Checker& c) {
  std::vector<double> labels(c.ready.times.size());
  Workspace space;
  for (size_t s = 0; s < c.ready.num_symbols(); ++s)
    evaluate(c.label(), bars_of(c.label(), c.ready, s), space, labels.data() + c.ready.offsets[s], labels.size());
  return labels;
}

/// Columns that features read and that are not bars: what was computed elsewhere. A vwap of the file is among them.
std::vector<std::string> own_columns(const Checker& c) {
  std::vector<std::string> out;
  for (const std::string& name : c.features().columns())
    if ((name == "vwap" && c.raw.field("vwap") >= 0) || std::find(std::begin(kBarColumns), std::end(kBarColumns), name) == std::end(kBarColumns))
      out.push_back(name);
  return out;
}

/// How often a column is another one of `rows` later, where that is not today's.
struct Repetition {
  size_t pairs = 0, equal = 0, first = 0;  ///< first: index in the sample
  bool repeats() const { return pairs >= kFewestPairs && double(equal) >= 0.999 * double(pairs); }
};
Repetition repetition_of(const Checker& c, std::span<const double> values, const std::vector<double>& other, const Sample& sample, int64_t rows) {
  Repetition out;
  for (size_t i = 0; i < values.size(); ++i) {
    const double later = later_value(c.ready, other, sample.symbol[i], sample.rows[i], rows);
    if (!std::isfinite(values[i]) || !std::isfinite(later) || later == other[size_t(sample.rows[i])]) continue;
    if (out.pairs++ == 0) out.first = i;
    out.equal += std::abs(values[i] - later) <= 1e-6 * std::abs(later);
    if (1'000 * (out.pairs - out.equal) > values.size()) return {};  // whatever comes, more than a thousandth is not equal
  }
  return out;
}

/// Whether a column is a price or volume of later rows: equal on all but a thousandth of the rows, where it is not equal to today's.
bool report_repetition(Checker& c, const std::string& column, std::span<const double> values, const Sample& sample) {
  for (const char* bar : kBarColumns) {
    const int field = c.ready.field(bar);
    if (field < 0) continue;
    const std::vector<double>& bars = c.ready.values[size_t(field)];
    for (int64_t h = 1; h <= kHorizons; ++h) {
      const Repetition found = repetition_of(c, values, bars, sample, h);
      if (!found.repeats()) continue;
      c.found("future_column", "$" + column, c.ready.symbols[sample.symbol[found.first]],
              time_text(c.ready, c.ready.times[size_t(sample.rows[found.first])]),
              fmt::format("${} is ${} of {} row{} later, on {} of {} rows", column, bar, h, h == 1 ? "" : "s", found.equal, found.pairs));
      return true;
    }
  }
  return false;
}

/// Whether a column is a price or volume whose gaps were filled from later rows: wherever it is not today's, it is that of one of the next
/// rows, and often of none of the last ones (prices come back).
bool report_back_fill(Checker& c, const std::string& column, std::span<const double> values, const Sample& sample) {
  for (const char* bar : kBarColumns) {
    const int field = c.ready.field(bar);
    if (field < 0) continue;
    const std::vector<double>& bars = c.ready.values[size_t(field)];
    const auto holds = [&](int64_t row, double value) { return std::abs(bars[size_t(row)] - value) <= 1e-6 * std::abs(value); };
    size_t filled = 0, later = 0, earlier = 0, first = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const int64_t row = sample.rows[i], begin = c.ready.offsets[sample.symbol[i]], end = c.ready.offsets[sample.symbol[i] + 1];
      if (!std::isfinite(values[i]) || holds(row, values[i])) continue;
      if (filled++ == 0) first = i;
      const auto stands_in = [&](int64_t from, int64_t to) {
        while (from < to && !holds(from, values[i])) ++from;
        return from < to;
      };
      later += stands_in(row + 1, std::min(end, row + 1 + kHorizons));
      if (100 * (filled - later) > values.size()) break;  // too many are no later row's, whatever comes
      earlier += stands_in(std::max(begin, row - kHorizons), row);
    }
    if (filled < kFewestPairs || double(later) < 0.99 * double(filled) || double(earlier) > 0.9 * double(filled)) continue;
    c.found("future_column", "$" + column, c.ready.symbols[sample.symbol[first]], time_text(c.ready, c.ready.times[size_t(sample.rows[first])]),
            fmt::format("${} is ${} with gaps filled from later rows, on {} of {} rows", column, bar, later, filled));
    return true;
  }
  return false;
}

/// Whether a column is a price or volume with gaps on straight lines to a later row: what interpolates between rows has read the next one. Gaps
/// whose ends are equal say nothing, those of more than 20 rows are left out; what was held from before is on no line that rises or falls.
bool report_interpolated(Checker& c, const std::string& column) {
  const std::vector<double>& values = c.ready.values[size_t(c.ready.field(column))];
  for (const char* bar : kBarColumns) {
    const int field = c.ready.field(bar);
    if (field < 0) continue;
    const std::vector<double>& bars = c.ready.values[size_t(field)];
    const auto near = [](double a, double b) { return std::abs(a - b) <= 1e-6 * std::abs(b); };
    size_t filled = 0, on_line = 0, first_symbol = 0;
    int64_t first = 0;
    for (size_t s = 0; s < c.ready.num_symbols(); ++s) {
      int64_t last = -1;  // row before the gap
      for (int64_t row = c.ready.offsets[s]; row < c.ready.offsets[s + 1]; ++row) {
        if (!near(values[size_t(row)], bars[size_t(row)])) continue;
        const int64_t from = std::exchange(last, row), rows = row - from;
        if (from < 0 || rows < 2) continue;
        const double begin = values[size_t(from)], end = values[size_t(row)];
        if (std::abs(end - begin) <= 1e-4 * std::abs(begin)) continue;
        for (int64_t at = from + 1; at < row; ++at) {
          if (!std::isfinite(values[size_t(at)])) continue;
          if (filled++ == 0) first = at, first_symbol = s;
          on_line += rows <= kHorizons + 1 && near(values[size_t(at)], std::lerp(begin, end, double(at - from) / double(rows)));
        }
      }
    }
    if (filled < kFewestPairs || double(on_line) < 0.99 * double(filled)) continue;
    c.found("future_column", "$" + column, c.ready.symbols[first_symbol], time_text(c.ready, c.ready.times[size_t(first)]),
            fmt::format("${} is ${} with gaps on straight lines to a later row, on {} of {} rows", column, bar, on_line, filled));
    return true;
  }
  return false;
}

/// Whether a column was scaled by all rows (scaled_column.h).
bool report_scaled(Checker& c, const std::string& column) {
  std::optional<std::string> how = scaled_column(c.ready, column);
  if (how) c.found("future_column", "$" + column, c.ready.symbols.front(), time_text(c.ready, c.ready.times.front()), std::move(*how));
  return how.has_value();
}

/// Bars as they were read and, when that differs, as they are scaled.
std::vector<const Panel*> both_ways(const Checker& c, const std::string& column) {
  if (c.plan.spec.universe.adjust != "none" && c.raw.field(column) >= 0) return {&c.ready, &c.raw};
  return {&c.ready};
}

LeakFinding found_in(const Checker& c, const std::string& column, std::string what) {
  return {"future_column", "$" + column, c.ready.symbols.front(), time_text(c.ready, c.ready.times.front()), std::move(what)};
}

/// Columns that equal a function of later rows (later_window.h) or are made of rows on both sides (two_sided.h): why, or nothing.
std::vector<std::optional<std::string>> two_sided_reasons(Checker& c, const std::vector<std::string>& columns) {
  std::vector<std::optional<std::string>> out(columns.size());
  for (const Panel* panel : {&c.ready, &c.raw}) {
    LaterWindows windows(*panel, c.pool);
    std::vector<std::string> open;
    std::vector<size_t> places;
    for (size_t i = 0; i < columns.size(); ++i) {
      const auto panels = both_ways(c, columns[i]);
      if (out[i] || std::find(panels.begin(), panels.end(), panel) == panels.end()) continue;
      WindowVerdict verdict = windows.verdict(columns[i]);
      out[i] = std::move(verdict.later);
      if (!out[i] && !verdict.past) open.push_back(columns[i]), places.push_back(i);
    }
    auto reasons = two_sided_columns(*panel, open, c.pool);
    for (size_t i = 0; i < open.size(); ++i) out[places[i]] = std::move(reasons[i]);
  }
  return out;
}

/// Whether the close or the volume was smoothed (two_sided.h).
void report_smoothed(Checker& c, const std::string& bar) {
  for (const Panel* panel : both_ways(c, bar))
    if (auto why = smoothed_bar(*panel, bar)) return c.out.findings.push_back(found_in(c, bar, std::move(*why)));
}

/// Rows of the symbols at whose ends one of two columns is missing and the other is not: `ahead` has no value in the last `rows` of a symbol
/// where `late` has them, or `late` has none in the first ones.
struct Ends {
  size_t of_ahead = 0, of_late = 0;
};
Ends missing_ends(const Panel& panel, const std::vector<double>& ahead, const std::vector<double>& late, int64_t rows) {
  Ends out;
  for (size_t s = 0; s < panel.num_symbols(); ++s) {
    const int64_t begin = panel.offsets[s], end = panel.offsets[s + 1];
    if (end - begin <= 2 * rows) continue;
    const auto all = [&](const std::vector<double>& values, int64_t from, bool present) {
      for (int64_t row = from; row < from + rows; ++row)
        if (std::isfinite(values[size_t(row)]) != present) return false;
      return true;
    };
    out.of_ahead += all(ahead, end - rows, false) && all(late, end - rows, true);
    out.of_late += all(late, begin, false) && all(ahead, begin, true);
  }
  return out;
}

/// Whether a column is another column of your own, some rows early. Of two columns that are one another's past and future either may be the
/// original; a shift leaves no values at one end of a symbol, and that tells. Where it does not, a note says so.
bool report_shifted(Checker& c, const std::string& column, std::span<const double> values, const Sample& sample, std::string& notes) {
  const std::vector<double>& own = c.ready.values[size_t(c.ready.field(column))];
  for (const std::string& other : c.ready.fields) {
    if (other == column || std::find(std::begin(kBarColumns), std::end(kBarColumns), other) != std::end(kBarColumns)) continue;
    const std::vector<double>& its = c.ready.values[size_t(c.ready.field(other))];
    for (int64_t h = 1; h <= kHorizons; ++h) {
      const Repetition found = repetition_of(c, values, its, sample, h);
      if (!found.repeats()) continue;
      const Ends ends = missing_ends(c.ready, own, its, h);
      const std::string rows = fmt::format("{} row{}", h, h == 1 ? "" : "s");
      if (ends.of_ahead == 0 && ends.of_late == 0) {
        notes += fmt::format("; ${} is ${} of {} later: one of the two is shifted, and they do not say which", column, other, rows);
        break;
      }
      if (ends.of_ahead <= ends.of_late) break;
      c.found("future_column", "$" + column, c.ready.symbols[sample.symbol[found.first]],
              time_text(c.ready, c.ready.times[size_t(sample.rows[found.first])]),
              fmt::format("${} is ${} of {} later, on {} of {} rows, and missing in the last {} of {} symbols, where ${} is not", column, other, rows,
                          found.equal, found.pairs, rows, ends.of_ahead, other));
      return true;
    }
  }
  return false;
}

void check_answers(Checker& c) {
  const Sample sample = sample_of(c.ready);
  const std::vector<double> labels = labels_of(c);
  const std::vector<Future> futures = futures_of(c, sample, labels);
  const Groups symbols(sample, false, c.ready, labels), dates(dates_sample_of(c.ready), true, c.ready, labels);
  const auto features = sampled_features(c, sample), on_dates = sampled_features(c, dates.sample);
  for (size_t f = 0; f < features.size(); ++f) {
    const std::string &name = c.plan.expressions[f].name, text = c.named(f);
    if (!report_match(c, "label_equal", name, text, features[f], sample, futures) &&
        !report_order(c, "label_equal", name, text, features[f], symbols))
      report_order(c, "label_equal", name, text, on_dates[f], dates);
  }
  c.out.notes.push_back(
      fmt::format("{} features against the label and {} returns over {} rows", features.size(), futures.size() - 1, sample.rows.size()));
  const std::vector<std::string> columns = own_columns(c);
  std::string notes;
  std::vector<std::string> open;  // of which nothing is found so far
  std::vector<ptrdiff_t> places;  // among the findings, where theirs belong
  for (const std::string& column : columns) {
    const std::string name = "$" + column;
    const auto at = [&](const Sample& rows) {
      const std::vector<double>& from = c.ready.values[size_t(c.ready.field(column))];
      std::vector<double> values;
      values.reserve(rows.rows.size());
      for (const int64_t row : rows.rows) values.push_back(from[size_t(row)]);
      return values;
    };
    const std::vector<double> values = at(sample);
    if (!report_repetition(c, column, values, sample) && !report_shifted(c, column, values, sample, notes) &&
        !report_back_fill(c, column, values, sample) && !report_interpolated(c, column) && !report_scaled(c, column) &&
        !report_match(c, "future_column", name, name, values, sample, futures) && !report_order(c, "future_column", name, name, values, symbols) &&
        !report_order(c, "future_column", name, name, at(dates.sample), dates))
      open.push_back(column), places.push_back(std::ssize(c.out.findings));
  }
  auto reasons = two_sided_reasons(c, open);
  for (size_t i = open.size(); i-- > 0;)
    if (reasons[i]) c.out.findings.insert(c.out.findings.begin() + places[i], found_in(c, open[i], std::move(*reasons[i])));
  for (const char* bar : {"close", "volume"}) report_smoothed(c, bar);
  c.out.notes.push_back((columns.empty() ? "the close and the volume; features read no columns but those of bars"
                                         : fmt::format("the close, the volume, columns {}", join(columns, ", "))) +
                        notes);
}

// ---- scaler_rows, fold_overlap -----------------------------------------------------------------------------------------

/// Folds over one calendar: of a symbol, or of the universe.
struct Calendar {
  std::string symbol;  ///< "": the universe
  std::vector<int64_t> dates;
  std::vector<Fold> folds;
};

/// The calendars that a run would cut into folds. Symbols with too few dates have none, as in a run.
Result<std::vector<Calendar>> calendars_of(const Checker& c) {
  SplitSpec split = c.plan.spec.split;
  split.purge_days = c.plan.purge_days;
  std::vector<Calendar> out;
  if (c.plan.spec.model.scope == "pooled") {
    out.push_back({"", dates_of(c.ready), {}});
    HY_TRY(out[0].folds, make_folds(split, out[0].dates, c.ready.daily));
    return out;
  }
  std::optional<Error> last;
  for (size_t s = 0; s < c.ready.num_symbols(); ++s) {
    const auto times = c.ready.series_times(s);
    auto folds = make_folds(split, times, c.ready.daily);
    if (folds.ok())
      out.push_back({c.ready.symbols[s], {times.begin(), times.end()}, std::move(folds.value())});
    else
      last = folds.error();
  }
  if (out.empty()) return *last;
  return out;
}

/// Positions of a fold's training dates as rows of a symbol that has a bar on each.
std::vector<int32_t> positions(const std::vector<DateRange>& ranges) {
  std::vector<int32_t> out;
  for (const DateRange& range : ranges)
    for (int64_t i = range.begin; i < range.end; ++i) out.push_back(int32_t(i));
  return out;
}

/// The first symbol of the calendar (of the pool: a few) is scaled for its first fold, then again with every value outside the training rows
/// changed: what was fitted may not move.
void check_scaler_rows(Checker& c, const Calendar& calendar) {
  if (c.plan.scalers.empty()) return c.out.notes.push_back("no processor is fitted");
  const Fold& fold = calendar.folds.front();
  SymbolValues values;
  std::vector<int32_t> train;
  std::vector<std::pair<std::string, int64_t>> places;  // symbol and time of each row
  std::vector<SymbolValues> parts;
  Workspace space;
  std::vector<uint8_t> trains(calendar.dates.size(), 0);
  for (const int32_t position : positions(fold.train)) trains[size_t(position)] = 1;
  for (size_t s = 0; s < c.ready.num_symbols() && parts.size() < kScaledSymbols; ++s) {
    if (!calendar.symbol.empty() && c.ready.symbols[s] != calendar.symbol) continue;
    parts.push_back(values_of(c.features(), c.ready, s, space));
    for (const int64_t time : c.ready.series_times(s)) {
      const size_t date = size_t(std::lower_bound(calendar.dates.begin(), calendar.dates.end(), time) - calendar.dates.begin());
      if (trains[date]) train.push_back(int32_t(places.size()));
      places.emplace_back(c.ready.symbols[s], time);
    }
  }
  values.rows = places.size();
  for (size_t f = 0; f < c.num_features(); ++f)
    for (const SymbolValues& part : parts) values.values.insert(values.values.end(), part.column(f).begin(), part.column(f).end());

  SymbolValues disturbed = values;
  std::vector<uint8_t> is_train(places.size(), 0);
  for (const int32_t row : train) is_train[size_t(row)] = 1;
  size_t outside = places.size();  // the first row that does not train
  for (size_t row = places.size(); row-- > 0;)
    if (!is_train[row]) outside = row;
  for (size_t f = 0; f < c.num_features(); ++f)
    for (size_t row = 0; row < places.size(); ++row)
      if (!is_train[row]) disturbed.values[f * places.size() + row] = 1e6F + float(row);

  const auto columns = [&](SymbolValues& v) { return ScaledColumns{v.values.data(), int64_t(v.rows), int64_t(c.num_features()), int64_t(v.rows)}; };
  std::vector<int64_t> times;
  times.reserve(places.size());
  for (const auto& [symbol, time] : places) times.push_back(time);
  const std::vector<double> before = scale_fold(c.plan, columns(values), train, &c.pool, times);
  const std::vector<double> after = scale_fold(c.plan, columns(disturbed), train, &c.pool, times);
  const std::vector<std::string> names = scaler_texts(c.plan.scalers);
  for (size_t f = 0; f < c.num_features(); ++f) {
    size_t fitted = 0;
    for (size_t s = 0; s < c.plan.scalers.size(); ++s) {
      if (num_fits(std::span(c.plan.scalers).subspan(s, 1), 1) == 0) continue;
      const size_t place = (fitted++ * c.num_features() + f) * 2;
      if (same_bytes(before[place], after[place]) && same_bytes(before[place + 1], after[place + 1])) continue;
      c.found("scaler_rows", c.plan.expressions[f].name, places[outside].first, time_text(c.ready, places[outside].second),
              fmt::format("{} of {} is fitted on rows outside the training rows of fold 0, from {} on", names[s], c.plan.expressions[f].name,
                          time_text(c.ready, places[outside].second)));
      break;
    }
  }
  c.out.notes.push_back(fmt::format("{} fitted on {} of {} rows, the others disturbed", join(names, ", "), train.size(), places.size()));
}

/// The first training row of a fold whose label reaches into the test, when the purge is shorter than the label's horizon.
std::optional<LeakFinding> overlap_of(const Checker& c, const Calendar& calendar, const std::vector<int64_t>& ends) {
  std::vector<int32_t> rows;
  std::vector<int64_t> times, row_ends;
  std::vector<size_t> symbols;
  for (size_t s = 0; s < c.ready.num_symbols(); ++s)
    if (calendar.symbol.empty() || c.ready.symbols[s] == calendar.symbol)
      for (int64_t row = c.ready.offsets[s]; row < c.ready.offsets[s + 1]; ++row)
        times.push_back(c.ready.times[size_t(row)]), row_ends.push_back(ends[size_t(row)]), symbols.push_back(s);
  for (size_t f = 0; f < calendar.folds.size(); ++f) {
    std::vector<uint8_t> trains(calendar.dates.size(), 0);
    for (const int32_t position : positions(calendar.folds[f].train)) trains[size_t(position)] = 1;
    rows.clear();
    for (size_t i = 0; i < times.size(); ++i)
      if (trains[size_t(std::lower_bound(calendar.dates.begin(), calendar.dates.end(), times[i]) - calendar.dates.begin())])
        rows.push_back(int32_t(i));
    std::vector<int32_t> kept = rows;
    drop_overlapping(kept, times, row_ends, calendar.folds[f], calendar.dates);
    if (kept.size() == rows.size()) continue;
    const size_t first = size_t(std::mismatch(kept.begin(), kept.end(), rows.begin()).second - rows.begin());
    const size_t row = size_t(rows[first]);
    return LeakFinding{
        "fold_overlap", "label", c.ready.symbols[symbols[row]], time_text(c.ready, times[row]),
        fmt::format("purge_days = {}, the label reads {} rows ahead: {} training rows of fold {} know the test block, the first until {}",
                    c.plan.purge_days, c.label().look_ahead(), rows.size() - kept.size(), f, time_text(c.ready, row_ends[row]))};
  }
  return std::nullopt;
}

Result<void> check_folds_and_scalers(Checker& c) {
  HY_TRY(const auto calendars, calendars_of(c));
  check_scaler_rows(c, calendars.front());
  const std::vector<int64_t> ends = label_ends(c.label(), c.ready);
  size_t folds = 0;
  for (const Calendar& calendar : calendars) {
    folds += calendar.folds.size();
    HY_CHECK(check_folds(calendar.folds, int64_t(calendar.dates.size()), c.plan.purge_days, 0));
    if (c.plan.purge_days >= c.label().look_ahead()) continue;  // rows of halted symbols that still overlap are dropped before training
    if (auto found = overlap_of(c, calendar, ends)) c.out.findings.push_back(std::move(*found));
  }
  c.out.notes.push_back(fmt::format("{} folds, purged by {} dates, label {} rows", folds, c.plan.purge_days, c.label().look_ahead()));
  return {};
}

}  // namespace

Result<LeakOutcome> check_leakage(const RunSpec& spec, const exec::ExecConfig& exec, exec::Steps& steps, const exec::Cancellation& cancel) {
  HY_TRY(Plan plan, make_plan(spec));
  HY_TRY(const auto paths, io::expand_inputs(spec.universe.input));
  exec::Pool pool(exec::worker_count(exec));
  steps.begin("read", int64_t(paths.size()));
  HY_TRY(io::BarsResult bars, io::read_bars(paths, pool));
  if (bars.bars.panel.num_symbols() == 0 && !bars.bars.failures.empty()) return nothing_left(bars.bars.failures);
  HY_CHECK(compile_plan(plan, bars.bars.panel.fields, true));
  HY_TRY(CheckedBars checked, check_universe(std::move(bars.bars), spec.universe.adjust));
  bars = {};
  if (checked.panel.num_rows() == 0) return input_error("no symbol has a usable bar", spec.universe.input.front(), "give files with rows");

  Checker c{std::move(plan), exec, pool, cancel, std::move(checked.panel), {}, {}};
  c.out.failures = std::move(checked.failures);
  HY_TRY(c.ready, c.prepared(c.raw));
  c.out.features = int64_t(c.num_features()), c.out.symbols = int64_t(c.ready.num_symbols()), c.out.rows = c.ready.num_rows();
  steps.begin("check");
  check_look_ahead(c);
  HY_CHECK(check_future_cut(c));
  HY_CHECK(check_moved_start(c));
  check_answers(c);
  HY_CHECK(check_folds_and_scalers(c));
  steps.end();
  if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "check leakage", "run the same command again"};
  return std::move(c.out);
}

}  // namespace hayate::pipeline
