// Work that this process does not trust itself with: a foreign file read through a library that crashes on bad input, later
// the code of a user. It is done by another process of the same program, which limits its own memory and processor time
// before it touches anything, answers on its standard output, and can be killed at any moment: by its limits, at its
// time-out, by the system when memory is short. Whoever crashes is blamed alone; whoever was killed from outside is not
// to blame and is started again.
//
// The child is held by a file descriptor of it (pidfd), not by its number, which another process may have by the time of
// the kill; it ends with its parent, also when that is killed.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "exec/pool.h"
#include "hayate/error.h"

namespace hayate::exec {

/// The program that children are started from; main() sets it to itself. "" (the default): none can be started.
void set_worker_program(const std::string& path);
const std::string& worker_program();

/// How a child ended.
enum class Ending {
  exited,     ///< `code` is its exit code
  crashed,    ///< by a signal of its own doing (a bad access, an abort, too much processor time); `code` is the signal
  killed,     ///< by a signal from outside; `code` is the signal
  timed_out,  ///< it took longer than it was given
  stopped,    ///< we were told to stop
};

struct ProcessEnd {
  Ending ending = Ending::exited;
  int code = 0;
  std::string output;  ///< what it printed on its standard output, at most 1 MiB of it
};

struct ProcessOrder {
  std::vector<std::string> arguments;  ///< after the program's name
  int file = -1;                       ///< open in the child as descriptor 3; -1: none
  double most_seconds = 600;
  int retries = 3;  ///< after being killed from outside
  const Cancellation* cancel = nullptr;
};

/// Starts a child and waits for its end. Error (io): none can be started.
Result<ProcessEnd> run_process(const ProcessOrder& order);

/// For the child, first of all: from now on at most `more_bytes` beyond what it holds (0: no limit), so many seconds of processor
/// time, no core file, and its end with the parent's.
void limit_this_process(int64_t more_bytes, double cpu_seconds);

}  // namespace hayate::exec
