/// Calls from code outside actors: a future that always becomes ready, and gives the call up when
/// it is dropped before that. Any thread but one of CAF's own; in a function that runs in a thread
/// pool, waiting makes room for another function.
#pragma once

#include <future>
#include <memory>
#include <string>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/pool/worker_scope.hpp>
#include <patio/convert/convert.hpp>
#include <patio/functions/python_error.hpp>

namespace patio {

/// Sends the call; `settle` is called once on the broker's thread, also if the broker ends without
/// an answer. It must not throw. Of the options, the timeout is the request's own business.
void call_async(const broker_actor& broker, call_request request, const call_options& options,
                reply::sink settle);

/// What to call, where a plain name does not say enough.
struct call_target {
  std::string name;
  call_options options = {};
  std::vector<std::pair<std::string, value>> keywords = {};
  call_target(std::string n, call_options o = {}, std::vector<std::pair<std::string, value>> k = {})
      : name{std::move(n)}, options{std::move(o)}, keywords{std::move(k)} {}
  call_target(const char* n) : name{n} {}
};

/// The end of one call. A resource, moved and never copied; as std::future, but dropping it cancels
/// the call.
template <class R>
class call_future {
public:
  call_future() = default;
  /// `also` is another way to give the call up.
  call_future(std::future<R> ending, const std::stop_token& also)
      : ending_{std::move(ending)}, stop_{std::make_unique<stop_chain>(also)} {}
  call_future(call_future&&) noexcept = default;
  call_future& operator=(call_future&& other) noexcept {
    call_future old{std::move(*this)}; // whose call is given up
    swap(other);
    return *this;
  }
  ~call_future() {
    if (valid()) cancel(); // nothing happens to a call that has ended
  }

  /// Waits. Throws call_error if the call ends without a value, or with one that is no R.
  R get() {
    wait();
    return ending_.get();
  }
  void wait() const {
    require_that_waiting_is_allowed(); // ready by chance or not
    if (ready()) return;
    waiting_scope waits;
    ending_.wait();
  }
  template <class Rep, class Period>
  [[nodiscard]] std::future_status wait_for(std::chrono::duration<Rep, Period> time) const {
    require_that_waiting_is_allowed();
    if (ready()) return std::future_status::ready;
    waiting_scope waits;
    return ending_.wait_for(time);
  }
  [[nodiscard]] bool ready() const {
    return ending_.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
  }
  [[nodiscard]] bool valid() const noexcept { return ending_.valid(); }

  /// Gives the call up: it ends with errc::cancelled unless it has ended already, and ends at a C++
  /// peer as well.
  void cancel() noexcept {
    if (stop_) stop_->source.request_stop();
  }
  [[nodiscard]] std::stop_token stop_token() const {
    return stop_ ? stop_->source.get_token() : std::stop_token{};
  }

private:
  struct stop_chain {
    explicit stop_chain(const std::stop_token& also) : callback{also, stop{source}} {}
    struct stop {
      std::stop_source source;
      void operator()() noexcept { source.request_stop(); }
    };
    std::stop_source source;
    std::stop_callback<stop> callback;
  };

  void swap(call_future& other) noexcept {
    std::swap(ending_, other.ending_);
    std::swap(stop_, other.stop_);
  }

  std::future<R> ending_;
  std::unique_ptr<stop_chain> stop_; ///< a callback cannot be moved
};

namespace detail {

template <class R>
void settle(std::promise<R>& promise, result<value> r) {
  auto refuse = [&](error why) {
    promise.set_exception(std::make_exception_ptr(call_error{std::move(why)}));
  };
  if (!r) return refuse(std::move(r.error()));
  if constexpr (std::is_void_v<R>) {
    promise.set_value();
  } else {
    try {
      auto converted = from_value<R>(*r);
      if (converted) promise.set_value(std::move(*converted));
      else refuse({errc::undecodable, "the result " + converted.error().message, {}});
    } catch (...) { // a user's own conversion, on the broker's thread
      promise.set_exception(std::current_exception());
    }
  }
}

/// A string literal is a str.
template <class T>
[[nodiscard]] value positional(const T& a) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>)
    return value{std::string_view{a}};
  else return to_value(a);
}

} // namespace detail

/// Calls a function by name. Hold on to the future: a call whose future is dropped is given up.
template <class R = value, class... As>
[[nodiscard]] call_future<R> call(const broker_actor& broker, call_target target,
                                  const As&... args) {
  auto promise = std::make_shared<std::promise<R>>();
  call_future<R> future{promise->get_future(), target.options.stop};
  value timeout;
  if (target.options.timeout)
    timeout = to_value(std::chrono::duration<double>{*target.options.timeout});
  call_request request{std::move(target.name),
                       {{detail::positional(args)...}, std::move(target.keywords)},
                       std::move(timeout)};
  target.options.stop = future.stop_token();
  call_async(broker, std::move(request), target.options,
             [promise](result<value> r) { detail::settle(*promise, std::move(r)); });
  return future;
}

} // namespace patio
