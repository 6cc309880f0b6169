// Help and completion are walks over the command table and the fields of each command.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/command.h"
#include "hayate/learner.h"

namespace hayate::cli {
namespace {

std::string left_column(const Field& field) {
  const std::string argument = field.choices.empty() ? field.argument : join(field.choices, "|");
  if (field.positional) return argument;
  return field.is_switch() ? field.flag() : fmt::format("{} {}", field.flag(), argument.empty() ? "VALUE" : argument);
}

std::string remark(const Field& field) {
  if (field.required) return " (required)";
  const std::string text = field.text();
  if (field.is_switch() || text.empty() || text == "0" || text == "0s") return field.is_list() ? " (may be repeated)" : "";
  return fmt::format(" (default {})", text);
}

std::string field_lines(std::span<const Field> fields) {
  size_t width = 0;
  for (const Field& field : fields) width = std::max(width, std::min<size_t>(left_column(field).size(), 34));
  std::string out;
  for (const Field& field : fields) {
    const std::string left = left_column(field);
    out +=
        fmt::format("  {:<{}}  {}{}\n", left, width, left.size() > width ? fmt::format("\n  {:<{}}  ", "", width) : "", field.help + remark(field));
  }
  return out;
}

std::string usage_line(const Command& command, std::span<const Field> own) {
  std::string out = fmt::format("hayate {}", command.name);
  for (const Field& field : own)
    if (field.positional) out += field.required ? " " + left_column(field) : fmt::format(" [{}]", left_column(field));
  for (const Field& field : own)
    if (!field.positional && field.required) out += " " + left_column(field);
  return out + " [flags]";
}

/// What can be trained, for which problems, with which parameters.
std::string learner_lines() {
  std::string out;
  for (const Learner& learner : learners()) {
    std::vector<std::string> problems;
    for (const Problem problem : {Problem::regression, Problem::classification, Problem::ranking})
      if (learner.solves(problem)) problems.emplace_back(problem_name(problem));
    out += fmt::format("\n--params of --learner {}: {} ({})\n", learner.name, learner.summary, join(problems, ", "));
    for (const ParamInfo& param : params_of(learner))
      out +=
          fmt::format("  {:<30}  {}{}\n", param.name + "=" + param.value, param.help, param.values.empty() ? "" : fmt::format(" [{}]", param.values));
  }
  return out;
}

}  // namespace

std::string help_text(const Command& command, const Invocation& invocation) {
  const std::span<const Field> fields = invocation.fields;
  const size_t own = invocation.num_own, general = fields.size() - 3;
  std::string out = fmt::format("{}\n\nusage: {}\n", command.summary, usage_line(command, fields.first(own)));
  if (own > 0) out += "\nflags:\n" + field_lines(fields.first(own));
  if (command.name == std::string_view("train")) out += learner_lines();
  if (general > own)
    out += "\nhow to run (never changes a byte of the result; also HAYATE_WORKERS=2 and so on):\n" + field_lines(fields.subspan(own, general - own));
  out += "\ngeneral:\n" + field_lines(fields.subspan(general));
  out += "\nexample:\n";
  for (const std::string& line : split(command.example, '\n')) out += "  " + line + "\n";
  return out;
}

std::string top_help_text() {
  std::string out =
      "hayate: machine learning over a universe of symbols, from raw bars to evaluated predictions\n\n"
      "usage: hayate COMMAND [flags]\n\ncommands:\n";
  for (const Command& command : commands()) out += fmt::format("  {:<12} {}\n", command.name, command.summary);
  out +=
      "\n  hayate COMMAND --help   flags and an example\n  hayate --version        version and instruction set\n"
      "\nexample:\n  hayate run examples/prices/run.toml\n  hayate features --input examples/prices --set alpha158 --output features.parquet\n"
      "\nexit codes: 0 done, 1 failed, 2 wrong usage, 3 partial (failures are listed), 4 refused for memory or time, 130/143 interrupted\n";
  return out;
}

namespace {

std::vector<std::string> flags_of(const Command& command) {
  const auto invocation = command.make();
  std::vector<std::string> flags;
  for (const Field& field : invocation->fields)
    if (!field.positional) flags.push_back(field.flag());
  return flags;
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.emplace_back(command.name);
  return names;
}

std::string bash_script() {
  std::string out =
      "# bash completion of hayate; load it with: source <(hayate completion bash)\n_hayate() {\n  local word=${COMP_WORDS[COMP_CWORD]} words\n  if "
      "[ \"$COMP_CWORD\" -eq 1 ]; then\n";
  out += fmt::format("    words=\"{} --help --version\"\n  else\n    case ${{COMP_WORDS[1]}} in\n", join(command_names(), " "));
  for (const Command& command : commands()) out += fmt::format("      {}) words=\"{}\" ;;\n", command.name, join(flags_of(command), " "));
  out +=
      "    esac\n  fi\n  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n  [[ $word == -* ]] || COMPREPLY+=($(compgen -f -- "
      "\"$word\"))\n}\ncomplete -o filenames -F _hayate hayate\n";
  return out;
}

std::string zsh_script() {
  std::string out =
      "#compdef hayate\n# zsh completion of hayate; load it with: source <(hayate completion zsh)\n_hayate() {\n  local -a names\n  if (( CURRENT == "
      "2 )); then\n    names=(\n";
  for (const Command& command : commands()) {
    std::string summary = command.summary;
    std::replace(summary.begin(), summary.end(), ':', ',');
    out += fmt::format("      '{}:{}'\n", command.name, summary);
  }
  out += "    )\n    _describe command names\n    return\n  fi\n  case $words[2] in\n";
  for (const Command& command : commands()) out += fmt::format("    {}) compadd -- {} ;;\n", command.name, join(flags_of(command), " "));
  return out + "  esac\n  _files\n}\ncompdef _hayate hayate\n";
}

std::string fish_script() {
  std::string out = "# fish completion of hayate; load it with: hayate completion fish | source\n";
  for (const Command& command : commands()) {
    out += fmt::format("complete -c hayate -n __fish_use_subcommand -a {} -d \"{}\"\n", command.name, command.summary);
    for (const std::string& flag : flags_of(command))
      out += fmt::format("complete -c hayate -n '__fish_seen_subcommand_from {}' -l {}\n", command.name, flag.substr(2));
  }
  return out;
}

}  // namespace

std::string completion_script(const std::string& shell) {
  if (shell == "bash") return bash_script();
  return shell == "zsh" ? zsh_script() : fish_script();
}

}  // namespace hayate::cli
