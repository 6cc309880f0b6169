#include "pipeline/scaled_column.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <span>
#include <vector>

namespace hayate::pipeline {
namespace {

constexpr size_t kFewestRows = 50;
constexpr double kExact = 1e-5;          // of the deviation
constexpr double kOnLine = 1e-4;         // of the range: the ranks of n honest values are off by 1 / sqrt(n)
constexpr double kCoarse = 5e-3;         // of the range: what was rounded more coarsely is on any line
constexpr double kRoundingError = 0.29;  // standard deviation of what rounding to a unit does, in units

/// What the values were rounded to, as a share of them: 10^(1 - digits) for the digits that all can be written with; 0 where those are more than 7.
double unit_of(std::span<const double> values) {
  constexpr size_t kLooked = 500;
  int most = 1;
  for (size_t i = 0; i < values.size() && most <= 7; i += values.size() / kLooked + 1) {
    int digits = 1;
    while (digits <= 7 && std::strtod(fmt::format("{:.{}e}", values[i], digits - 1).c_str(), nullptr) != values[i]) ++digits;
    most = std::max(most, digits);
  }
  return most <= 7 ? std::pow(10.0, 1 - most) : 0;
}

/// The finite values of a symbol, or of all rows, in the order of time.
struct Series {
  std::vector<double> values;
  double mean = 0, deviation = 0;  ///< deviation: of all rows (n), as numpy has it
  double unit = 0;                 ///< see unit_of()
  double tolerance = kExact;       ///< of mean and deviation, as a share of it

