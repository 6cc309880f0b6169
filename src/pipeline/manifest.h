// The append-only record of a run: one line per record, `<checksum of the JSON, 16 hex digits> <JSON>`. The first record
// holds the spec, then comes one per finished task, the last says how the run ended. A torn last line is ignored when
// read. The open manifest is locked: a second process on the same folder is refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"

namespace hayate::pipeline {

class Manifest {
 public:
  /// Makes the folder if needed, takes the lock and starts a new manifest, or replaces that of an earlier run with the
  /// same spec hash. Errors: a folder that holds another spec's run (usage), in use by another process (io), not writable (io).
  static Result<Manifest> begin(const std::string& run_dir, const std::string& spec_hash);
  /// The same, but goes on after the records that are there.
  static Result<Manifest> resume(const std::string& run_dir, const std::string& spec_hash);
  /// Only the check that begin() makes of a folder that exists: an Error when it holds another spec's run.
  static Result<void> check(const std::string& run_dir, const std::string& spec_hash);
  ~Manifest();
  Manifest(Manifest&& other) noexcept;
  Manifest& operator=(Manifest&&) = delete;

  /// Appends one record; `json` is one line. It outlives this process at once, a power cut after the next sync().
  Result<void> append(const std::string& json);
  Result<void> sync();

 private:
  static Result<Manifest> open(const std::string& run_dir, const std::string& spec_hash);
  Result<void> write_line(std::string_view line);
  Manifest(int file, std::string path) : file_(file), path_(std::move(path)) {}
  int file_ = -1;
  std::string path_;
};

/// The records of a run folder, in order, torn or damaged lines left out. Error: no manifest there.
Result<std::vector<std::string>> read_manifest(const std::string& run_dir);

}  // namespace hayate::pipeline
