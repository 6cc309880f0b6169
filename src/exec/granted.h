// What this process may use of the machine: never more than affinity, cpusets and the quotas of every control group
// above it allow. A container with 2 CPUs of a 64-core host has granted_cores() == 2.
#pragma once

#include <cstdint>
#include <string>

namespace hayate::exec {

/// A figure and where it came from ("affinity", "cgroup v2 cpu.max of /a", ...), as `hayate doctor` prints it.
struct Grant {
  int64_t value = 0;
  std::string source;
};

/// `root` is "/" but for tests, which pass a folder with proc/ and sys/ trees of their own; `affinity` likewise is the
/// number of CPUs in the affinity mask, or 0 to ask the operating system.
Grant granted_cores(const std::string& root = "/", int affinity = 0);
/// Asked of the machine once in a process: it takes 25 files.
Grant granted_memory(const std::string& root = "/");

}  // namespace hayate::exec
