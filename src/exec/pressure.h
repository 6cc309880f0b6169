// How many workers the machine bears at this moment. Asked for a few times a second while a pool works; the pool then
// hands out fewer tasks or more, no thread is ended for it.
//
// What is looked at: the resident set against the limit, and the kernel's pressure figures (PSI: the share of the last
// ten seconds in which somebody waited for memory, a core, the disk), of our own control group where there is one. Waiting
// for cores or the disk alone says little (a machine that is used well has it); it counts where our own workers get less
// than half of the time they could have. For those two at most half of the workers pause: who steps back for others on a
// shared machine should not stop for them.
#pragma once

#include <cstdint>
#include <string>

namespace hayate::exec {

/// Per cent of the last ten seconds in which something waited; 0 where the kernel does not say.
struct Reading {
  double memory = 0, cpu = 0, io = 0;
  int64_t resident_bytes = 0;
  double cpu_share = 1;  ///< CPU seconds over worker seconds since the last reading
};

/// The kernel's figures, of our control group or of the whole machine.
Reading read_pressure(const std::string& root = "/");

class Pressure {
 public:
  /// `memory_limit` 0: none.
  Pressure(int workers, int64_t memory_limit) : workers_(workers), memory_limit_(memory_limit), active_(workers) {}

  /// The number of tasks to keep in hand from now on.
  int adapt(const Reading& reading);
  int active() const { return active_; }
  /// The fewest that it ever asked for.
  int fewest() const { return fewest_; }

 private:
  int workers_;
  int64_t memory_limit_;
  int active_;
  int fewest_ = active_;
  int calm_ = 0;  ///< readings since the last one that asked for fewer
};

}  // namespace hayate::exec
