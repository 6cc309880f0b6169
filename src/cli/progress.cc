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

void ProgressLine::step_advanced(int64_t done, int64_t items) {
  const double now = wall_seconds();
  if (!redraw_ || items == 0 || done >= items || now - drawn_ < 0.1) return;
  drawn_ = now;
  const double rate = double(done) / (now - began_), left = double(items - done) / rate;
  fmt::print(stderr, "\r\033[K{}: {} of {} ({:.0f} %), {:.0f}/s, ETA {}, {}", name_, done, items, 100.0 * double(done) / double(items), rate,
             format_seconds(left), format_bytes(resident_bytes()));
  std::fflush(stderr);
  visible_ = true;
}

void ProgressLine::step_ended(const exec::StepRecord& record) {
  clear();
  const std::string items = record.items > 0 ? fmt::format(", {} items", record.items) : "";
  fmt::print(stderr, "{}: {}{}\n", record.name, format_seconds(record.wall_seconds), items);
}

}  // namespace hayate::cli
