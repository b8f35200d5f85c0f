/// Calls from code outside actors, as futures, which coroutines can await. If its broker ends, a
/// future becomes ready with errc::shut_down. Destroying a future cancels its call. Do not wait for
/// a future on CAF's own threads, because these must not block. While a function of a thread pool
/// waits, another function may run.
#pragma once

#include <future>
#include <memory>
#include <string>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/client/resumption.hpp>
#include <patio/actors/pool/blocking_scope.hpp>
#include <patio/base/api.hpp>
#include <patio/convert/convert.hpp>
#include <patio/functions/pack_arguments.hpp>
#include <patio/functions/python_error.hpp>

namespace PATIO_API patio {

/// Sends a call without a future, from any thread. `on_result` is called once, on the broker's
/// thread or on the thread that ends the broker. It must be quick and must not throw.
/// `request.timeout` counts; `options.timeout` is ignored.
void call_async(const broker_actor& broker, call_request request, const call_options& options,
                reply::sink on_result);

/// A function to call by name, with options. `keywords` are further keyword arguments.
struct call_target {
  std::string name;
  call_options options = {};
  std::vector<std::pair<std::string, value>> keywords = {};
  call_target(std::string function_name, call_options opts = {},
              std::vector<std::pair<std::string, value>> named_args = {})
      : name{std::move(function_name)}, options{std::move(opts)}, keywords{std::move(named_args)} {}
  call_target(const char* function_name) : name{function_name} {}
};

namespace detail {

/// The answer of one call, which the future and the thread that delivers the answer share.
template <class R>
struct call_answer {
  std::promise<R> promise;
  resumption coroutine;
};

} // namespace detail

/// The future result of one call. Like a std::future, a call_future can be moved but not copied,
/// and only one thread at a time may use it. Unlike a std::future, it cancels its call when it is
/// destroyed.
///
/// A coroutine of any type may await it: `co_await patio::call<int>(broker, "add", 6, 7)`. The
/// coroutine goes on in the thread that delivers the answer, which is usually the broker's, and
/// must be quick there; `get` and `wait` throw there, `co_await` works. An exception that leaves
/// the coroutine there ends the program. Destroying the coroutine while it waits cancels the call.
/// As always, nobody may destroy a coroutine while it runs.
template <class R>
class [[nodiscard]] call_future {
public:
  call_future() = default;
  /// A stop of `caller_stop` cancels the call as well.
  call_future(const std::shared_ptr<detail::call_answer<R>>& answer,
              const std::stop_token& caller_stop)
      : result_{answer->promise.get_future()},
        coroutine_{answer, &answer->coroutine}, stop_{std::make_unique<stop_chain>(caller_stop)} {}
  call_future(call_future&&) noexcept = default;
  call_future& operator=(call_future&& other) noexcept {
    call_future old{std::move(*this)}; // its destructor cancels the call that this future had
    swap(other);
    return *this;
  }
  ~call_future() {
    if (!valid()) return;
    coroutine_->abandon();
    cancel(); // does nothing if the call has ended
  }

  /// Waits. Throws call_error if the call fails, or if its value does not convert to R.
  R get() {
    wait();
    return result_.get();
  }
  void wait() const {
    require_may_block(); // even if the result is ready, so that the error does not depend on timing
    if (ready()) return;
    blocking_scope blocking;
    result_.wait();
  }
  template <class Rep, class Period>
  [[nodiscard]] std::future_status wait_for(std::chrono::duration<Rep, Period> time) const {
    require_may_block();
    if (ready()) return std::future_status::ready;
    blocking_scope blocking;
    return result_.wait_for(time);
  }
  [[nodiscard]] bool ready() const {
    return result_.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
  }
  [[nodiscard]] bool valid() const noexcept { return result_.valid(); }

  /// @{ For co_await.
  [[nodiscard]] bool await_ready() const { return ready(); }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> coroutine) noexcept {
    return coroutine_->await(coroutine);
  }
  R await_resume() { return result_.get(); }
  /// @}

  /// Cancels the call: it ends with errc::cancelled, unless it has already ended. A C++ peer is
  /// told to stop the function.
  void cancel() noexcept {
    if (stop_) stop_->source.request_stop();
  }
  /// Returns a token that is stopped by `cancel` and by the caller's own stop token.
  [[nodiscard]] std::stop_token stop_token() const {
    return stop_ ? stop_->source.get_token() : std::stop_token{};
  }

private:
  struct stop_chain {
    explicit stop_chain(const std::stop_token& caller_stop) : callback{caller_stop, stop{source}} {}
    struct stop {
      std::stop_source source;
      void operator()() noexcept { source.request_stop(); }
    };
    std::stop_source source;
    std::stop_callback<stop> callback;
  };

  void swap(call_future& other) noexcept {
    std::swap(result_, other.result_);
    std::swap(coroutine_, other.coroutine_);
    std::swap(stop_, other.stop_);
  }

  std::future<R> result_;
  std::shared_ptr<detail::resumption> coroutine_; ///< null if the future is empty
  std::unique_ptr<stop_chain> stop_; ///< on the heap, because a stop callback cannot be moved
};

namespace detail {

template <class R>
void settle(std::promise<R>& promise, result<value> r) {
  auto fail_with = [&](error reason) {
    promise.set_exception(std::make_exception_ptr(call_error{std::move(reason)}));
  };
  if (!r) return fail_with(std::move(r.error()));
  if constexpr (std::is_void_v<R>) {
    promise.set_value();
  } else {
    try {
      auto converted = from_value<R>(*r);
      if (converted) promise.set_value(std::move(*converted));
      else fail_with(within("the result", std::move(converted.error())));
    } catch (...) { // a user's own conversion threw: the caller gets its exception
      promise.set_exception(std::current_exception());
    }
  }
}

} // namespace detail

/// Calls a function by name: call<int>(broker, "sub", 44, patio::kw("b", 2)). Keep the future: its
/// destructor cancels the call. Throws std::invalid_argument for two keyword arguments of one name.
template <class R = value, class... As>
[[nodiscard]] call_future<R> call(const broker_actor& broker, call_target target,
                                  const As&... args) {
  auto answer = std::make_shared<detail::call_answer<R>>();
  call_future<R> future{answer, target.options.stop};
  value timeout;
  if (target.options.timeout)
    timeout = to_value(std::chrono::duration<double>{*target.options.timeout});
  auto packed = pack_arguments(args...);
  for (auto& [name, v] : target.keywords) detail::add_keyword(packed, name, std::move(v));
  call_request request{std::move(target.name), std::move(packed), std::move(timeout)};
  target.options.stop = future.stop_token();
  call_async(broker, std::move(request), target.options, [answer](result<value> r) {
    detail::settle(answer->promise, std::move(r));
    answer->coroutine.answered();
  });
  return future;
}

} // namespace patio
