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
  const double now = wall_seconds(), done = double(progress.done), items = double(progress.items);
  if (!redraw_ || progress.items == 0 || progress.done >= progress.items || now - drawn_ < 0.1) return;
  drawn_ = now;
  const double rate = done / (now - began_), left = progress.seconds_left >= 0 ? progress.seconds_left : (items - done) / rate;
  const std::string reused = progress.reused > 0 ? fmt::format(", {} cache hits", progress.reused) : "";
  fmt::print(stderr, "\r\033[K{}: {} of {} ({:.0f} %), {:.0f}/s, ETA {}, {}{}", name_, progress.done, progress.items, 100 * done / items, rate,
             format_seconds(left), format_bytes(resident_bytes()), reused);
  std::fflush(stderr);
  visible_ = true;
}

void ProgressLine::step_ended(const exec::StepRecord& record) {
  clear();
  const std::string items = record.items > 0 ? fmt::format(", {} items", record.items) : "";
  fmt::print(stderr, "{}: {}{}\n", record.name, format_seconds(record.wall_seconds), items);
}

}  // namespace hayate::cli
