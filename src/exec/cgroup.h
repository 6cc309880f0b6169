// Where this process stands among control groups, v1 and v2. `root` is "/" but for tests, which pass a folder with proc/
// and sys/ trees of their own.
#pragma once

#include <string>
#include <vector>

namespace hayate::exec {

/// A small file without the white space around its text; "" when it cannot be read.
std::string read_text(const std::string& path);

/// This process's path inside a hierarchy: "" selects the unified one (v2), else the v1 controller of that name.
std::string group_of(const std::string& root, const std::string& controller);

/// The group and all its ancestors, leaf first: "/a/b" -> "/a/b", "/a", "".
std::vector<std::string> ancestors(std::string group);

}  // namespace hayate::exec
