#include "exec/pressure.h"

#include <algorithm>

#include "base/clock.h"
#include "base/strings.h"
#include "exec/cgroup.h"

namespace hayate::exec {
namespace {

constexpr double kMemoryShare = 0.95;                               // of the limit
constexpr double kMemoryWaits = 10, kCpuWaits = 60, kIoWaits = 40;  // per cent
constexpr double kStarved = 0.5;
constexpr int kCalmReadings = 10;

/// "some avg10=1.53 avg60=..." -> 1.53
double waits_in(const std::string& text) {
  const size_t at = text.find("some avg10=");
  if (at == std::string::npos) return 0;
  const size_t begin = at + 11;
  return parse_number(text.substr(begin, text.find(' ', begin) - begin)).value_or(0);
}

double waits_for(const std::string& root, const std::string& group, const std::string& what) {
  const std::string own = read_text(root + "/sys/fs/cgroup" + group + "/" + what + ".pressure");
  return waits_in(own.empty() ? read_text(root + "/proc/pressure/" + what) : own);
}

}  // namespace

Reading read_pressure(const std::string& root) {
  const std::string group = group_of(root, "");
  Reading out;
  out.memory = waits_for(root, group, "memory"), out.cpu = waits_for(root, group, "cpu"), out.io = waits_for(root, group, "io");
  out.resident_bytes = resident_bytes();
  return out;
}

int Pressure::adapt(const Reading& reading) {
  const bool memory = (memory_limit_ > 0 && double(reading.resident_bytes) > kMemoryShare * double(memory_limit_)) || reading.memory > kMemoryWaits;
  const bool starved = reading.cpu_share < kStarved && (reading.cpu > kCpuWaits || reading.io > kIoWaits);
  const int least = memory ? 1 : (workers_ + 1) / 2;
  if (memory || starved) {
    calm_ = 0;
    if (active_ > least) --active_;
  } else if (++calm_ >= kCalmReadings && active_ < workers_) {
    calm_ = 0;
    ++active_;
  }
  fewest_ = std::min(fewest_, active_);
  return active_;
}

}  // namespace hayate::exec
