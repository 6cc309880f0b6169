#include "cache/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <optional>
#include <set>

namespace hayate::cache {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".result", kDamaged = ".damaged", kWriting = ".writing-";
/// A hit marks its entry as used, but not again within the hour: that would be a write for every read.
constexpr double kMarkSeconds = 3600;

Error refused(const std::string& path) {
  return {Kind::io, fmt::format("the cache cannot be written: {}", std::strerror(errno)), path,
          "--cache off, or --cache DIR with a folder that is yours and has room"};
}

/// The same of a store that one process has for itself: it cannot be left out.
Error log_refused(const std::string& folder) {
  return {Kind::io, fmt::format("finished tasks cannot be stored: {}", std::strerror(errno)), folder,
          "free some space there, or give another folder; what was finished before is kept"};
}

/// A whole entry in a new file; false, and errno, on failure.
bool write_file(const std::string& path, const Entry& entry) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return false;
  const bool whole = write_entry(file, header_of(entry), entry.bytes);
  const int why = errno;
  const bool closed = ::close(file) == 0;
  if (!whole) errno = why;
  return whole && closed;
}

/// Renames into a folder of the store, which the first entry there makes.
bool rename_into(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return true;
  if (errno != ENOENT) return false;
  if (::mkdir(to.substr(0, to.rfind('/')).c_str(), 0777) != 0 && errno != EEXIST) return false;
  return ::rename(from.c_str(), to.c_str()) == 0;
}

/// True when the file or folder is on the disk. One that is gone by now (trimmed, replaced) is nobody's loss.
bool sync_path(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return errno == ENOENT;
  const bool synced = ::fsync(file) == 0;
  ::close(file);
  return synced;
}

struct Found {
  fs::path path;
  double age = 0;  // seconds since it was written or last used
  int64_t bytes = 0;
  bool damaged = false;
};

std::vector<Found> entries_in(const std::string& folder) {
  std::vector<Found> out;
  std::error_code ignored;
  const auto now = fs::file_time_type::clock::now();
  for (fs::recursive_directory_iterator at(folder, ignored), end; !ignored && at != end; at.increment(ignored)) {
    const std::string name = at->path().filename().string();
    const bool damaged = name.ends_with(kDamaged);
    if (!damaged && !name.ends_with(kSuffix)) continue;
    std::error_code gone;
    const auto size = at->file_size(gone);
    const auto used = at->last_write_time(gone);
    if (!gone) out.push_back({at->path(), std::chrono::duration<double>(now - used).count(), int64_t(size), damaged});
  }
  return out;
}

/// What keeping an entry costs against what it saves: its age times its bytes over the seconds it took to make.
double burden_of(const Found& entry) {
  EntryHeader header;
  const int file = ::open(entry.path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool read = file >= 0 && read_all(file, 0, &header, sizeof header);
  if (file >= 0) ::close(file);
  return std::max(entry.age, 1.0) * double(entry.bytes) / std::max(read ? header.seconds : 0, 1e-6);
}

StoreSize sum(const std::vector<Found>& entries) {
  StoreSize out;
  for (const Found& entry : entries) out.bytes += entry.bytes, (entry.damaged ? out.damaged : out.entries) += 1;
  return out;
}

}  // namespace

Result<Store> Store::open(const std::string& folder, const Bounds& bounds) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return errno = failure.value(), refused(folder);
  remove_abandoned(folder, kWriting, "");
  Store store(folder, bounds);
  store.lock_ = FolderLock::make(fmt::format("{}/{}", folder, kWriting), "", store.writing_);
  if (!store.lock_) return refused(folder);
  return store;
}

Result<Store> Store::open_log(const std::string& folder) {
  Store store(folder, {0, 0});
  store.log_ = Log::open(folder);
  if (!store.log_) return log_refused(folder);
  return store;
}

Store::~Store() {
  std::error_code ignored;
  if (lock_) fs::remove_all(writing_, ignored);
}

Store::Store(Store&& other) noexcept
    : folder_(std::move(other.folder_)),
      writing_(std::move(other.writing_)),
      bounds_(other.bounds_),
      lock_(std::move(other.lock_)),
      memory_(std::move(other.memory_)),
      log_(std::move(other.log_)),
      unsynced_(std::move(other.unsynced_)),
      untrimmed_(other.untrimmed_),
      hits_(other.hits_.load()),
      memory_hits_(other.memory_hits_.load()),
      misses_(other.misses_.load()),
      damaged_(other.damaged_.load()),
      written_(other.written_.load()) {}

std::string Store::path_of(const Hash128& key) const {
  const std::string hex = key.hex();
  return fmt::format("{}/{}/{}{}", folder_, hex.substr(0, 2), hex.substr(2), kSuffix);
}

