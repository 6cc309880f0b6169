#include "eval/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include "base/strings.h"
#include "hayate/table.h"

namespace hayate::eval {
namespace {

constexpr double kMicrosPerDay = 86'400e6;
constexpr int kNarrow = 480;        ///< below this width there is no room for names beside the lines
constexpr double kLineHeight = 16;  ///< of 12 px text
constexpr double kCharacter = 7.4;  ///< width of a small letter or digit at 12 px
constexpr size_t kNumColors = 6;
constexpr const char* kBandAlone = "band s5";  ///< a band without a line is a backdrop: grey
constexpr size_t kMarkedPoints = 40;           ///< a line of at most so many points shows each

// ---- Text ----

/// Length in bytes of the UTF-8 sequence at the front of `text`; 0 when it is none (cut short, overlong, surrogate, past U+10FFFF).
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? uint8_t(text[i]) : uint8_t(0); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xC2 && lead <= 0xDF ? 2 : (lead & 0xF0) == 0xE0 ? 3 : lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool outside = (lead == 0xED && byte(1) >= 0xA0) || (lead == 0xF4 && byte(1) >= 0x90);
  return overlong || outside ? 0 : length;
}

/// Pixels that the text takes at 12 px in DejaVu Sans, the widest of the usual system fonts, so that nothing is cut in the others.
double text_width(std::string_view text) {
  double width = 0;
  for (const char c : text) {
    const auto byte = uint8_t(c);
    const bool narrow = c == ' ' || c == '.' || c == ',' || c == 'i' || c == 'l' || c == '-';
    if (byte >= 0xE3)
      width += 12;  // East Asian characters are as wide as high
    else if ((byte & 0xC0) != 0x80)
      width += narrow ? 4 : c >= 'A' && c <= 'Z' ? 8.6 : kCharacter;
  }
  return width;
}

/// The text, or as much of it as fits into `width` with an ellipsis.
std::string fit(std::string_view text, double width) {
  if (text_width(text) <= width) return std::string(text);
  size_t end = 0;
  while (end < text.size()) {
    const size_t next = end + std::max<size_t>(utf8_length(text.substr(end)), 1);
    if (text_width(text.substr(0, next)) + kCharacter > width) break;
    end = next;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string group_thousands(std::string digits) {
  const size_t begin = digits.starts_with('-') ? 1 : 0;
  const size_t end = std::min(digits.find('.'), digits.size());
  for (size_t at = end; at > begin + 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string format_significant(double value, int digits) {
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size < 1e-6 || size >= 1e15) return fmt::format("{:.{}e}", value, digits - 1);
  return format_fixed(value, std::clamp(digits - 1 - int(std::floor(std::log10(size))), 0, 9));
}

// ---- Ticks ----

/// 1, 2 or 5 times a power of ten, the smallest that is at least `least`.
double round_step(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

std::vector<Tick> number_ticks(double least, double most, int about, Format format) {
  const double scale = format == Format::percent ? 100 : 1;
  double step = round_step((most - least) * scale / about);
  if (!(step > 0) || !std::isfinite(step)) return {};
  if (format == Format::count) step = std::max(step, 1.0);
  const int decimals = std::clamp(-int(std::floor(std::log10(step) + 1e-9)), 0, 9);
  const bool extreme = std::max(std::abs(least), std::abs(most)) >= 1e9 || step < 1e-9;
  std::vector<Tick> ticks;
  const double first = std::ceil(least * scale / step - 1e-6);
  for (int i = 0; (first + i) * step <= most * scale + step * 1e-6 && i <= 4 * about; ++i) {
    const double at = (first + i) * step;
    ticks.push_back({at / scale, (extreme ? fmt::format("{:.3g}", at) : format_fixed(at, decimals)) + (format == Format::percent ? " %" : "")});
  }
  return ticks;
}

/// A month as it stands under an axis: its year for January, else its name.
std::string month_text(std::chrono::year_month_day day) {
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (day.month() == std::chrono::January) return fmt::format("{}", int(day.year()));
  return kMonths[unsigned(day.month()) - 1];
}

std::vector<Tick> month_ticks(std::chrono::sys_days from, double most, int months) {
  using namespace std::chrono;
  const year_month_day start = from;
  const int first = int(start.year()) * 12 + int(unsigned(start.month())) - 1;
  std::vector<Tick> ticks;
  for (int month = first - first % months;; month += months) {
    const year_month_day day = year(month / 12) / (month % 12 + 1) / 1;
    const sys_days at = day;
    if (double(at.time_since_epoch().count()) > most) return ticks;
    if (at < from) continue;
    std::string text = month_text(day);
    if (ticks.empty() && day.month() != January) text += fmt::format(" {}", int(day.year()));
    ticks.push_back({double(at.time_since_epoch().count()), std::move(text)});
  }
}

std::vector<Tick> day_ticks(double least, double most, int about) {
  const std::chrono::sys_days from{std::chrono::days(int(std::ceil(least)))};
  const double wanted = (most - least) / about;
  for (const int months : {1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 12'000, 120'000})
    if (wanted > 16 && 30.4 * months >= wanted) return month_ticks(from, most, months);
  const int days = wanted <= 1 ? 1 : wanted <= 2 ? 2 : wanted <= 7 ? 7 : 14;
  std::vector<Tick> ticks;
  // Weeks start on Mondays: 1970-01-05 was one.
  const int64_t first = from.time_since_epoch().count();
  for (int64_t day = first + ((4 - first) % days + days) % days; double(day) <= most; day += days)
    ticks.push_back({double(day), format_date(int32_t(day)).substr(ticks.empty() ? 0 : 5)});
  return ticks;
}

std::vector<Tick> micro_ticks(double least, double most, int about) {
  const double wanted = (most - least) / about / 60e6;
  for (const double minutes : {1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720}) {
    if (minutes < wanted) continue;
    std::vector<Tick> ticks;
    for (double at = std::ceil(least / (minutes * 60e6)) * minutes * 60e6; at <= most; at += minutes * 60e6) {
      const std::string text = format_value(at, Format::micros);
      ticks.push_back({at, ticks.empty() ? text : text.ends_with(" 00:00") ? text.substr(5, 5) : text.substr(11)});
    }
    return ticks;
  }
  std::vector<Tick> ticks = day_ticks(least / kMicrosPerDay, most / kMicrosPerDay, about);
  for (Tick& tick : ticks) tick.at *= kMicrosPerDay;
  return ticks;
}

// ---- Drawing ----

/// A coordinate: tenths of a pixel are finer than anyone sees, and every further digit costs bytes.
std::string px(double value) {
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

/// Whether a value can be placed: beyond 1e150 the arithmetic of scales overflows.
bool drawable(double value) { return std::abs(value) < 1e150; }

struct Range {
  double least = std::numeric_limits<double>::infinity(), most = -std::numeric_limits<double>::infinity();

  void add(double value) {
    if (drawable(value)) least = std::min(least, value), most = std::max(most, value);
  }
  void add(std::span<const double> values) {
    for (const double value : values) add(value);
  }
  bool empty() const { return least > most; }
  /// A range of one value becomes one around it; else both ends move out by `share` of the length. An end at zero stays.
  Range padded(double share) const {
    const double width = most - least > 1e-200 ? (most - least) * share : std::max(std::abs(least) * 0.1, 1e-12);
    return {least == 0 && most > 0 ? 0 : least - width, most == 0 && least < 0 ? 0 : most + width};
  }
};

/// Where values lie on the paper.
struct Plot {
  double left, right, top, bottom;
  Range x, y;

  double at_x(double value) const { return left + (value - x.least) / (x.most - x.least) * (right - left); }
  double at_y(double value) const { return bottom - (value - y.least) / (y.most - y.least) * (bottom - top); }
};

enum class Anchor { start, middle, end };

/// SVG text being written.
class Drawing {
 public:
  Drawing(int width, double height, std::string_view name) {
    out_ = fmt::format(R"(<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" aria-label="{}">)", width, px(height),
                       escape_html(name));
  }

  void text(double x, double y, Anchor anchor, std::string_view content, std::string_view css = "") {
    constexpr const char* kAnchors[] = {"", R"( text-anchor="middle")", R"( text-anchor="end")"};
    out_ += fmt::format(R"(<text x="{}" y="{}"{}{}>{}</text>)", px(x), px(y), kAnchors[size_t(anchor)], css_class(css), escape_html(content));
  }
  void line(double x1, double y1, double x2, double y2, std::string_view css) {
    out_ += fmt::format(R"(<path{} d="M{} {}L{} {}"/>)", css_class(css), px(x1), px(y1), px(x2), px(y2));
  }
  void path(std::string_view d, std::string_view css, std::string_view tooltip = "") {
    if (d.empty()) return;
    out_ += fmt::format(R"(<path{} d="{}")", css_class(css), d);
    out_ += tooltip.empty() ? "/>" : fmt::format("><title>{}</title></path>", escape_html(tooltip));
  }
  void circle(double x, double y, std::string_view css, std::string_view tooltip = "") {
    out_ += fmt::format(R"(<circle{} cx="{}" cy="{}" r="{}")", css_class(css), px(x), px(y), tooltip.empty() ? "2.5" : "3.5");
    out_ += tooltip.empty() ? "/>" : fmt::format("><title>{}</title></circle>", escape_html(tooltip));
  }
  void rect(double x, double y, double width, double height, std::string_view css, std::string_view tooltip = "") {
    out_ += fmt::format(R"(<rect{} x="{}" y="{}" width="{}" height="{}")", css_class(css), px(x), px(y), px(width), px(height));
    out_ += tooltip.empty() ? "/>" : fmt::format("><title>{}</title></rect>", escape_html(tooltip));
  }
  std::string finish() && { return std::move(out_) + "</svg>"; }

 private:
  static std::string css_class(std::string_view css) { return css.empty() ? "" : fmt::format(R"( class="{}")", css); }

  std::string out_;
};

std::string color(std::string_view what, size_t index) { return fmt::format("{} s{}", what, index % kNumColors); }

std::string draw_no_data(std::string_view name, int width) {
  Drawing drawing(width, 56, std::string(name) + ": no data");
  drawing.rect(0.5, 0.5, width - 1, 55, "none");
  drawing.text(width / 2.0, 32, Anchor::middle, "no data");
  return std::move(drawing).finish();
}

struct Key {
  std::string name;
  std::string css;  ///< of the sample: "line s0", "band s1", "bar s2", "guide"
};

/// Draws the keys left to right, wrapping; returns the height taken. A null drawing only measures.
double draw_legend(Drawing* drawing, std::span<const Key> keys, double left, double right, double top) {
  constexpr double kSample = 18, kGap = 14;
  double x = left, y = top;
  for (const Key& key : keys) {
    const double needed = kSample + 5 + text_width(key.name);
    if (x > left && x + needed > right) x = left, y += kLineHeight;
    const bool line = key.css.starts_with("line") || key.css == "guide";
    if (drawing && line) drawing->line(x, y + 8, x + kSample, y + 8, key.css);
    if (drawing && !line) drawing->rect(x, y + 3, kSample, 10, key.css);
    if (drawing) drawing->text(x + kSample + 5, y + 12, Anchor::start, key.name);
    x += needed + kGap;
  }
  return keys.empty() ? 0 : y - top + kLineHeight + 4;
}

double widest(std::span<const Tick> ticks) {
  double width = 0;
  for (const Tick& tick : ticks) width = std::max(width, text_width(tick.text));
  return width;
}

/// Grid, y labels and the title of the y axis above them.
void draw_y_axis(Drawing& drawing, const Plot& plot, std::span<const Tick> ticks, const std::string& title) {
  for (const Tick& tick : ticks) {
    const double y = plot.at_y(tick.at);
    drawing.line(plot.left, y, plot.right, y, tick.at == 0 ? "zero" : "grid");
    drawing.text(plot.left - 6, y + 4, Anchor::end, tick.text);
  }
  drawing.text(0, 12, Anchor::start, title, "axis");
}

void draw_x_axis(Drawing& drawing, const Plot& plot, std::span<const Tick> ticks, const std::string& title) {
  drawing.line(plot.left, plot.bottom, plot.right, plot.bottom, "frame");
  double taken = -1e9;
  for (const Tick& tick : ticks) {
    const double x = plot.at_x(tick.at), half = text_width(tick.text) / 2;
    drawing.line(x, plot.bottom, x, plot.bottom + 4, "frame");
    if (x - half < taken + 6) continue;
    drawing.text(x, plot.bottom + 17, Anchor::middle, tick.text);
    taken = x + half;
  }
  if (!title.empty()) drawing.text((plot.left + plot.right) / 2, plot.bottom + 34, Anchor::middle, title, "axis");
}

/// Reference lines; their names stand in the legend, where nothing is drawn over them.
void draw_guides(Drawing& drawing, const Plot& plot, std::span<const Guide> guides) {
  for (const Guide& guide : guides)
    if (drawable(guide.at)) drawing.line(plot.left, plot.at_y(guide.at), plot.right, plot.at_y(guide.at), "guide");
}

void add_keys(std::vector<Key>& keys, std::span<const Guide> guides) {
  for (const Guide& guide : guides)
    if (drawable(guide.at)) keys.push_back({guide.text, "guide"});
}

/// Runs of finite points as "M x y L x y ...". Of the points within one pixel column only the first, lowest, highest and last are
/// kept: the drawing is the same, and 10,000 dates cost no more bytes than 1,000.
std::string polyline(const Plot& plot, std::span<const double> x, std::span<const double> y) {
  std::string d;
  const auto visible = [&](size_t i) { return drawable(x[i]) && drawable(y[i]); };
  const auto column = [&](size_t i) { return std::floor(plot.at_x(x[i])); };
  for (size_t i = 0; i < y.size();) {
    if (!visible(i)) {
      ++i;
      continue;
    }
    const bool starts = i == 0 || !visible(i - 1);
    size_t end = i, low = i, high = i;
    for (; end < y.size() && visible(end) && column(end) == column(i); ++end) low = y[end] < y[low] ? end : low, high = y[end] > y[high] ? end : high;
    std::array<size_t, 4> kept = {i, std::min(low, high), std::max(low, high), end - 1};
    const auto last = std::unique(kept.begin(), kept.end());
    for (auto k = kept.begin(); k != last; ++k)
      d += fmt::format("{}{} {}", starts && k == kept.begin() ? 'M' : 'L', px(plot.at_x(x[*k])), px(plot.at_y(y[*k])));
    if (starts && (end == y.size() || !visible(end)) && last - kept.begin() == 1) d += "h0";  // A lone point: round caps make it a dot.
    i = end;
  }
  return d;
}

std::string band(const Plot& plot, const Series& s) {
  std::vector<double> x, edge;
  for (size_t i = 0; i < s.low.size(); ++i)
    if (drawable(s.low[i]) && drawable(s.high[i]) && drawable(s.x[i])) x.push_back(s.x[i]), edge.push_back(s.low[i]);
  if (x.size() < 2) return "";
  std::string d = polyline(plot, x, edge);
  edge.clear();
  for (size_t i = 0; i < s.low.size(); ++i)
    if (drawable(s.low[i]) && drawable(s.high[i]) && drawable(s.x[i])) edge.push_back(s.high[i]);
  std::reverse(x.begin(), x.end());
  std::reverse(edge.begin(), edge.end());
  std::string back = polyline(plot, x, edge);
  back.front() = 'L';
  return d + back + "Z";
}

/// The names at the right ends of the lines, moved apart where they would overlap.
void draw_line_names(Drawing& drawing, const Plot& plot, std::span<const Series> series) {
  struct Name {
    double y;
    size_t series;
  };
  std::vector<Name> names;
  for (size_t s = 0; s < series.size(); ++s)
    for (size_t i = series[s].y.size(); i-- > 0;)
      if (drawable(series[s].y[i])) {
        names.push_back({plot.at_y(series[s].y[i]), s});
        break;
      }
  std::sort(names.begin(), names.end(), [](const Name& a, const Name& b) { return a.y != b.y ? a.y < b.y : a.series < b.series; });
  for (size_t i = 1; i < names.size(); ++i) names[i].y = std::max(names[i].y, names[i - 1].y + 14);
  double limit = plot.bottom;
  for (size_t i = names.size(); i-- > 0; limit -= 14) names[i].y = std::min(names[i].y, limit);
  for (const Name& name : names) drawing.text(plot.right + 6, name.y + 4, Anchor::start, series[name.series].name, color("name", name.series));
}

/// Invisible strips across the plot; the pointer over one reads the values there.
void draw_tooltips(Drawing& drawing, const Plot& plot, const LineChart& chart) {
  size_t longest = 0;
  for (const Series& s : chart.series) longest = std::max(longest, s.y.size());
  const size_t strips = std::clamp<size_t>(longest, 1, size_t(plot.right - plot.left) / 10);
  const double width = (plot.right - plot.left) / double(strips);
  for (size_t strip = 0; strip < strips; ++strip) {
    const double middle = plot.left + (double(strip) + 0.5) * width;
    std::string text;
    for (const Series& s : chart.series) {
      size_t nearest = s.y.size();
      double distance = width / 2 + 0.6;
      const double from = plot.x.least + (middle - plot.left - distance) / (plot.right - plot.left) * (plot.x.most - plot.x.least);
      for (size_t i = size_t(std::lower_bound(s.x.begin(), s.x.end(), from) - s.x.begin()); i < s.y.size(); ++i) {
        const double away = plot.at_x(s.x[i]) - middle;
        if (away > distance) break;
        if (drawable(s.y[i]) && std::abs(away) <= distance) nearest = i, distance = std::abs(away);
      }
      if (nearest == s.y.size()) continue;
      if (text.empty()) text = format_value(s.x[nearest], chart.x.format);
      text += fmt::format("\n{}{}{}", s.name, s.name.empty() ? "" : " ", format_value(s.y[nearest], chart.y.format));
    }
    if (!text.empty()) drawing.rect(plot.left + double(strip) * width, plot.top, width, plot.bottom - plot.top, "hover", text);
  }
}

bool has_line(const Series& s) {
  return std::any_of(s.y.begin(), s.y.end(), [](double y) { return drawable(y); });
}

Range y_range(const LineChart& chart) {
  Range y;
  for (const Series& s : chart.series) y.add(s.y);
  if (y.empty()) return y;
  for (const Series& s : chart.series) y.add(s.low), y.add(s.high);
  for (const Guide& guide : chart.guides) y.add(guide.at);
  if (chart.y.zero) y.add(0);
  return y.padded(0.05);
}

}  // namespace

std::string format_fixed(double value, int decimals) {
  if (!std::isfinite(value)) return "–";
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find_first_not_of("-0.") == std::string::npos && text.starts_with('-')) text.erase(0, 1);
  return group_thousands(std::move(text));
}

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0)
      out += "\uFFFD";
    else if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else if ((uint8_t(c) >= 0x20 && c != 0x7f) || c == '\n' || c == '\t')
      out += text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

std::string format_count(int64_t value) { return group_thousands(std::to_string(value)); }

std::string format_value(double value, Format format, int digits) {
  if (!std::isfinite(value)) return "–";
  switch (format) {
    case Format::number:
      return format_significant(value, digits);
    case Format::percent:
      return format_significant(value * 100, digits) + " %";
    case Format::count:
      return format_fixed(value, 0);
    case Format::seconds:
      if (value > 0 && value < 9.95e-4) return format_significant(value * 1e6, 3) + " us";
      if (value > 0 && value < 9.95e-3) return format_significant(value * 1e3, 3) + " ms";
      return format_seconds(value);
    case Format::days:
      return std::abs(value) < 2e9 ? format_date(int32_t(value)) : format_significant(value, digits);
    case Format::micros:
      break;
  }
  if (std::abs(value) > 9e18 || std::abs(value / kMicrosPerDay) > 2e9) return format_significant(value, digits);
  const auto day = int32_t(std::floor(value / kMicrosPerDay));
  const auto minute = int((value - double(day) * kMicrosPerDay) / 60e6);
  return fmt::format("{} {:02}:{:02}", format_date(day), minute / 60, minute % 60);
}

std::vector<Tick> nice_ticks(double least, double most, int about, Format format) {
  if (!std::isfinite(least) || !std::isfinite(most) || !(most > least)) return {};
  about = std::max(about, 1);
  const double day = format == Format::micros ? kMicrosPerDay : 1;
  // Years 1 to 9999 are what a calendar can say; a time outside them comes from a broken file and gets plain numbers.
  const bool in_calendar = least >= -719'162 * day && most <= 2'932'896 * day;
  if (format == Format::days && in_calendar) return day_ticks(least, most, about);
  if (format == Format::micros && in_calendar) return micro_ticks(least, most, about);
  return number_ticks(least, most, about, format);
}

std::string draw(const LineChart& chart, int width) {
  Range x;
  for (const Series& s : chart.series) x.add(s.x);
  Plot plot{0, 0, 0, 0, x.least < x.most ? x : x.padded(0), y_range(chart)};
  if (x.empty() || plot.y.empty()) return draw_no_data(chart.name, width);

  const auto num_lines = std::count_if(chart.series.begin(), chart.series.end(), has_line);
  const bool names_at_ends = num_lines > 1 && num_lines <= 8 && width >= kNarrow;
  std::vector<Key> keys;
  double name_width = 0;
  for (size_t s = 0; s < chart.series.size(); ++s) {
    const bool line = has_line(chart.series[s]);
    if (names_at_ends && line) name_width = std::max(name_width, text_width(chart.series[s].name) + 8);
    if (!line || (num_lines > 1 && !names_at_ends)) keys.push_back({chart.series[s].name, line ? color("line", s) : std::string(kBandAlone)});
  }
  add_keys(keys, chart.guides);
  const std::vector<Tick> y_ticks = nice_ticks(plot.y.least, plot.y.most, chart.height / 48, chart.y.format);
  plot.left = widest(y_ticks) + 8;
  plot.right = width - std::max(name_width, 12.0);
  plot.top = 22 + draw_legend(nullptr, keys, 0, width, 0);
  plot.bottom = chart.height - (chart.x.title.empty() ? 22 : 40);

  Drawing drawing(width, chart.height, chart.name);
  draw_legend(&drawing, keys, 0, width, 18);
  draw_y_axis(drawing, plot, y_ticks, chart.y.title);
  draw_x_axis(drawing, plot, nice_ticks(plot.x.least, plot.x.most, int(plot.right - plot.left) / 64, chart.x.format), chart.x.title);
  for (size_t s = 0; s < chart.series.size(); ++s)
    drawing.path(band(plot, chart.series[s]), has_line(chart.series[s]) ? color("band", s) : kBandAlone);
  draw_guides(drawing, plot, chart.guides);
  for (size_t s = 0; s < chart.series.size(); ++s) {
    const Series& series = chart.series[s];
    drawing.path(polyline(plot, series.x, series.y), color("line", s));
    if (series.y.size() > kMarkedPoints) continue;
    for (size_t i = 0; i < series.y.size(); ++i)
      if (drawable(series.x[i]) && drawable(series.y[i])) drawing.circle(plot.at_x(series.x[i]), plot.at_y(series.y[i]), color("mark", s));
  }
  if (names_at_ends) draw_line_names(drawing, plot, chart.series);
  draw_tooltips(drawing, plot, chart);
  return std::move(drawing).finish();
}

std::string draw(const BarChart& chart, int width) {
  Range x;
  for (const Bar& bar : chart.bars) x.add(bar.value);
  if (x.empty()) return draw_no_data(chart.name, width);
  // Numbers in one chart have the decimals of the largest, or 0.993 would stand under 1.01.
  const double factor = chart.format == Format::percent ? 100 : 1, largest = std::max(std::abs(x.least), std::abs(x.most)) * factor;
  const int decimals = largest > 0 ? std::clamp(2 - int(std::floor(std::log10(largest))), 0, 9) : 0;
  const auto text_of = [&](double value) {
    if (!drawable(value) || (chart.format != Format::percent && chart.format != Format::number)) return format_value(value, chart.format);
    return format_fixed(value * factor, decimals) + (chart.format == Format::percent ? " %" : "");
  };
  x.add(0);
  if (x.least == x.most) x.most = 1;

  constexpr double kRow = 22;
  double labels = 0, values = 0;
  for (const Bar& bar : chart.bars) {
    labels = std::max(labels, text_width(bar.label));
    values = std::max(values, text_width(text_of(bar.value)));
  }
  labels = std::min(labels, width * 0.42);
  // The value stands beyond the end of its bar, so a negative bar needs room on its left.
  const double left = labels + 8 + (x.least < 0 ? values + 6 : 0);
  const Plot plot{left, width - values - 6, 0, double(chart.bars.size()) * kRow, x, {}};
  Drawing drawing(width, plot.bottom + 4, chart.name);
  for (size_t i = 0; i < chart.bars.size(); ++i) {
    const Bar& bar = chart.bars[i];
    const double y = double(i) * kRow, zero = plot.at_x(0), end = drawable(bar.value) ? plot.at_x(bar.value) : zero;
    const std::string value = text_of(bar.value);
    drawing.text(labels, y + 15, Anchor::end, fit(bar.label, labels), "label");
    drawing.rect(std::min(zero, end), y + 4, std::abs(end - zero), kRow - 8, "bar s0");
    drawing.text(bar.value < 0 ? end - 5 : end + 5, y + 15, bar.value < 0 ? Anchor::end : Anchor::start, value);
    drawing.rect(0, y, width, kRow, "hover", fmt::format("{}\n{}{}{}", bar.label, value, bar.note.empty() ? "" : "\n", bar.note));
  }
  if (x.least < 0) drawing.line(plot.at_x(0), 0, plot.at_x(0), plot.bottom, "zero");
  return std::move(drawing).finish();
}

std::string draw(const ColumnChart& chart, int width) {
  const Columns& columns = chart.columns;
  const auto half_width = [&](size_t i) { return i < columns.half_widths.size() && drawable(columns.half_widths[i]) ? columns.half_widths[i] : 0; };
  Range y;
  for (size_t i = 0; i < columns.values.size(); ++i) y.add(columns.values[i] - half_width(i)), y.add(columns.values[i] + half_width(i));
  if (y.empty()) return draw_no_data(chart.name, width);
  for (const Guide& guide : chart.guides) y.add(guide.at);
  y.add(0);

  const size_t count = columns.values.size();
  std::vector<Key> keys;
  add_keys(keys, chart.guides);
  Plot plot{0,
            width - 8.0,
            22 + draw_legend(nullptr, keys, 0, width, 0),
            double(chart.height) - (chart.x_title.empty() ? 22 : 40),
            {0, double(count)},
            y.padded(0.05)};
  const std::vector<Tick> y_ticks = nice_ticks(plot.y.least, plot.y.most, chart.height / 48, chart.y.format);
  plot.left = widest(y_ticks) + 8;
  Drawing drawing(width, chart.height, chart.name);
  draw_legend(&drawing, keys, 0, width, 18);
  draw_y_axis(drawing, plot, y_ticks, chart.y.title);
  const double slot = (plot.right - plot.left) / double(count), gap = chart.touching ? 0.5 : std::min(slot * 0.3, 10.0);
  std::vector<Tick> x_ticks;
  for (size_t i = 0; i < count; ++i) {
    if (i < columns.labels.size() && !columns.labels[i].empty()) x_ticks.push_back({double(i) + 0.5, columns.labels[i]});
    const double value = columns.values[i];
    if (!drawable(value)) continue;
    const double x = plot.left + double(i) * slot, middle = x + slot / 2;
    drawing.rect(x + gap / 2, std::min(plot.at_y(0), plot.at_y(value)), slot - gap, std::abs(plot.at_y(0) - plot.at_y(value)), "bar s0");
    if (half_width(i) > 0) {
      const double low = plot.at_y(value - half_width(i)), high = plot.at_y(value + half_width(i)), cap = std::min(slot / 6, 5.0);
      drawing.path(fmt::format("M{0} {1}V{2}M{3} {1}h{4}M{3} {2}h{4}", px(middle), px(low), px(high), px(middle - cap), px(2 * cap)), "whisker");
    }
  }
  draw_guides(drawing, plot, chart.guides);
  draw_x_axis(drawing, plot, x_ticks, chart.x_title);
  for (size_t i = 0; i < count; ++i) {
    const std::string text = i < columns.notes.size() ? columns.notes[i] : format_value(columns.values[i], chart.y.format);
    drawing.rect(plot.left + double(i) * slot, plot.top, slot, plot.bottom - plot.top, "hover", text);
  }
  return std::move(drawing).finish();
}

Columns histogram(std::span<const double> values, int about, Format format) {
  std::vector<double> sorted;
  std::copy_if(values.begin(), values.end(), std::back_inserter(sorted), drawable);
  std::sort(sorted.begin(), sorted.end());
  if (sorted.empty()) return {};
  const double low_quarter = sorted[sorted.size() / 4], high_quarter = sorted[sorted.size() * 3 / 4], reach = 4 * (high_quarter - low_quarter);
  Range range;
  for (const double value : sorted)
    if (reach == 0 || (value >= low_quarter - reach && value <= high_quarter + reach)) range.add(value);
  if (range.most - range.least < 1e-200) range = range.padded(0);
  const double step = round_step((range.most - range.least) / about);
  const double first = std::round(range.least / step), last = std::round(range.most / step);
  const size_t bins = size_t(last - first) + 1;
  Columns columns{std::vector<std::string>(bins), std::vector<std::string>(bins), std::vector<double>(bins, 0.0), {}};
  for (const double value : sorted) columns.values[size_t(std::clamp(std::round(value / step), first, last) - first)] += 1;
  const int decimals = std::clamp(-int(std::floor(std::log10(step * (format == Format::percent ? 100 : 1)) + 1e-9)), 0, 9);
  const auto text = [&](double value) {
    return format == Format::percent ? format_fixed(value * 100, decimals) + " %" : format_fixed(value, decimals);
  };
  for (size_t i = 0; i < bins; ++i) {
    const double centre = (first + double(i)) * step;
    const bool below = i == 0 && sorted.front() < centre - step, above = i + 1 == bins && sorted.back() > centre + step;
    columns.labels[i] = (below ? "≤ " : above ? "≥ " : "") + text(centre);
    columns.notes[i] = fmt::format("{}: {}", columns.labels[i], format_count(int64_t(columns.values[i])));
  }
  return columns;
}

namespace {

constexpr size_t kSpansDrawnSingly = 600;
constexpr size_t kTimelineCells = 12'000;

/// Very many spans as cells of time: each cell shows the kind that fills most of it, or nothing where idling does. Neighbours of
/// one kind become one span again, so the drawing has a bounded size.
std::vector<Span> merge_spans(const TimelineChart& chart, double most) {
  const size_t cells = std::clamp<size_t>(kTimelineCells / std::max<size_t>(chart.rows.size(), 1), 60, 800), kinds = chart.kinds.size();
  const double cell_width = most / double(cells);
  std::vector<Span> merged;
  for (size_t row = 0; row < chart.rows.size(); ++row) {
    std::vector<double> filled(cells * kinds, 0.0);
    for (const Span& span : chart.spans) {
      if (size_t(span.row) != row) continue;
      for (size_t cell = size_t(span.start / cell_width); cell < cells && double(cell) * cell_width < span.end; ++cell)
        filled[cell * kinds + size_t(span.kind)] +=
            std::min(span.end, double(cell + 1) * cell_width) - std::max(span.start, double(cell) * cell_width);
    }
    int before = -1;
    for (size_t cell = 0; cell < cells; ++cell) {
      double idle = cell_width;
      int kind = -1;
      for (size_t k = 0; k < kinds; ++k) idle -= filled[cell * kinds + k];
      for (size_t k = 0; k < kinds; ++k) {
        const double most_so_far = kind < 0 ? std::max(idle, 0.0) : filled[cell * kinds + size_t(kind)];
        if (filled[cell * kinds + k] > most_so_far) kind = int(k);
      }
      const double start = double(cell) * cell_width, end = start + cell_width;
      if (kind >= 0 && kind == before)
        merged.back().end = end;
      else if (kind >= 0)
        merged.push_back({int(row), kind, start, end, ""});
      before = kind;
    }
  }
  return merged;
}

}  // namespace

std::string draw(const TimelineChart& chart, int width) {
  Range x;
  std::vector<Span> spans;
  for (const Span& span : chart.spans) {
    const bool placed = span.row >= 0 && size_t(span.row) < chart.rows.size() && span.kind >= 0 && size_t(span.kind) < chart.kinds.size();
    if (placed && drawable(span.start) && drawable(span.end) && span.start >= 0 && span.end >= span.start) spans.push_back(span), x.add(span.end);
  }
  if (spans.empty() || x.most <= 0) return draw_no_data(chart.name, width);
  x.least = 0;
  if (spans.size() > kSpansDrawnSingly) spans = merge_spans({chart.name, chart.x, chart.rows, chart.kinds, std::move(spans)}, x.most);

  std::vector<Key> keys;
  for (size_t k = 0; k < chart.kinds.size(); ++k) keys.push_back({chart.kinds[k], color("bar", k)});
  double labels = 0;
  for (const std::string& row : chart.rows) labels = std::max(labels, text_width(row));
  const double row_height = chart.rows.size() <= 16 ? 20 : 10, top = draw_legend(nullptr, keys, 0, width, 0) + 2;
  const Plot plot{std::min(labels, width * 0.3) + 8, width - 14.0, top, top + double(chart.rows.size()) * row_height + 4, x, {}};
  Drawing drawing(width, plot.bottom + 40, chart.name);
  draw_legend(&drawing, keys, 0, width, 0);
  for (size_t row = 0; row < chart.rows.size(); row += row_height < 16 ? 2 : 1)
    drawing.text(plot.left - 6, top + (double(row) + 0.5) * row_height + 4, Anchor::end, fit(chart.rows[row], plot.left - 8), "label");
  const std::vector<Tick> ticks = nice_ticks(0, x.most, int(plot.right - plot.left) / 80, chart.x.format);
  for (const Tick& tick : ticks) drawing.line(plot.at_x(tick.at), plot.top, plot.at_x(tick.at), plot.bottom, "grid");
  draw_x_axis(drawing, plot, ticks, chart.x.title);
  for (const Span& span : spans) {
    const double from = plot.at_x(span.start), to = plot.at_x(span.end);
    const std::string note = fmt::format("{}{}{}\n{} to {}", chart.kinds[size_t(span.kind)], span.note.empty() ? "" : " ", span.note,
                                         format_value(span.start, chart.x.format), format_value(span.end, chart.x.format));
    drawing.rect(from, top + span.row * row_height + 1, std::max(to - from, 0.7), row_height - 2, color("bar", size_t(span.kind)), note);
  }
  return std::move(drawing).finish();
}

namespace {

/// Keys of the kinds that anything is drawn of.
template <class Items>
std::vector<Key> keys_of(const std::vector<std::string>& kinds, const Items& items, std::string_view sample) {
  std::vector<Key> keys;
  for (size_t kind = 0; kind < kinds.size(); ++kind)
    if (std::any_of(items.begin(), items.end(), [&](const auto& item) { return size_t(item.kind) == kind; }))
      keys.push_back({kinds[kind], color(sample, kind)});
  return keys;
}

std::vector<Tick> label_ticks(const std::vector<std::string>& labels) {
  std::vector<Tick> ticks;
  for (size_t i = 0; i < labels.size(); ++i) ticks.push_back({double(i), labels[i]});
  return ticks;
}

}  // namespace

std::string draw(const ScatterChart& chart, int width) {
  Range x, y;
  for (const ScatterPoint& point : chart.points)
    if (drawable(point.x) && drawable(point.y)) x.add(point.x), y.add(point.y);
  if (x.empty()) return draw_no_data(chart.name, width);
  y.add(chart.line.y);
  const bool labelled = !chart.x_labels.empty();
  const Range labels{-0.5, double(chart.x_labels.size()) - 0.5};
  Plot plot{0, 0, 0, 0, labelled ? labels : x.padded(0.03), y.padded(0.05)};
  std::vector<Key> keys = keys_of(chart.kinds, chart.points, "bar");
  if (has_line(chart.line)) keys.push_back({chart.line.name, color("line", chart.kinds.size())});
  const std::vector<Tick> y_ticks = nice_ticks(plot.y.least, plot.y.most, chart.height / 48, chart.y.format);
  plot.left = widest(y_ticks) + 8, plot.right = width - 12.0;
  plot.top = 22 + draw_legend(nullptr, keys, 0, width, 0), plot.bottom = chart.height - (chart.x.title.empty() ? 22 : 40);
  Drawing drawing(width, chart.height, chart.name);
  draw_legend(&drawing, keys, 0, width, 18);
  draw_y_axis(drawing, plot, y_ticks, chart.y.title);
  const int about = int(plot.right - plot.left) / 64;
  draw_x_axis(drawing, plot, labelled ? label_ticks(chart.x_labels) : nice_ticks(plot.x.least, plot.x.most, about, chart.x.format), chart.x.title);
  drawing.path(polyline(plot, chart.line.x, chart.line.y), color("line", chart.kinds.size()));
  for (const ScatterPoint& point : chart.points) {
    if (!drawable(point.x) || !drawable(point.y)) continue;
    const std::string at = labelled ? chart.x_labels[size_t(point.x)] : format_value(point.x, chart.x.format);
    drawing.circle(plot.at_x(point.x), plot.at_y(point.y), color("mark", size_t(point.kind)),
                   fmt::format("{}\n{}\n{}", point.note, at, format_value(point.y, chart.y.format, 5)));
  }
  return std::move(drawing).finish();
}

std::string draw(const ParallelChart& chart, int width) {
  if (chart.axes.size() < 2 || chart.lines.empty()) return draw_no_data(chart.name, width);
  const std::vector<Key> keys = keys_of(chart.kinds, chart.lines, "line");
  double first = 0, last = 0;
  for (const Tick& tick : chart.axes.front().ticks) first = std::max(first, text_width(tick.text));
  for (const Tick& tick : chart.axes.back().ticks) last = std::max(last, text_width(tick.text));
  const double left = std::max(first + 12, text_width(chart.axes.front().title) / 2);
  const double right = width - std::max(last + 12, text_width(chart.axes.back().title) / 2);
  const double top = 44 + draw_legend(nullptr, keys, 0, width, 0);
  const Plot plot{left, right, top, double(chart.height) - 12, {0, double(chart.axes.size() - 1)}, {0, 1}};
  Drawing drawing(width, chart.height, chart.name);
  draw_legend(&drawing, keys, 0, width, 2);
  for (const ParallelLine& line : chart.lines) {
    std::vector<double> x, y;
    for (size_t i = 0; i < line.at.size(); ++i)
      if (drawable(line.at[i])) x.push_back(double(i)), y.push_back(line.at[i]);
    drawing.path(polyline(plot, x, y), color("line", size_t(line.kind)), line.note);
  }
  for (size_t i = 0; i < chart.axes.size(); ++i) {
    const double x = plot.at_x(double(i));
    const bool at_end = i + 1 == chart.axes.size();
    drawing.line(x, plot.top, x, plot.bottom, "frame");
    drawing.text(x, plot.top - 14, Anchor::middle, chart.axes[i].title, "axis");
    for (const Tick& tick : chart.axes[i].ticks)
      drawing.text(x + (at_end ? 6 : -6), plot.at_y(tick.at) + 4, at_end ? Anchor::start : Anchor::end, tick.text, "over");
  }
  return std::move(drawing).finish();
}

std::string sparkline(const std::vector<double>& values, std::string_view name) {
  constexpr double kWidth = 72, kHeight = 18;
  Range y;
  y.add(values);
  if (y.empty()) return "–";
  if (y.least == y.most) y = y.padded(0);
  std::vector<double> x;
  for (size_t i = 0; i < values.size(); ++i) x.push_back(double(i));
  const Plot plot{2, kWidth - 2, 2, kHeight - 2, {0, std::max(double(values.size()) - 1, 1.0)}, y};
  std::string out = fmt::format(R"(<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}"><path class="line s0" d="{}"/></svg>)", kWidth,
                                kHeight, escape_html(name), polyline(plot, x, values));
  return out;
}

namespace {

/// The height in the viewBox of a drawing.
double height_of(std::string_view drawing) {
  constexpr std::string_view kBox = "viewBox=\"0 0 ";
  const size_t box = drawing.find(kBox), height = box == std::string_view::npos ? box : drawing.find(' ', box + kBox.size());
  return height == std::string_view::npos ? 0 : std::strtod(drawing.data() + height, nullptr);
}

}  // namespace

std::string svg_file(std::span<const SvgPart> parts, int width) {
  constexpr double kMargin = 24, kTitle = 28;
  std::string body;
  double y = kMargin;
  for (const SvgPart& part : parts) {
    const double height = height_of(part.drawing);
    body += fmt::format("<text class=\"title\" x=\"{}\" y=\"{}\">{}</text>\n", px(kMargin), px(y + 12), escape_html(part.title));
    body += fmt::format("<svg x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" overflow=\"visible\">{}</svg>\n", px(kMargin), px(y + kTitle), width,
                        px(height), part.drawing);
    y += kTitle + height + kMargin;
  }
  const std::string size = fmt::format("{} {}", px(width + 2 * kMargin), px(y));
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {}\" font-family=\"system-ui,sans-serif\">\n<style>{}"
      ".paper{{fill:var(--paper)}}.title{{fill:var(--ink);font-size:14px;font-weight:600}}</style>\n"
      "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{}</svg>\n",
      size, chart_css(), body);
}

