#include "pipeline/manifest.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/hash.h"
#include "base/strings.h"
#include "io/json_reader.h"

namespace hayate::pipeline {
namespace {

namespace fs = std::filesystem;

Error refused(const std::string& path, const std::string& what) {
  return {Kind::io, fmt::format("{}: {}", what, std::strerror(errno)), path,
          "check that the folder exists, is yours and that the disk has room, or give another --run-dir"};
}

/// The spec hash in the first record of a manifest, or "".
std::string spec_hash_of(const std::vector<std::string>& records) {
  if (records.empty()) return "";
  const auto first = io::parse_json(records[0], "manifest");
  const io::Json* hash = first.ok() ? first.value().find("spec_hash") : nullptr;
  return hash && hash->text() ? *hash->text() : "";
}

std::string line_of(const std::string& json) { return fmt::format("{:016x} {}\n", checksum(json.data(), json.size()), json); }

std::string lines_of(const std::vector<std::string>& records) {
  std::string out;
  for (const std::string& record : records) out += line_of(record);
  return out;
}

/// False, and errno, when not all could be written.
bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(size_t(count));
  }
  return true;
}

/// A new file that holds `text`, on the disk, open for appending; -1 and errno on failure, with no file left.
int write_synced(const std::string& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0 || (write_all(file, text) && fsync(file) == 0)) return file;
  const int why = errno;
  ::close(file);
  ::unlink(path.c_str());
  errno = why;
  return -1;
}

void sync_folder(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  ::fsync(file);  // some file systems refuse; the data itself is synced
  ::close(file);
}

/// Where a run folder is made before it has its name, and how what stands there is called.
struct Staging {
  std::string parent, prefix, suffix = ".new";

  explicit Staging(const std::string& run_dir) {
    const fs::path target = target_of(run_dir);
    parent = target.has_parent_path() ? target.parent_path().string() : ".";
    prefix = "." + target.filename().string() + ".";
  }
  static fs::path target_of(const std::string& run_dir) {
    return fs::path(run_dir).has_filename() ? fs::path(run_dir) : fs::path(run_dir).parent_path();
  }
};

bool holds_files(const std::string& folder) {
  std::error_code failure;
  return !fs::is_empty(folder, failure) && !failure;
}

}  // namespace

Result<std::vector<std::string>> read_manifest(const std::string& run_dir) {
  const std::string path = run_dir + "/manifest";
  std::ifstream file(path, std::ios::binary);
  if (!file) return input_error("this folder holds no run", path, "give the folder that hayate run printed");
  std::vector<std::string> records;
  for (std::string line; std::getline(file, line) && !file.eof();) {
    if (line.size() < 18 || line[16] != ' ') continue;
    std::string json = line.substr(17);
    if (fmt::format("{:016x}", checksum(json.data(), json.size())) == line.substr(0, 16)) records.push_back(std::move(json));
  }
  return records;
}

void remove_temporary_files(const std::string& folder) {
  std::error_code ignored;
  for (fs::directory_iterator at(folder, ignored), end; !ignored && at != end; at.increment(ignored)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with('.') && name.ends_with(".tmp")) ::unlink(at->path().c_str());
  }
}

void remove_unfinished(const std::string& run_dir) {
  remove_temporary_files(run_dir);
  const Staging staging(run_dir);
  remove_abandoned(staging.parent, staging.prefix, staging.suffix);
}

Result<void> Manifest::check(const std::string& run_dir, const std::string& spec_hash) {
  const auto earlier = read_manifest(run_dir);
  const std::string before = earlier.ok() ? spec_hash_of(earlier.value()) : "";
  if (!before.empty() && before != spec_hash)
    return usage_error("this folder holds a run of another spec", run_dir,
                       fmt::format("give another --run-dir (this spec is {}, the folder's {})", spec_hash.substr(0, 8), before.substr(0, 8)));
  return {};
}

