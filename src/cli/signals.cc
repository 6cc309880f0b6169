#include "cli/signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace hayate::cli {
namespace {

std::atomic<int> g_signal{0};

void on_signal(int signal) {
  if (g_signal.exchange(signal) != 0) _exit(128 + signal);
  interruption().stop();
}

}  // namespace

exec::Cancellation& interruption() {
  static exec::Cancellation cancellation;
  return cancellation;
}

int received_signal() { return g_signal; }

void install_signal_handlers() {
  interruption();  // made before a handler can need it
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace hayate::cli
