#include "exec/pressure.h"

#include <doctest/doctest.h>

#include "exec/test_machine.h"

using namespace hayate;
using namespace hayate::exec;

namespace {
Reading reading(double memory, double cpu, double io, double share, int64_t resident = 0) { return {memory, cpu, io, resident, share}; }
}  // namespace

TEST_CASE("pressure: the figures of our own control group, else of the machine, else none") {
  FakeMachine m;
  CHECK(read_pressure(m.root.string()).cpu == 0);
  m.file("proc/pressure/cpu", "some avg10=12.50 avg60=1.00 avg300=0.00 total=9\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
  m.file("proc/pressure/memory", "some avg10=0.75 avg60=1.00 avg300=0.00 total=9\n");
  CHECK(read_pressure(m.root.string()).cpu == 12.5);
  CHECK(read_pressure(m.root.string()).memory == 0.75);
  m.file("proc/self/cgroup", "0::/pod\n").file("sys/fs/cgroup/pod/cpu.pressure", "some avg10=80.00 avg60=1.00 avg300=0.00 total=9\n");
  CHECK(read_pressure(m.root.string()).cpu == 80);
  CHECK(read_pressure(m.root.string()).memory == 0.75);
}

TEST_CASE("pressure: fewer while memory is short, one by one back when it is calm") {
  Pressure pressure(4, 1000);
  CHECK(pressure.adapt(reading(0, 0, 0, 1, 940)) == 4);
  for (int want : {3, 2, 1, 1}) CHECK(pressure.adapt(reading(0, 0, 0, 1, 960)) == want);
  for (int i = 0; i < 9; ++i) CHECK(pressure.adapt(reading(0, 0, 0, 1, 500)) == 1);
  CHECK(pressure.adapt(reading(0, 0, 0, 1, 500)) == 2);
  for (int i = 0; i < 30; ++i) pressure.adapt(reading(0, 0, 0, 1, 500));
  CHECK(pressure.active() == 4);
  CHECK(pressure.adapt(reading(15, 0, 0, 1)) == 3);
  CHECK(pressure.fewest() == 1);
}

TEST_CASE("pressure: waiting for cores or the disk counts where our workers starve, and takes half of them at most") {
  Pressure pressure(5, 0);
  CHECK(pressure.adapt(reading(0, 99, 99, 0.9)) == 5);
  for (int i = 0; i < 10; ++i) pressure.adapt(reading(0, 70, 0, 0.3));
  CHECK(pressure.active() == 3);
  Pressure disk(2, 0);
  CHECK(disk.adapt(reading(0, 0, 50, 0.2)) == 1);
  CHECK(disk.adapt(reading(0, 0, 50, 0.2)) == 1);
}
