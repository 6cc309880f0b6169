#include "exec/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/clock.h"

extern char** environ;

namespace hayate::exec {
namespace {

constexpr size_t kMostOutput = size_t{1} << 20;
constexpr double kStopLookSeconds = 0.05;  // between two looks at whether to stop

std::string& program_path() {
  static std::string path;
  return path;
}

// The C library of Debian 12 declares pidfd_open and pidfd_send_signal for C alone, so they are called by number.
class Child {
 public:
  ~Child() {
    if (output_ >= 0) ::close(output_);
    if (process_ > 0) kill(), wait();
    if (handle_ >= 0) ::close(handle_);
  }

  Result<void> start(const ProcessOrder& order) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      return Error{Kind::io, fmt::format("no pipe can be made: {}", std::strerror(errno)), "worker", "raise the number of open files (ulimit -n)"};
    output_ = ends[0];
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (order.file >= 0) ::posix_spawn_file_actions_adddup2(&actions, order.file, 3);
    std::vector<char*> argv = {const_cast<char*>(program_path().c_str())};
    for (const std::string& argument : order.arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const int code = ::posix_spawn(&process_, program_path().c_str(), &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (code == 0) return handle_ = int(::syscall(SYS_pidfd_open, process_, 0)), Result<void>();
    process_ = -1;
    return Error{Kind::io, fmt::format("the worker process cannot be started: {}", std::strerror(code)), program_path(),
                 "is the number of processes limited (ulimit -u)?"};
  }

  /// Reads what it prints until it closes its output. False when it took too long or `cancel` says stop.
  bool read_all(double deadline, const Cancellation* cancel, std::string& text) {
    char piece[4096];
    while (!(cancel && cancel->stopped())) {
      pollfd waiting = {output_, POLLIN, 0};
      const double left = deadline - wall_seconds();
      if (left <= 0) return false;
      if (::poll(&waiting, 1, int(1000 * std::min(left, kStopLookSeconds)) + 1) <= 0) continue;
      const ssize_t got = ::read(output_, piece, sizeof piece);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return true;
      if (text.size() < kMostOutput) text.append(piece, size_t(got));
    }
    return false;
  }

  int wait() {
    int status = 0;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) continue;
    process_ = -1;
    return status;
  }

 private:
  void kill() { handle_ >= 0 ? int(::syscall(SYS_pidfd_send_signal, handle_, SIGKILL, nullptr, 0)) : ::kill(process_, SIGKILL); }

  pid_t process_ = -1;
  int output_ = -1, handle_ = -1;
};

/// Signals that a program brings on itself, its limit of processor time included.
bool own_doing(int signal) {
  constexpr int kOwn[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP, SIGXCPU, SIGXFSZ};
  return std::find(std::begin(kOwn), std::end(kOwn), signal) != std::end(kOwn);
}

Result<ProcessEnd> run_once(const ProcessOrder& order) {
  ProcessEnd out;
  Child child;
  HY_CHECK(child.start(order));
  if (!child.read_all(wall_seconds() + order.most_seconds, order.cancel, out.output)) {
    out.ending = order.cancel && order.cancel->stopped() ? Ending::stopped : Ending::timed_out;
    return out;
  }
  const int status = child.wait();
  if (WIFSIGNALED(status)) {
    out.code = WTERMSIG(status);
    out.ending = own_doing(out.code) ? Ending::crashed : Ending::killed;
  } else {
    out.code = WEXITSTATUS(status);
  }
  return out;
}

}  // namespace

void set_worker_program(const std::string& path) { program_path() = path; }
const std::string& worker_program() { return program_path(); }

Result<ProcessEnd> run_process(const ProcessOrder& order) {
  for (int attempt = 0;; ++attempt) {
    HY_TRY(ProcessEnd end, run_once(order));
    if (end.ending != Ending::killed || attempt >= order.retries) return end;
  }
}

void limit_this_process(int64_t more_bytes, double cpu_seconds) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  long pages = 0;
  if (std::FILE* statm = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(statm, "%ld", &pages) != 1) pages = 0;
    std::fclose(statm);
  }
  const auto most = rlim_t(pages * ::sysconf(_SC_PAGESIZE) + more_bytes), seconds = rlim_t(std::ceil(cpu_seconds));
  const rlimit memory = {most, most}, time = {seconds, seconds + 1}, no_core = {0, 0};
  if (more_bytes > 0) ::setrlimit(RLIMIT_AS, &memory);
  ::setrlimit(RLIMIT_CPU, &time);
  ::setrlimit(RLIMIT_CORE, &no_core);
}

}  // namespace hayate::exec
