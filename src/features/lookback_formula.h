// For tests: the value of a lookback as the tables write it, such as "max(fast, slow) + average(signal, matype) - 2".
#pragma once

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <string>
#include <string_view>

#include "kernels/ta_average.h"

namespace hayate {

/// Whole numbers and names with + - * / ( ), max, min, floor, sqrt, and average(period, type, own default): the lookback of a moving
/// average. An unknown name gives NaN.
class LookbackFormula {
 public:
  LookbackFormula(std::string_view text, const std::map<std::string, double>& values) : text_(text), values_(values) {}

  double value() {
    const double out = sum();
    return at_ == text_.size() ? out : std::nan("");
  }

 private:
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    skip();
    return true;
  }
  double sum() {
    double out = product();
    for (;;) {
      if (take('+'))
        out += product();
      else if (take('-'))
        out -= product();
      else
        return out;
    }
  }
  double product() {
    double out = atom();
    for (;;) {
      if (take('*'))
        out *= atom();
      else if (take('/'))
        out /= atom();
      else
        return out;
    }
  }
  double atom() {
    skip();
    if (take('(')) {
      const double out = sum();
      take(')');
      return out;
    }
    const size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(uint8_t(text_[at_])) || text_[at_] == '_')) ++at_;
    const std::string word(text_.substr(begin, at_ - begin));
    if (!word.empty() && std::isdigit(uint8_t(word[0]))) return std::stod(word);
    if (take('(')) return function(word);
    skip();
    return values_.contains(word) ? values_.at(word) : std::nan("");
  }
  double function(const std::string& name) {
    double arguments[3] = {};
    int count = 0;
    do arguments[count++] = sum();
    while (count < 3 && take(','));
    take(')');
    if (name == "max") return std::max(arguments[0], arguments[1]);
    if (name == "min") return std::min(arguments[0], arguments[1]);
    if (name == "floor") return std::floor(arguments[0]);
    if (name == "sqrt") return std::sqrt(arguments[0]);
    if (name != "average") return std::nan("");
    const auto own = static_cast<kernels::baseline::talib::Average>(arguments[2]);
    return double(kernels::baseline::talib::average_lookback(int64_t(arguments[0]), kernels::baseline::talib::average_type(arguments[1], own)));
  }

  std::string_view text_;
  const std::map<std::string, double>& values_;
  size_t at_ = 0;
};

}  // namespace hayate
