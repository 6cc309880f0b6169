#include "cache/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
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

/// What stands before the bytes of an entry. The key is inside too: a file renamed by hand is no other entry.
struct Header {
  char magic[8] = {'h', 'y', 't', 's', 't', 'o', 'r', '2'};
  Hash128 key;
  uint64_t size = 0;
  double seconds = 0;
  uint64_t checksum = 0;  // of the bytes, seeded with the bits of `seconds`
};

uint64_t checksum_of(const Header& header, std::string_view bytes) {
  return hash_bytes(bytes.data(), bytes.size(), std::bit_cast<uint64_t>(header.seconds)).low;
}

Error refused(const std::string& path) {
  return {Kind::io, fmt::format("the cache cannot be written: {}", std::strerror(errno)), path,
          "--cache off, or --cache DIR with a folder that is yours and has room"};
}

/// Writes the parts one after the other; false, and errno, when not all could be written.
bool write_all(int file, iovec* part, int count) {
  while (count > 0) {
    ssize_t done = ::writev(file, part, count);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    for (; count > 0 && size_t(done) >= part->iov_len; ++part, --count) done -= ssize_t(part->iov_len);
    if (count > 0) part->iov_base = static_cast<char*>(part->iov_base) + done, part->iov_len -= size_t(done);
  }
  return true;
}

bool read_all(int file, void* data, size_t size) {
  auto to = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t count = ::read(file, to, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    to += count, size -= size_t(count);
  }
  return true;
}

/// The bytes of an entry, or nothing when any of it is not as it was written.
std::optional<std::string> read_entry(int file, size_t length, const Hash128& key, Header& header) {
  if (length < sizeof header || !read_all(file, &header, sizeof header)) return std::nullopt;
  if (std::memcmp(header.magic, Header().magic, sizeof header.magic) != 0 || !(header.key == key) || header.size != length - sizeof header)
    return std::nullopt;
  std::string bytes(header.size, '\0');
  if (!read_all(file, bytes.data(), bytes.size()) || checksum_of(header, bytes) != header.checksum) return std::nullopt;
  return bytes;
}

/// A whole entry in a new file; false, and errno, on failure.
bool write_entry(const std::string& path, const Entry& entry) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return false;
  Header header;
  header.key = entry.key, header.size = entry.bytes.size(), header.seconds = entry.seconds;
  header.checksum = checksum_of(header, entry.bytes);
  iovec parts[] = {{&header, sizeof header}, {const_cast<char*>(entry.bytes.data()), entry.bytes.size()}};
  const bool whole = write_all(file, parts, 2);
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
  Header header;
  const int file = ::open(entry.path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool read = file >= 0 && read_all(file, &header, sizeof header);
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
  const std::string path = path_of(key);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status{};
  if (file < 0) return nullptr;
  Header header;
  std::optional<std::string> bytes;
  if (::fstat(file, &status) == 0) bytes = read_entry(file, size_t(status.st_size), key, header);
  if (bytes && double(std::time(nullptr) - status.st_mtime) > kMarkSeconds) ::futimens(file, nullptr);
  ::close(file);
  seconds = header.seconds;
  if (bytes) return std::make_shared<const std::string>(std::move(*bytes));
  ++damaged_;
  ::rename(path.c_str(), (path + std::string(kDamaged)).c_str());
  return nullptr;
}

bool Store::has(const Hash128& key) const { return ::access(path_of(key).c_str(), F_OK) == 0; }

std::vector<Value> Store::get(std::span<const Hash128> keys) {
  std::vector<Value> out;
  for (const Hash128& key : keys) out.push_back(get(key));
  return out;
}

Result<void> Store::put(const Entry& entry) {
  const std::string path = path_of(entry.key), temporary = fmt::format("{}/{}", writing_, written_++);
  if (!write_entry(temporary, entry) || !rename_into(temporary, path)) {
    const Error error = refused(path);
    ::unlink(temporary.c_str());
    return error;
  }
  if (bounds_.memory > 0) memory_->put(entry.key, std::make_shared<const std::string>(entry.bytes), entry.seconds);
  account(int64_t(entry.bytes.size() + sizeof(Header)), path);
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
