// hayate: find the command, read its arguments, run it, turn what happened into lines and an exit code.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <system_error>

#include "base/clock.h"
#include "base/json.h"
#include "base/strings.h"
#include "cli/command.h"
#include "cli/outputs.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "exec/process.h"
#include "io/hdf5.h"
#include "io/remote.h"

namespace hayate::cli {
namespace {

constexpr int kReaderHasGone = 128 + SIGPIPE;  // whoever read our output has: no error, `hayate explain DIR | head` does it

int exit_code(const Error& error) {
  switch (error.kind) {
    case Kind::usage:
      return 2;
    case Kind::budget:
      return 4;
    case Kind::timeout:
      return 3;
    case Kind::interrupted:
      return 128 + received_signal();
    case Kind::input:
    case Kind::io:
      return 1;
  }
  return 1;
}

/// Further lines stand under the first one, so that a caret points at its place.
std::string indented(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? "\n       " : std::string(1, c);
  return out;
}

int report(const Error& error, bool json) {
  fmt::print(stderr, "error: {}\n   at: {}\n  try: {}\n", indented(error.what), indented(io::with_remote_names(error.where)), indented(error.hint));
  if (json) {
    JsonWriter out;
    out.object().key("error").object().key("kind").value(kind_name(error.kind)).key("what").value(error.what);
    out.key("where").value(io::with_remote_names(error.where)).key("hint").value(error.hint).end().end();
    fmt::print("{}\n", out.text());
  }
  return exit_code(error);
}

Error unknown_command(const std::string& typed) {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.emplace_back(command.name);
  return unknown_name("command", typed, names, "hayate " + typed);
}

/// Exec settings as `--print-config` shows them.
void print_config(const Invocation& invocation) {
  for (const Field& field : invocation.fields)
    fmt::print("{:<16} {:<24} {}\n", field.name, field.text(), field.origin.empty() ? "default" : field.origin);
}

/// What would be computed, as a TOML file for --spec: the command's own fields that are set.
void print_spec(const Command& command, const Invocation& invocation) {
  fmt::print("# hayate {} --spec FILE\n", command.name);
  for (size_t i = 0; i < invocation.num_own; ++i) {
    const Field& field = invocation.fields[i];
    if (field.text().empty()) continue;
    if (const auto* list = std::get_if<std::vector<std::string>*>(&field.target)) {
      std::vector<std::string> quoted;
      for (const std::string& value : **list) quoted.push_back('"' + json_escape(value) + '"');
      fmt::print("{} = [{}]\n", field.name, join(quoted, ", "));
    } else if (std::holds_alternative<std::string*>(field.target) || std::holds_alternative<Bytes*>(field.target) ||
               std::holds_alternative<Seconds*>(field.target)) {  // 60s and 2GB are text in TOML
      fmt::print("{} = \"{}\"\n", field.name, json_escape(field.text()));
    } else {
      fmt::print("{} = {}\n", field.name, field.text());
    }
  }
}

Result<int> run_command(const Command& command, std::span<const std::string> argv, bool* json) {
  const auto invocation = command.make();
  for (const std::string& word : argv) *json |= word == "--json";
  HY_CHECK(read_arguments(command, *invocation, argv));
  if (invocation->general.help) {
    fmt::print("{}", help_text(command, *invocation));
    return 0;
  }
  if (invocation->compute && invocation->compute->print_config) return print_config(*invocation), 0;
  // `run` and others with a spec of their own print that instead; they handle the flag themselves.
  if (invocation->compute && invocation->compute->print_spec && std::string_view(command.name) != "run") return print_spec(command, *invocation), 0;
  if (invocation->compute && invocation->compute->exec.device == "gpu")
    return usage_error("this build computes on the CPU only", "--device gpu", "--device auto");
  const bool terminal = isatty(STDERR_FILENO);
  ProgressLine line(terminal);
  const bool silent = invocation->general.quiet;
  install_signal_handlers();
  const Console console = {invocation->general.json, silent, silent ? nullptr : &line};
  HY_TRY(const int code, invocation->run(console));
  say_roundings(console);
  return code;
}

int run(std::span<const std::string> argv) {
  if (argv.empty() || argv[0] == "--help" || argv[0] == "-h" || argv[0] == "help") return fmt::print("{}", top_help_text()), 0;
  if (argv[0] == io::kHdf5Worker) return io::hdf5_worker({argv.begin() + 1, argv.end()});
  if (argv[0] == "--version") return fmt::print("{}\n", version_text()), 0;
  const Command* command = find_command(argv[0]);
  if (!command) return report(unknown_command(argv[0]), false);
  bool json = false;
  const Result<int> outcome = run_command(*command, argv.subspan(1), &json);
  if (!outcome.ok()) return report(outcome.error(), json);
  if (std::fflush(stdout) != 0) {
    if (errno == EPIPE) return kReaderHasGone;
    return report({Kind::io, "the result could not be written", "stdout", "is the disk full?"}, false);
  }
  return outcome.value();
}

/// Ends the process at once where it can: destructors of libraries tidy up what ends with it anyway (the OpenSSL in Arrow's libcurl: a millisecond,
/// a tenth of a small job). Sanitizers look for leaks on the way out.
int leave(int code) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  if (!io::ends_at_exit()) std::fflush(nullptr), ::_exit(code);
#endif
  return code;
}

}  // namespace
}  // namespace hayate::cli

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  hayate::keep_freed_memory();
  hayate::exec::set_worker_program("/proc/self/exe");
  try {
    return hayate::cli::leave(hayate::cli::run(words));
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "error: out of memory\n   at: hayate\n  try: fewer --workers, a smaller input, or a machine with more memory\n");
    return 4;
  } catch (const std::exception& failure) {
    const auto* const system = dynamic_cast<const std::system_error*>(&failure);
    if (system && system->code() == std::errc::broken_pipe) return hayate::cli::kReaderHasGone;
    // A library below threw what its boundary did not catch.
    fmt::print(stderr, "error: {}\n   at: hayate {}\n  try: this is a defect of hayate; the command line above reproduces it\n", failure.what(),
               words.empty() ? "" : words[0]);
    return 1;
  }
}
