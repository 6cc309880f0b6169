// Random numbers read from a counter, never from shared state: the value depends on (key, index) alone, so any thread
// may draw any part of any stream in any order and the result is the same. A key is made of what the number is for:
// random_key(seed, Stage::bootstrap, entity, tree, node).
#pragma once

#include <cstdint>

namespace hayate {

/// What a stream is for; two stages never share numbers. Values are part of the model's bytes: append, never renumber.
enum class Stage : uint64_t { bootstrap = 1, features = 2, synth = 3, permutation = 4, subsample = 5, search = 6, threshold = 7, resample = 8 };

/// splitmix64's finaliser (Steele, Lea, Flood 2014): a bijection in which every input bit reaches every output bit.
constexpr uint64_t mix64(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

constexpr uint64_t random_key(uint64_t seed, Stage stage, uint64_t entity = 0, uint64_t tree = 0, uint64_t node = 0) {
  uint64_t key = mix64(seed + 0x9E3779B97F4A7C15ull);
  key = mix64(key ^ (uint64_t(stage) + 0xD1B54A32D192ED03ull));
  key = mix64(key ^ (entity + 0x8CB92BA72F3D8DD7ull));
  key = mix64(key ^ (tree + 0xDA942042E4DD58B5ull));
  return mix64(key ^ (node + 0xA3EC647659359ACDull));
}

/// 64 random bits: number `index` of the stream `key`.
constexpr uint64_t random_bits(uint64_t key, uint64_t index) { return mix64(key + (index + 1) * 0x9E3779B97F4A7C15ull); }

/// A whole number in [0, bound): multiply-shift of the top 32 bits (bound < 2^32; bias below bound / 2^32).
constexpr uint32_t random_below(uint64_t key, uint64_t index, uint32_t bound) { return uint32_t(((random_bits(key, index) >> 32) * bound) >> 32); }

/// A double in [0, 1) with 53 random bits.
constexpr double random_unit(uint64_t key, uint64_t index) { return double(random_bits(key, index) >> 11) * 0x1p-53; }

}  // namespace hayate
