// Results of earlier work in a folder, named by what they were made of: the key is a hash of everything that decides the
// result (bars, expressions, params, seed, the program itself), so new data can't return an old answer and nothing ever
// goes stale. An entry is written under a temporary name and renamed, and carries a checksum: readers take no lock, any
// number of processes share a folder, a process that dies leaves no entry, a damaged entry is set aside and made again.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "hayate/error.h"

namespace hayate::cache {

struct StoreUse {
  int64_t hits = 0, misses = 0, damaged = 0, written = 0;
};

class Store {
 public:
  /// Makes the folder when it is missing. Error (io): it cannot be made or written.
  static Result<Store> open(const std::string& folder);
  Store(Store&& other) noexcept;
  Store& operator=(Store&&) = delete;

  /// The bytes stored under `key`, or nothing. Any thread.
  std::optional<std::string> get(const Hash128& key);
  /// Stores bytes under `key`; an entry that is there already is replaced by the same bytes. Not synced: after a power cut
  /// an entry may be torn, which get() notices. Any thread.
  Result<void> put(const Hash128& key, std::string_view bytes);

  StoreUse use() const { return {hits_, misses_, damaged_, written_}; }
  const std::string& folder() const { return folder_; }

 private:
  explicit Store(std::string folder) : folder_(std::move(folder)) {}
  std::string path_of(const Hash128& key) const;

  std::string folder_;
  std::atomic<int64_t> hits_{0}, misses_{0}, damaged_{0}, written_{0};
};

struct StoreSize {
  int64_t entries = 0, bytes = 0, damaged = 0;
};
/// What a folder holds; zeros for one that does not exist.
StoreSize measure(const std::string& folder);
/// Removes the entries that were written longest ago until at most `most_bytes` are left; damaged ones go first. Files
/// that are no entries stay. Returns what is left.
StoreSize trim(const std::string& folder, int64_t most_bytes);

/// $XDG_CACHE_HOME/hayate, else ~/.cache/hayate, else "" (no home).
std::string user_folder();

}  // namespace hayate::cache
