// Alpha158 against values made by pyqlib 0.9.7 with pandas 2.3.3 (tests/data/alpha158_reference.csv: synthetic bars with ties,
// halts, single missing fields, days without volume and a symbol of three rows; the columns behind vwap are qlib's).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>

#include "base/strings.h"
#include "hayate/features.h"

using namespace hayate;

namespace {

struct Reference {
  std::vector<std::string> names;                              // of all columns but symbol and date
  std::map<std::string, std::vector<std::vector<double>>> of;  // by symbol: columns
};

Reference read_reference() {
  Reference out;
  std::ifstream file("tests/data/alpha158_reference.csv");
  std::string line;
  std::getline(file, line);
  out.names = split(line, ',');
  out.names.erase(out.names.begin(), out.names.begin() + 2);
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = split(line, ',');
    auto& columns = out.of[cells[0]];
    columns.resize(out.names.size());
    for (size_t i = 0; i < out.names.size(); ++i) columns[i].push_back(cells[i + 2].empty() ? std::nan("") : parse_number(cells[i + 2]).value());
  }
  return out;
}

double median_size(const std::vector<double>& column) {
  std::vector<double> sizes;
  for (double x : column)
    if (!std::isnan(x)) sizes.push_back(std::abs(x));
  std::sort(sizes.begin(), sizes.end());
  return sizes.empty() ? 0 : sizes[sizes.size() / 2];
}

}  // namespace

TEST_CASE("Alpha158 equals qlib's") {
  const Reference reference = read_reference();
  REQUIRE(reference.of.size() == 4);
  const auto program = Program::compile(expressions_of(*feature_set("alpha158").value()), {"open", "high", "low", "close", "volume", "vwap"});
  REQUIRE(program.ok());
  const auto column_of = [&](const std::string& name) {
    return size_t(std::find(reference.names.begin(), reference.names.end(), name) - reference.names.begin());
  };
  for (const auto& [symbol, columns] : reference.of) {
    const size_t rows = columns[0].size();
    Bars bars{.rows = rows, .series = {}};
    for (const std::string& name : program.value().fields()) bars.series.emplace_back(std::span(columns[column_of(name)]));
    std::vector<float> out(program.value().num_outputs() * rows);
    Workspace workspace;
    evaluate(program.value(), bars, workspace, out.data(), rows);
    for (size_t i = 0; i < program.value().num_outputs(); ++i) {
      const std::vector<double>& wanted = columns[column_of(program.value().names()[i])];
      const double usual = median_size(wanted);
      for (size_t t = 0; t < rows; ++t) {
        const double got = out[i * rows + t];
        const bool equal = std::isnan(wanted[t]) ? std::isnan(got) : std::abs(got - wanted[t]) <= 1e-5 * (std::abs(wanted[t]) + usual);
        CHECK_MESSAGE(equal, symbol, " ", program.value().names()[i], " row ", t, " is ", got, ", qlib has ", wanted[t]);
      }
    }
  }
}
