#include "cache/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

namespace hayate::cache {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".result", kDamaged = ".damaged";

/// What stands before the bytes of an entry. The key is inside too: a file renamed by hand is no other entry.
struct Header {
  char magic[8] = {'h', 'y', 't', 's', 't', 'o', 'r', '1'};
  Hash128 key;
  uint64_t size = 0, checksum = 0;
};

Error refused(const std::string& path) {
  return {Kind::io, fmt::format("the cache cannot be written: {}", std::strerror(errno)), path,
          "--cache off, or --cache DIR with a folder that is yours and has room"};
}

bool write_all(int file, const void* data, size_t size) {
  auto from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = ::write(file, from, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    from += count, size -= size_t(count);
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
std::optional<std::string> read_entry(int file, const Hash128& key) {
  Header header;
  const off_t length = lseek(file, 0, SEEK_END);
  if (length < off_t(sizeof header) || lseek(file, 0, SEEK_SET) != 0 || !read_all(file, &header, sizeof header)) return std::nullopt;
  if (std::memcmp(header.magic, Header().magic, sizeof header.magic) != 0 || !(header.key == key) || header.size != uint64_t(length) - sizeof header)
    return std::nullopt;
  std::string bytes(header.size, '\0');
  if (!read_all(file, bytes.data(), bytes.size()) || checksum(bytes.data(), bytes.size()) != header.checksum) return std::nullopt;
  return bytes;
}

struct Entry {
  fs::path path;
  fs::file_time_type written;
  int64_t bytes = 0;
  bool damaged = false;
};

std::vector<Entry> entries_of(const std::string& folder) {
  std::vector<Entry> out;
  std::error_code ignored;
  for (fs::recursive_directory_iterator at(folder, ignored), end; at != end; at.increment(ignored)) {
    const std::string name = at->path().filename().string();
    const bool damaged = name.ends_with(kDamaged);
    if (!damaged && !name.ends_with(kSuffix)) continue;
    const auto size = at->file_size(ignored);
    if (!ignored) out.push_back({at->path(), at->last_write_time(ignored), int64_t(size), damaged});
  }
  return out;
}

StoreSize sum(const std::vector<Entry>& entries) {
  StoreSize out;
  for (const Entry& entry : entries) out.bytes += entry.bytes, (entry.damaged ? out.damaged : out.entries) += 1;
  return out;
}

}  // namespace

Result<Store> Store::open(const std::string& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return errno = failure.value(), refused(folder);
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return refused(folder);
  return Store(folder);
}

Store::Store(Store&& other) noexcept
    : folder_(std::move(other.folder_)),
      hits_(other.hits_.load()),
      misses_(other.misses_.load()),
      damaged_(other.damaged_.load()),
      written_(other.written_.load()) {}

std::string Store::path_of(const Hash128& key) const {
  const std::string hex = key.hex();
  return fmt::format("{}/{}/{}{}", folder_, hex.substr(0, 2), hex.substr(2), kSuffix);
}

std::optional<std::string> Store::get(const Hash128& key) {
  const std::string path = path_of(key);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return ++misses_, std::nullopt;
  auto bytes = read_entry(file, key);
  ::close(file);
  if (bytes) return ++hits_, std::move(bytes);
  ++damaged_, ++misses_;
  ::rename(path.c_str(), (path + std::string(kDamaged)).c_str());
  return std::nullopt;
}

Result<void> Store::put(const Hash128& key, std::string_view bytes) {
  const std::string path = path_of(key);
  std::error_code ignored;
  fs::create_directories(fs::path(path).parent_path(), ignored);
  static std::atomic<uint64_t> counter{0};
  const std::string temporary = fmt::format("{}.{}.{}", path, getpid(), counter++);
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return refused(temporary);
  Header header;
  header.key = key, header.size = bytes.size(), header.checksum = checksum(bytes.data(), bytes.size());
  bool good = write_all(file, &header, sizeof header) && write_all(file, bytes.data(), bytes.size());
  good = ::close(file) == 0 && good && ::rename(temporary.c_str(), path.c_str()) == 0;
  if (!good) {
    const Error error = refused(path);
    ::unlink(temporary.c_str());
    return error;
  }
  ++written_;
  return {};
}

StoreSize measure(const std::string& folder) { return sum(entries_of(folder)); }

StoreSize trim(const std::string& folder, int64_t most_bytes) {
  auto entries = entries_of(folder);
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.damaged != b.damaged ? a.damaged : a.written < b.written; });
  StoreSize left = sum(entries);
  size_t removed = 0;
  while (removed < entries.size() && left.bytes > most_bytes) {
    const Entry& entry = entries[removed++];
    std::error_code ignored;
    fs::remove(entry.path, ignored);
    left.bytes -= entry.bytes, (entry.damaged ? left.damaged : left.entries) -= 1;
  }
  return left;
}

std::string user_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache) return std::string(cache) + "/hayate";
  if (const char* home = std::getenv("HOME"); home && *home) return std::string(home) + "/.cache/hayate";
  return "";
}

}  // namespace hayate::cache
