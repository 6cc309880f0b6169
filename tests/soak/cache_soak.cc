// What tests/soak/cache.py lets loose on a folder of stored results.
//   cache_soak damage FOLDER        every bit of a 64 KB entry flipped, every length from 0 to all: never an answer
//   cache_soak crowd FOLDER SEED    puts and gets for ever, checks every value it gets; prints how many a few times a second
//   cache_soak rate FOLDER          gets a second from memory and from the folder, puts into it and into the log of a run
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "cache/store.h"

using namespace hayate;
using namespace hayate::cache;
namespace fs = std::filesystem;

namespace {

/// The only right value of a key, its length drawn from the key too.
std::string value_of(uint64_t number, size_t most) {
  std::string out(size_t(random_below(mix64(number), 0, uint32_t(most))), '\0');
  for (size_t i = 0; i < out.size(); ++i) out[i] = char(random_bits(mix64(number), 1 + i / 8) >> (8 * (i % 8)));
  return out;
}

Hash128 key_of(uint64_t number) { return hash_bytes(&number, sizeof number); }

fs::path only_entry(const std::string& folder) {
  for (const auto& at : fs::recursive_directory_iterator(folder))
    if (at.is_regular_file()) return at.path();
  return {};
}

int fail(std::string_view what) { return fmt::print("WRONG: {}\n", what), 1; }

int damage(Store& store, const std::string& folder) {
  const std::string value(65'536, 'x');
  if (!store.put({key_of(1), value, 1}).ok()) return fail("cannot write");
  const std::string path = only_entry(folder).string(), aside = path + ".damaged";
  const auto bytes = int64_t(fs::file_size(path));
  int64_t cases = 0;
  const auto refused = [&] {
    ++cases;
    return !store.get(key_of(1)) && ::rename(aside.c_str(), path.c_str()) == 0;
  };
  const int file = ::open(path.c_str(), O_RDWR);
  for (int64_t bit = 0; bit < 8 * bytes; ++bit) {
    char byte = 0;
    if (::pread(file, &byte, 1, bit / 8) != 1) return fail("cannot read");
    const char flipped = char(byte ^ (1 << (bit % 8)));
    if (::pwrite(file, &flipped, 1, bit / 8) != 1) return fail("cannot write");
    if (!refused()) return fail(fmt::format("bit {} flipped and an answer", bit));
    if (::pwrite(file, &byte, 1, bit / 8) != 1) return fail("cannot write");
  }
  if (!store.get(key_of(1))) return fail("an entry whose every bit was put right is no answer");
  const std::string whole = *store.get(key_of(1));
  for (int64_t size = bytes - 1; size >= 0; --size) {
    if (::ftruncate(file, size) != 0) return fail("cannot truncate");
    if (!refused()) return fail(fmt::format("cut to {} bytes and an answer", size));
  }
  ::close(file);
  fmt::print("{} damaged entries, 0 answers\n", cases);
  return 0;
}

[[noreturn]] void crowd(Store& store, uint64_t seed) {
  uint64_t gets = 0, hits = 0;
  double told = wall_seconds();
  for (uint64_t step = 0;; ++step) {
    const uint64_t number = random_below(mix64(seed), step, 400);
    const std::string want = value_of(number, 20'000);
    if (const Value got = store.get(key_of(number))) {
      if (*got != want) std::exit(fail(fmt::format("key {}: {} bytes, {} wanted", number, got->size(), want.size())));
      ++hits;
    } else if (const auto put = store.put({key_of(number), want, random_unit(number, 1)}); !put.ok()) {
      std::exit(fail(put.error().what));
    }
    ++gets;
    if (step % 64 == 0) store.sync();
    if (wall_seconds() - told > 0.2) {
      told = wall_seconds();
      fmt::print("{} {} {}\n", gets, hits, store.use().damaged);
      std::fflush(stdout);
      gets = hits = 0;
    }
  }
}

double gets_per_second(Store& store, int keys, int rounds) {
  const double began = wall_seconds();
  for (int round = 0; round < rounds; ++round)
    for (int i = 0; i < keys; ++i)
      if (!store.get(key_of(uint64_t(i)))) return 0;
  return double(keys) * rounds / (wall_seconds() - began);
}

int rate(const std::string& folder) {
  auto both = Store::open(folder);
  std::vector<std::string> values;
  for (uint64_t i = 0; i < 1000; ++i) values.push_back(value_of(i, 8000));
  const auto puts_per_second = [&values](Store& store) -> double {
    const double began = wall_seconds();
    for (uint64_t i = 0; i < values.size(); ++i)
      if (!store.put({key_of(i), values[i], 1}).ok()) return 0;
    store.sync();
    return double(values.size()) / (wall_seconds() - began);
  };
  auto log = Store::open_log(folder + "_log");
  const double to_folder = puts_per_second(both.value()), to_log = puts_per_second(log.value());
  auto disk = Store::open(folder, {0, Bounds().folder});
  const double memory = gets_per_second(both.value(), 1000, 1000), file = gets_per_second(disk.value(), 1000, 50);
  fmt::print("{:.2f} M gets/s from memory, {:.0f} k gets/s from the folder (page cache), one thread, entries of 4 KB on average\n", memory / 1e6,
             file / 1e3);
  fmt::print("{:.1f} k puts/s into the folder, {:.0f} k puts/s into the log of a run, all on the disk at the end\n", to_folder / 1e3, to_log / 1e3);
  return memory >= 1e6 && file >= 50e3 && to_folder > 0 && to_log > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 2 ? argv[1] : "";
  const std::string folder = argc > 2 ? argv[2] : "";
  if (mode == "rate") return rate(folder);
  // A small bound, so that entries are evicted while others read them.
  auto store = Store::open(folder, mode == "crowd" ? Bounds{200'000, 2'000'000} : Bounds{0, Bounds().folder});
  if (!store.ok()) return fail(store.error().what);
  if (mode == "damage") return damage(store.value(), folder);
  if (mode == "crowd") crowd(store.value(), std::strtoull(argv[3], nullptr, 10));
  fmt::print("usage: cache_soak damage FOLDER | crowd FOLDER SEED | rate FOLDER\n");
  return 2;
}
