// What the tests of stored bytes share: a folder of their own, and files as a whole.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "io/scratch_folder.h"

namespace hayate::cache {

struct Folder {
  io::ScratchFolder made;
  std::filesystem::path path = made.path;
};

inline std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline void write(const std::filesystem::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes; }

}  // namespace hayate::cache
