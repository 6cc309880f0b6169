#include "cache/log.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <thread>

#include "cache/store.h"
#include "cache/test_files.h"

using namespace hayate;
using namespace hayate::cache;
namespace fs = std::filesystem;

namespace {

fs::path log_file(const Folder& folder, int number = 0) { return folder.path / (std::to_string(number) + ".log"); }
Hash128 key_of(int number) { return hash_bytes(&number, sizeof number); }
std::string value_of(int number) { return std::string(size_t(10 + 7 * number), char('a' + number % 26)); }

std::string get(Log& log, int number) {
  double seconds = 0;
  bool damaged = false;
  return log.get(key_of(number), seconds, damaged).value_or(damaged ? "(damaged)" : "(none)");
}

}  // namespace

TEST_CASE("log: what was put comes back, also after it was opened again; the last word on a key counts") {
  const Folder folder;
  {
    auto log = Log::open(folder.path.string());
    REQUIRE(log);
    CHECK(get(*log, 1) == "(none)");
    for (int i = 0; i < 20; ++i) REQUIRE(log->put({key_of(i), value_of(i), 0.5}));
    REQUIRE(log->put({key_of(3), "anew", 2}));
    CHECK(log->sync() == 0);
    CHECK(get(*log, 3) == "anew");
  }
  auto log = Log::open(folder.path.string());
  for (int i = 0; i < 20; ++i) CHECK(get(*log, i) == (i == 3 ? "anew" : value_of(i)));
  double seconds = 0;
  bool damaged = false;
  CHECK(log->get(key_of(3), seconds, damaged));
  CHECK(seconds == 2);
  CHECK(log->has(key_of(19)));
  CHECK_FALSE(log->has(key_of(20)));
}

TEST_CASE("log: cut anywhere, the whole entries before are there and more can be put") {
  const Folder folder;
  {
    auto log = Log::open(folder.path.string());
    for (int i = 0; i < 3; ++i) REQUIRE(log->put({key_of(i), value_of(i), 1}));
  }
  const std::string whole = read(log_file(folder));
  const size_t header = sizeof(EntryHeader), first = header + value_of(0).size(), second = first + header + value_of(1).size();
  for (size_t size = 0; size < whole.size(); ++size) {
    write(log_file(folder), whole.substr(0, size));
    auto log = Log::open(folder.path.string());
    CHECK(get(*log, 0) == (size >= first ? value_of(0) : "(none)"));
    CHECK(get(*log, 1) == (size >= second ? value_of(1) : "(none)"));
    CHECK(get(*log, 2) == "(none)");
    REQUIRE(log->put({key_of(9), "more", 1}));
    CHECK(get(*Log::open(folder.path.string()), 9) == "more");
  }
}

TEST_CASE("log: a flipped bit is no answer") {
  const Folder folder;
  {
    auto log = Log::open(folder.path.string());
    for (int i = 0; i < 2; ++i) REQUIRE(log->put({key_of(i), value_of(i), 1}));
  }
  const std::string whole = read(log_file(folder));
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string bad = whole;
    bad[bit / 8] = char(bad[bit / 8] ^ 1 << (bit % 8));
    write(log_file(folder), bad);
    auto log = Log::open(folder.path.string());
    for (int i = 0; i < 2; ++i) {
      const std::string got = get(*log, i);
      CHECK((got == value_of(i) || got == "(none)" || got == "(damaged)"));
    }
    CHECK((get(*log, 0) != value_of(0) || get(*log, 1) != value_of(1)));
  }
}

TEST_CASE("log: threads put and get beside each other") {
  const Folder folder;
  auto opened = Store::open_log(folder.path.string());
  REQUIRE(opened.ok());
  Store& store = opened.value();
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&store, t] {
      for (int i = 100 * t; i < 100 * (t + 1); ++i) {
        CHECK(store.put({key_of(i), value_of(i), 1}).ok());
        if (i % 10 == 0) store.sync();
        const Value got = store.get(key_of(i));
        CHECK((got && *got == value_of(i)));
      }
    });
  for (std::thread& thread : threads) thread.join();
  auto again = Store::open_log(folder.path.string());
  for (int i = 0; i < 400; ++i) CHECK(again.value().has(key_of(i)));
  CHECK(again.value().use().damaged == 0);
}

TEST_CASE("log: a folder that cannot be written is said") {
  const auto refused = Store::open_log("/proc/nowhere");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().kind == Kind::io);
}
