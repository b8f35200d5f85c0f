/// The duty to answer one call, once. A resource: moved, never copied; usable from any thread.
/// Dropping it without an answer answers with an error, so that no caller waits for ever. `over`
/// tells when nobody does any more.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <utility>

#include <patio/convert/convert.hpp>
#include <patio/value/error.hpp>

namespace patio {

class shared_reply;

class reply {
public:
  using sink = std::function<void(result<value>)>;

  reply() = default;
  /// `if_dropped` is the error for a drop without an answer: by default the function's own fault.
  explicit reply(sink to, errc if_dropped = errc::remote_error, std::stop_token over = {})
      : to_{std::move(to)}, if_dropped_{if_dropped}, over_{std::move(over)} {}
  /// One of several holders of the duty: dropping this one leaves it to the others.
  explicit reply(std::shared_ptr<shared_reply> to);
  reply(reply&& other) noexcept
      : to_{std::exchange(other.to_, nullptr)}, shared_{std::move(other.shared_)},
        if_dropped_{other.if_dropped_}, over_{std::move(other.over_)} {}
  reply& operator=(reply&& other) noexcept {
    std::swap(to_, other.to_);
    std::swap(if_dropped_, other.if_dropped_);
    std::swap(shared_, other.shared_);
    std::swap(over_, other.over_);
    return *this;
  }
  ~reply() {
    if (to_) drop();
  }

  /// Answers after the first are ignored.
  void answer(result<value> r);
  [[nodiscard]] bool open() const noexcept { return to_ != nullptr || shared_ != nullptr; }
  /// Stopped once the caller waits no more: it has given the call up, its time is up, or its
  /// connection is lost. Callbacks run on the broker's thread and must be quick. A call that
  /// nothing can stop has a token that cannot be.
  [[nodiscard]] const std::stop_token& stop_token() const noexcept { return over_; }

private:
  void drop() {
    if (if_dropped_ != errc::remote_error)
      return answer(tl::unexpected(error{if_dropped_, {}, {}}));
    answer(tl::unexpected(remote_error(
      value::exception("builtins.RuntimeError", {"the function was dropped without an answer"}))));
  }

  sink to_;
  std::shared_ptr<shared_reply> shared_;
  errc if_dropped_ = errc::remote_error;
  std::stop_token over_;
};

/// A duty that a function and its caller hold both, perhaps in two threads: the first answer
/// counts.
class shared_reply {
public:
  explicit shared_reply(reply to) : to_{std::move(to)} {}
  void answer(result<value> r) {
    if (!answered_.test_and_set()) to_.answer(std::move(r));
  }
  [[nodiscard]] const std::stop_token& stop_token() const noexcept { return to_.stop_token(); }

private:
  std::atomic_flag answered_;
  reply to_;
};

inline reply::reply(std::shared_ptr<shared_reply> to)
    : shared_{std::move(to)}, over_{shared_->stop_token()} {}

inline void reply::answer(result<value> r) {
  if (auto to = std::exchange(to_, nullptr)) to(std::move(r));
  else if (auto shared = std::exchange(shared_, nullptr)) shared->answer(std::move(r));
}

/// The same for a function that says its result's type: take one as the first parameter to answer
/// later.
template <class R>
class reply_to {
public:
  reply_to() = default;
  explicit reply_to(reply untyped) : untyped_{std::move(untyped)} {}
  void answer(const R& r) { untyped_.answer(to_value(r)); }
  void fail(error why) { untyped_.answer(tl::unexpected(std::move(why))); }
  /// As reply::stop_token.
  [[nodiscard]] const std::stop_token& stop_token() const noexcept { return untyped_.stop_token(); }

private:
  reply untyped_;
};

/// For a function without a result: the answer is None.
template <>
class reply_to<void> {
public:
  reply_to() = default;
  explicit reply_to(reply untyped) : untyped_{std::move(untyped)} {}
  void answer() { untyped_.answer(value{}); }
  void fail(error why) { untyped_.answer(tl::unexpected(std::move(why))); }
  /// As reply::stop_token.
  [[nodiscard]] const std::stop_token& stop_token() const noexcept { return untyped_.stop_token(); }

private:
  reply untyped_;
};

} // namespace patio
