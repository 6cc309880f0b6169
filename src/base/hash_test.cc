#include "base/hash.h"

#include <doctest/doctest.h>

#include <set>
#include <vector>

using namespace hayate;

TEST_CASE("hash: the cut into calls does not matter") {
  std::vector<unsigned char> data(100);
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<unsigned char>(i * 37);
  for (size_t size = 0; size <= data.size(); ++size) {
    const Hash128 whole = hash_bytes(data.data(), size);
    for (size_t cut = 0; cut <= size; cut += 7) CHECK(Hasher().bytes(data.data(), cut).bytes(data.data() + cut, size - cut).finish() == whole);
  }
}

TEST_CASE("hash: every flipped bit and every length gives another value") {
  std::vector<unsigned char> data(64, 0);
  std::set<std::string> seen;
  for (size_t size = 0; size <= 64; ++size) CHECK(seen.insert(hash_bytes(data.data(), size).hex()).second);
  for (int bit = 0; bit < 512; ++bit) {
    data[size_t(bit / 8)] ^= static_cast<unsigned char>(1 << (bit % 8));
    CHECK(seen.insert(hash_bytes(data.data(), 64).hex()).second);
    data[size_t(bit / 8)] ^= static_cast<unsigned char>(1 << (bit % 8));
  }
}

TEST_CASE("hash: text is framed by its length") { CHECK(!(Hasher().text("ab").text("c").finish() == Hasher().text("a").text("bc").finish())); }
