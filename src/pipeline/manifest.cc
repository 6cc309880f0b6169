#include "pipeline/manifest.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "base/strings.h"
#include "io/json_reader.h"

namespace hayate::pipeline {
namespace {

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

Result<void> Manifest::check(const std::string& run_dir, const std::string& spec_hash) {
  const auto earlier = read_manifest(run_dir);
  const std::string before = earlier.ok() ? spec_hash_of(earlier.value()) : "";
  if (!before.empty() && before != spec_hash)
    return usage_error("this folder holds a run of another spec", run_dir,
                       fmt::format("give another --run-dir (this spec is {}, the folder's {})", spec_hash.substr(0, 8), before.substr(0, 8)));
  return {};
}

Result<Manifest> Manifest::open(const std::string& run_dir, const std::string& spec_hash) {
  std::error_code failure;
  std::filesystem::create_directories(run_dir, failure);
  const std::string path = run_dir + "/manifest";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return refused(path, "the run folder cannot be written");
  Manifest manifest(file, path);
  if (flock(file, LOCK_EX | LOCK_NB) != 0)
    return Error{Kind::io, "another process is running in this folder", run_dir, "wait for it, or give another --run-dir"};
  HY_CHECK(check(run_dir, spec_hash));
  return manifest;
}

Result<Manifest> Manifest::begin(const std::string& run_dir, const std::string& spec_hash) {
  HY_TRY(Manifest manifest, open(run_dir, spec_hash));
  if (ftruncate(manifest.file_, 0) != 0) return refused(manifest.path_, "the manifest cannot be written");
  return manifest;
}

Result<Manifest> Manifest::resume(const std::string& run_dir, const std::string& spec_hash) {
  HY_TRY(Manifest manifest, open(run_dir, spec_hash));
  // A torn last line is closed off, so that the next record begins a line of its own.
  HY_CHECK(manifest.write_line("\n"));
  return manifest;
}

Manifest::~Manifest() {
  if (file_ >= 0) ::close(file_);
}

Manifest::Manifest(Manifest&& other) noexcept : file_(std::exchange(other.file_, -1)), path_(std::move(other.path_)) {}

Result<void> Manifest::append(const std::string& json) { return write_line(fmt::format("{:016x} {}\n", checksum(json.data(), json.size()), json)); }

Result<void> Manifest::write_line(std::string_view line) {
  while (!line.empty()) {
    const ssize_t count = ::write(file_, line.data(), line.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return refused(path_, "the manifest cannot be written");
    line.remove_prefix(size_t(count));
  }
  return {};
}

Result<void> Manifest::sync() {
  if (fsync(file_) != 0) return refused(path_, "the manifest cannot be written");
  return {};
}

}  // namespace hayate::pipeline
