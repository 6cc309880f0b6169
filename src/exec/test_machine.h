// A machine made of files, for what is read from /proc and /sys: tests only.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "base/folder_lock.h"

namespace hayate::exec {

struct FakeMachine {
  std::filesystem::path root = std::filesystem::temp_directory_path() / ("hayate_machine_" + unique_suffix());
  FakeMachine() { std::filesystem::create_directories(root); }
  ~FakeMachine() { std::filesystem::remove_all(root); }
  FakeMachine& file(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
    return *this;
  }
};

}  // namespace hayate::exec
