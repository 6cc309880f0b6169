#include "eval/page.h"

#include <algorithm>
#include <cmath>

#include "base/strings.h"

namespace hayate::eval {
namespace {

constexpr size_t kWrappedName = 24;  ///< longer names wrap anywhere, so that the sticky first column leaves room for the others

constexpr const char* kPageCss = R"(
*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
main,header,footer{max-width:1072px;margin:0 auto;padding:0 24px}
h1{font-size:1.05rem;font-weight:600;margin:32px 0 4px;color:var(--soft)}
h2{font-size:1.35rem;line-height:1.25;margin:56px 0 12px;padding-top:14px;border-top:2px solid var(--ink)}
h3{font-size:1.05rem;margin:24px 0 4px}
.verdict{font-size:1.5rem;line-height:1.35;font-weight:600;margin:0 0 20px;max-width:40em;text-wrap:balance}
p{margin:8px 0;max-width:46em}.note,figcaption,caption,footer{color:var(--soft);font-size:.875rem;line-height:1.45}
a{color:inherit;text-decoration:underline;text-decoration-color:var(--frame);text-underline-offset:3px}a:hover{text-decoration-color:currentColor}
nav ol{display:flex;flex-wrap:wrap;gap:4px 20px;list-style:none;margin:20px 0 0;padding:0;font-size:.9375rem}
.tiles{display:flex;flex-wrap:wrap;gap:1px;margin:0;background:var(--grid);border:1px solid var(--grid)}
.tiles div{flex:1 1 140px;background:var(--paper);padding:12px 14px}.tiles dt{font-size:.8125rem;color:var(--soft)}
.tiles dd{margin:0;font-size:1.375rem;font-weight:600;font-variant-numeric:tabular-nums;line-height:1.3}
.tiles small{display:block;font-size:.8125rem;font-weight:400;color:var(--soft)}
figure{margin:28px 0}figure.half{max-width:560px;margin:0;min-width:0}figcaption{margin-top:8px;max-width:46em}figcaption b{color:var(--ink);font-weight:600}
.pair{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:32px;margin:28px 0;align-items:start}.pair .scroll{margin:0}
.scroll{overflow-x:auto;margin:16px 0}.scroll:focus-visible{outline:2px solid var(--c0);outline-offset:2px}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;min-width:min(100%,34em)}.pair table{width:100%;min-width:0}.pair th,.pair td{padding-left:14px}
caption{text-align:left;padding:0 0 6px;color:var(--ink);font-weight:600}
th,td{padding:5px 0 5px 28px;text-align:right;border-bottom:1px solid var(--grid);white-space:nowrap;vertical-align:top}
thead th{font-weight:500;color:var(--soft);border-bottom-color:var(--frame)}tbody th{font-weight:500}
.whole{white-space:nowrap}.key{white-space:normal}.long{display:inline-block;max-width:12em;overflow-wrap:anywhere;white-space:normal}.t{text-align:left}td.t{white-space:normal;overflow-wrap:break-word}th:first-child{padding-left:0;position:sticky;left:0;background:var(--paper)}
tbody tr:hover>*{background:var(--tint)}.quiet{color:var(--soft)}
td.t{min-width:7em}td.t code{overflow-wrap:anywhere;display:inline-block;min-width:8.5em}code,pre{font:.8125rem/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{background:var(--tint);padding:14px 16px;overflow-x:auto;border-radius:3px}
details{margin:16px 0}summary{cursor:pointer;font-size:.9375rem;padding:4px 0}summary:hover{text-decoration:underline;text-underline-offset:3px}
.terms{display:grid;grid-template-columns:minmax(120px,max-content) 1fr;gap:6px 24px;font-size:.875rem;margin:0}
.terms dt{font-weight:600}.terms dd{margin:0;max-width:44em}.terms dt:target,.terms dt:target+dd{background:var(--tint);outline:6px solid var(--tint)}
footer{margin-top:56px;padding-bottom:40px}.narrow{display:none}
@media (max-width:860px){main,header,footer{padding:0 16px}.pair{gap:24px}.wide{display:none}.narrow{display:block;max-width:520px}
h1{margin-top:20px}h2{margin-top:44px}.verdict{font-size:1.2rem}.tiles dd{font-size:1.15rem}
th,td{padding-left:14px}}
@media (max-width:640px){.pair,.terms{grid-template-columns:minmax(0,1fr)}.terms{gap:0}.terms dd{margin-bottom:10px}}
@media print{nav{display:none}body{font-size:10pt}h2{break-after:avoid;margin-top:24px}figure,tr,.tiles{break-inside:avoid}.wide,.half .narrow{display:block}.narrow,.half .wide{display:none}.scroll{overflow:visible}
a{text-decoration:none}.chart .hover{display:none}}
)";

}  // namespace

