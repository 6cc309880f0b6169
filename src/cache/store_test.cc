#include "cache/store.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "cache/test_files.h"

using namespace hayate;
using namespace hayate::cache;
namespace fs = std::filesystem;

namespace {

Hash128 key_of(const std::string& text) { return hash_bytes(text.data(), text.size()); }

constexpr Bounds kFolderOnly{0, 1'000'000'000};

Result<void> put(Store& store, const std::string& name, std::string_view bytes, double seconds = 1) {
  return store.put({key_of(name), bytes, seconds});
}

std::string get(Store& store, const std::string& name) {
  const Value value = store.get(key_of(name));
  return value ? *value : "(none)";
}

fs::path only_entry(const fs::path& folder) {
  for (const auto& at : fs::recursive_directory_iterator(folder))
    if (at.path().extension() == ".result") return at.path();
  return {};
}

}  // namespace

TEST_CASE("store: what was put comes back, under its key alone") {
  const Folder folder;
  auto store = Store::open(folder.path.string());
  REQUIRE(store.ok());
  CHECK(get(store.value(), "a") == "(none)");
  REQUIRE(put(store.value(), "a", "first").ok());
  REQUIRE(put(store.value(), "empty", "").ok());
  CHECK(get(store.value(), "a") == "first");
  CHECK(get(store.value(), "empty") == "");
  CHECK(get(store.value(), "b") == "(none)");
  CHECK(store.value().use().hits == 2);
  CHECK(store.value().use().misses == 2);
  auto again = Store::open(folder.path.string());
  CHECK(get(again.value(), "a") == "first");
}

TEST_CASE("store: a flipped bit, a missing or an added byte anywhere is no answer, and is set aside") {
  const Folder folder;
  auto opened = Store::open(folder.path.string(), kFolderOnly);
  Store& store = opened.value();
  const std::string bytes(100, 'x');
  REQUIRE(put(store, "a", bytes).ok());
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
  REQUIRE(put(store, "a", bytes).ok());
  CHECK(get(store, "a") == bytes);
}

TEST_CASE("store: an entry under another's name is no answer") {
  const Folder folder;
  auto opened = Store::open(folder.path.string(), kFolderOnly);
  Store& store = opened.value();
  REQUIRE(put(store, "a", "first").ok());
  const fs::path a = only_entry(folder.path);
  const std::string bytes = read(a);
  fs::remove(a);
  REQUIRE(put(store, "b", "second").ok());
  write(only_entry(folder.path), bytes);
  CHECK_FALSE(store.get(key_of("b")));
}

TEST_CASE("store: trim removes the oldest and keeps foreign files") {
  const Folder folder;
  auto opened = Store::open(folder.path.string(), kFolderOnly);
  Store& store = opened.value();
  for (int i = 0; i < 5; ++i) {
    REQUIRE(put(store, std::to_string(i), std::string(1000, 'x')).ok());
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

TEST_CASE("store: what took longer to make outlives what is as old and as large") {
  const Folder folder;
  auto opened = Store::open(folder.path.string(), kFolderOnly);
  Store& store = opened.value();
  for (int i = 0; i < 6; ++i) REQUIRE(put(store, std::to_string(i), std::string(1000, 'x'), i == 2 || i == 5 ? 100 : 0.01).ok());
  REQUIRE(put(store, "large", std::string(100'000, 'x'), 100).ok());
  CHECK(trim(folder.path.string(), 2500).entries == 2);
  CHECK(store.get(key_of("2")));
  CHECK(store.get(key_of("5")));
}

TEST_CASE("store: the folder stays near its bound while it is written") {
  const Folder folder;
  auto opened = Store::open(folder.path.string(), {0, 64'000});
  for (int i = 0; i < 500; ++i) REQUIRE(put(opened.value(), std::to_string(i), std::string(1000, 'x')).ok());
  CHECK(measure(folder.path.string()).bytes <= 66'100);
  CHECK(measure(folder.path.string()).bytes >= 60'000);
}

TEST_CASE("store: many at once, in order") {
  const Folder folder;
  auto opened = Store::open(folder.path.string(), kFolderOnly);
  const std::string a = "one", c = "three";
  const Entry entries[] = {{key_of("a"), a, 1}, {key_of("c"), c, 1}};
  REQUIRE(opened.value().put(entries).ok());
  const Hash128 keys[] = {key_of("c"), key_of("b"), key_of("a")};
  const auto got = opened.value().get(keys);
  REQUIRE(got.size() == 3);
  CHECK(*got[0] == "three");
  CHECK(!got[1]);
  CHECK(*got[2] == "one");
}

TEST_CASE("store: what a killed process was writing goes when the folder is next opened, what a live one writes does not") {
  const Folder folder;
  fs::create_directories(folder.path / ".writing-0123456789abcdef");
  write(folder.path / ".writing-0123456789abcdef" / "0", "half");
  auto first = Store::open(folder.path.string());
  auto second = Store::open(folder.path.string());
  CHECK_FALSE(fs::exists(folder.path / ".writing-0123456789abcdef"));
  REQUIRE(put(first.value(), "a", "x").ok());
  REQUIRE(put(second.value(), "b", "y").ok());
  CHECK(measure(folder.path.string()).entries == 2);
}

TEST_CASE("store: a hit from memory needs no file, and both tiers agree") {
  const Folder folder;
  auto opened = Store::open(folder.path.string());
  REQUIRE(put(opened.value(), "a", "x").ok());
  fs::remove(only_entry(folder.path));
  CHECK(get(opened.value(), "a") == "x");
  CHECK(opened.value().use().memory_hits == 1);
}

TEST_CASE("memory tier: bounded; asked for lately and dear stay, untouched and cheap go") {
  MemoryTier tier(16 * 10'000);
  const auto value = std::make_shared<const std::string>(400, 'x');
  tier.put(key_of("dear"), value, 1000);
  for (int i = 0; i < 5000; ++i) {
    tier.put(key_of(std::to_string(i)), value, 1);
    if (i % 7 == 0) CHECK(tier.get(key_of("0")));
    CHECK(tier.bytes() <= 160'000);
  }
  CHECK(tier.get(key_of("dear")));
  CHECK(tier.get(key_of("4999")));
  CHECK_FALSE(tier.get(key_of("1")));
  tier.put(key_of("huge"), std::make_shared<const std::string>(20'000, 'x'), 1000);
  CHECK_FALSE(tier.get(key_of("huge")));
}
