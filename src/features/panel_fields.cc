// Panels made ready for expressions: a missing vwap, the union calendar, prices adjusted for splits and dividends.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/strings.h"
#include "hayate/features.h"

namespace hayate {

bool add_vwap(Panel& panel, std::span<const std::string> wanted) {
  const bool is_wanted = std::find(wanted.begin(), wanted.end(), "vwap") != wanted.end();
  const int high = panel.field("high"), low = panel.field("low"), close = panel.field("close");
  if (!is_wanted || panel.field("vwap") >= 0 || high < 0 || low < 0 || close < 0) return false;
  std::vector<double> vwap(panel.times.size());
  for (size_t row = 0; row < vwap.size(); ++row)
    vwap[row] = (panel.values[size_t(high)][row] + panel.values[size_t(low)][row] + panel.values[size_t(close)][row]) / 3;
  panel.fields.push_back("vwap");
  panel.values.push_back(std::move(vwap));
  return true;
}

Panel on_union_calendar(const Panel& panel) {
  std::vector<int64_t> calendar = panel.times;
  std::sort(calendar.begin(), calendar.end());
  calendar.erase(std::unique(calendar.begin(), calendar.end()), calendar.end());

  Panel out;
  out.symbols = panel.symbols, out.daily = panel.daily, out.zone = panel.zone, out.fields = panel.fields;
  std::vector<int64_t> source;  // for every new row, the old one, or -1
  for (size_t s = 0; s < panel.num_symbols(); ++s) {
    const auto times = panel.series_times(s);
    if (!times.empty()) {
      int64_t old_row = panel.offsets[s];
      for (auto at = std::lower_bound(calendar.begin(), calendar.end(), times.front()); at != calendar.end() && *at <= times.back(); ++at) {
        const bool has_bar = panel.times[size_t(old_row)] == *at;
        out.times.push_back(*at);
        source.push_back(has_bar ? old_row : -1);
        if (has_bar && old_row + 1 < panel.offsets[s + 1]) ++old_row;
      }
    }
    out.offsets.push_back(int64_t(out.times.size()));
  }
  for (const std::vector<double>& values : panel.values) {
    std::vector<double> spread(source.size());
    for (size_t row = 0; row < source.size(); ++row)
      spread[row] = source[row] < 0 ? std::numeric_limits<double>::quiet_NaN() : values[size_t(source[row])];
    out.values.push_back(std::move(spread));
  }
  return out;
}

Result<void> adjust_prices(Panel& panel) {
  for (const char* needed : {"close", "adj_close"})
    if (panel.field(needed) < 0)
      return usage_error(fmt::format("adjust needs a column '{}'", needed), "adjust = \"adj_close\"",
                         fmt::format("the columns are {}; or leave adjust out", join(panel.fields, ", ")));
  const std::vector<double> close = panel.values[size_t(panel.field("close"))];
  const std::vector<double>& adjusted = panel.values[size_t(panel.field("adj_close"))];
  for (const char* name : {"open", "high", "low", "close", "vwap", "volume"}) {
    const int field = panel.field(name);
    if (field < 0) continue;
    std::vector<double>& values = panel.values[size_t(field)];
    const bool is_volume = std::string_view(name) == "volume";
    for (size_t row = 0; row < values.size(); ++row) values[row] *= is_volume ? close[row] / adjusted[row] : adjusted[row] / close[row];
  }
  return {};
}

}  // namespace hayate
