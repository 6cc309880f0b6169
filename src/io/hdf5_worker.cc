// A worker process for one file: started from the same program, it limits its own memory and processor time before it
// opens the file, writes the table as Arrow IPC into a temporary file that the parent opened, and an Error as JSON to its
// standard output. Whatever happens in it (a crash, an endless loop, a request for a terabyte), the parent gets an Error.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/clock.h"
#include "base/json.h"
#include "base/strings.h"
#include "io/files.h"
#include "io/formats.h"
#include "io/hdf5.h"
#include "io/json_reader.h"

extern char** environ;

namespace hayate::io {
namespace {

constexpr double kMostSeconds = 600;

std::string& worker_program() {
  static std::string path;
  return path;
}

/// Writes to a descriptor that somebody else opened.
class DescriptorSink final : public ByteSink {
 public:
  explicit DescriptorSink(int file) : file_(file) {}
  Result<void> write(const void* data, size_t size) override {
    for (size_t done = 0; done < size;) {
      const ssize_t put = ::write(file_, static_cast<const char*>(data) + done, size - done);
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0)
        return Error{Kind::io, fmt::format("temporary data cannot be written: {}", std::strerror(errno)), "$TMPDIR", "free some space there"};
      done += size_t(put);
    }
    return {};
  }
  Result<void> publish() override { return {}; }

 private:
  int file_;
};

/// Address space: what the process has now, and `bytes` more.
void limit_memory(int64_t bytes) {
  int64_t pages = 0;
  if (FILE* statm = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(statm, "%ld", &pages) != 1) pages = 0;
    std::fclose(statm);
  }
  const rlim_t most = rlim_t(pages * ::sysconf(_SC_PAGESIZE) + bytes);
  const rlimit memory = {most, most}, seconds = {rlim_t(kMostSeconds), rlim_t(kMostSeconds)}, no_core = {0, 0};
  ::setrlimit(RLIMIT_AS, &memory);
  ::setrlimit(RLIMIT_CPU, &seconds);
  ::setrlimit(RLIMIT_CORE, &no_core);
}

Result<void> work(const std::vector<std::string>& arguments) {
  if (arguments.size() < 3) return usage_error("this command is for hayate itself", kHdf5Worker, "hayate --help lists the commands");
  const int file = int(parse_integer(arguments[0]).value_or(-1));
  limit_memory(parse_integer(arguments[1]).value_or(0));
  HY_TRY(const Table table, parse_hdf5_file(arguments[2], {arguments.begin() + 3, arguments.end()}));
  const auto encoder = arrow_encoder(std::make_unique<DescriptorSink>(file), arguments[2]);
  HY_CHECK(encoder->begin(slice(table, 0, 0)));
  constexpr int64_t kGroup = int64_t{1} << 20;
  for (int64_t row = 0; row < table.num_rows() || row == 0; row += kGroup)
    HY_CHECK(encoder->write(slice(table, row, std::min(kGroup, table.num_rows() - row))));
  return encoder->finish();
}

Error lost(const std::string& path, std::string what) {
  return input_error(std::move(what), path, "the file may be damaged; write it again, or as Parquet: pandas.read_hdf(path).to_parquet(new_path)");
}

struct Child {
  pid_t process = -1;
  int output = -1;

  ~Child() {
    if (output >= 0) ::close(output);
    if (process > 0) ::kill(process, SIGKILL), ::waitpid(process, nullptr, 0);
  }
  /// What it printed until it ended; false when it took too long.
  bool read_all(std::string* text) {
    const double deadline = wall_seconds() + kMostSeconds;
    char piece[4096];
    while (true) {
      pollfd wait = {output, POLLIN, 0};
      const double left = deadline - wall_seconds();
      if (left <= 0) return false;
      const int ready = ::poll(&wait, 1, int(left * 1000) + 1);
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0) return false;
      const ssize_t got = ::read(output, piece, sizeof piece);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return true;
      if (text->size() < (size_t{1} << 20)) text->append(piece, size_t(got));
    }
  }
  int status() {
    int out = 0;
    while (::waitpid(process, &out, 0) < 0 && errno == EINTR) continue;
    process = -1;
    return out;
  }
};

