// The program of ./dev soak fuzz: libFuzzer over the target that HAYATE_FUZZ names.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/targets.h"

static const hayate::fuzz::Target* chosen = nullptr;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("HAYATE_FUZZ");
  chosen = name ? hayate::fuzz::find_target(name) : nullptr;
  if (chosen) return 0;
  for (const auto& target : hayate::fuzz::targets()) std::printf("%s\n", target.name);
  std::exit(name ? 2 : 0);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  chosen->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
