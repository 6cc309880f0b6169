// For tests: the inputs and values of other libraries in tests/data/metrics_reference.txt.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace hayate::eval {

/// One block of metrics_reference.txt: columns (more than one number) and expected values, "undefined" as NaN.
struct Case {
  std::string name, kind;
  std::map<std::string, std::vector<double>> lines;

  std::vector<double> column(const std::string& key) const { return lines.contains(key) ? lines.at(key) : std::vector<double>(); }
  std::vector<int32_t> codes(const std::string& key) const {
    const std::vector<double> values = column(key);
    return std::vector<int32_t>(values.begin(), values.end());
  }
};

inline std::vector<Case> read_cases() {
  std::ifstream file("tests/data/metrics_reference.txt");
  REQUIRE_MESSAGE(file.good(), "tests run in the root of the repository");
  std::vector<Case> cases;
  for (std::string text; std::getline(file, text);) {
    if (text.empty() || text[0] == '#') continue;
    std::istringstream words(text);
    std::string key, word;
    words >> key;
    if (key == "case") {
      cases.push_back({text.substr(5), "", {}});
    } else if (key == "kind") {
      words >> cases.back().kind;
    } else {
      std::vector<double>& values = cases.back().lines[key];
      while (words >> word) values.push_back(word == "undefined" || word == "nan" ? std::nan("") : std::stod(word));
    }
  }
  return cases;
}

}  // namespace hayate::eval