Trend trend(std::span<const double> values, int lags) {
  std::vector<double> x;
  std::copy_if(values.begin(), values.end(), std::back_inserter(x), [](double v) { return std::isfinite(v); });
  const double n = double(x.size());
  if (x.empty()) return {};
  double mean = 0, variance = 0;
  for (const double v : x) mean += v;
  mean /= n;
  for (double& v : x) v -= mean;
  for (int lag = 0; lag <= lags && size_t(lag) < x.size(); ++lag) {
    double product = 0;
    for (size_t i = size_t(lag); i < x.size(); ++i) product += x[i] * x[i - size_t(lag)];
    variance += (lag == 0 ? 1 : 2 * (1 - lag / (lags + 1.0))) * product / n;
  }
  if (x.size() < std::max(kMinDates, size_t(3) * size_t(lags)) || !(variance > 0)) return {mean, kUndefined, kUndefined, x.size()};
  return {mean, std::sqrt(variance), mean / std::sqrt(variance / n), x.size()};
}

double quantile(std::vector<double> values, double share) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  if (values.empty()) return kUndefined;
  std::sort(values.begin(), values.end());
  const double at = share * double(values.size() - 1);
  const size_t below = size_t(at);
  return below + 1 == values.size() ? values.back() : values[below] + (at - double(below)) * (values[below + 1] - values[below]);
}

const char* judgement(double t) {
  if (t <= -3) return "worse, and not by bad luck";
  if (t <= -2) return "weak evidence of being worse";
  if (t < 2) return "not distinguishable from luck";
  if (t < 3) return "weak evidence: without skill, one spec in 40 gets there";
  return "unlikely to be luck if no other specs were tried";
}

std::string t_text(double t) { return std::isfinite(t) ? fmt::format("t = {}", format_fixed(t, 1)) : "too few dates to test"; }

std::vector<double> running_sum(const std::vector<double>& values) {
  std::vector<double> sums;
  double sum = 0;
  for (const double value : values) sums.push_back(std::isfinite(value) ? sum += value : kUndefined);
  return sums;
}

Series luck_band(const std::string& name, const std::vector<double>& x, const std::vector<double>& values, double deviation) {
  Series band{.name = name, .x = x};
  double dates = 0;
  for (const double value : values) {
    dates += std::isfinite(value);
    band.high.push_back(1.96 * deviation * std::sqrt(dates));
    band.low.push_back(-band.high.back());
  }
  return band;
}

std::string plural(size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", format_count(int64_t(number)), noun, number == 1 ? "" : "s");
}

std::string shorten(std::string_view text, size_t characters) {
  size_t seen = 0;
  for (size_t i = 0; i < text.size(); ++i)
    if ((uint8_t(text[i]) & 0xC0) != 0x80 && seen++ == characters) return std::string(text.substr(0, i)) + "…";
  return std::string(text);
}

Cell text(std::string_view content) { return {escape_html(content)}; }
Cell name(std::string_view content) {
  Cell cell = text(shorten(content, kLongestName));
  if (content.size() > kWrappedName) cell.html = "<span class=\"long\">" + cell.html + "</span>";
  return cell;
}
Cell key(std::string_view content) {
  Cell cell = text(shorten(content, kLongestName));
  for (size_t at = cell.html.find_first_of("._"); at != std::string::npos; at = cell.html.find_first_of("._", at + 6))
    cell.html.insert(at + 1, "<wbr>");
  cell.html = "<span class=\"key\">" + cell.html + "</span>";
  return cell;
}
Cell code(std::string_view content) { return {content.empty() ? "" : "<code>" + escape_html(content) + "</code>"}; }
Cell count(int64_t value) { return {format_count(value)}; }
Cell number(double value, int decimals) { return {format_fixed(value, decimals)}; }
Cell percent(double value, int decimals) { return {std::isfinite(value) ? format_fixed(value * 100, decimals) + " %" : "–"}; }
Cell seconds(double value) { return {format_value(value, Format::seconds)}; }

int decimals_for(std::vector<double> values, int digits) {
  for (double& value : values) value = std::abs(value);
  const double typical = quantile(std::move(values), 0.5);
  if (!std::isfinite(typical) || typical <= 0) return digits;
  return std::clamp(digits - 1 - int(std::floor(std::log10(typical))), 0, 9);
}

std::string prose(std::string_view content) {
  std::string out = escape_html(content);
  for (const std::string_view bound : {" %", "t = ", " KB", " MB", " GB"})
    for (size_t at = out.find(bound); at != std::string::npos; at = out.find(bound, at))
      for (size_t i = 0; i < bound.size(); ++i)
        if (out[at] == ' ')
          out.replace(at, 1, "&nbsp;"), at += 6;
        else
          ++at;
  return out;
}

std::string paragraph(std::string_view content) { return "<p>" + prose(content) + "</p>\n"; }
std::string note(std::string_view content) { return "<p class=\"note\">" + prose(content) + "</p>\n"; }
std::string subtitle(std::string_view content) { return "<h3>" + escape_html(content) + "</h3>\n"; }
std::string details(std::string_view summary, std::string_view content) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escape_html(summary), content);
}

