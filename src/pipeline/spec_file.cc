#include "pipeline/spec_file.h"

#include <fmt/format.h>

// toml++ 3.3 asserts, and under clang assumes, that a key begins with a letter or a quote, and only then looks: [+a] would be an abort
// or worse. Without its asserts the look reports the file.
#define TOML_HEADER_ONLY 1
#define TOML_ASSERT(expr) static_assert(true)
#pragma push_macro("NDEBUG")
#undef NDEBUG
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/strings.h"

namespace hayate::pipeline {
namespace {

/// Behind the quoted text that begins at `at`, or where its line ends without a quote.
size_t end_of_quoted(std::string_view text, size_t at) {
  const std::string three(3, text[at]);
  const std::string_view mark = std::string_view(three).substr(0, text.substr(at).starts_with(three) ? 3 : 1);
  for (size_t i = at + mark.size(); i < text.size(); ++i) {
    if (text.substr(i).starts_with(mark)) return i + mark.size();
    if (text[i] == '\n' && mark.size() == 1) return i;
    i += text[i] == '\\' && mark[0] == '"';
  }
  return text.size();
}

/// The first byte beyond ASCII that is in no quoted text and no comment. TOML has none there, and what toml++ 3.3 does with some of them is
/// undefined.
std::optional<size_t> bare_beyond_ascii(std::string_view text) {
  size_t at = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  while (at < text.size()) {
    if (text[at] & 0x80) return at;
    if (text[at] == '#')
      at = std::min(text.find('\n', at), text.size());
    else if (text[at] == '"' || text[at] == '\'')
      at = end_of_quoted(text, at);
    else
      ++at;
  }
  return std::nullopt;
}

constexpr const char* kQuoteTexts = "text needs quotes: key = \"value\"";

/// A scalar as the text a flag would have: true, 100, 0.1, 2024-01-05, or the string itself.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return format_shortest(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* date = node.as_date()) return fmt::format("{:04}-{:02}-{:02}", date->get().year, date->get().month, date->get().day);
  return std::nullopt;
}

Error unusable(const std::string& source, const toml::node& node, const std::string& name) {
  return usage_error(fmt::format("the value of '{}' cannot be used", name), fmt::format("{}:{}", source, node.source().begin.line),
                     "a number, text in quotes, true or false, or an array of those");
}

/// Where a value stands: "run.toml:7", and the column of its text, behind the quote.
TextPlace place_of_value(const std::string& text, const std::string& source, const toml::node& node, const std::string& value) {
  const toml::source_position begin = node.source().begin;
  TextPlace place{fmt::format("{}:{}", source, begin.line)};
  size_t at = 0;
  for (toml::source_index line = 1; line < begin.line && at < text.size(); ++line) at = std::min(text.find('\n', at), text.size()) + 1;
  for (toml::source_index column = 1; column < begin.column && at < text.size(); ++column)
    for (++at; at < text.size() && (text[at] & 0xc0) == 0x80;) ++at;
  if (node.is_string() && at < text.size() && std::string_view(text).substr(at + 1).starts_with(value)) place.column = begin.column + 1;
  return place;
}

Result<SpecEntry> entry_of(const std::string& text, const std::string& source, const std::string& section, std::string_view key,
                           const toml::node& node) {
  SpecEntry entry{section, std::string(key), {}, node.is_array(), int(node.source().begin.line)};
  if (const auto* array = node.as_array()) {
    for (const toml::node& element : *array) {
      const auto value = scalar_text(element);
      if (!value) return unusable(source, element, entry.key);
      entry.values.push_back(*value);
      entry.places.push_back(place_of_value(text, source, element, *value));
    }
  } else if (const auto* table = node.as_table()) {
    for (const auto& [name, value] : *table) {
      const auto part = scalar_text(value);
      if (!part) return unusable(source, value, fmt::format("{}.{}", key, name.str()));
      entry.values.push_back(fmt::format("{}={}", name.str(), *part));
      entry.places.push_back({fmt::format("{}:{}", source, value.source().begin.line)});
    }
  } else {
    const auto value = scalar_text(node);
    if (!value) return unusable(source, node, entry.key);
    entry.values.push_back(*value);
    entry.places.push_back(place_of_value(text, source, node, *value));
  }
  return entry;
}

}  // namespace

Result<std::vector<SpecEntry>> parse_spec_text(const std::string& text, const std::string& source) {
  if (const auto at = bare_beyond_ascii(text))
    return usage_error("this is not TOML: a character beyond ASCII outside quotes",
                       fmt::format("{}:{}", source, 1 + std::count(text.begin(), text.begin() + ptrdiff_t(*at), '\n')), kQuoteTexts);
  std::vector<SpecEntry> entries;
  try {
    const toml::table root = toml::parse(text, source);
    for (const auto& [name, node] : root) {
      const auto* section = node.as_table();
      if (!section) {
        HY_TRY(SpecEntry entry, entry_of(text, source, "", name.str(), node));
        entries.push_back(std::move(entry));
        continue;
      }
      if (section->empty()) entries.push_back({std::string(name.str()), "", {}, false, int(node.source().begin.line)});
      for (const auto& [key, value] : *section) {
        HY_TRY(SpecEntry entry, entry_of(text, source, std::string(name.str()), key.str(), value));
        entries.push_back(std::move(entry));
      }
    }
  } catch (const toml::parse_error& failure) {
    return usage_error(fmt::format("this is not TOML: {}", failure.description()), fmt::format("{}:{}", source, failure.source().begin.line),
                       kQuoteTexts);
  }
  // toml++ sorts keys; the file's order makes the first error the one a reader meets first.
  std::stable_sort(entries.begin(), entries.end(), [](const SpecEntry& a, const SpecEntry& b) { return a.line < b.line; });
  return entries;
}

Result<std::string> read_spec_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || !text)
    return input_error("no such file, or it may not be read", path, "give the path of a spec in TOML, such as examples/prices/run.toml");
  return text.str();
}

Result<std::vector<SpecEntry>> read_spec_file(const std::string& path) {
  HY_TRY(const std::string text, read_spec_text(path));
  return parse_spec_text(text, path);
}

}  // namespace hayate::pipeline
