#include "cache/store.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace hayate;
using namespace hayate::cache;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("hayate_store_" + std::to_string(getpid()));
  Folder() { fs::remove_all(path); }
  ~Folder() { fs::remove_all(path); }
};

Hash128 key_of(const std::string& text) { return hash_bytes(text.data(), text.size()); }

fs::path only_entry(const fs::path& folder) {
  for (const auto& at : fs::recursive_directory_iterator(folder))
    if (at.path().extension() == ".result") return at.path();
  return {};
}

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void write(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes; }

}  // namespace

TEST_CASE("store: what was put comes back, under its key alone") {
  const Folder folder;
  auto store = Store::open(folder.path.string());
  REQUIRE(store.ok());
  CHECK_FALSE(store.value().get(key_of("a")));
  REQUIRE(store.value().put(key_of("a"), "first").ok());
  REQUIRE(store.value().put(key_of("empty"), "").ok());
  CHECK(store.value().get(key_of("a")) == "first");
  CHECK(store.value().get(key_of("empty")) == "");
  CHECK_FALSE(store.value().get(key_of("b")));
  CHECK(store.value().use().hits == 2);
  CHECK(store.value().use().misses == 2);
  auto again = Store::open(folder.path.string());
  CHECK(again.value().get(key_of("a")) == "first");
}

TEST_CASE("store: a flipped bit, a missing or an added byte anywhere is no answer, and is set aside") {
  const Folder folder;
  auto opened = Store::open(folder.path.string());
  Store& store = opened.value();
  const std::string bytes(100, 'x');
  REQUIRE(store.put(key_of("a"), bytes).ok());
  const fs::path entry = only_entry(folder.path);
  const std::string whole = read(entry);
  for (size_t i = 0; i < whole.size() * 8; ++i) {
    std::string bad = whole;
    bad[i / 8] = char(bad[i / 8] ^ 1 << (i % 8));
    write(entry, bad);
    REQUIRE_FALSE(store.get(key_of("a")));
  }
  for (size_t size = 0; size < whole.size(); ++size) {
    write(entry, whole.substr(0, size));
    REQUIRE_FALSE(store.get(key_of("a")));
  }
  write(entry, whole + "x");
  CHECK_FALSE(store.get(key_of("a")));
  CHECK(store.use().damaged == int64_t(whole.size() * 9 + 1));
  CHECK(measure(folder.path.string()).damaged == 1);
  REQUIRE(store.put(key_of("a"), bytes).ok());
  CHECK(store.get(key_of("a")) == bytes);
}

TEST_CASE("store: an entry under another's name is no answer") {
  const Folder folder;
  auto opened = Store::open(folder.path.string());
  Store& store = opened.value();
  REQUIRE(store.put(key_of("a"), "first").ok());
  const fs::path a = only_entry(folder.path);
  const std::string bytes = read(a);
  fs::remove(a);
  REQUIRE(store.put(key_of("b"), "second").ok());
  write(only_entry(folder.path), bytes);
  CHECK_FALSE(store.get(key_of("b")));
}

TEST_CASE("store: trim removes the oldest and keeps foreign files") {
  const Folder folder;
  auto opened = Store::open(folder.path.string());
  Store& store = opened.value();
  for (int i = 0; i < 5; ++i) {
    REQUIRE(store.put(key_of(std::to_string(i)), std::string(1000, 'x')).ok());
    for (const auto& at : fs::recursive_directory_iterator(folder.path))
      if (at.is_regular_file()) fs::last_write_time(at.path(), at.last_write_time() - std::chrono::hours(1));
  }
  write(folder.path / "notes.txt", std::string(5000, 'n'));
  const StoreSize left = trim(folder.path.string(), 2500);
  CHECK(left.entries == 2);
  CHECK(store.get(key_of("4")));
  CHECK(store.get(key_of("3")));
  CHECK_FALSE(store.get(key_of("0")));
  CHECK(trim(folder.path.string(), 0).entries == 0);
  CHECK(fs::exists(folder.path / "notes.txt"));
}

TEST_CASE("store: a folder that cannot be made is an error with a hint") {
  const auto store = Store::open("/proc/nope/cache");
  REQUIRE(!store.ok());
  CHECK(store.error().kind == Kind::io);
  CHECK(store.error().hint.find("--cache off") != std::string::npos);
}
