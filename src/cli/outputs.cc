#include "cli/outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/clock.h"
#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "hayate/binned.h"

namespace hayate::cli {

namespace {
const double kProcessBegan = wall_seconds();
}

Result<void> write_timings(const std::string& path, const std::vector<exec::StepRecord>& steps, int workers) {
  if (path.empty()) return {};
  JsonWriter json(1);
  json.object().key("steps").array();
  for (const exec::StepRecord& step : steps)
    json.object()
        .key("name")
        .value(step.name)
        .key("wall_s")
        .value(step.wall_seconds)
        .key("cpu_s")
        .value(step.cpu_seconds)
        .key("items")
        .value(step.items)
        .end();
  json.end().key("wall_s").value(wall_seconds() - kProcessBegan).key("cpu_s").value(cpu_seconds());
  json.key("peak_rss_bytes").value(peak_memory_bytes()).key("workers").value(workers);
  return io::write_file(path, json.end().text() + "\n");
}

Result<std::optional<io::FileKind>> asked_kind(const std::string& format) {
  if (format.empty()) return std::optional<io::FileKind>();
  HY_TRY(const io::FileKind kind, io::kind_named(format, "--format"));
  return std::optional(kind);
}

Result<std::optional<io::FileKind>> kind_to_write(const std::string& output, const std::string& format, const std::string& to) {
  const auto named = output == "-" || output == "none" ? Result<io::FileKind>(io::FileKind{}) : io::kind_of(output);
  if (to.empty()) {
    if (!named.ok()) return named.error();
    return output == "-" ? asked_kind(format) : Result<std::optional<io::FileKind>>(std::nullopt);
  }
  if (output == "none" || (output != "-" && named.ok()))
    return usage_error("--to is for standard output and names without a suffix; the name of this file says its format", "--to " + to,
                       "leave it out, or write to '-'");
  HY_TRY(const io::FileKind kind, io::kind_named(to, "--to"));
  return std::optional(kind);
}

Result<void> check_plot(const std::string& path) {
  if (path.empty() || path.ends_with(".svg")) return {};
  return usage_error("plots are written as SVG", "--plot " + path, "give it a name that ends in .svg");
}

namespace {
const std::shared_ptr<io::Roundings>& roundings() {
  static const auto all = std::make_shared<io::Roundings>();
  return all;
}
}  // namespace

void note_written(const Table& rows, const std::string& output, const std::optional<io::FileKind>& kind) {
  const auto written = kind ? Result<io::FileKind>(*kind) : io::kind_of(output);
  if (!written.ok() || output == "none") return;
  if (written.value().format == io::Format::json || written.value().format == io::Format::jsonl)
    roundings()->add_infinite(rows, output == "-" ? "standard output" : output);
}

void say_roundings(const Console& console) {
  for (const std::string& message : roundings()->messages()) console.say(message);
}

Result<io::ReadOptions> reading_options(const TableReading& asked) {
  io::ReadOptions out;
  out.columns = listed(asked.columns);
  HY_TRY(out.types, io::parse_types(asked.types));
  out.roundings = roundings();
  HY_TRY(out.csv, io::parse_csv_form(asked.decimal, asked.thousands, asked.na, asked.encoding));
  return out;
}

void say_no_rows(const Console& console, std::span<const std::string> paths, int64_t rows) {
  if (rows > 0) return;
  for (const std::string& path : paths)
    if (io::file_size(path).value_or(0) > 0) return console.say(fmt::format("{} is not empty and gives 0 rows", path));
}

void say_full_categories(const Console& console, const std::set<std::string>& features) {
  for (const std::string& name : features)
    console.say(fmt::format("feature '{}' has {} categories or more: rows of its rarer ones train and are predicted as if they missed it", name,
                            kMaxCategories));
}

void say_findings(const Console& console, const char* noun, const std::vector<Finding>& findings) {
  std::map<std::string, int64_t> seen;
  for (const Finding& finding : findings) {
    if (++seen[finding.kind] > 3) continue;
    const std::string place = finding.row > 0 ? fmt::format(" row {}", finding.row) : "", time = finding.time.empty() ? "" : " " + finding.time;
    const std::string value = finding.value.empty() ? "" : fmt::format(" ({})", finding.value);
    console.say(fmt::format("{}: {}{}{}: {}: {}{}", noun, finding.symbol, place, time, finding.kind, finding.what, value));
  }
  for (const auto& [kind, count] : seen)
    if (count > 3) console.say(fmt::format("{}: {} more of kind {}", noun, count - 3, kind));
}

std::vector<std::string> listed(const std::string& names) {
  std::vector<std::string> out;
  if (!names.empty())
    for (const std::string& name : split(names, ',')) out.emplace_back(trim(name));
  return out;
}

std::string one_line(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }, ' ');
  return text;
}

size_t num_characters(std::string_view text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, size_t width) {
  const size_t characters = num_characters(text);
  return characters >= width ? text : text + std::string(width - characters, ' ');
}

}  // namespace hayate::cli
