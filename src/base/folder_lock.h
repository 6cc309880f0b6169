// Folders that one process holds at a time, and names that no other process chooses. The lock is on the folder itself
// (flock), so it needs no file, moves with a rename, and is free again when its process ends, however it ended: whoever
// comes later can tell what was abandoned from what is in use. Process ids would not do: containers that share a folder
// all have a process 1.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace hayate {

/// 16 random hex digits, different for every call in every process.
std::string unique_suffix();

class FolderLock {
 public:
  /// Holds no folder.
  FolderLock() = default;
  /// Holds `folder`, or nothing: errno is then EWOULDBLOCK when another process (or lock) holds it, else says what is
  /// wrong with the folder.
  static FolderLock take(const std::string& folder);
  /// Makes and holds a new folder, `prefix` + unique_suffix() + `suffix`, whose path it sets; nothing (and errno) on failure.
  static FolderLock make(const std::string& prefix, std::string_view suffix, std::string& path);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FolderLock& operator=(FolderLock&& other) noexcept { return std::swap(file_, other.file_), *this; }

  explicit operator bool() const { return file_ >= 0; }
  /// Makes the names in the folder survive a power cut. False (and errno) on failure.
  bool sync() const;

 private:
  explicit FolderLock(int file) : file_(file) {}
  int file_ = -1;
};

/// Removes the folders in `parent` whose name has this beginning and end and that nobody holds.
void remove_abandoned(const std::string& parent, std::string_view prefix, std::string_view suffix);

}  // namespace hayate
