#include "pipeline/manifest.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

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
    auto manifest = Manifest::begin(folder.str(), "aaaa", {kFirst});
    REQUIRE(manifest.ok());
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
    auto manifest = Manifest::begin(folder.str(), "aaaa", {kFirst});
    REQUIRE(manifest.ok());
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
    auto first = Manifest::begin(folder.str(), "aaaa", {kFirst});
    REQUIRE(first.ok());
    const auto second = Manifest::begin(folder.str(), "aaaa", {kFirst});
    REQUIRE(!second.ok());
    CHECK(second.error().what == "another process is running in this folder");
  }
  CHECK(Manifest::begin(folder.str(), "bbbb", {kFirst}).error().kind == Kind::usage);
  CHECK(Manifest::begin(folder.str(), "aaaa", {kFirst}).ok());
}

TEST_CASE("manifest: whatever is cut off its end, whole records stay and the next one follows them") {
  const Folder folder;
  const std::string next = R"({"record":"task","key":"N"})";
  std::string whole;
  {
    auto manifest = Manifest::begin(folder.str(), "aaaa", {kFirst});
    for (int i = 0; i < 3; ++i) REQUIRE(manifest.value().append(R"({"record":"task","key":")" + std::to_string(i) + "\"}").ok());
    std::ifstream file(folder.path / "manifest", std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(file), {});
  }
  const size_t first_line = whole.find('\n') + 1;
  for (size_t size = first_line; size <= whole.size(); ++size) {
    std::ofstream(folder.path / "manifest", std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    const auto kept = size_t(std::count(whole.begin(), whole.begin() + long(size), '\n'));
    auto manifest = Manifest::resume(folder.str(), "aaaa");
    REQUIRE(manifest.ok());
    REQUIRE(manifest.value().append(next).ok());
    const auto records = read_manifest(folder.str());
    REQUIRE(records.value().size() == kept + 1);
    REQUIRE(records.value().back() == next);
  }
}

TEST_CASE("manifest: a folder appears with its records; an empty one is taken; a link to a folder is used as it is") {
  const Folder folder;
  fs::create_directories(folder.path / "empty");
  fs::create_directories(folder.path / "target");
  fs::create_directory_symlink(folder.path / "target", folder.path / "link");
  fs::create_directories(folder.path / ".new.0123.new/deep");  // of a process that was killed
  for (const char* name : {"new", "empty", "link", "deep/er/new", "slash/"}) {
    const std::string path = (folder.path / name).string();
    REQUIRE(Manifest::begin(path, "aaaa", {kFirst}).ok());
    CHECK(read_manifest(path).value() == std::vector<std::string>{kFirst});
  }
  CHECK(fs::is_symlink(folder.path / "link"));
  for (const auto& at : fs::recursive_directory_iterator(folder.path)) CHECK(at.path().extension() != ".new");
}

TEST_CASE("manifest: unfinished files of an interrupted process go, others stay") {
  const Folder folder;
  REQUIRE(Manifest::begin(folder.str(), "aaaa", {kFirst}).ok());
  for (const char* name : {".model.hyt.1.tmp", "model.hyt", "mine.tmp", ".mine"}) std::ofstream(folder.path / name) << "x";
  const fs::path staged = folder.path.parent_path() / ("." + folder.path.filename().string() + ".0123.new");
  fs::create_directories(staged);
  REQUIRE(Manifest::resume(folder.str(), "aaaa").ok());
  CHECK_FALSE(fs::exists(staged));
  CHECK_FALSE(fs::exists(folder.path / ".model.hyt.1.tmp"));
  for (const char* name : {"model.hyt", "mine.tmp", ".mine"}) CHECK(fs::exists(folder.path / name));
}

TEST_CASE("manifest: a folder that cannot be written, and one that holds no run") {
  CHECK(Manifest::begin("/proc/nope", "aaaa", {kFirst}).error().kind == Kind::io);
  CHECK(read_manifest("/nonexistent").error().what == "this folder holds no run");
}
