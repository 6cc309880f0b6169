#include "hayate/error.h"

namespace hayate {

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::usage:
      return "usage";
    case Kind::input:
      return "input";
    case Kind::io:
      return "io";
    case Kind::budget:
      return "budget";
    case Kind::timeout:
      return "timeout";
    case Kind::interrupted:
      return "interrupted";
  }
  return "unknown";
}

Error::Error(Kind of, std::string is_wrong, std::string place, std::string to_try)
    : kind(of), what(std::move(is_wrong)), where(std::move(place)), hint(std::move(to_try)) {}
Error::Error(const Error&) = default;
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(const Error&) = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

Error usage_error(std::string what, std::string where, std::string hint) { return {Kind::usage, std::move(what), std::move(where), std::move(hint)}; }

Error input_error(std::string what, std::string where, std::string hint) { return {Kind::input, std::move(what), std::move(where), std::move(hint)}; }

Failure::Failure(Error error) : error_(new Error(std::move(error))) {}
Failure::Failure(const Failure& other) : error_(other.error_ ? new Error(*other.error_) : nullptr) {}
void Failure::destroy() { delete error_; }

}  // namespace hayate