std::string cumulative_ic_figure(const Axis& dates, const std::vector<double>& x, const std::vector<double>& ic, const std::vector<double>& rank_ic,
                                 int lags) {
  LineChart chart{.name = "Cumulative IC and rank IC", .x = dates, .y = {.title = "sum of IC so far", .zero = true}, .height = 300};
  chart.series = {{.name = "IC", .x = x, .y = running_sum(ic)}, {.name = "rank IC", .x = x, .y = running_sum(rank_ic)}};
  const Trend over_time = trend(ic, lags);
  if (std::isfinite(over_time.deviation)) chart.series.push_back(luck_band("no skill, 95 %", x, ic, over_time.deviation));
  return figure(chart, "A steady slope is skill that lasts. At each date 95 % of forecasts without skill lie inside the band.", kWide);
}

std::string bucket_figure(std::span<const Bucket> buckets) {
  if (buckets.empty()) return "";
  ColumnChart chart{.x_title = "predictions, lowest to highest", .y = {.title = "mean label"}};
  chart.name = buckets.size() == 10 ? "Outcome by prediction decile" : fmt::format("Outcome by prediction, {} groups", buckets.size());
  double sum = 0, rows = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    const Bucket& b = buckets[i];
    if (std::isfinite(b.mean_label)) sum += b.mean_label * double(b.rows), rows += double(b.rows);
    chart.columns.labels.push_back(std::to_string(i + 1));
    chart.columns.values.push_back(b.mean_label);
    chart.columns.half_widths.push_back(2 * b.standard_error);
    chart.columns.notes.push_back(fmt::format("group {}: mean label {} ± {}\nmean prediction {}, {} rows", i + 1,
                                              format_value(b.mean_label, Format::number), format_value(2 * b.standard_error, Format::number),
                                              format_value(b.mean_prediction, Format::number), format_count(b.rows)));
  }
  if (rows > 0) chart.guides.emplace_back(sum / rows, "mean of all rows");
  return figure(chart,
                "A forecast with skill climbs from left to right. Error bars: two standard errors as if rows were independent; symbols move "
                "together, so the truth is wider.",
                kHalf);
}

std::string side_by_side(const std::string& figures) { return figures.empty() ? "" : "<div class=\"pair\">" + figures + "</div>\n"; }

HtmlTable::HtmlTable(std::string_view caption, std::vector<Head> heads) : heads_(std::move(heads)) {
  out_ = fmt::format("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table><caption>{0}</caption><thead><tr>",
                     escape_html(caption));
  for (const Head& head : heads_) {
    const std::string title = escape_html(head.text);
    out_ += fmt::format("<th scope=\"col\"{}>", head.number ? "" : " class=\"t\"");
    out_ += (head.term ? fmt::format("<a href=\"#def-{}\">{}</a>", head.term, title) : title) + "</th>";
  }
  out_ += "</tr></thead><tbody>\n";
}

void HtmlTable::row(const std::vector<Cell>& cells) {
  out_ += "<tr>";
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string css = std::string(heads_[i].number ? "" : "t") + (cells[i].quiet ? " quiet" : "");
    const std::string attribute = css.empty() ? "" : fmt::format(" class=\"{}\"", css);
    out_ += i == 0 ? fmt::format("<th scope=\"row\"{}>{}</th>", attribute, cells[i].html) : fmt::format("<td{}>{}</td>", attribute, cells[i].html);
  }
  out_ += "</tr>\n";
  ++rows_;
}

std::string definition(std::string_view id, std::string_view title, std::string_view content) {
  return fmt::format("<dt id=\"def-{}\">{}</dt><dd>{}</dd>\n", escape_html(id), escape_html(title), prose(content));
}

std::string tile_row(std::span<const Tile> shown) {
  std::string out = "<dl class=\"tiles\">";
  for (const Tile& tile : shown)
    out +=
        fmt::format("<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>", escape_html(tile.name), escape_html(tile.value), escape_html(tile.remark));
  return out + "</dl>\n";
}

std::string render_page(const Page& page) {
  const std::string title = escape_html(page.title);
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n<style>\n{}{}</style>\n</head>\n<body>\n",
      title, chart_css(), kPageCss);
  out += fmt::format("<header>\n<h1>{}{}</h1>\n<p class=\"verdict\">{}</p>\n{}<nav aria-label=\"Contents\"><ol>", title,
                     page.remark.empty() ? "" : " · " + escape_html(page.remark), prose(page.verdict), page.tiles);
  for (const Section& section : page.sections) out += fmt::format("<li><a href=\"#{}\">{}</a></li>", section.id, section.title);
  out += "</ol></nav>\n</header>\n<main>\n";
  for (const Section& section : page.sections)
    out += fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}</section>\n", section.id, section.title, section.html);
  return out + fmt::format("</main>\n<footer><p>{}{}This file holds no script and loads nothing.</p></footer>\n</body>\n</html>\n", page.caution,
                           page.caution.empty() ? "" : " ");
}

}  // namespace hayate::eval
