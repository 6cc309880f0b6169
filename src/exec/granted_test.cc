#include "exec/granted.h"

#include <doctest/doctest.h>

#include "exec/test_machine.h"

using namespace hayate::exec;

namespace {
struct Machine : FakeMachine {
  Grant cores(int affinity) const { return granted_cores(root.string(), affinity); }
  Grant memory() const { return granted_memory(root.string()); }
};
}  // namespace

TEST_CASE("granted: no control group") {
  Machine m;
  m.file("proc/meminfo", "MemTotal:       16000 kB\nMemFree: 1 kB\n");
  CHECK(m.cores(20).value == 20);
  CHECK(m.memory().value == 16000 * 1024);
}

TEST_CASE("granted: v2, the quota of an ancestor counts and is rounded up") {
  Machine m;
  m.file("proc/self/cgroup", "0::/pod/box\n").file("sys/fs/cgroup/pod/box/cpu.max", "max 100000");
  m.file("sys/fs/cgroup/pod/cpu.max", "150000 100000")
      .file("sys/fs/cgroup/pod/memory.max", "2000000000")
      .file("sys/fs/cgroup/pod/box/memory.max", "max");
  CHECK(m.cores(20).value == 2);
  CHECK(m.cores(20).source == "cgroup v2 cpu.max of /pod/");
  CHECK(m.memory().value == 2'000'000'000);
}

TEST_CASE("granted: v2 cpuset and affinity, the smaller wins") {
  Machine m;
  m.file("proc/self/cgroup", "0::/\n").file("sys/fs/cgroup/cpuset.cpus.effective", "0-3,8\n");
  CHECK(m.cores(20).value == 5);
  CHECK(m.cores(3).value == 3);
}

TEST_CASE("granted: v1") {
  Machine m;
  m.file("proc/self/cgroup", "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n1:cpuset:/docker/x\n");
  m.file("sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "400000").file("sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", "100000");
  m.file("sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "1000000000");
  CHECK(m.cores(20).value == 4);
  CHECK(m.memory().value == 1'000'000'000);
}

TEST_CASE("granted: v1 cpuset, of the group or of one above it") {
  Machine m;
  m.file("proc/self/cgroup", "3:cpu,cpuacct:/\n1:cpuset:/pod/box\n").file("sys/fs/cgroup/cpuset/pod/box/cpuset.effective_cpus", "0-7,10\n");
  CHECK(m.cores(20).value == 9);
  CHECK(m.cores(20).source == "cgroup v1 cpuset of /pod/box/");
  m.file("sys/fs/cgroup/cpuset/pod/cpuset.effective_cpus", "2,4-5\n");
  CHECK(m.cores(20).value == 3);
  CHECK(m.cores(20).source == "cgroup v1 cpuset of /pod/");
  CHECK(m.cores(2).value == 2);
  m.file("proc/self/cgroup", "3:cpu,cpuacct:/pod\n1:cpuset:/pod/box\n").file("sys/fs/cgroup/cpu/pod/cpu.cfs_quota_us", "50000");
  m.file("sys/fs/cgroup/cpu/pod/cpu.cfs_period_us", "100000");
  CHECK(m.cores(20).value == 1);
}

TEST_CASE("granted: both versions beside each other, the smallest of all counts") {
  Machine m;
  m.file("proc/self/cgroup", "1:cpuset,cpu:/old\n0::/new/leaf\n").file("sys/fs/cgroup/cpuset/old/cpuset.effective_cpus", "0-11");
  m.file("sys/fs/cgroup/new/cpu.max", "350000 100000").file("sys/fs/cgroup/new/leaf/cpu.max", "max 100000");
  CHECK(m.cores(20).value == 4);
  m.file("sys/fs/cgroup/new/leaf/cpuset.cpus.effective", "0-1");
  CHECK(m.cores(20).value == 2);
}
