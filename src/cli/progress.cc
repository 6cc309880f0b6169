#include "cli/progress.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/clock.h"
#include "base/strings.h"

namespace hayate::cli {

void ProgressLine::clear() {
  if (visible_) fmt::print(stderr, "\r\033[K");
  visible_ = false;
}

void ProgressLine::step_began(const std::string& name, int64_t) {
  name_ = name;
  began_ = drawn_ = wall_seconds();
}

void ProgressLine::step_advanced(const exec::StepProgress& progress) {
  const bool by_bytes = progress.bytes > 0;
  const int64_t of = by_bytes ? progress.bytes : progress.items, at = by_bytes ? progress.bytes_done : progress.done;
  const double now = wall_seconds(), done = double(at), items = double(of);
  if (!redraw_ || of == 0 || at >= of || now - drawn_ < 0.1) return;
  drawn_ = now;
  const double rate = done / (now - began_), left = progress.seconds_left >= 0 ? progress.seconds_left : (items - done) / rate;
  const std::string reused = progress.reused > 0 ? fmt::format(", {} cache hits", progress.reused) : "";
  const auto shown = [&](int64_t count) { return by_bytes ? format_bytes(count) : fmt::format("{}", count); };
  fmt::print(stderr, "\r\033[K{}: {} of {} ({:.0f} %), {}/s, ETA {}, {}{}", name_, shown(at), shown(of), 100 * done / items, shown(int64_t(rate)),
             format_seconds(left), format_bytes(resident_bytes()), reused);
  std::fflush(stderr);
  visible_ = true;
}

void ProgressLine::step_ended(const exec::StepRecord& record) {
  clear();
  const std::string items = record.items > 0 ? fmt::format(", {} items", record.items) : "";
  const std::string bytes = record.bytes > 0 ? fmt::format(", {} read", format_bytes(record.bytes)) : "";
  fmt::print(stderr, "{}: {}{}{}\n", record.name, format_seconds(record.wall_seconds), items, bytes);
}

}  // namespace hayate::cli
