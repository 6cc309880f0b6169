// The command table.
#include <fmt/format.h>

#include <cstdio>

#include "cli/command.h"
#include "kernels/dispatch.h"

namespace hayate::cli {

namespace {
struct CompletionOptions {
  std::string shell;
};
template <class Visitor>
void visit_fields(CompletionOptions& o, Visitor&& field) {
  field("shell", o.shell, "the shell", Choices{{"bash", "zsh", "fish"}}, Required{}, Positional{});
}
Result<int> completion_command(CompletionOptions& options, const Console& console) {
  console.print(completion_script(options.shell));
  return 0;
}
constexpr Command kCommands[] = {
    {"completion", "print the completion script of a shell", "source <(hayate completion bash)",
     make_invocation<CompletionOptions, completion_command>},
};
}  // namespace

std::span<const Command> commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  for (const Command& command : kCommands)
    if (name == command.name) return &command;
  return nullptr;
}

std::string version_text() { return fmt::format("hayate {} ({})", HAYATE_VERSION, kernels::isa_name(kernels::active_isa())); }

void Console::say(const std::string& message) const {
  if (!quiet) fmt::print(stderr, "{}\n", message);
}
void Console::print(const std::string& text) const { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace hayate::cli
