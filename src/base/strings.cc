#include "base/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace hayate {

void append_utf8(uint32_t code, std::string* out) {
  const auto rest = [&](int shift) { *out += char(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    *out += char(code);
  } else if (code < 0x800) {
    *out += char(0xC0 | code >> 6), rest(0);
  } else if (code < 0x10000) {
    *out += char(0xE0 | code >> 12), rest(6), rest(0);
  } else {
    *out += char(0xF0 | code >> 18), rest(12), rest(6), rest(0);
  }
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (true) {
    const size_t end = text.find(separator, begin);
    parts.emplace_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  return out;
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

template <class T>
static std::optional<T> parse_whole(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  T value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<double> parse_number(std::string_view text) { return parse_whole<double>(text); }
std::optional<int64_t> parse_integer(std::string_view text) { return parse_whole<int64_t>(text); }
std::optional<uint64_t> parse_unsigned(std::string_view text) { return parse_whole<uint64_t>(text); }

namespace {
struct Unit {
  std::string_view name;
  double factor;
};
constexpr Unit kByteUnits[] = {{"", 1},      {"b", 1},          {"kb", 1e3},       {"mb", 1e6},       {"gb", 1e9},
                               {"tb", 1e12}, {"kib", 1u << 10}, {"mib", 1u << 20}, {"gib", 1u << 30}, {"tib", double(1ull << 40)}};
constexpr Unit kTimeUnits[] = {{"", 1}, {"s", 1}, {"ms", 1e-3}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};

std::optional<double> parse_with_unit(std::string_view text, std::span<const Unit> units) {
  text = trim(text);
  const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = parse_number(text.substr(0, digits));
  const std::string unit = lower(trim(text.substr(digits)));
  if (!number) return std::nullopt;
  for (const Unit& u : units)
    if (u.name == unit) return *number * u.factor;
  return std::nullopt;
}
}  // namespace

std::optional<int64_t> parse_bytes(std::string_view text) {
  const auto bytes = parse_with_unit(text, kByteUnits);
  if (!bytes || *bytes > 9e18) return std::nullopt;
  return int64_t(*bytes);
}

std::optional<double> parse_seconds(std::string_view text) { return parse_with_unit(text, kTimeUnits); }

std::string format_bytes(int64_t bytes) {
  constexpr const char* kNames[] = {"B", "KB", "MB", "GB", "TB"};
  double value = double(bytes);
  int unit = 0;
  while (value >= 999.5 && unit < 4) value /= 1000, ++unit;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.{}f} {}", value, value < 99.95 ? 1 : 0, kNames[unit]);
}

std::string format_seconds(double seconds) {
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 99.95) return fmt::format("{:.1f} s", seconds);
  const int64_t whole = int64_t(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string format_shortest(double value) {
  if (std::isnan(value)) return "nan";
  char text[32];
  const auto [end, code] = std::to_chars(text, text + sizeof text, value);
  return std::string(text, end);
}

std::string format_plain(double value) {
  return std::abs(value) < 1e15 && value == std::floor(value) ? std::to_string(int64_t(value)) : format_shortest(value);
}

size_t edit_distance(std::string_view a, std::string_view b) {
  // Optimal string alignment on three rows: names are short, so O(|a| |b|) is nothing.
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

std::string nearest_name(std::string_view typed, std::span<const std::string> names) {
  const std::string wanted = lower(typed);
  std::string best;
  size_t best_distance = wanted.size() < 2 ? 1 : std::max<size_t>(1, wanted.size() / 3) + 1;  // every letter is one edit from every other
  for (const std::string& name : names) {
    size_t distance = edit_distance(wanted, lower(name));
    if (distance >= best_distance && wanted.size() >= 3 && lower(name).starts_with(wanted)) distance = best_distance - 1;
    if (distance < best_distance) best = name, best_distance = distance;
  }
  return best;
}

Error unknown_name(std::string_view noun, std::string_view typed, std::span<const std::string> names, std::string where) {
  const std::string near = nearest_name(typed, names);
  std::string hint;
  if (!near.empty()) {
    hint = fmt::format("did you mean '{}'?", near);
  } else {
    const size_t shown = std::min<size_t>(names.size(), 12);
    hint = fmt::format("one of: {}{}", join(names.first(shown), ", "), shown < names.size() ? ", ..." : "");
  }
  return usage_error(fmt::format("unknown {} '{}'", noun, typed), std::move(where), std::move(hint));
}

}  // namespace hayate
