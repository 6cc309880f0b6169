#include "exec/cgroup.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/strings.h"

namespace hayate::exec {

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::string(trim(text.str()));
}

std::string group_of(const std::string& root, const std::string& controller) {
  for (const std::string& line : split(read_text(root + "/proc/self/cgroup"), '\n')) {
    const auto parts = split(line, ':');
    if (parts.size() < 3) continue;
    const auto names = split(parts[1], ',');
    const bool mine = controller.empty() ? parts[1].empty() : std::find(names.begin(), names.end(), controller) != names.end();
    if (mine) return std::string(line.substr(parts[0].size() + parts[1].size() + 2));
  }
  return "";
}

std::vector<std::string> ancestors(std::string group) {
  std::vector<std::string> out;
  while (!group.empty() && group != "/") {
    out.push_back(group);
    group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
  out.emplace_back("");
  return out;
}

}  // namespace hayate::exec
