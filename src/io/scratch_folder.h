// A folder for temporary files (of a test, of a benchmark), removed with all that is in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace hayate::io {

struct ScratchFolder {
  std::string path;

  ScratchFolder() {
    std::string name = std::filesystem::temp_directory_path() / "hayate_XXXXXX";
    if (const char* made = ::mkdtemp(name.data())) path = made;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove_all(path, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string operator/(const std::string& name) const { return path + "/" + name; }
};

}  // namespace hayate::io
