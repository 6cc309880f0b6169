#include "exec/granted.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/strings.h"
#include "exec/cgroup.h"

namespace hayate::exec {
namespace {

void lower_to(Grant& grant, int64_t value, const std::string& source) {
  if (value > 0 && (grant.value == 0 || value < grant.value)) grant = {value, source};
}

/// "0-3,8" -> 5.
int64_t count_cpus(const std::string& list) {
  int64_t count = 0;
  for (const std::string& part : split(list, ',')) {
    const auto ends = split(part, '-');
    const auto first = parse_integer(ends[0]), last = parse_integer(ends.back());
    if (first && last && *last >= *first) count += *last - *first + 1;
  }
  return count;
}

int64_t quota_cores(const std::optional<int64_t>& quota, const std::optional<int64_t>& period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return 0;
  return (*quota + *period - 1) / *period;
}

Grant memory_under(const std::string& root) {
  Grant grant;
  for (const std::string& line : split(read_text(root + "/proc/meminfo"), '\n'))
    if (line.starts_with("MemTotal:"))
      if (const auto kib = parse_integer(trim(std::string_view(line).substr(9, line.size() - 9 - 3)))) lower_to(grant, *kib * 1024, "MemTotal");
  for (const std::string& group : ancestors(group_of(root, "")))
    if (const auto limit = parse_integer(read_text(root + "/sys/fs/cgroup" + group + "/memory.max")))
      lower_to(grant, *limit, "cgroup v2 memory.max of " + group + "/");
  for (const std::string& group : ancestors(group_of(root, "memory")))
    if (const auto limit = parse_integer(read_text(root + "/sys/fs/cgroup/memory" + group + "/memory.limit_in_bytes")))
      lower_to(grant, *limit, "cgroup v1 memory.limit_in_bytes of " + group + "/");
  return grant;
}

}  // namespace

Grant granted_cores(const std::string& root, int affinity) {
  Grant grant;
  if (affinity == 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    affinity = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  }
  lower_to(grant, affinity, "affinity");
  for (const std::string& group : ancestors(group_of(root, ""))) {
    const std::string folder = root + "/sys/fs/cgroup" + group;
    const auto parts = split(read_text(folder + "/cpu.max"), ' ');
    if (parts.size() == 2) lower_to(grant, quota_cores(parse_integer(parts[0]), parse_integer(parts[1])), "cgroup v2 cpu.max of " + group + "/");
    lower_to(grant, count_cpus(read_text(folder + "/cpuset.cpus.effective")), "cgroup v2 cpuset of " + group + "/");
  }
  for (const std::string& group : ancestors(group_of(root, "cpu"))) {
    const std::string folder = root + "/sys/fs/cgroup/cpu" + group;
    lower_to(grant, quota_cores(parse_integer(read_text(folder + "/cpu.cfs_quota_us")), parse_integer(read_text(folder + "/cpu.cfs_period_us"))),
             "cgroup v1 cpu quota of " + group + "/");
  }
  for (const std::string& group : ancestors(group_of(root, "cpuset")))
    lower_to(grant, count_cpus(read_text(root + "/sys/fs/cgroup/cpuset" + group + "/cpuset.effective_cpus")), "cgroup v1 cpuset of " + group + "/");
  grant.value = std::max<int64_t>(grant.value, 1);
  return grant;
}

Grant granted_memory(const std::string& root) {
  static const Grant of_this_process = memory_under("/");
  return root == "/" ? of_this_process : memory_under(root);
}

}  // namespace hayate::exec