/// Holds a folder that exists, and clears away what an interrupted process left in it.
Result<Manifest> Manifest::take(const std::string& run_dir, const std::string& spec_hash) {
  FolderLock lock = FolderLock::take(run_dir);
  if (!lock && errno == EWOULDBLOCK)
    return Error{Kind::io, "another process is running in this folder", run_dir, "wait for it, or give another --run-dir"};
  if (!lock) return refused(run_dir, "the run folder cannot be used");
  HY_CHECK(check(run_dir, spec_hash));
  remove_unfinished(run_dir);
  return Manifest(std::move(lock), run_dir);
}

/// Makes the folder with its manifest under another name, and renames it into place.
Result<Manifest> Manifest::make(const std::string& run_dir, const std::vector<std::string>& records) {
  const Staging staging(run_dir);
  std::error_code failure;
  fs::create_directories(staging.parent, failure);
  remove_abandoned(staging.parent, staging.prefix, staging.suffix);
  std::string staged;
  FolderLock lock = FolderLock::make(staging.parent + "/" + staging.prefix, staging.suffix, staged);
  if (!lock) return refused(run_dir, "the run folder cannot be made");
  Manifest manifest(std::move(lock), run_dir);
  manifest.text_ = lines_of(records);
  manifest.file_ = write_synced(staged + "/manifest", manifest.text_);
  manifest.lock_.sync();
  if (manifest.file_ >= 0 && ::rename(staged.c_str(), Staging::target_of(run_dir).c_str()) == 0) {
    sync_folder(staging.parent);
    return manifest;
  }
  const Error error = refused(run_dir, "the run folder cannot be made");
  fs::remove_all(staged, failure);
  return error;
}

Result<Manifest> Manifest::begin(const std::string& run_dir, const std::string& spec_hash, const std::vector<std::string>& records) {
  if (!holds_files(run_dir)) {
    auto made = make(run_dir, records);
    // An empty folder that cannot be replaced (a link, a mount point), or one that another process made at this moment, is used as it is.
    std::error_code ignored;
    if (made.ok() || !fs::is_directory(run_dir, ignored)) return made;
  }
  HY_TRY(Manifest manifest, take(run_dir, spec_hash));
  manifest.text_ = lines_of(records);
  HY_CHECK(manifest.replace());
  return manifest;
}

Result<Manifest> Manifest::resume(const std::string& run_dir, const std::string& spec_hash) {
  HY_TRY(Manifest manifest, take(run_dir, spec_hash));
  HY_TRY(const auto records, read_manifest(run_dir));
  manifest.text_ = lines_of(records);
  HY_CHECK(manifest.replace());  // without a torn last line, and in a file whose pages are known to be on the disk
  return manifest;
}

Manifest::~Manifest() {
  if (file_ >= 0) ::close(file_);
}

Manifest::Manifest(Manifest&& other) noexcept
    : lock_(std::move(other.lock_)), run_dir_(std::move(other.run_dir_)), text_(std::move(other.text_)), file_(std::exchange(other.file_, -1)) {}

Result<void> Manifest::replace() {
  const std::string temporary = fmt::format("{}/.manifest.{}.tmp", run_dir_, unique_suffix());
  const int file = write_synced(temporary, text_);
  if (file < 0) return refused(path(), "the manifest cannot be written");
  if (::rename(temporary.c_str(), path().c_str()) != 0) {
    const Error error = refused(path(), "the manifest cannot be written");
    ::close(file);
    ::unlink(temporary.c_str());
    return error;
  }
  lock_.sync();
  if (file_ >= 0) ::close(file_);
  file_ = file;
  return {};
}

Result<void> Manifest::append(const std::string& json) {
  const std::string line = line_of(json);
  const std::lock_guard lock(mutex_);
  const size_t before = text_.size();
  text_ += line;
  if (write_all(file_, line)) return {};
  const Error error = refused(path(), "the manifest cannot be written");
  text_.resize(before);
  (void)!::ftruncate(file_, off_t(before));  // or a torn line stays, which readers pass over
  return error;
}

Result<void> Manifest::sync() {
  const std::lock_guard syncing(sync_mutex_);  // nobody else changes file_, so that append() need not wait for the disk
  if (fsync(file_) == 0) return {};
  const std::lock_guard lock(mutex_);
  return replace();
}

}  // namespace hayate::pipeline
