/// The duty to answer one call exactly once. A reply can be moved but not copied, and any thread
/// may own it. A reply that is destroyed without an answer sends an error, so that no caller waits
/// forever.
#pragma once

#include <atomic>
#include <memory>
#include <stop_token>
#include <utility>

#include <patio/base/unique_function.hpp>
#include <patio/convert/convert.hpp>
#include <patio/value/error.hpp>

namespace patio {

class shared_reply;

class reply {
public:
  using sink = unique_function<void(result<value>)>;

  reply() = default;
  /// `drop_code` is the code of the error that a reply sends if it is destroyed without an answer.
  /// The default code blames the function.
  explicit reply(sink out, errc drop_code = errc::remote_error, std::stop_token token = {})
      : sink_{std::move(out)}, drop_code_{drop_code}, stop_token_{std::move(token)} {}
  /// Makes one of several owners of a duty. The error is sent only if all owners are destroyed
  /// without an answer.
  explicit reply(std::shared_ptr<shared_reply> shared);
  reply(reply&& other) noexcept
      : sink_{std::move(other.sink_)}, shared_{std::move(other.shared_)},
        drop_code_{other.drop_code_}, stop_token_{std::move(other.stop_token_)} {}
  reply& operator=(reply&& other) noexcept {
    std::swap(sink_, other.sink_);
    std::swap(drop_code_, other.drop_code_);
    std::swap(shared_, other.shared_);
    std::swap(stop_token_, other.stop_token_);
    return *this;
  }
  ~reply() {
    if (sink_) drop();
  }

  /// Answers the call. Ignores every answer after the first.
  void answer(result<value> r);
  [[nodiscard]] bool open() const noexcept { return bool{sink_} || shared_ != nullptr; }
  /// Returns a token that is stopped once nobody waits for the answer any more: the call was
  /// answered or cancelled, its deadline has passed, or its connection was lost. Stop callbacks run
  /// on the broker's thread and must be quick. The token of a call that cannot be stopped has no
  /// stop state.
  [[nodiscard]] const std::stop_token& stop_token() const noexcept { return stop_token_; }

private:
  void drop() {
    if (drop_code_ != errc::remote_error) return answer(tl::unexpected(error{drop_code_, {}, {}}));
    answer(tl::unexpected(remote_error(
      value::exception("builtins.RuntimeError", {"the function was dropped without an answer"}))));
  }

  sink sink_;
  std::shared_ptr<shared_reply> shared_;
  errc drop_code_ = errc::remote_error;
  std::stop_token stop_token_;
};

/// A duty with several owners, perhaps on different threads: for example the function and the code
/// that invoked it. The first answer counts.
class shared_reply {
public:
  explicit shared_reply(reply duty) : duty_{std::move(duty)} {}
  void answer(result<value> r) {
    if (!answered_.test_and_set()) duty_.answer(std::move(r));
  }
  [[nodiscard]] const std::stop_token& stop_token() const noexcept { return duty_.stop_token(); }

private:
  std::atomic_flag answered_;
  reply duty_;
};

inline reply::reply(std::shared_ptr<shared_reply> shared)
    : shared_{std::move(shared)}, stop_token_{shared_->stop_token()} {}

inline void reply::answer(result<value> r) {
  if (auto out = std::exchange(sink_, nullptr)) out(std::move(r));
  else if (auto shared = std::exchange(shared_, nullptr)) shared->answer(std::move(r));
}

/// A reply that knows the type of the result. A function whose first parameter is a reply_to may
/// answer later.
template <class R>
class reply_to {
public:
  reply_to() = default;
  explicit reply_to(reply untyped) : untyped_{std::move(untyped)} {}
  void answer(const R& r) { untyped_.answer(to_value(r)); }
  void fail(error why) { untyped_.answer(tl::unexpected(std::move(why))); }
  /// See reply::stop_token.
  [[nodiscard]] const std::stop_token& stop_token() const noexcept { return untyped_.stop_token(); }

private:
  reply untyped_;
};

/// The reply of a function without a result. The answer is None.
template <>
class reply_to<void> {
public:
  reply_to() = default;
  explicit reply_to(reply untyped) : untyped_{std::move(untyped)} {}
  void answer() { untyped_.answer(value{}); }
  void fail(error why) { untyped_.answer(tl::unexpected(std::move(why))); }
  /// See reply::stop_token.
  [[nodiscard]] const std::stop_token& stop_token() const noexcept { return untyped_.stop_token(); }

private:
  reply untyped_;
};

} // namespace patio
