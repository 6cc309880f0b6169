// An entry as it stands in a file: a header, then its bytes (docs/formats/cache.md).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"

namespace hayate::cache {

/// A result to be stored. `seconds`: what it took to make, which is what an eviction costs.
struct Entry {
  Hash128 key;
  std::string_view bytes;
  double seconds = 0;
};

/// What stands before the bytes of an entry. The key is inside too: a file renamed by hand is no other entry.
struct EntryHeader {
  char magic[8] = {'h', 'y', 't', 's', 't', 'o', 'r', '2'};
  Hash128 key;
  uint64_t size = 0;
  double seconds = 0;
  uint64_t checksum = 0;  ///< of the bytes, seeded with the bits of `seconds`

  bool is_known() const;
};

EntryHeader header_of(const Entry& entry);

/// Writes an entry, with its header_of(), where the file stands. False, and errno, when not all could be written.
bool write_entry(int file, EntryHeader header, std::string_view bytes);
/// The bytes of the entry that begins at `offset` and is `length` long, header included; nothing when any of it is not as it was written.
std::optional<std::string> read_entry(int file, off_t offset, size_t length, const Hash128& key, EntryHeader& header);
/// False when the file ends before.
bool read_all(int file, off_t offset, void* data, size_t size);

}  // namespace hayate::cache
