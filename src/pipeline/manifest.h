// The append-only record of a run: one line per record, `<checksum of the JSON, 16 hex digits> <JSON>`. The first record
// holds the spec, then comes one per finished task, the last says how the run ended. A torn last line is ignored when
// read. The folder is locked while a Manifest of it lives: a second process on the same folder is refused.
//
// A run folder appears with its first records in it or not at all (it is made under another name and renamed), so a
// folder that can be seen can be resumed. An fsync that failed is never tried again, for a second one may claim success
// over lost pages: the records are written to another file, which takes the place of the first.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/folder_lock.h"
#include "hayate/error.h"

namespace hayate::pipeline {

class Manifest {
 public:
  /// Makes the folder if needed and a new manifest with these records, which takes the place of that of an earlier run
  /// with the same spec hash. Errors: a folder that holds another spec's run (usage), in use by another process (io), not writable (io).
  static Result<Manifest> begin(const std::string& run_dir, const std::string& spec_hash, const std::vector<std::string>& records);
  /// The same, but goes on after the records that are there.
  static Result<Manifest> resume(const std::string& run_dir, const std::string& spec_hash);
  /// Only the check that begin() makes of a folder that exists: an Error when it holds another spec's run.
  static Result<void> check(const std::string& run_dir, const std::string& spec_hash);
  ~Manifest();
  Manifest(Manifest&& other) noexcept;
  Manifest& operator=(Manifest&&) = delete;

  /// Appends one record; `json` is one line. It outlives this process at once, a power cut after the next sync(). Any thread.
  Result<void> append(const std::string& json);
  /// Any thread; append() may go on meanwhile.
  Result<void> sync();

 private:
  Manifest(FolderLock lock, std::string run_dir) : lock_(std::move(lock)), run_dir_(std::move(run_dir)) {}
  static Result<Manifest> take(const std::string& run_dir, const std::string& spec_hash);
  static Result<Manifest> make(const std::string& run_dir, const std::vector<std::string>& records);
  std::string path() const { return run_dir_ + "/manifest"; }
  /// Writes text_ to a new file and puts it in the place of the manifest.
  Result<void> replace();

  FolderLock lock_;
  std::string run_dir_;
  std::string text_;  ///< all lines, to be written again where the disk lost them
  int file_ = -1;
  std::mutex mutex_, sync_mutex_;
};

/// The records of a run folder, in order, torn or damaged lines left out. Error: no manifest there.
Result<std::vector<std::string>> read_manifest(const std::string& run_dir);

/// Removes the unfinished files that a killed process left in its folder (.NAME.tmp).
void remove_temporary_files(const std::string& folder);

/// Removes what an interrupted writer left in a run folder, its unfinished files, and beside it: the folder that was to become this one.
void remove_unfinished(const std::string& run_dir);

}  // namespace hayate::pipeline
