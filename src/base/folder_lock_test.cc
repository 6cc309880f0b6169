#include "base/folder_lock.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>

using namespace hayate;
namespace fs = std::filesystem;

namespace {
struct Folder {
  fs::path path = fs::temp_directory_path() / ("hayate_lock_" + unique_suffix());
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const char* name) const { return (path / name).string(); }
};
}  // namespace

TEST_CASE("folder lock: names differ") {
  std::set<std::string> names;
  for (int i = 0; i < 1000; ++i) names.insert(unique_suffix());
  CHECK(names.size() == 1000);
  CHECK(names.begin()->size() == 16);
}

TEST_CASE("folder lock: one holder at a time, and it moves with the folder") {
  const Folder folder;
  std::string path;
  FolderLock lock = FolderLock::make(folder / "a", ".new", path);
  REQUIRE(lock);
  CHECK_FALSE(FolderLock::take(path));
  CHECK(errno == EWOULDBLOCK);
  fs::rename(path, folder / "b");
  CHECK_FALSE(FolderLock::take(folder / "b"));
  CHECK(lock.sync());
  lock = FolderLock();
  CHECK(FolderLock::take(folder / "b"));
}

TEST_CASE("folder lock: what is wrong is in errno") {
  const Folder folder;
  std::string path;
  CHECK_FALSE(FolderLock::take(folder / "missing"));
  CHECK(errno == ENOENT);
  CHECK_FALSE(FolderLock::make(folder / "missing/x", "", path));
  CHECK(errno == ENOENT);
}

TEST_CASE("folder lock: what a dead process held is abandoned, what a live one holds is not") {
  const Folder folder;
  const pid_t child = fork();
  if (child == 0) {
    std::string path;
    const FolderLock dying = FolderLock::make(folder / "work-", "", path);
    fs::create_directories(path + "/deep/er");
    _exit(dying ? 0 : 1);
  }
  int status = 1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  std::string mine;
  const FolderLock held = FolderLock::make(folder / "work-", "", mine);
  fs::create_directories(folder / "other");
  remove_abandoned(folder.path.string(), "work-", "");
  std::set<std::string> left;
  for (const auto& at : fs::directory_iterator(folder.path)) left.insert(at.path().string());
  CHECK(left == std::set<std::string>{mine, folder / "other"});
}
