#include "pipeline/manifest.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace hayate;
using namespace hayate::pipeline;
namespace fs = std::filesystem;

namespace {
struct Folder {
  fs::path path = fs::temp_directory_path() / ("hayate_manifest_" + std::to_string(getpid()));
  Folder() { fs::remove_all(path); }
  ~Folder() { fs::remove_all(path); }
  std::string str() const { return path.string(); }
};
const std::string kFirst = R"({"record":"run","spec_hash":"aaaa"})";
}  // namespace

TEST_CASE("manifest: records come back in order; a torn or damaged line is ignored") {
  const Folder folder;
  {
    auto manifest = Manifest::begin(folder.str(), "aaaa");
    REQUIRE(manifest.ok());
    REQUIRE(manifest.value().append(kFirst).ok());
    REQUIRE(manifest.value().append(R"({"record":"task","key":"A"})").ok());
    REQUIRE(manifest.value().append(R"({"record":"task","key":"B"})").ok());
    REQUIRE(manifest.value().sync().ok());
  }
  CHECK(read_manifest(folder.str()).value().size() == 3);
  const auto size = fs::file_size(folder.path / "manifest");
  fs::resize_file(folder.path / "manifest", size - 3);
  CHECK(read_manifest(folder.str()).value().size() == 2);
  std::fstream file(folder.path / "manifest", std::ios::in | std::ios::out);
  file.seekp(30);
  file.put('#');
  file.close();
  CHECK(read_manifest(folder.str()).value().size() == 1);
}

TEST_CASE("manifest: a resumed one goes on after a torn line") {
  const Folder folder;
  {
    auto manifest = Manifest::begin(folder.str(), "aaaa");
    REQUIRE(manifest.ok());
    REQUIRE(manifest.value().append(kFirst).ok());
    REQUIRE(manifest.value().append(R"({"record":"task","key":"A"})").ok());
  }
  fs::resize_file(folder.path / "manifest", fs::file_size(folder.path / "manifest") - 5);
  {
    auto manifest = Manifest::resume(folder.str(), "aaaa");
    REQUIRE(manifest.ok());
    REQUIRE(manifest.value().append(R"({"record":"task","key":"B"})").ok());
  }
  const auto records = read_manifest(folder.str());
  REQUIRE(records.value().size() == 2);
  CHECK(records.value()[1].find("\"B\"") != std::string::npos);
  CHECK(Manifest::resume(folder.str(), "bbbb").error().kind == Kind::usage);
}

TEST_CASE("manifest: one process at a time, one spec per folder") {
  const Folder folder;
  {
    auto first = Manifest::begin(folder.str(), "aaaa");
    REQUIRE(first.ok());
    REQUIRE(first.value().append(kFirst).ok());
    const auto second = Manifest::begin(folder.str(), "aaaa");
    REQUIRE(!second.ok());
    CHECK(second.error().what == "another process is running in this folder");
  }
  CHECK(Manifest::begin(folder.str(), "bbbb").error().kind == Kind::usage);
  CHECK(Manifest::begin(folder.str(), "aaaa").ok());
}

TEST_CASE("manifest: a folder that cannot be written, and one that holds no run") {
  CHECK(Manifest::begin("/proc/nope", "aaaa").error().kind == Kind::io);
  CHECK(read_manifest("/nonexistent").error().what == "this folder holds no run");
}
