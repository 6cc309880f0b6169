// Charts as inline SVG text, drawn by us: no script, no external file, the same data gives the same bytes. Colours are
// CSS variables (chart_css), so one drawing reads in light and dark. A chart is drawn for a width in CSS pixels, at
// which its text has the size of the text around it; a page shows a wide and a narrow drawing and hides one.
// NaN, infinities and absurd sizes (1e150) are gaps; a chart with nothing to draw says "no data".
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hayate::eval {

/// A gap in a chart, a dash in text.
inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// The text with & < > " ' replaced, control characters dropped and broken UTF-8 replaced: inert inside HTML and attributes.
std::string escape_html(std::string_view text);

/// How the values of an axis, a bar or a tooltip are written.
enum class Format {
  number,   ///< 0.0125, 1,234
  percent,  ///< 0.021 -> 2.1 %
  count,    ///< 12,345
  seconds,  ///< 0.012 -> 12 ms, 0.00123 -> 1.23 ms, 0.0000123 -> 12.3 us
  days,     ///< days since 1970 -> 2024-01-05
  micros,   ///< microseconds since 1970 UTC -> 2024-01-05 09:00
};

/// "1,234.5" with `digits` significant digits and thousands apart; a dash for NaN and infinities. The minus is the ASCII
/// one, so that a table pasted into a spreadsheet stays numbers. `days` and `micros` ignore `digits`.
std::string format_value(double value, Format format, int digits = 3);
std::string format_count(int64_t value);
/// With a fixed number of decimals, so that a column lines up; a dash for NaN and infinities, never "-0.00".
std::string format_fixed(double value, int decimals);

/// Round positions inside [least, most], about `about` of them: 1, 2 or 5 times a power of ten; whole minutes, hours,
/// days, months or years for times. All texts of one axis have the same number of decimals.
struct Tick {
  double at;
  std::string text;
};
std::vector<Tick> nice_ticks(double least, double most, int about, Format format);

/// What all charts share: `name` is read aloud in place of the drawing: say what it shows. Lengths are CSS pixels.
struct Axis {
  std::string title = {};  ///< with its unit
  Format format = Format::number;
  bool zero = false;  ///< the range includes 0
};

/// Points joined in order; x ascending, y as long as x. `low` and `high`, when given, are drawn as a band behind the line; a
/// series of only a band has no y.
struct Series {
  std::string name = {};
  std::vector<double> x = {}, y = {}, low = {}, high = {};
};

/// A horizontal reference: zero, the naive forecast.
struct Guide {
  double at;
  std::string text;
};

/// Lines over numbers or times. Two or more series are named at their right end, or in a legend where space is short.
struct LineChart {
  std::string name = {};
  Axis x = {}, y = {};
  std::vector<Series> series = {};
  std::vector<Guide> guides = {};
  int height = 280;
};

/// Horizontal bars from zero, in the order given.
struct Bar {
  std::string label = {};
  double value = 0;
  std::string note = {};  ///< after the value, in the tooltip too
};
struct BarChart {
  std::string name = {};
  Format format = Format::number;
  std::vector<Bar> bars = {};
};

/// Columns from zero with optional error bars: buckets, histograms, folds.
struct Columns {
  std::vector<std::string> labels = {}, notes = {};  ///< under the column; in its tooltip
  std::vector<double> values = {};
  std::vector<double> half_widths = {};  ///< of the error bars; empty: none
};
struct ColumnChart {
  std::string name = {};
  std::string x_title = {};
  Axis y = {};
  Columns columns = {};
  std::vector<Guide> guides = {};
  bool touching = false;  ///< a histogram
  int height = 240;
};

/// Counts of values in about `about` bins whose centres are round numbers. Values far outside (4 times the quartile range) are
/// counted in the outermost bins, which say so. NaN is left out; no values give no columns.
Columns histogram(std::span<const double> values, int about, Format format);

/// Spans of time on rows: tasks on workers. `kind` indexes `kinds` and gives the colour.
struct Span {
  int row = 0, kind = 0;
  double start = 0, end = 0;
  std::string note = {};
};
struct TimelineChart {
  std::string name = {};
  Axis x = {};
  std::vector<std::string> rows = {}, kinds = {};
  std::vector<Span> spans = {};
};

/// Points, and a line behind them. With `x_labels` x counts these, from 0. `kind` indexes `kinds` and gives the colour.
struct ScatterPoint {
  double x = 0, y = 0;
  int kind = 0;
  std::string note = {};  ///< in the tooltip, before the values
};
struct ScatterChart {
  std::string name = {};
  Axis x = {}, y = {};
  std::vector<std::string> x_labels = {}, kinds = {};
  std::vector<ScatterPoint> points = {};
  Series line = {};
  int height = 280;
};

/// One line per item across upright axes, each with ticks of its own. Positions are in [0, 1], NaN: the line passes that axis by.
/// Later lines are drawn over earlier ones.
struct ParallelAxis {
  std::string title = {};
  std::vector<Tick> ticks = {};
};
struct ParallelLine {
  std::vector<double> at = {};
  int kind = 0;
  std::string note = {};
};
struct ParallelChart {
  std::string name = {};
  std::vector<ParallelAxis> axes = {};
  std::vector<std::string> kinds = {};
  std::vector<ParallelLine> lines = {};
  int height = 320;
};

std::string draw(const LineChart& chart, int width);
std::string draw(const BarChart& chart, int width);
std::string draw(const ColumnChart& chart, int width);
std::string draw(const TimelineChart& chart, int width);
std::string draw(const ScatterChart& chart, int width);
std::string draw(const ParallelChart& chart, int width);
/// A line without axes, the height of a line of text; for table cells.
std::string sparkline(const std::vector<double>& values, std::string_view name);

/// Drawings as a .svg file of their own, one below the other, on paper of either kind of light. `width`: what they were drawn for.
struct SvgPart {
  std::string title;
  std::string drawing;
};
std::string svg_file(std::span<const SvgPart> parts, int width);

/// The rules and variables that the drawings rely on, for light, dark and print.
std::string chart_css();

}  // namespace hayate::eval
