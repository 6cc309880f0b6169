// What our sides of the races over tables share: seconds per case, and an end when something goes wrong.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "hayate/error.h"

namespace hayate::bench {

[[noreturn]] inline void fail(const Error& error) {
  std::fprintf(stderr, "%s: %s\n", error.where.c_str(), error.what.c_str());
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result.ok()) fail(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

/// Times cases and prints the line that a program ends with.
class Cases {
 public:
  explicit Cases(int repeats) : repeats_(repeats) { json_.object().key("version").value("0.1.0").key("cases").object(); }

  template <class Work>
  void time(const char* name, Work&& work) {
    std::vector<double> walls, cpus;
    for (int repeat = 0; repeat < repeats_; ++repeat) {
      const double wall = wall_seconds(), cpu = cpu_seconds();
      work();
      walls.push_back(wall_seconds() - wall), cpus.push_back(cpu_seconds() - cpu);
    }
    json_.key(name).object();
    put("wall_s", walls), put("cpu_s", cpus);
    json_.end();
  }
  void print() { std::printf("%s\n", json_.end().end().text().c_str()); }

 private:
  void put(const char* key, const std::vector<double>& seconds) {
    json_.key(key).array();
    for (const double s : seconds) json_.value(s);
    json_.end();
  }

  int repeats_;
  JsonWriter json_;
};

}  // namespace hayate::bench
