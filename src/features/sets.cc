// Feature sets are lists of expressions, generated from families: an operator text with {d} for the window. The order and the
// names are those of microsoft/qlib (qlib/contrib/data/loader.py, Alpha158DL and Alpha360DL), the texts its texts.
#include <fmt/format.h>

#include "base/strings.h"
#include "hayate/features.h"

namespace hayate {
namespace {

struct Family {
  std::string_view name, text;
};

constexpr Family kBars[] = {
    {"KMID", "($close-$open)/$open"},
    {"KLEN", "($high-$low)/$open"},
    {"KMID2", "($close-$open)/($high-$low+1e-12)"},
    {"KUP", "($high-Greater($open, $close))/$open"},
    {"KUP2", "($high-Greater($open, $close))/($high-$low+1e-12)"},
    {"KLOW", "(Less($open, $close)-$low)/$open"},
    {"KLOW2", "(Less($open, $close)-$low)/($high-$low+1e-12)"},
    {"KSFT", "(2*$close-$high-$low)/$open"},
    {"KSFT2", "(2*$close-$high-$low)/($high-$low+1e-12)"},
    {"OPEN0", "$open/$close"},
    {"HIGH0", "$high/$close"},
    {"LOW0", "$low/$close"},
    {"VWAP0", "$vwap/$close"},
};

constexpr Family kRolling[] = {
    {"ROC", "Ref($close, {d})/$close"},
    {"MA", "Mean($close, {d})/$close"},
    {"STD", "Std($close, {d})/$close"},
    {"BETA", "Slope($close, {d})/$close"},
    {"RSQR", "Rsquare($close, {d})"},
    {"RESI", "Resi($close, {d})/$close"},
    {"MAX", "Max($high, {d})/$close"},
    {"MIN", "Min($low, {d})/$close"},
    {"QTLU", "Quantile($close, {d}, 0.8)/$close"},
    {"QTLD", "Quantile($close, {d}, 0.2)/$close"},
    {"RANK", "Rank($close, {d})"},
    {"RSV", "($close-Min($low, {d}))/(Max($high, {d})-Min($low, {d})+1e-12)"},
    {"IMAX", "IdxMax($high, {d})/{d}"},
    {"IMIN", "IdxMin($low, {d})/{d}"},
    {"IMXD", "(IdxMax($high, {d})-IdxMin($low, {d}))/{d}"},
    {"CORR", "Corr($close, Log($volume+1), {d})"},
    {"CORD", "Corr($close/Ref($close,1), Log($volume/Ref($volume, 1)+1), {d})"},
    {"CNTP", "Mean($close>Ref($close, 1), {d})"},
    {"CNTN", "Mean($close<Ref($close, 1), {d})"},
    {"CNTD", "Mean($close>Ref($close, 1), {d})-Mean($close<Ref($close, 1), {d})"},
    {"SUMP", "Sum(Greater($close-Ref($close, 1), 0), {d})/(Sum(Abs($close-Ref($close, 1)), {d})+1e-12)"},
    {"SUMN", "Sum(Greater(Ref($close, 1)-$close, 0), {d})/(Sum(Abs($close-Ref($close, 1)), {d})+1e-12)"},
    {"SUMD",
     "(Sum(Greater($close-Ref($close, 1), 0), {d})-Sum(Greater(Ref($close, 1)-$close, 0), {d}))/(Sum(Abs($close-Ref($close, 1)), {d})+1e-12)"},
    {"VMA", "Mean($volume, {d})/($volume+1e-12)"},
    {"VSTD", "Std($volume, {d})/($volume+1e-12)"},
    {"WVMA", "Std(Abs($close/Ref($close, 1)-1)*$volume, {d})/(Mean(Abs($close/Ref($close, 1)-1)*$volume, {d})+1e-12)"},
    {"VSUMP", "Sum(Greater($volume-Ref($volume, 1), 0), {d})/(Sum(Abs($volume-Ref($volume, 1)), {d})+1e-12)"},
    {"VSUMN", "Sum(Greater(Ref($volume, 1)-$volume, 0), {d})/(Sum(Abs($volume-Ref($volume, 1)), {d})+1e-12)"},
    {"VSUMD",
     "(Sum(Greater($volume-Ref($volume, 1), 0), {d})-Sum(Greater(Ref($volume, 1)-$volume, 0), {d}))/(Sum(Abs($volume-Ref($volume, 1)), {d})+1e-12)"},
};

constexpr int kWindows[] = {5, 10, 20, 30, 60};

std::vector<NamedExpression> alpha158() {
  std::vector<NamedExpression> out;
  for (const Family& bar : kBars) out.push_back({std::string(bar.name), std::string(bar.text)});
  for (const Family& family : kRolling)
    for (int window : kWindows)
      out.push_back({fmt::format("{}{}", family.name, window), fmt::format(fmt::runtime(family.text), fmt::arg("d", window))});
  return out;
}

constexpr Family kHistories[] = {
    {"CLOSE", "Ref($close, {i})/$close"}, {"OPEN", "Ref($open, {i})/$close"}, {"HIGH", "Ref($high, {i})/$close"},
    {"LOW", "Ref($low, {i})/$close"},     {"VWAP", "Ref($vwap, {i})/$close"}, {"VOLUME", "Ref($volume, {i})/($volume+1e-12)"},
};
constexpr Family kNow[] = {
    {"CLOSE0", "$close/$close"}, {"OPEN0", "$open/$close"}, {"HIGH0", "$high/$close"},
    {"LOW0", "$low/$close"},     {"VWAP0", "$vwap/$close"}, {"VOLUME0", "$volume/($volume+1e-12)"},
};
static_assert(std::size(kHistories) == std::size(kNow));

std::vector<NamedExpression> alpha360() {
  std::vector<NamedExpression> out;
  for (size_t f = 0; f < std::size(kHistories); ++f) {
    for (int back = 59; back >= 1; --back)
      out.push_back({fmt::format("{}{}", kHistories[f].name, back), fmt::format(fmt::runtime(kHistories[f].text), fmt::arg("i", back))});
    out.push_back({std::string(kNow[f].name), std::string(kNow[f].text)});
  }
  return out;
}

constexpr FeatureSet kSets[] = {
    {"alpha158", "qlib's Alpha158",
     "9 shapes of the bar, 4 prices, and 29 rolling families over windows of 5, 10, 20, 30 and 60 rows; reads open, high, low, close, volume and "
     "vwap",
     158},
    {"alpha360", "qlib's Alpha360",
     "close, open, high, low, vwap of the last 60 rows over today's close, and volume over today's volume; reads open, high, low, close, volume and "
     "vwap",
     360},
};

}  // namespace

std::span<const FeatureSet> feature_sets() { return kSets; }

Result<const FeatureSet*> feature_set(std::string_view name) {
  std::vector<std::string> names;
  for (const FeatureSet& set : kSets) {
    if (set.name == name) return &set;
    names.emplace_back(set.name);
  }
  return unknown_name("feature set", name, names, "--set");
}

std::vector<NamedExpression> expressions_of(const FeatureSet& set) { return set.name == "alpha158" ? alpha158() : alpha360(); }

}  // namespace hayate
