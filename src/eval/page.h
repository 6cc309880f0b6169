// What the pages that hayate writes (the report of a run, an evaluation) are made of: the shell with its style sheet, tables,
// figures, definitions, and the statistics of values over dates that both show. Every text from outside passes
// escape_html on its way in: a Cell, a paragraph or a figure is made of plain text and holds HTML that is inert.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/chart.h"
#include "hayate/metrics.h"

namespace hayate::eval {

inline constexpr int kWide = 1024, kHalf = 496, kPhone = 358;  ///< widths of drawings: a whole page, half of one, a phone
inline constexpr size_t kFewSeries = 6;                        ///< lines that can be told apart
inline constexpr size_t kLongestName = 60;                     ///< characters of a name from outside in a table cell
inline constexpr size_t kMinDates = 20;                        ///< fewer say nothing about a standard error

// ---- Values over dates ----

struct Trend {
  double mean = kUndefined, deviation = kUndefined, t = kUndefined;  ///< deviation: of one date, correlation over time included
  size_t dates = 0;
};

/// Mean over dates and its t by Newey and West (1987), Bartlett weights. NaN entries are left out.
Trend trend(std::span<const double> values, int lags);
/// A t of a mean in words that do not sell noise.
const char* judgement(double t);
/// "t = 1.2", or that there are too few dates.
std::string t_text(double t);

/// Running sum of the finite values; NaN where a value is.
std::vector<double> running_sum(const std::vector<double>& values);
/// The band that holds 95 % of running sums whose true mean is 0: 1.96 deviations times the root of the number of dates so far.
Series luck_band(const std::string& name, const std::vector<double>& x, const std::vector<double>& values, double deviation);

/// get(item) of every item.
template <class Item, class Get>
std::vector<double> collect(const std::vector<Item>& items, Get get) {
  std::vector<double> values;
  values.reserve(items.size());
  for (const Item& item : items) values.push_back(get(item));
  return values;
}
/// The value below which `share` of the finite values lie; NaN when there are none.
double quantile(std::vector<double> values, double share);

// ---- Text ----

/// At most `characters` of the text, then an ellipsis.
std::string shorten(std::string_view text, size_t characters);
/// "1 row", "1,200 rows".
std::string plural(size_t number, std::string_view noun);
/// Escaped, with numbers kept on one line with their "%", "MB" and "t =".
std::string prose(std::string_view content);
std::string paragraph(std::string_view content);
std::string note(std::string_view content);
std::string subtitle(std::string_view content);
/// Folded away; `content` is HTML.
std::string details(std::string_view summary, std::string_view content);
/// One entry of a list of definitions, which a table head links to by `id`.
std::string definition(std::string_view id, std::string_view title, std::string_view content);

// ---- Tables ----

/// What stands in a table cell; made only by the functions below, so nothing enters unescaped.
struct Cell {
  std::string html;
  bool quiet = false;
};
Cell text(std::string_view content);
/// A name from outside: cut when very long, wrapped anywhere when long.
Cell name(std::string_view content);
/// A dotted key that may wrap after its dots and underscores.
Cell key(std::string_view content);
Cell code(std::string_view content);
Cell count(int64_t value);
Cell number(double value, int decimals);
Cell percent(double value, int decimals);
Cell seconds(double value);

/// Decimals that give the typical value of a column `digits` significant digits.
int decimals_for(std::vector<double> values, int digits);

struct Head {
  std::string text;
  const char* term = nullptr;  ///< id of its definition
  bool number = true;
};

/// A table that scrolls sideways where there is no room. The first cell of a row is its head.
class HtmlTable {
 public:
  HtmlTable(std::string_view caption, std::vector<Head> heads);
  void row(const std::vector<Cell>& cells);
  bool empty() const { return rows_ == 0; }
  std::string finish() && { return std::move(out_) + "</tbody></table></div>\n"; }

 private:
  std::vector<Head> heads_;
  std::string out_;
  size_t rows_ = 0;
};

// ---- Figures ----

/// The chart for a desk at `width`, for a phone at kPhone, its name and the caption.
template <class Chart>
std::string figure(const Chart& chart, std::string_view caption, int width) {
  return fmt::format("<figure{}><div class=\"wide\">{}</div><div class=\"narrow\">{}</div><figcaption><b>{}.</b> {}</figcaption></figure>\n",
                     width == kHalf ? " class=\"half\"" : "", draw(chart, width), draw(chart, kPhone), escape_html(chart.name), prose(caption));
}
/// Running sums of both over the dates `x`, before the band of no skill. `lags`: for the standard error, as in trend().
std::string cumulative_ic_figure(const Axis& dates, const std::vector<double>& x, const std::vector<double>& ic, const std::vector<double>& rank_ic,
                                 int lags);
/// Mean label by group of predictions, with error bars; "" without groups.
std::string bucket_figure(std::span<const Bucket> buckets);
/// Figures of width kHalf beside each other where there is room.
std::string side_by_side(const std::string& figures);

// ---- Page ----

/// A number at the top of the page.
struct Tile {
  std::string name, value, remark;
};
std::string tile_row(std::span<const Tile> shown);

struct Section {
  std::string id, title, html;  ///< id and title are ours
};
struct Page {
  std::string title, remark;  ///< plain text
  std::string verdict;        ///< one sentence, plain text
  std::string tiles;          ///< tile_row
  std::vector<Section> sections = {};
  std::string caution = "Past results say little about future ones.";  ///< at the foot; of pages about money
};
/// The whole file. The same page gives the same bytes.
std::string render_page(const Page& page);

}  // namespace hayate::eval
