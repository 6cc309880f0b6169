#include "io/roundings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/cell_text.h"

namespace hayate::io {

void Roundings::add(const std::string& column, const std::string& path, First first) {
  const std::lock_guard lock(mutex_);
  columns_[column].try_emplace(path, std::move(first));
}

void Roundings::add_widened(const Table& part, const Table& whole, const std::string& path) {
  for (size_t c = 0; c < part.num_columns(); ++c) {
    const Column* const wide = whole.find(part.names[c]);
    if (!wide || wide->dtype != Dtype::float64) continue;
    if (auto value = first_beyond_float64(part.columns[c]))
      add(part.names[c], path,
          {fmt::format("is {} in one file and float64 with the others", dtype_name(part.columns[c].dtype)), std::move(*value),
           fmt::format("--types '{}=text' keeps every digit", part.names[c])});
  }
}

void Roundings::add_infinite(const Table& rows, const std::string& path) {
  const auto any_of = [](const auto& values) { return std::any_of(values.begin(), values.end(), [](auto value) { return std::isinf(value); }); };
  for (size_t c = 0; c < rows.num_columns(); ++c) {
    const Column& column = rows.columns[c];
    if ((column.dtype == Dtype::float64 && any_of(column.as<double>())) || (column.dtype == Dtype::float32 && any_of(column.as<float>())))
      add(rows.names[c], path, {"holds infinite numbers, which JSON does not have: they are written as null", "inf", ""});
  }
}

void Roundings::add_absent(const std::string& column, const std::string& path, int64_t files, int64_t all) {
  const std::lock_guard lock(mutex_);
  absent_.try_emplace(
      column, fmt::format("column '{}' is missing in the rows of {} of {} files, which do not have it, such as {}", column, files, all, path));
}

void Roundings::add_note(const std::string& message) {
  const std::lock_guard lock(mutex_);
  notes_.insert(message);
}

std::map<std::string, Roundings::First> Roundings::of(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, First> out;
  for (const auto& [column, files] : columns_)
    if (const auto found = files.find(path); found != files.end()) out.emplace(column, found->second);
  return out;
}

std::vector<std::string> Roundings::messages(bool with_hints) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [column, files] : columns_) {
    const auto& [path, first] = *files.begin();
    const size_t others = files.size() - 1;
    const std::string more = others == 0 ? "" : fmt::format(" and {} other file{}", others, others == 1 ? "" : "s");
    out.push_back(fmt::format("warning: column '{}' {}, such as {} in {}{}{}", column, first.done, first.value, path, more,
                              first.hint.empty() || !with_hints ? "" : "; " + first.hint));
  }
  for (const auto& [column, message] : absent_) out.push_back(message);
  out.insert(out.end(), notes_.begin(), notes_.end());
  return out;
}

}  // namespace hayate::io
