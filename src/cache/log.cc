#include "cache/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace hayate::cache {
namespace {

void sync_folder(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  ::fsync(file);  // some file systems refuse; the entries themselves are synced
  ::close(file);
}

}  // namespace

std::unique_ptr<Log> Log::open(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) return nullptr;
  std::unique_ptr<Log> log(new Log(folder));
  return log->read_files() ? std::move(log) : nullptr;
}

Log::~Log() {
  for (const int file : files_) ::close(file);
}

/// Files are numbered from 0: those that are there, and a first one when none is.
bool Log::read_files() {
  while (true) {
    const int file = ::open(fmt::format("{}/{}.log", folder_, files_.size()).c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
    if (file < 0) return errno == ENOENT && (!files_.empty() || begin_file());
    files_.push_back(file);
    index(file);
  }
}

/// Notes where the entries of a file are. What follows the last whole one is cut off.
void Log::index(int file) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return;
  EntryHeader header;
  for (end_ = 0; end_ + off_t(sizeof header) <= status.st_size;) {
    if (!read_all(file, end_, &header, sizeof header) || !header.is_known()) break;
    if (header.size > uint64_t(status.st_size - end_) - sizeof header) break;
    const size_t length = sizeof header + header.size;
    places_[header.key] = {file, end_, length};
    end_ += off_t(length);
  }
  (void)!::ftruncate(file, end_);
}

bool Log::begin_file() {
  const std::string path = fmt::format("{}/{}.log", folder_, files_.size());
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return false;
  files_.push_back(file), end_ = 0, named_ = false;
  return true;
}

bool Log::has(const Hash128& key) const {
  const std::lock_guard lock(mutex_);
  return places_.contains(key);
}

std::optional<std::string> Log::get(const Hash128& key, double& seconds, bool& damaged) {
  Place place;
  {
    const std::lock_guard lock(mutex_);
    const auto at = places_.find(key);
    if (at == places_.end()) return std::nullopt;
    place = at->second;
  }
  EntryHeader header;
  auto bytes = read_entry(place.file, place.offset, place.length, key, header);
  seconds = header.seconds;
  if (bytes) return bytes;
  damaged = true;
  const std::lock_guard lock(mutex_);
  if (const auto at = places_.find(key); at != places_.end() && at->second.offset == place.offset) places_.erase(at);
  return std::nullopt;
}

bool Log::put(const Entry& entry) {
  const EntryHeader header = header_of(entry);  // its checksum is not worth a lock
  const std::lock_guard lock(mutex_);
  if (!write_entry(files_.back(), header, entry.bytes)) {
    const int why = errno;
    (void)!::ftruncate(files_.back(), end_);  // or the next entry would stand behind half a one
    errno = why;
    return false;
  }
  const size_t length = sizeof(EntryHeader) + entry.bytes.size();
  places_[entry.key] = {files_.back(), end_, length};
  unsynced_.push_back(entry.key);
  end_ += off_t(length);
  return true;
}

int64_t Log::sync() {
  const std::lock_guard syncing(sync_mutex_);
  std::vector<Hash128> written;
  int file = -1;
  bool named = true;
  {
    const std::lock_guard lock(mutex_);
    written.swap(unsynced_);
    file = files_.back();
    if (!written.empty()) named = std::exchange(named_, true);
  }
  // A file whose name is not on the disk is lost in a power cut, whatever was synced of it.
  if (!named) sync_folder(folder_), sync_folder(folder_.substr(0, folder_.find_last_of('/') + 1));
  if (written.empty() || ::fsync(file) == 0) return 0;
  const std::lock_guard lock(mutex_);
  for (const Hash128& key : written) places_.erase(key);
  begin_file();
  return int64_t(written.size());
}

}  // namespace hayate::cache
