// Everything of hayate that reads bytes from outside, as functions of bytes: each must come back with a value or an Error, whatever
// the bytes are. `./dev soak fuzz` runs them under libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer; `./dev test`
// replays the files in tests/fuzz/found, which once broke one of them, and those in tests/fuzz/seeds, from which it starts.
#pragma once

#include <span>
#include <string_view>

namespace hayate::fuzz {

struct Target {
  const char* name;
  void (*run)(std::string_view bytes);
};

/// One per format or language.
std::span<const Target> targets();
const Target* find_target(std::string_view name);

}  // namespace hayate::fuzz
