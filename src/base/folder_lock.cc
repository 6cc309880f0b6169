#include "base/folder_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <random>

namespace hayate {

namespace fs = std::filesystem;

std::string unique_suffix() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

FolderLock FolderLock::take(const std::string& folder) {
  FolderLock lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status{};
  if (!lock) return lock;
  if (flock(lock.file_, LOCK_EX | LOCK_NB) == 0 && fstat(lock.file_, &status) == 0) {
    if (status.st_nlink > 0) return lock;
    errno = ENOENT;  // removed between the two calls
  }
  const int why = errno;
  lock = FolderLock();
  errno = why;
  return lock;
}

FolderLock FolderLock::make(const std::string& prefix, std::string_view suffix, std::string& path) {
  // Between the two calls another process may take the folder for abandoned and remove it.
  for (int attempt = 0; attempt < 100; ++attempt) {
    path = prefix + unique_suffix() + std::string(suffix);
    if (::mkdir(path.c_str(), 0777) != 0) return {};
    FolderLock lock = take(path);
    if (lock || (errno != EWOULDBLOCK && errno != ENOENT)) return lock;
  }
  return {};
}

FolderLock::~FolderLock() {
  if (file_ >= 0) ::close(file_);
}

bool FolderLock::sync() const { return ::fsync(file_) == 0; }

void remove_abandoned(const std::string& parent, std::string_view prefix, std::string_view suffix) {
  std::error_code ignored;
  for (fs::directory_iterator at(parent, ignored), end; !ignored && at != end; at.increment(ignored)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    std::error_code left;
    if (const FolderLock lock = FolderLock::take(at->path().string())) fs::remove_all(at->path(), left);
  }
}

}  // namespace hayate
