// Files that once made a reader crash, hang or take too much: tests/fuzz/found/TARGET/*; and those that the fuzzer starts from:
// tests/fuzz/seeds/TARGET/*.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/targets.h"

namespace fs = std::filesystem;

TEST_CASE("every found file is read to a value or an error") {
  for (const hayate::fuzz::Target& target : hayate::fuzz::targets())
    for (const char* kept : {"found", "seeds"}) {
      const fs::path folder = fs::path("tests/fuzz") / kept / target.name;
      if (!fs::exists(folder)) continue;
      for (const auto& entry : fs::directory_iterator(folder)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string bytes((std::istreambuf_iterator<char>(file)), {});
        INFO(entry.path().string());
        target.run(bytes);
        CHECK(!bytes.empty());
      }
    }
}
