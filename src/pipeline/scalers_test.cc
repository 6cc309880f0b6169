#include "pipeline/scalers.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

using namespace hayate;
using namespace hayate::pipeline;

namespace {

std::string error_of(const std::vector<std::string>& texts) {
  const auto parsed = parse_scalers(texts, "[features] processors");
  if (parsed.ok()) return "none";
  CHECK(parsed.error().kind == Kind::usage);
  return parsed.error().what + " / " + parsed.error().hint;
}

std::vector<Scaler> fitted(const std::vector<std::string>& texts) { return parse_scalers(texts, "x").value().fitted; }

const float kMissing = std::nanf("");

}  // namespace

TEST_CASE("processors are read by name and value") {
  const auto list = parse_scalers({"fillna(2)", "cs_zscore", " robust_zscore ", "winsorize( 0.05 )", "fillna"}, "x").value();
  CHECK(list.expressions == std::vector<Scaler>{{Scaler::Type::fillna, 2}, {Scaler::Type::cs_zscore, 0}});
  CHECK(scaler_texts(list.fitted) == std::vector<std::string>{"robust_zscore", "winsorize(0.05)", "fillna(0)"});
  CHECK(parse_scalers({}, "x").value().fitted.empty());
  CHECK(error_of({"robust_zscor"}).find("'robust_zscore'") != std::string::npos);
  CHECK(error_of({"winsorize(0.7)"}).find("from 0 to 0.5") != std::string::npos);
  CHECK(error_of({"winsorize(0.1"}).find("winsorize(0.01)") != std::string::npos);
  CHECK(error_of({"winsorize(x)"}) != "none");
  CHECK(error_of({"cs_zscore(3)"}).find("takes no value") != std::string::npos);
  CHECK(scaler_texts(fitted({"cs_rank", "robust_zscore", "cs_zscore", "fillna(1)"})) ==
        std::vector<std::string>{"robust_zscore", "cs_zscore", "fillna(1)"});
  CHECK(has_cross_sections(fitted({"winsorize", "cs_rank"})));
  CHECK_FALSE(has_cross_sections(fitted({"cs_rank", "winsorize"})));
  CHECK(error_of({""}) != "none");
}

TEST_CASE("what needs no fitting is an expression") {
  const auto list = parse_scalers({"fillna(-1.5)", "cs_rank"}, "x").value();
  CHECK(list.fitted.empty());
  CHECK(scaled_expression(list.expressions, "$a+1") == "CSRank(If(($a+1)==($a+1),$a+1,-1.5))");
}

TEST_CASE("fits come from the rows listed alone, and give the same when applied again") {
  //                      train                           test
  const std::vector<float> first = {1, 2, 3, 4, 100, kMissing, 1000, -1000}, second(8, kMissing);
  std::vector<float> values = first;
  values.insert(values.end(), second.begin(), second.end());
  const std::vector<float> raw = values;
  const auto scalers = fitted({"robust_zscore", "winsorize(0.25)", "fillna(7)"});
  const std::vector<int32_t> train = {0, 1, 2, 3, 4, 5};
  const ScaledColumns columns{values.data(), 8, 2, 8};
  const std::vector<double> fits = fit_scalers(scalers, columns, train, nullptr);
  REQUIRE(fits.size() == 8);
  CHECK(fits[0] == 3);                             // median of 1 2 3 4 100
  CHECK(fits[1] == doctest::Approx(1.4826));       // deviations 2 1 0 1 97
  CHECK(std::isnan(fits[2]));                      // no value to fit on
  CHECK(fits[4] == doctest::Approx(-1 / 1.4826));  // quantiles of -1.35 -0.67 0 0.67 3
  CHECK(fits[5] == doctest::Approx(1 / 1.4826));
  CHECK(values[1] == doctest::Approx(-1 / 1.4826));
  CHECK(values[6] == doctest::Approx(1 / 1.4826));
  CHECK(values[5] == 7);
  CHECK(values[8] == 7);

  std::vector<float> again = raw;
  apply_scalers(scalers, fits, {again.data(), 8, 2, 8});
  CHECK(std::memcmp(again.data(), values.data(), again.size() * sizeof(float)) == 0);

  std::vector<float> disturbed = raw;
  disturbed[6] = 5, disturbed[7] = kMissing;
  const auto same = fit_scalers(scalers, {disturbed.data(), 8, 2, 8}, train, nullptr);
  CHECK(std::memcmp(same.data(), fits.data(), fits.size() * sizeof(double)) == 0);
  exec::Pool pool(4);
  std::vector<float> parallel = raw;
  const auto shared = fit_scalers(scalers, {parallel.data(), 8, 2, 8}, train, &pool);
  CHECK(std::memcmp(shared.data(), fits.data(), fits.size() * sizeof(double)) == 0);
}

TEST_CASE("a cross-section after a fit is taken over the scaled values of each date") {
  // Two symbols of three dates, then a third that has the last date alone.
  const std::vector<int64_t> times = {1, 2, 3, 1, 2, 3, 3};
  std::vector<float> values = {1, 50, 7, 2, -50, kMissing, 9};
  const std::vector<float> raw = values;
  const auto scalers = fitted({"winsorize(0)", "cs_rank"});
  const std::vector<int32_t> train = {0, 3};
  const ScaledColumns columns{values.data(), 7, 1, 7};
  const std::vector<double> fits = fit_scalers(scalers, columns, train, nullptr, times);
  CHECK(fits == std::vector<double>{1, 2});  // bounds of 1 and 2
  CHECK(values[0] == 0.5F);
  CHECK(values[3] == 1);
  CHECK(values[1] == 1);  // 50 and -50 became 2 and 1
  CHECK(values[4] == 0.5F);
  CHECK(values[2] == 0.75F);  // 7 and 9 both became 2
  CHECK(values[6] == 0.75F);
  CHECK(std::isnan(values[5]));
  std::vector<float> again = raw;
  apply_scalers(scalers, fits, {again.data(), 7, 1, 7}, times);
  CHECK(std::memcmp(again.data(), values.data(), 7 * sizeof(float)) == 0);
}
