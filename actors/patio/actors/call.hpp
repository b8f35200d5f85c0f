/// Calls from code outside actors: a future that always becomes ready. Any thread but one of CAF's own.
#pragma once

#include <future>
#include <memory>
#include <string>

#include <patio/actors/interfaces.hpp>
#include <patio/convert.hpp>
#include <patio/python_error.hpp>

namespace patio {

/// Sends the call; `settle` is called once on the broker's thread, also if the broker ends without an answer. It must not throw.
void call_async(const broker_actor& broker, call_request request, std::optional<connection_id> only, reply::sink settle);

/// What to call, where a plain name does not say enough.
struct call_target {
  std::string name;
  call_options options = {};
  std::vector<std::pair<std::string, value>> keywords = {};
  call_target(std::string n, call_options o = {}, std::vector<std::pair<std::string, value>> k = {})
      : name{std::move(n)}, options{o}, keywords{std::move(k)} {}
  call_target(const char* n) : name{n} {}
};

/// `get()` throws call_error if the call ends without a value, or with one that is no R.
template <class R = value, class... As>
[[nodiscard]] std::future<R> call(const broker_actor& broker, call_target target, const As&... args) {
  auto promise = std::make_shared<std::promise<R>>();
  auto future = promise->get_future();
  auto settle = [promise](result<value> r) {
    auto refuse = [&](error why) { promise->set_exception(std::make_exception_ptr(call_error{std::move(why)})); };
    if (!r) return refuse(std::move(r.error()));
    if constexpr (std::is_void_v<R>) {
      promise->set_value();
    } else {
      try {
        auto converted = from_value<R>(*r);
        if (converted) promise->set_value(std::move(*converted));
        else refuse({errc::undecodable, "the result " + converted.error().message, {}});
      } catch (...) { // a user's own conversion, on the broker's thread
        promise->set_exception(std::current_exception());
      }
    }
  };
  value timeout;
  if (target.options.timeout) timeout = to_value(std::chrono::duration<double>{*target.options.timeout});
  [[maybe_unused]] auto positional = [](const auto& a) { // a string literal is a str
    if constexpr (std::is_convertible_v<decltype(a), std::string_view>) return value{std::string_view{a}};
    else return to_value(a);
  };
  call_async(broker, {std::move(target.name), {{positional(args)...}, std::move(target.keywords)}, std::move(timeout)}, target.options.only,
             std::move(settle));
  return future;
}

} // namespace patio
