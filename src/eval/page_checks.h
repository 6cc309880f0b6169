// For tests: what must be true of any page that hayate writes.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace hayate::eval {

inline size_t count_of(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}
inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Every tag opened is closed in order, attributes are quoted, and ids are there once; returns what is wrong, or "".
inline std::string check_markup(std::string_view html) {
  std::vector<std::string> open;
  std::vector<std::string> ids, targets;
  for (size_t at = html.find('<'); at != std::string_view::npos; at = html.find('<', at)) {
    if (html.substr(at).starts_with("<style>")) {
      at = html.find("</style>", at) + 8;
      continue;
    }
    size_t end = at;
    bool quoted = false;
    for (; end < html.size() && (quoted || html[end] != '>'); ++end) {
      if (html[end] == '"') quoted = !quoted;
      if (quoted && html[end] == '<') return "a '<' inside an attribute near " + std::string(html.substr(at, 80));
    }
    if (end == html.size()) return "a tag that never ends: " + std::string(html.substr(at, 80));
    const std::string_view tag = html.substr(at + 1, end - at - 1);
    const std::string name(tag.substr(0, tag.find_first_of(" /", 1)));
    for (const auto& [attribute, list] : {std::pair(" id=\"", &ids), std::pair(" href=\"#", &targets)})
      if (const size_t value = tag.find(attribute); value != std::string_view::npos) {
        const size_t begin = value + std::string_view(attribute).size();
        list->emplace_back(tag.substr(begin, tag.find('"', begin) - begin));
      }
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return fmt::format("</{}> closes {}", tag.substr(1), open.empty() ? "nothing" : open.back());
      open.pop_back();
    } else if (!tag.ends_with('/') && name != "meta" && name != "wbr" && !tag.starts_with("!doctype")) {
      open.push_back(name);
    }
    at = end;
  }
  if (!open.empty()) return open.back() + " is never closed";
  for (const std::string& id : ids)
    if (std::count(ids.begin(), ids.end(), id) != 1) return "id twice: " + id;
  for (const std::string& target : targets)
    if (std::count(ids.begin(), ids.end(), target) != 1) return "a link to nowhere: " + target;
  return "";
}

/// Well-formed, without scripts or anything to load, no number that is none, and small.
inline void check_page(std::string_view html) {
  CHECK(check_markup(html) == "");
  CHECK_FALSE(contains(html, "<script"));
  CHECK_FALSE(contains(html, "https:"));
  CHECK(count_of(html, "http:") == count_of(html, "xmlns=\"http://www.w3.org/2000/svg\""));
  CHECK_FALSE(contains(html, "url("));
  for (const std::string_view broken : {">nan", "\"nan", " nan", "NaN", ">inf", "-inf", " inf "}) CHECK_FALSE(contains(html, broken));
  CHECK(html.size() < 2'000'000);
}

}  // namespace hayate::eval
