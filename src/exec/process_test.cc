// The children are shells: /bin/sh stands for the program.
#include "exec/process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "base/folder_lock.h"

using namespace hayate;
using namespace hayate::exec;

namespace {
ProcessOrder shell(const std::string& script) {
  set_worker_program("/bin/sh");
  ProcessOrder order;
  order.arguments = {"-c", script};
  return order;
}
}  // namespace

TEST_CASE("process: what it prints and its exit code come back") {
  const auto end = run_process(shell("echo hello; exit 3"));
  REQUIRE(end.ok());
  CHECK(end.value().ending == Ending::exited);
  CHECK(end.value().code == 3);
  CHECK(end.value().output == "hello\n");
}

TEST_CASE("process: a crash is its own doing and is not tried again") {
  const std::string count = std::filesystem::temp_directory_path() / ("hayate_process_" + unique_suffix());
  const auto end = run_process(shell("echo x >>" + count + "; kill -SEGV $$"));
  REQUIRE(end.ok());
  CHECK(end.value().ending == Ending::crashed);
  CHECK(end.value().code == SIGSEGV);
  CHECK(std::filesystem::file_size(count) == 2);
  std::filesystem::remove(count);
}

TEST_CASE("process: one that was killed from outside is started again, so often") {
  const std::string count = std::filesystem::temp_directory_path() / ("hayate_process_" + unique_suffix());
  const auto third = run_process(shell("echo x >>" + count + "; [ $(wc -l <" + count + ") = 3 ] && echo done || kill -KILL $$"));
  REQUIRE(third.ok());
  CHECK(third.value().ending == Ending::exited);
  CHECK(third.value().output == "done\n");
  std::filesystem::remove(count);
  const auto never = run_process(shell("echo x >>" + count + "; kill -KILL $$"));
  CHECK(never.value().ending == Ending::killed);
  CHECK(std::filesystem::file_size(count) == 2 * 4);
  std::filesystem::remove(count);
}

TEST_CASE("process: one that takes too long, or that nobody wants any more, is killed") {
  ProcessOrder order = shell("exec sleep 100");
  order.most_seconds = 0.1;
  const double began = wall_seconds();
  CHECK(run_process(order).value().ending == Ending::timed_out);
  Cancellation cancel;
  cancel.stop();
  order.most_seconds = 100, order.cancel = &cancel;
  CHECK(run_process(order).value().ending == Ending::stopped);
  CHECK(wall_seconds() - began < 10);
}

TEST_CASE("process: a file is its descriptor 3; output is read to a bound") {
  const int file = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ProcessOrder order = shell("echo x >&3 && echo open; head -c 3000000 /dev/zero");
  order.file = file;
  const auto end = run_process(order);
  ::close(file);
  CHECK(end.value().output.starts_with("open\n"));
  CHECK(end.value().output.size() < 1'100'000);
}

TEST_CASE("process: a program that is not there is an error") {
  set_worker_program("/nonexistent");
  ProcessOrder order;
  CHECK(run_process(order).error().kind == Kind::io);
  set_worker_program("");
}