std::string chart_css() {
  // Neighbouring colours differ in lightness as well as hue, lines in their dashes too: they stay apart in grey and for colour-blind eyes.
  return R"(:root{color-scheme:light dark;--paper:#fff;--ink:#1c2127;--soft:#5a646e;--grid:#e4e7eb;--frame:#a9b1ba;--tint:#f5f6f8;--hover:#1c212712;--solid:1;
--c0:#1f4e8c;--c1:#d3722b;--c2:#25756e;--c3:#7b3f8f;--c4:#a88b14;--c5:#6d7680}
@media screen and (prefers-color-scheme:dark){:root{--paper:#14171b;--ink:#e3e6ea;--soft:#9ba5af;--grid:#2a2f36;--frame:#59626c;--tint:#1c2026;--hover:#e3e6ea18;--solid:.6;
--c0:#79aef0;--c1:#e58a3c;--c2:#34978d;--c3:#e3b8ef;--c4:#a98e2c;--c5:#8f99a3}}
.chart{display:block;width:100%;height:auto;overflow:visible;font-size:12px;line-height:1.2;font-variant-numeric:tabular-nums}
.chart text{fill:var(--soft)}.chart .over{paint-order:stroke;stroke:var(--paper);stroke-width:4}.chart .label,.chart .axis{fill:var(--ink)}.chart .name{fill:var(--c);font-weight:600}
.chart path{fill:none;stroke-width:1}.chart .grid{stroke:var(--grid)}.chart .frame,.chart .zero{stroke:var(--frame)}
.chart .guide{stroke:var(--soft);stroke-dasharray:3 3}.chart .whisker{stroke:var(--ink);stroke-width:1.2}.chart .none{fill:var(--tint);stroke:var(--grid)}
.chart .line,.spark .line{stroke:var(--c);stroke-width:1.7;stroke-linejoin:round;stroke-linecap:round;fill:none}
.chart .line.s1{stroke-dasharray:7 3.5}.chart .line.s2{stroke-dasharray:2 3.2}.chart .line.s3{stroke-dasharray:9 3 2 3}
.chart .band{fill:var(--c);opacity:.13;stroke:none}.chart .bar,.chart .mark{fill:var(--c)}.chart .bar{fill-opacity:var(--solid)}
.chart .hover{fill:transparent}.chart .hover:hover{fill:var(--hover)}
.s0{--c:var(--c0)}.s1{--c:var(--c1)}.s2{--c:var(--c2)}.s3{--c:var(--c3)}.s4{--c:var(--c4)}.s5{--c:var(--c5)}
.spark{width:72px;height:18px;vertical-align:-4px}
)";
}

}  // namespace hayate::eval
