#include "cache/entry.h"

#include <sys/uio.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>

namespace hayate::cache {
namespace {

uint64_t checksum_of(const EntryHeader& header, std::string_view bytes) {
  return hash_bytes(bytes.data(), bytes.size(), std::bit_cast<uint64_t>(header.seconds)).low;
}

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

}  // namespace

bool EntryHeader::is_known() const { return std::memcmp(magic, EntryHeader().magic, sizeof magic) == 0; }

EntryHeader header_of(const Entry& entry) {
  EntryHeader header;
  header.key = entry.key, header.size = entry.bytes.size(), header.seconds = entry.seconds;
  header.checksum = checksum_of(header, entry.bytes);
  return header;
}

bool write_entry(int file, EntryHeader header, std::string_view bytes) {
  iovec parts[] = {{&header, sizeof header}, {const_cast<char*>(bytes.data()), bytes.size()}};
  return write_all(file, parts, 2);
}

bool read_all(int file, off_t offset, void* data, size_t size) {
  auto to = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t count = ::pread(file, to, size, offset);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    to += count, size -= size_t(count), offset += count;
  }
  return true;
}

std::optional<std::string> read_entry(int file, off_t offset, size_t length, const Hash128& key, EntryHeader& header) {
  if (length < sizeof header || !read_all(file, offset, &header, sizeof header)) return std::nullopt;
  if (!header.is_known() || !(header.key == key) || header.size != length - sizeof header) return std::nullopt;
  std::string bytes(header.size, '\0');
  if (!read_all(file, offset + off_t(sizeof header), bytes.data(), bytes.size()) || checksum_of(header, bytes) != header.checksum)
    return std::nullopt;
  return bytes;
}

}  // namespace hayate::cache