/// Starts the worker with `file` open as descriptor 3.
Result<void> start(const std::vector<std::string>& arguments, int file, Child* child) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return Error{Kind::io, fmt::format("no pipe can be made: {}", std::strerror(errno)), "worker", "raise the number of open files (ulimit -n)"};
  child->output = ends[0];
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, file, 3);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const int code = ::posix_spawn(&child->process, worker_program().c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (code == 0) return {};
  child->process = -1;
  return Error{Kind::io, fmt::format("the worker process cannot be started: {}", std::strerror(code)), worker_program(),
               "is the number of processes limited (ulimit -u)?"};
}

Error error_of(const std::string& said, const std::string& path) {
  const auto document = parse_json(said, path);
  const Json* error = document.ok() ? document.value().find("error") : nullptr;
  const auto field = [&](const char* name) {
    const Json* found = error ? error->find(name) : nullptr;
    return found && found->text() ? *found->text() : std::string();
  };
  if (!error) return lost(path, "the HDF5 library gave up on this file");
  Error out = lost(path, field("what"));
  for (const Kind kind : {Kind::usage, Kind::io, Kind::budget})
    if (field("kind") == kind_name(kind)) out.kind = kind;
  if (!field("where").empty()) out.where = field("where");
  if (!field("hint").empty()) out.hint = field("hint");
  return out;
}

}  // namespace

void set_worker_program(const std::string& path) { worker_program() = path; }

int hdf5_worker(const std::vector<std::string>& arguments) {
  Result<void> done;
  try {
    done = work(arguments);
  } catch (const std::bad_alloc&) {
    done = Error{Kind::budget, "reading needs more memory than --memory-limit", arguments.size() > 2 ? arguments[2] : "", "raise --memory-limit"};
  } catch (const std::exception& failure) {
    done = input_error(failure.what(), arguments.size() > 2 ? arguments[2] : "", "the file may be damaged; write it again");
  }
  if (done.ok()) return 0;
  JsonWriter json;
  json.object().key("error").object().key("kind").value(kind_name(done.error().kind)).key("what").value(done.error().what);
  json.key("where").value(done.error().where).key("hint").value(done.error().hint).end().end();
  std::fputs(json.text().c_str(), stdout);
  std::fflush(stdout);
  return 1;
}

Result<Table> read_hdf5(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  HY_CHECK(check_readable(path));
  if (worker_program().empty()) return parse_hdf5_file(path, options.columns);
  HY_TRY(TemporaryFile made, TemporaryFile::create());
  const std::shared_ptr<const InputFile> file = InputFile::from_descriptor(made.release(), path);
  std::vector<std::string> arguments = {worker_program(), kHdf5Worker, "3", std::to_string(limit_bytes), path};
  arguments.insert(arguments.end(), options.columns.begin(), options.columns.end());
  Child child;
  HY_CHECK(start(arguments, file->descriptor(), &child));
  std::string said;
  if (!child.read_all(&said)) return lost(path, fmt::format("the HDF5 library did not finish in {}", format_seconds(kMostSeconds)));
  const int status = child.status();
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return lost(path, signal == SIGXCPU ? fmt::format("the HDF5 library did not finish in {}", format_seconds(kMostSeconds))
                                        : fmt::format("the HDF5 library crashed on this file ({})", ::strsignal(signal)));
  }
  if (WEXITSTATUS(status) != 0) return error_of(said, path);
  ReadOptions whole;
  whole.pool = options.pool;
  auto table = read_arrow(fmt::format("/proc/self/fd/{}", file->descriptor()), whole, limit_bytes);
  if (!table.ok()) table.error().where = path;
  return table;
}

}  // namespace hayate::io
