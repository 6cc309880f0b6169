// A command is a row of kCommands (commands.cc) and a short function: it parses, calls one library function per line,
// prints. Its options are a plain struct; flags, help, completion and --print-config walk the struct's fields.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/fields.h"
#include "exec/exec_config.h"
#include "exec/steps.h"
#include "hayate/error.h"
#include "hayate/expression.h"

namespace hayate::cli {

/// Options that every command has.
struct GeneralOptions {
  bool json = false, quiet = false, help = false;
};

template <class Visitor>
void visit_fields(GeneralOptions& o, Visitor&& field) {
  field("json", o.json, "print one JSON document on stdout and nothing else");
  field("quiet", o.quiet, "no progress, no messages");
  field("help", o.help, "this page");
}

/// Options of commands that compute.
struct ComputeOptions {
  exec::ExecConfig exec;
  std::string spec, timings;
  bool print_spec = false, print_config = false;
  TextPlaces places;  ///< of the values that come from the --spec file
};

template <class Visitor>
void visit_fields(ComputeOptions& o, Visitor&& field) {
  visit_fields(o.exec, field);
  field("spec", o.spec, "TOML file whose keys are flags of this command", Argument{"FILE"});
  field("timings", o.timings, "write seconds per step and peak memory as JSON", Argument{"FILE.json"});
  field("print_spec", o.print_spec, "print what would be computed as TOML, and stop");
  field("print_config", o.print_config, "print every setting and where it came from, and stop");
}

/// What a command may say and where. Results go to stdout; everything else to stderr.
struct Console {
  bool json = false, quiet = false;
  exec::StepListener* progress = nullptr;

  /// One line on stderr, unless --quiet.
  void say(const std::string& message) const;
  /// The result: text as it is, on stdout.
  void print(const std::string& text) const;
};

/// One call of a command: its options at their defaults, the fields that set them, and what to do with them.
struct Invocation {
  FieldList fields;    ///< the command's own, then (for computing commands) exec and spec fields
  size_t num_own = 0;  ///< how many of them are the command's own
  GeneralOptions general;
  ComputeOptions* compute = nullptr;  ///< null for commands that only look things up
  std::shared_ptr<void> options;
  /// Exit code 0, or 3 for a partial result.
  std::function<Result<int>(const Console&)> run;
};

struct Command {
  const char* name;
  const char* summary;
  const char* example;  ///< one or more lines, each a command that works
  std::unique_ptr<Invocation> (*make)();
};

std::span<const Command> commands();
const Command* find_command(std::string_view name);

/// Options that derive from ComputeOptions get the exec flags as well.
template <class Options, Result<int> (*function)(Options&, const Console&)>
std::unique_ptr<Invocation> make_invocation() {
  auto out = std::make_unique<Invocation>();
  auto options = std::make_shared<Options>();
  out->fields = fields_of(*options);
  out->num_own = out->fields.size();
  if constexpr (std::is_base_of_v<ComputeOptions, Options>) {
    out->compute = options.get();
    visit_fields(*out->compute, FieldCollector(out->fields));
  }
  visit_fields(out->general, FieldCollector(out->fields));
  out->options = options;
  out->run = [raw = options.get()](const Console& console) { return function(*raw, console); };
  return out;
}

/// Sets fields from argv, the environment, --spec and defaults, in that strength. Checks names, then required fields,
/// then values.
Result<void> read_arguments(const Command& command, Invocation& invocation, std::span<const std::string> argv);

std::string help_text(const Command& command, const Invocation& invocation);
std::string top_help_text();
std::string version_text();
/// The script for bash, zsh or fish, made from the command table.
std::string completion_script(const std::string& shell);

}  // namespace hayate::cli
