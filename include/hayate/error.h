// What went wrong, where, and what to try. Every function above kernels that can fail for a reason a user can
// mend returns Result<T>; our own mistakes assert. Nothing here throws.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace hayate {

/// Why something failed; decides the exit code of the command line and the exception type in Python.
enum class Kind {
  usage,        ///< a name, flag or value the user gave is wrong (exit 2)
  input,        ///< a file or its content is missing, torn or not what it should be (exit 1)
  io,           ///< the operating system refused: disk full, no permission (exit 1)
  budget,       ///< the memory or time budget does not allow it (exit 4)
  timeout,      ///< one task ran past --timeout (exit 3)
  interrupted,  ///< SIGINT or SIGTERM (exit 130 or 143)
};

/// The lower-case name of a kind, as `--json` prints it.
const char* kind_name(Kind kind);

/// Three lines for a person: what is wrong, the place (file:line, a flag, an expression with a caret), what to try.
struct Error {
  Kind kind = Kind::input;
  std::string what, where, hint;
};

inline Error usage_error(std::string what, std::string where, std::string hint) {
  return {Kind::usage, std::move(what), std::move(where), std::move(hint)};
}
inline Error input_error(std::string what, std::string where, std::string hint) {
  return {Kind::input, std::move(what), std::move(where), std::move(hint)};
}

/// A value or an Error. `value()` may only be called when `ok()`.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return assert(ok()), *std::get_if<0>(&state_); }
  const T& value() const& { return assert(ok()), *std::get_if<0>(&state_); }
  T&& value() && { return assert(ok()), std::move(*std::get_if<0>(&state_)); }
  Error& error() { return assert(!ok()), *std::get_if<1>(&state_); }
  const Error& error() const { return assert(!ok()), *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value: `return {};`.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  Error& error() { return *error_; }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

#define HY_CONCAT_(a, b) a##b
#define HY_CONCAT(a, b) HY_CONCAT_(a, b)
#define HY_TRY_(result, declaration, expression)      \
  auto result = (expression);                         \
  if (!result.ok()) return std::move(result.error()); \
  declaration = std::move(result).value()

/// HY_TRY(auto bars, read_bars(path));  -- returns the error from the enclosing function when there is one.
#define HY_TRY(declaration, expression) HY_TRY_(HY_CONCAT(hy_result_, __COUNTER__), declaration, expression)

/// HY_CHECK(write(...));  -- the same for Result<void>.
#define HY_CHECK(expression)                                  \
  do {                                                        \
    auto hy_result = (expression);                            \
    if (!hy_result.ok()) return std::move(hy_result.error()); \
  } while (false)

}  // namespace hayate
