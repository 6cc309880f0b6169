#include "pipeline/label_span.h"

#include <doctest/doctest.h>

using namespace hayate;
using namespace hayate::pipeline;

namespace {

/// A has a bar on each of ten days; B is halted from day 3 to day 7.
Panel halted() {
  Panel panel;
  panel.symbols = {"A", "B"}, panel.fields = {"close"}, panel.offsets = {0, 10, 15};
  panel.times = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 8, 9};
  panel.values = {std::vector<double>(15, 1.0)};
  return panel;
}

Program label(const std::string& text) {
  const NamedExpression named{"label", text};
  return Program::compile({&named, 1}, {"close"}, {.dtype = Dtype::float64, .allow_look_ahead = true}).value();
}

}  // namespace

TEST_CASE("a label ends at its last own row, however far that is") {
  const auto ends = label_ends(label("Ref($close,-2)/$close-1"), halted());
  CHECK(std::vector(ends.begin(), ends.begin() + 10) == std::vector<int64_t>{2, 3, 4, 5, 6, 7, 8, 9, 9, 9});
  CHECK(std::vector(ends.begin() + 10, ends.end()) == std::vector<int64_t>{2, 8, 9, 9, 9});
}

TEST_CASE("a label that is a cross-section ends with the last symbol of its date") {
  const auto ends = label_ends(label("CSRank(ForwardReturn($close,2))"), halted());
  CHECK(ends[0] == 2);
  CHECK(ends[1] == 8);
  CHECK(ends[2] == 9);
  CHECK(ends[3] == 5);
}

TEST_CASE("training rows whose label reaches into the test are dropped, wherever they stand") {
  const Panel panel = halted();
  const auto ends = label_ends(label("TripleBarrier($close,2,3,1,1)"), panel);
  const std::vector<int64_t> dates = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const Fold fold{{{0, 4}, {8, 10}}, {{6, 8}}};
  std::vector<int32_t> rows = {0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14};  // A: days 0-3, 8, 9; B: days 0, 1, 2, 8, 9
  drop_overlapping(rows, panel.times, ends, fold, dates);
  CHECK(rows == std::vector<int32_t>{0, 1, 2, 3, 8, 9, 10, 13, 14});  // B on days 1 and 2 reads days 8 and 9, over the test
}