  void measure() {
    const double n = double(values.size());
    mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
    double squares = 0;
    for (const double x : values) squares += (x - mean) * (x - mean);
    deviation = std::sqrt(squares / n);
    unit = unit_of(values);
    tolerance = kExact + 4 * kRoundingError * unit * std::hypot(mean / deviation, 1) / std::sqrt(n);
  }
  bool has_mean_zero() const { return std::abs(mean) <= tolerance * deviation; }
};

size_t num_distinct(std::vector<double> sorted) {
  std::sort(sorted.begin(), sorted.end());
  return size_t(std::unique(sorted.begin(), sorted.end()) - sorted.begin());
}

bool is_standard(const Series& s) {
  const double n = double(s.values.size());
  const auto is_one = [&s](double deviation) { return std::abs(deviation - 1) <= s.tolerance; };
  constexpr size_t kFewestValues = 20;  // signs that are as often + as - have mean 0 and deviation 1
  return s.has_mean_zero() && num_distinct(s.values) >= kFewestValues && (is_one(s.deviation) || is_one(s.deviation * std::sqrt(n / (n - 1))));
}

/// Most values are of their own: a count, a bucket or a rank among few has marks of other reasons.
bool is_continuous(const Series& s) { return 2 * num_distinct(s.values) >= s.values.size(); }

/// Median 0 and 1 from the first quartile to the third (RobustScaler).
bool is_robust(const Series& s) {
  std::vector<double> sorted = s.values;
  std::sort(sorted.begin(), sorted.end());
  const auto quantile = [&sorted](double q) {
    const double at = q * double(sorted.size() - 1);
    const size_t below = size_t(at);
    return std::lerp(sorted[below], sorted[std::min(below + 1, sorted.size() - 1)], at - double(below));
  };
  const double tolerance = kExact + std::min(s.unit, 1e-3);
  return std::abs(quantile(0.5)) <= tolerance && std::abs(quantile(0.75) - quantile(0.25) - 1) <= tolerance && is_continuous(s);
}

/// A line through its own ranks, where equal values share the mean of theirs. Counters are: of time, not of ranks.
bool is_own_rank(const Series& s) {
  const size_t n = s.values.size();
  size_t steady = 0;
  for (size_t i = 2; i < n; ++i) steady += std::abs((s.values[i] - s.values[i - 1]) - (s.values[i - 1] - s.values[i - 2])) <= 1e-9 * s.deviation;
  if (2 * steady > n || !is_continuous(s)) return false;
  std::vector<double> sorted = s.values;
  std::sort(sorted.begin(), sorted.end());
  const double range = sorted.back() - sorted.front(), most = std::max(-sorted.front(), sorted.back());
  const double tolerance = std::min(kOnLine * range + s.unit * most, kCoarse * range);
  std::vector<double> ranks(n);
  for (size_t first = 0; first < n;) {
    size_t last = first;
    while (last < n && sorted[last] == sorted[first]) ++last;
    for (size_t i = first; i < last; ++i) ranks[i] = double(first + last - 1) / 2;
    first = last;
  }
  const double step = range / (ranks.back() - ranks.front());
  for (size_t i = 0; i < n; ++i)
    if (std::abs(sorted[i] - sorted.front() - step * (ranks[i] - ranks.front())) > tolerance) return false;
  return true;
}

/// What is left of a line fitted to all rows.
bool is_without_line(const Series& s) {
  const double n = double(s.values.size()), middle = (n - 1) / 2;
  double both = 0;
  for (size_t i = 0; i < s.values.size(); ++i) both += s.values[i] * (double(i) - middle);
  const double correlation = both / (n * s.deviation * std::sqrt((n * n - 1) / 12));
  return s.has_mean_zero() && std::abs(correlation) <= s.tolerance && is_continuous(s);
}

bool has_mean_zero_by_date(const Panel& panel, const std::vector<double>& values) {
  std::map<int64_t, std::pair<double, double>> dates;  // sum and count
  for (size_t row = 0; row < values.size(); ++row)
    if (std::isfinite(values[row])) dates[panel.times[row]].first += values[row], dates[panel.times[row]].second += 1;
  return std::all_of(dates.begin(), dates.end(), [](const auto& date) { return std::abs(date.second.first / date.second.second) <= kExact; });
}

struct Source {
  const char* text;
  double (*value)(const double* now, int64_t row);  ///< `row`: of the symbol
};
constexpr Source kSources[] = {
    {"${}", [](const double* now, int64_t) { return *now; }},
    {"the logarithm of ${}", [](const double* now, int64_t) { return std::log(*now); }},
    {"the change of ${}", [](const double* now, int64_t row) { return row > 0 ? now[0] / now[-1] - 1 : std::nan(""); }},
};

enum class Line { no, perhaps, yes };  ///< perhaps: rounded too coarsely to tell

/// Whether a symbol's values are a line through what `source` makes of another column, `other`.
Line line_of(std::span<const double> values, double unit, std::span<const double> other, const Source& source) {
  double low = 0, high = 0, low_source = 0, high_source = 0;
  size_t count = 0;
  const auto each = [&](const auto& take) {
    for (size_t row = 0; row < values.size(); ++row)
      if (const double x = source.value(other.data() + row, int64_t(row)); std::isfinite(x) && std::isfinite(values[row]) && !take(values[row], x))
        return false;
    return true;
  };
  each([&](double y, double x) {
    if (count == 0 || y < low) low = y, low_source = x;
    if (count == 0 || y > high) high = y, high_source = x;
    ++count;
    return true;
  });
  if (count < kFewestRows || low == high || low_source == high_source) return Line::no;
  const double slope = (high - low) / (high_source - low_source), tolerance = kOnLine * (high - low) + unit * std::max(-low, high);
  if (!each([&](double y, double x) { return std::abs(low + slope * (x - low_source) - y) <= tolerance; })) return Line::no;
  return tolerance <= kCoarse * (high - low) ? Line::yes : Line::perhaps;
}

/// A column that runs from exactly 0 (or -1) to exactly 1 and is a line through another one (MinMaxScaler). Without the other nothing can be said:
/// oscillators run from 0 to 1 too.
std::optional<std::string> range_of_other(const Panel& panel, const std::string& column, double unit) {
  const int own = panel.field(column);
  double lowest = 1, highest = -1;  // of the universe
  bool each = true;
  for (size_t s = 0; s < panel.num_symbols(); ++s) {
    double low = 1, high = -1;
    for (const double x : panel.series(own, s))
      if (std::isfinite(x)) low = std::min(low, x), high = std::max(high, x);
    each &= (low == 0 || low == -1) && high == 1;
    lowest = std::min(lowest, low), highest = std::max(highest, high);
  }
  if ((lowest != 0 && lowest != -1) || highest != 1) return std::nullopt;
  for (int field = 0; field < int(panel.fields.size()); ++field)
    for (const Source& source : kSources) {
      if (field == own) continue;
      bool all = true, any = false;
      for (size_t s = 0; s < panel.num_symbols() && all; ++s) {
        const Line line = line_of(panel.series(own, s), unit, panel.series(field, s), source);
        all = line != Line::no, any |= line == Line::yes;
      }
      if (all && any)
        return fmt::format("${} is {}, brought to {} .. 1 by the lowest and the highest of all rows{}: rows that were still to come", column,
                           fmt::format(fmt::runtime(source.text), panel.fields[size_t(field)]), lowest, each ? " of each symbol" : "");
    }
  return std::nullopt;
}

// ---- Over a constant -------------------------------------------------------------------------------------------------------

/// What a source is over all rows of a symbol, or of the universe.
struct Whole {
  const char* said;
  double (*of)(const std::vector<double>& values);
};
double mean_of(const std::vector<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0) / double(x.size()); }
double squares_of(const std::vector<double>& x) {
  const double mean = mean_of(x);
  return std::accumulate(x.begin(), x.end(), 0.0, [mean](double sum, double v) { return sum + (v - mean) * (v - mean); });
}
constexpr Whole kWholes[] = {
    {"the highest", [](const std::vector<double>& x) { return *std::max_element(x.begin(), x.end()); }},
    {"the lowest", [](const std::vector<double>& x) { return *std::min_element(x.begin(), x.end()); }},
    {"the largest size",
     [](const std::vector<double>& x) {
       return std::abs(*std::max_element(x.begin(), x.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
     }},
    {"the mean", mean_of},
    {"the deviation", [](const std::vector<double>& x) { return std::sqrt(squares_of(x) / double(x.size() - 1)); }},
    {"the deviation", [](const std::vector<double>& x) { return std::sqrt(squares_of(x) / double(x.size())); }},
    {"the last", [](const std::vector<double>& x) { return x.back(); }},
    {"the sum", [](const std::vector<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0); }},
};

/// What a source is, row by row, and by what the column divides it: 0 where that is not one number.
struct Quotient {
  std::vector<double> source;
  double by = 0;
};
Quotient quotient_of(std::span<const double> values, std::span<const double> other, const Source& source, double tolerance) {
  Quotient out;
  double largest = 0;
  size_t rows = 0;
  std::vector<std::pair<double, double>> pairs;
  for (size_t row = 0; row < values.size(); ++row) {
    const double x = source.value(other.data() + row, int64_t(row));
    if (!std::isfinite(x)) continue;
    out.source.push_back(x);
    if (!std::isfinite(values[row])) continue;
    pairs.emplace_back(values[row], x), ++rows;
    if (std::abs(values[row]) > largest) largest = std::abs(values[row]), out.by = x / values[row];
  }
  const auto holds = [&](const auto& pair) { return std::abs(pair.first * out.by - pair.second) <= tolerance * std::abs(pair.second); };
  if (rows < kFewestRows || largest == 0 || !std::all_of(pairs.begin(), pairs.end(), holds)) out.by = 0;
  return out;
}

/// A column that is another one over its highest, mean, deviation or last value of all rows. What is over the first value is not.
std::optional<std::string> over_whole(const Panel& panel, const std::string& column, double unit) {
  constexpr double kCoarsest = 1e-4;
  if (unit > kCoarsest) return std::nullopt;
  const int own = panel.field(column);
  const double tolerance = kExact + unit;
  const auto near = [tolerance](double a, double b) { return std::abs(a - b) <= tolerance * std::abs(b); };
  for (int field = 0; field < int(panel.fields.size()); ++field)
    for (const Source& source : kSources) {
      if (field == own) continue;
      std::vector<Quotient> symbols;
      Quotient all;
      bool constant = true, of_first = true;
      for (size_t s = 0; s < panel.num_symbols() && constant; ++s) {
        Quotient q = quotient_of(panel.series(own, s), panel.series(field, s), source, tolerance);
        if (q.source.size() < kFewestRows) continue;
        constant = q.by != 0, of_first &= near(q.by, q.source.front());
        all.source.insert(all.source.end(), q.source.begin(), q.source.end()), all.by = q.by;
        symbols.push_back(std::move(q));
      }
      if (!constant || symbols.empty() || of_first) continue;
      for (const Whole& whole : kWholes) {
        const bool each = std::all_of(symbols.begin(), symbols.end(), [&](const Quotient& q) { return near(q.by, whole.of(q.source)); });
        const bool together = std::all_of(symbols.begin(), symbols.end(), [&](const Quotient& q) { return near(q.by, whole.of(all.source)); });
        if (each || together)
          return fmt::format("${} is {} over {} of all its rows{}: rows that were still to come", column,
                             fmt::format(fmt::runtime(source.text), panel.fields[size_t(field)]), whole.said, each ? " of each symbol" : "");
      }
    }
  return std::nullopt;
}

constexpr const char* kBars[] = {"close", "open", "high", "low", "volume", "vwap", "adj_close"};

/// A number for each symbol that is the mean, deviation or highest of all rows of a bar: a symbol's own level, known when its last row is.
std::optional<std::string> constant_of_whole(const Panel& panel, const std::string& column) {
  const int own = panel.field(column);
  std::vector<double> constants(panel.num_symbols(), std::nan(""));
  bool differ = false, any = false;
  for (size_t s = 0; s < panel.num_symbols(); ++s)
    for (const double y : panel.series(own, s)) {
      if (!std::isfinite(y)) continue;
      if (std::isfinite(constants[s]) && y != constants[s]) return std::nullopt;
      differ |= y != std::floor(y);  // whole numbers are codes
      constants[s] = y, any = true;
    }
  if (!any || !differ) return std::nullopt;
  const auto near = [](double a, double b) { return std::abs(a - b) <= kExact * std::abs(b); };
  for (const char* bar : kBars) {  // a first price is known, and may be the lowest of all, or the highest
    bool of_first = panel.field(bar) >= 0;
    for (size_t s = 0; s < panel.num_symbols() && of_first; ++s)
      of_first = !std::isfinite(constants[s]) || near(constants[s], panel.series(panel.field(bar), s).front());
    if (of_first) return std::nullopt;
  }
  for (const char* bar : kBars)
    for (const Source& source : kSources) {
      const int field = panel.field(bar);
      if (field < 0) continue;
      std::array<bool, std::size(kWholes)> all;
      all.fill(true);
      bool compared = false, of_first = true;
      std::vector<double> values;
      for (size_t s = 0; s < panel.num_symbols(); ++s) {
        if (!std::isfinite(constants[s]) || panel.series(field, s).size() < kFewestRows) continue;
        values.clear();
        for (size_t row = 0; row < panel.series(field, s).size(); ++row)
          if (const double x = source.value(panel.series(field, s).data() + row, int64_t(row)); std::isfinite(x)) values.push_back(x);
        if (values.size() < kFewestRows) continue;
        compared = true, of_first &= near(constants[s], values.front());
        for (size_t w = 0; w < all.size(); ++w) all[w] = all[w] && constants[s] != 0 && near(constants[s], kWholes[w].of(values));
      }
      for (size_t w = 0; w < all.size() && compared && !of_first; ++w)
        if (all[w])
          return fmt::format("${} is {} of {}, of all rows of each symbol: rows that were still to come", column, kWholes[w].said,
                             fmt::format(fmt::runtime(source.text), bar));
    }
  return std::nullopt;
}

// ---- Bins ------------------------------------------------------------------------------------------------------------------

/// By how much the probability that fixed bounds cut a symbol's rows into bins so equal falls, as a logarithm; 0 where they are not bins of equally many
/// rows in the order of the source. The first and the last may be smaller, as those of rounded ranks are.
double evidence_of_bins(std::span<const double> values, std::span<const double> other, const Source& source) {
  constexpr size_t kLeastOfBin = 3;
  struct Bin {
    double low, high;
    size_t rows = 0;
  };
  std::map<double, Bin> bins;
  size_t rows = 0, changes = 0;
  double before = std::nan("");
  for (size_t row = 0; row < values.size(); ++row) {
    const double x = source.value(other.data() + row, int64_t(row));
    if (!std::isfinite(x) || !std::isfinite(values[row])) continue;
    Bin& bin = bins.try_emplace(values[row], Bin{x, x}).first->second;
    bin.low = std::min(bin.low, x), bin.high = std::max(bin.high, x), ++bin.rows, ++rows;
    changes += values[row] != before, before = values[row];
    if (bins.size() > values.size() / kLeastOfBin) return 0;
  }
  if (rows < kFewestRows || bins.size() < 2 || changes < 3 * bins.size()) return 0;  // years and their like change seldom
  size_t fewest = rows, most = 0, place = 0;
  bool rising = true, falling = true;
  const Bin* last = nullptr;
  for (const auto& [value, bin] : bins) {
    if (last) rising &= bin.low >= last->high, falling &= bin.high <= last->low;
    last = &bin;
    const bool is_end = place == 0 || place + 1 == bins.size();
    if (!is_end || bins.size() < 4) fewest = std::min(fewest, bin.rows);
    most = std::max(most, bin.rows), ++place;
  }
  if ((!rising && !falling) || most - fewest > 2) return 0;
  // Counts of n rows each differ by at most so much as often as that, where bounds do not know the rows.
  const double chance = std::min(1.0, double(2 * (most - fewest) + 1) / std::sqrt(4 * 3.14159 * double(rows) / double(bins.size())));
  return -double(bins.size() - 1) * std::log(chance);
}

/// A column of bins whose bounds are quantiles of all rows of each symbol: what qcut, or rank(pct=True) rounded to two digits, gives.
std::optional<std::string> bins_of_whole(const Panel& panel, const std::string& column) {
  constexpr double kEnough = 10;  // one in twenty thousand of the columns that are bins of a price in its order
  const int own = panel.field(column);
  for (const char* bar : kBars)
    for (const Source& source : kSources) {
      const int field = panel.field(bar);
      if (field < 0 || field == own) continue;
      double evidence = 0;
      bool all = true;
      for (size_t s = 0; s < panel.num_symbols() && all; ++s) {
        if (panel.series(own, s).size() < kFewestRows) continue;
        const double of_symbol = evidence_of_bins(panel.series(own, s), panel.series(field, s), source);
        evidence += of_symbol, all = of_symbol > 0;
      }
      if (all && evidence > kEnough)
        return fmt::format("${} is {} in bins of equally many rows of each symbol: cut at quantiles of rows that were still to come", column,
                           fmt::format(fmt::runtime(source.text), bar));
    }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> scaled_column(const Panel& panel, const std::string& column) {
  const int field = panel.field(column);
  std::vector<Series> symbols;
  Series all;
  for (size_t s = 0; s < panel.num_symbols(); ++s) {
    Series own;
    for (const double x : panel.series(field, s))
      if (std::isfinite(x)) own.values.push_back(x);
    all.values.insert(all.values.end(), own.values.begin(), own.values.end());
    if (own.values.size() >= kFewestRows) own.measure(), symbols.push_back(std::move(own));
  }
  if (symbols.empty()) return std::nullopt;
  if (auto found = constant_of_whole(panel, column)) return found;
  if (has_mean_zero_by_date(panel, panel.values[size_t(field)])) return std::nullopt;
  all.measure();
  struct Mark {
    bool (*shows)(const Series&);
    bool of_universe;  ///< whether rows of all symbols may have been scaled together
    const char* what;
    const char* how;
  };
  constexpr Mark kMarks[] = {
      {is_standard, true, "has mean 0 and standard deviation 1 over all rows", "scaled by rows that were still to come"},
      {is_robust, true, "has median 0 and quartiles 1 apart over all rows", "scaled by rows that were still to come"},
      {is_own_rank, true, "is its rank among all rows", "ranked among rows that were still to come"},
      {is_without_line, false, "has mean 0 and slope 0 over all rows", "freed of a line that was fitted to rows that were still to come"}};
  for (const Mark& mark : kMarks) {
    const bool each = std::all_of(symbols.begin(), symbols.end(), mark.shows);
    if (each || (mark.of_universe && mark.shows(all)))
      return fmt::format("${} {}{}: it was {}", column, mark.what, each ? " of each symbol" : "", mark.how);
  }
  if (auto found = range_of_other(panel, column, all.unit)) return found;
  if (auto found = over_whole(panel, column, all.unit)) return found;
  return bins_of_whole(panel, column);
}

}  // namespace hayate::pipeline
