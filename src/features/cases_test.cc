// Runs tests/cases/expression_*.case. A case is an expression, a line of values for each column it reads, and a line of
// values expected, called '='; `! EXPRESSION` with `error:` and `try:` lines is one that is refused. Every case is tried on
// each instruction set, in float32 and in float64, and its declared lookback against the leading NaN.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/strings.h"
#include "hayate/features.h"
#include "kernels/dispatch.h"

using namespace hayate;

namespace {

struct Case {
  std::string place, text;
  bool refused = false;
  std::map<std::string, std::vector<double>> columns;  // '=' is what is expected
  std::string error, hint;
};

std::vector<double> numbers(std::istringstream& line) {
  std::vector<double> out;
  for (std::string word; line >> word;) out.push_back(parse_number(word).value());
  return out;
}

void read_line(Case& c, const std::string& line) {
  std::istringstream words(line);
  std::string name;
  words >> name;
  if (name == "error:") {
    c.error = trim(std::string_view(line).substr(6));
  } else if (name == "try:") {
    c.hint = trim(std::string_view(line).substr(4));
  } else {
    c.columns[name] = numbers(words);
  }
}

std::vector<Case> read_cases(const std::filesystem::path& path) {
  std::vector<Case> cases;
  std::ifstream file(path);
  bool inside = false;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (trim(line).empty()) inside = false;
    if (trim(line).empty() || line[0] == '#') continue;
    if (inside) {
      read_line(cases.back(), line);
      continue;
    }
    inside = true;
    const bool refused = line[0] == '!';
    cases.push_back({path.filename().string() + ":" + std::to_string(number),
                     std::string(trim(std::string_view(line).substr(refused ? 1 : 0))),
                     refused,
                     {},
                     {},
                     {}});
  }
  return cases;
}

std::vector<double> evaluated(const Program& program, const Case& c, size_t rows) {
  Bars bars{.rows = rows, .series = {}};
  for (const std::string& name : program.fields()) bars.series.emplace_back(std::span(c.columns.at(name)));
  std::vector<double> out(rows);
  Workspace workspace;
  evaluate(program, bars, workspace, out.data(), rows);
  return out;
}

bool agree(double got, double wanted) {
  if (std::isnan(wanted) || std::isinf(wanted)) return std::isnan(wanted) ? std::isnan(got) : got == wanted;
  return std::abs(got - wanted) <= 1e-6 * (std::abs(wanted) + 1);
}

void run(const Case& c) {
  const NamedExpression named{"x", c.text};
  const std::vector<double>& wanted = c.columns.at("=");
  std::vector<std::string> fields;
  bool complete = true;
  for (const auto& [name, values] : c.columns) {
    REQUIRE_MESSAGE(values.size() == wanted.size(), c.place, ": ", name);
    if (name != "=") fields.push_back(name);
    for (double x : values) complete &= name == "=" || std::isfinite(x);
  }
  for (Dtype dtype : {Dtype::float32, Dtype::float64}) {
    const auto program = Program::compile({&named, 1}, fields, {.dtype = dtype});
    REQUIRE_MESSAGE(program.ok(), c.place);
    for (kernels::Isa isa : {kernels::Isa::baseline, kernels::Isa::avx2, kernels::Isa::avx512}) {
      kernels::set_isa(isa);
      const std::vector<double> got = evaluated(program.value(), c, wanted.size());
      for (size_t t = 0; t < got.size(); ++t)
        CHECK_MESSAGE(agree(got[t], wanted[t]), c.place, ": ", c.text, " row ", t + 1, " is ", got[t], ", expected ", wanted[t], " on ",
                      kernels::isa_name(isa));
      const size_t leading = size_t(std::find_if(got.begin(), got.end(), [](double x) { return !std::isnan(x); }) - got.begin());
      const bool has_lookback = complete && leading < got.size() && leading > 0;
      if (has_lookback) CHECK_MESSAGE(program.value().lookback(0) == int64_t(leading), c.place);
    }
    kernels::set_isa(kernels::detected_isa());
  }
}

void run_refused(const Case& c) {
  const NamedExpression named{"x", c.text};
  const auto program = Program::compile({&named, 1}, {"open", "high", "low", "close", "volume"});
  REQUIRE_FALSE_MESSAGE(program.ok(), c.place);
  CHECK_MESSAGE(program.error().what == c.error, c.place);
  CHECK_MESSAGE(program.error().where.find("x: " + c.text + "\n") == 0, c.place);
  CHECK_MESSAGE(program.error().where.find('^') != std::string::npos, c.place);
  if (!c.hint.empty()) CHECK_MESSAGE(program.error().hint == c.hint, c.place);
}

}  // namespace

TEST_CASE("tests/cases/expression_*.case") {
  int tried = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/cases")) {
    if (!entry.path().filename().string().starts_with("expression_")) continue;
    for (const Case& c : read_cases(entry.path())) {
      c.refused ? run_refused(c) : run(c);
      ++tried;
    }
  }
  CHECK(tried > 60);
}
