// What went wrong, where, and what to try. Every function above kernels that can fail for a reason a user can
// mend returns Result<T>; our own mistakes assert. Nothing here throws.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>

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
/// Copied, moved and destroyed out of line: otherwise every function that can fail holds the code for three strings, 7 % of a build.
struct Error {
  Error() = default;
  Error(Kind kind, std::string what, std::string where, std::string hint);
  Error(const Error&);
  Error(Error&&) noexcept;
  Error& operator=(const Error&);
  Error& operator=(Error&&) noexcept;
  ~Error();

  Kind kind = Kind::input;
  std::string what, where, hint;
};

Error usage_error(std::string what, std::string where, std::string hint);
Error input_error(std::string what, std::string where, std::string hint);

/// An Error, or none, in the size of a pointer.
class Failure {
 public:
  Failure() = default;
  Failure(Error error);
  Failure(const Failure& other);
  Failure(Failure&& other) noexcept : error_(std::exchange(other.error_, nullptr)) {}
  Failure& operator=(Failure other) noexcept { return std::swap(error_, other.error_), *this; }
  ~Failure() {
    if (error_) destroy();
  }

  explicit operator bool() const { return error_ != nullptr; }
  Error& operator*() const { return assert(error_), *error_; }

 private:
  void destroy();
  Error* error_ = nullptr;
};

/// A value or an Error. `value()` may only be called when `ok()`.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Error error) : failure_(std::move(error)) {}
  Result(Failure failure) : failure_(std::move(failure)) {}

  bool ok() const { return !failure_; }
  explicit operator bool() const { return ok(); }
  T& value() & { return assert(ok()), *value_; }
  const T& value() const& { return assert(ok()), *value_; }
  T&& value() && { return assert(ok()), std::move(*value_); }
  Error& error() { return *failure_; }
  const Error& error() const { return *failure_; }
  Failure&& failure() && { return std::move(failure_); }

 private:
  std::optional<T> value_;
  Failure failure_;
};

/// Success without a value: `return {};`.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : failure_(std::move(error)) {}
  Result(Failure failure) : failure_(std::move(failure)) {}

  bool ok() const { return !failure_; }
  explicit operator bool() const { return ok(); }
  Error& error() { return *failure_; }
  const Error& error() const { return *failure_; }
  Failure&& failure() && { return std::move(failure_); }

 private:
  Failure failure_;
};

#define HY_CONCAT_(a, b) a##b
#define HY_CONCAT(a, b) HY_CONCAT_(a, b)
#define HY_TRY_(result, declaration, expression)        \
  auto result = (expression);                           \
  if (!result.ok()) return std::move(result).failure(); \
  declaration = std::move(result).value()

/// HY_TRY(auto bars, read_bars(path));  -- returns the error from the enclosing function when there is one.
#define HY_TRY(declaration, expression) HY_TRY_(HY_CONCAT(hy_result_, __COUNTER__), declaration, expression)

/// HY_CHECK(write(...));  -- the same for Result<void>.
#define HY_CHECK(expression)                                    \
  do {                                                          \
    auto hy_result = (expression);                              \
    if (!hy_result.ok()) return std::move(hy_result).failure(); \
  } while (false)

}  // namespace hayate