Value Store::get(const Hash128& key) {
  if (Value kept = memory_->get(key)) return ++hits_, ++memory_hits_, kept;
  double seconds = 0;
  const Value value = read(key, seconds);
  if (!value) return ++misses_, nullptr;
  memory_->put(key, value, seconds);
  return ++hits_, value;
}

Value Store::read(const Hash128& key, double& seconds) {
  if (log_) return read_log(key, seconds);
  const std::string path = path_of(key);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status{};
  if (file < 0) return nullptr;
  EntryHeader header;
  std::optional<std::string> bytes;
  if (::fstat(file, &status) == 0) bytes = read_entry(file, 0, size_t(status.st_size), key, header);
  if (bytes && double(std::time(nullptr) - status.st_mtime) > kMarkSeconds) ::futimens(file, nullptr);
  ::close(file);
  seconds = header.seconds;
  if (bytes) return std::make_shared<const std::string>(std::move(*bytes));
  ++damaged_;
  ::rename(path.c_str(), (path + std::string(kDamaged)).c_str());
  return nullptr;
}

Value Store::read_log(const Hash128& key, double& seconds) {
  bool damaged = false;
  auto bytes = log_->get(key, seconds, damaged);
  damaged_ += damaged;
  return bytes ? std::make_shared<const std::string>(std::move(*bytes)) : nullptr;
}

bool Store::has(const Hash128& key) const { return log_ ? log_->has(key) : ::access(path_of(key).c_str(), F_OK) == 0; }

std::vector<Value> Store::get(std::span<const Hash128> keys) {
  std::vector<Value> out;
  for (const Hash128& key : keys) out.push_back(get(key));
  return out;
}

Result<void> Store::put(const Entry& entry) {
  if (log_) {
    if (!log_->put(entry)) return log_refused(folder_);
    ++written_;
    return {};
  }
  const std::string path = path_of(entry.key), temporary = fmt::format("{}/{}", writing_, written_++);
  if (!write_file(temporary, entry) || !rename_into(temporary, path)) {
    const Error error = refused(path);
    ::unlink(temporary.c_str());
    return error;
  }
  if (bounds_.memory > 0) memory_->put(entry.key, std::make_shared<const std::string>(entry.bytes), entry.seconds);
  account(int64_t(entry.bytes.size() + sizeof(EntryHeader)), path);
  return {};
}

/// Remembers what is to be synced, and holds the folder to its bound once enough was added to it.
void Store::account(int64_t bytes, std::string path) {
  {
    const std::lock_guard lock(mutex_);
    unsynced_.push_back(std::move(path));
    untrimmed_ += bytes;
    if (untrimmed_ <= bounds_.folder / 64) return;
    untrimmed_ = 0;
  }
  trim(folder_, bounds_.folder);
}

Result<void> Store::put(std::span<const Entry> entries) {
  for (const Entry& entry : entries) HY_CHECK(put(entry));
  sync();
  return {};
}

bool Store::sync(size_t most) {
  if (log_) {
    damaged_ += log_->sync();
    return false;
  }
  std::vector<std::string> paths;
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    const size_t count = std::min(most, unsynced_.size());
    paths.assign(std::make_move_iterator(unsynced_.end() - std::ptrdiff_t(count)), std::make_move_iterator(unsynced_.end()));
    unsynced_.resize(unsynced_.size() - count);
    more = !unsynced_.empty();
  }
  std::set<std::string> folders;
  for (const std::string& path : paths) {
    folders.insert(path.substr(0, path.rfind('/')));
    if (sync_path(path)) continue;
    ++damaged_;
    ::unlink(path.c_str());
  }
  for (const std::string& folder : folders) sync_path(folder);
  return more;
}

StoreSize measure(const std::string& folder) { return sum(entries_in(folder)); }

StoreSize trim(const std::string& folder, int64_t most_bytes) {
  remove_abandoned(folder, kWriting, "");
  auto entries = entries_in(folder);
  StoreSize left = sum(entries);
  if (left.bytes <= most_bytes) return left;
  std::vector<std::pair<double, const Found*>> order;
  for (const Found& entry : entries) order.emplace_back(entry.damaged ? HUGE_VAL : burden_of(entry), &entry);
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second->path < b.second->path; });
  for (const auto& [burden, entry] : order) {
    if (left.bytes <= most_bytes) break;
    std::error_code ignored;
    fs::remove(entry->path, ignored);
    left.bytes -= entry->bytes, (entry->damaged ? left.damaged : left.entries) -= 1;
  }
  return left;
}

std::string user_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache) return std::string(cache) + "/hayate";
  if (const char* home = std::getenv("HOME"); home && *home) return std::string(home) + "/.cache/hayate";
  return "";
}

}  // namespace hayate::cache
