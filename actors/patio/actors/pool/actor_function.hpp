/// Actors as registered functions, and functions as actors. With this header `registry::add`
/// accepts two more kinds of targets:
///
///   rpc.add("kv.get", store, get_atom::value);
///   rpc.add("kv.get", store, function_options{.max_concurrency = 2}, get_atom::value);
///     An existing typed actor. Each call sends the given atoms, then the arguments. The registry
///     does not keep the actor alive: once the actor has ended, calls fail.
///
///   rpc.add("f", [](caf::event_based_actor* self, int64_t n) -> caf::result<int64_t> { ... });
///     A callable that runs as an actor. Each worker that gets a call spawns one actor. The actor
///     may delegate or answer later, and ends with its worker. A `std::stop_token` as second
///     parameter is stopped once nobody waits for the answer.
#pragma once

#include <stop_token>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <patio/actors/caf/error.hpp>
#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/pool/worker_host.hpp>
#include <patio/base/api.hpp>
#include <patio/functions/registry.hpp>

namespace PATIO_API patio {
namespace detail {

/// The result type behind a CAF handler's return type.
template <class T>
struct answer_of {
  using type = T;
};
template <class T>
struct answer_of<caf::result<T>> : answer_of<T> {};
template <>
struct answer_of<caf::result<void>> {
  using type = void;
};
template <class T>
struct answer_of<caf::delegated<T>> : answer_of<T> {};
template <class T>
struct answer_of<caf::typed_response_promise<T>> : answer_of<T> {};
template <class T>
struct answer_of<caf::expected<T>> : answer_of<T> {};
template <>
struct answer_of<caf::unit_t> {
  using type = void;
};

template <class R>
result<value> to_result(const R& r) noexcept {
  try {
    return to_value(r);
  } catch (...) { // a user's own conversion threw
    return tl::unexpected(current_exception_error());
  }
}

/// Returns the error of a call in a worker process, which has no host.
inline error needs_actor_system() {
  return remote_error(value::exception(
    "builtins.RuntimeError",
    {"this function is an actor, and a worker process has no actor system: serve the function from "
     "an async pool or a thread pool"}));
}

/// Sends a request from the worker, and answers the call with the response of type R.
template <class R, class... As>
void request_answer(worker_host& host, const caf::actor& target, reply&& answer, As&&... args) {
  auto token = host.begin_call(target, std::move(answer));
  auto pending = host.self()->request(target, caf::infinite, std::forward<As>(args)...);
  auto failed = [&host, token](const caf::error& reason) {
    host.end_call(token, tl::unexpected(worker_host::request_failed(reason)));
  };
  if constexpr (std::is_void_v<R>)
    pending.then([&host, token] { host.end_call(token, value{}); }, failed);
  else pending.then([&host, token](const R& r) { host.end_call(token, to_result(r)); }, failed);
}

template <class R, class... Ps, class... As>
deferred_function existing_actor_function(typed_function<R, As...> bound, caf::actor_addr target,
                                          std::tuple<Ps...> prefix) {
  return [bound = std::move(bound), target = std::move(target),
          prefix](arguments&& call, reply&& answer, void* host) {
    if (!host) return answer.answer(tl::unexpected(needs_actor_system()));
    auto converted = bound.convert(std::move(call));
    if (!converted) return answer.answer(tl::unexpected(std::move(converted.error())));
    auto alive = caf::actor_cast<caf::actor>(target);
    if (!alive) return answer.answer(tl::unexpected(worker_host::actor_gone("before this call")));
    auto send = [&](auto&&... args) {
      request_answer<R>(*static_cast<worker_host*>(host), alive, std::move(answer),
                        std::move(args)...);
    };
    std::apply(send, std::tuple_cat(prefix, std::move(*converted)));
  };
}

/// Finds the first signature of a typed actor whose input is the prefix, followed only by types
/// that convert to values. Defines the signature's result type, and a typed_function of the
/// parameters after the prefix.
template <class Prefix, class... Sigs>
struct matching_signature;
template <class... Ps, class In, class Out, class... Sigs>
struct matching_signature<std::tuple<Ps...>, caf::typed_mpi<In, Out>, Sigs...>
    : matching_signature<std::tuple<Ps...>, Sigs...> {};

template <class Prefix, class In>
struct after_prefix {
  static constexpr bool matches = false;
};
template <class... As>
struct after_prefix<std::tuple<>, caf::detail::type_list<As...>> {
  static constexpr bool matches = (convertible<As> && ...);
  template <class R>
  using function = typed_function<R, As...>;
};
template <class P, class... Ps, class... As>
struct after_prefix<std::tuple<P, Ps...>, caf::detail::type_list<P, As...>>
    : after_prefix<std::tuple<Ps...>, caf::detail::type_list<As...>> {};

template <class... Ps, class In, class... Out, class... Sigs>
requires after_prefix<std::tuple<Ps...>, In>::matches struct matching_signature<
  std::tuple<Ps...>, caf::typed_mpi<In, caf::output_tuple<Out...>>, Sigs...> {
  static_assert(sizeof...(Out) <= 1, "a function has at most one result");
  using result_type = typename answer_of<
    typename caf::detail::tl_head<caf::detail::type_list<Out..., caf::unit_t>>::type>::type;
  using function = typename after_prefix<std::tuple<Ps...>, In>::template function<result_type>;
};

template <class F, class R, class... As>
struct actor_callable {
  static_assert((std::same_as<kept<As>, As> && ...),
                "an actor gets its arguments in a message: take a patio::packed, not a std::span");
  using result_type = typename answer_of<R>::type;
  using function = typed_function<result_type, As...>;
  static constexpr bool stoppable =
    std::is_invocable_v<F, caf::event_based_actor*, std::stop_token, As...>;

  static R run(const F& f, caf::event_based_actor* self, const std::stop_token& stop,
               As&&... args) {
    if constexpr (stoppable) return f(self, stop, std::move(args)...);
    else return f(self, std::move(args)...);
  }

  static caf::actor spawn(caf::event_based_actor* parent, const F& f) {
    return parent->home_system().spawn([f](caf::event_based_actor* self) -> caf::behavior {
      return {[f, self](const std::stop_token& stop, As... args) -> caf::result<result_type> {
        try {
          if constexpr (std::is_void_v<R>) {
            run(f, self, stop, std::move(args)...);
            return caf::unit;
          } else {
            return run(f, self, stop, std::move(args)...);
          }
        } catch (...) {
          return to_caf(current_exception_error());
        }
      }};
    });
  }

  static deferred_function defer(function bound, F f) {
    auto key = std::make_shared<char>(); // identifies the function in worker_host::instance
    return [bound = std::move(bound), f = std::move(f), key](arguments&& call, reply&& answer,
                                                             void* host) {
      if (!host) return answer.answer(tl::unexpected(needs_actor_system()));
      auto converted = bound.convert(std::move(call));
      if (!converted) return answer.answer(tl::unexpected(std::move(converted.error())));
      auto& worker = *static_cast<worker_host*>(host);
      auto target = worker.instance(key.get(), [&] { return spawn(worker.self(), f); });
      auto stop = answer.stop_token();
      auto send = [&](auto&&... args) {
        request_answer<result_type>(worker, target, std::move(answer), stop, std::move(args)...);
      };
      std::apply(send, std::move(*converted));
    };
  }
};

template <class F, class Signature>
struct actor_callable_of;
template <class F, class R, class... As>
struct actor_callable_of<F, R(caf::event_based_actor*, As...)> {
  using type = actor_callable<F, R, As...>;
};
template <class F, class R, class... As>
struct actor_callable_of<F, R(caf::event_based_actor*, std::stop_token, As...)> {
  using type = actor_callable<F, R, As...>;
};

} // namespace detail

template <class... Sigs>
struct function_adapter<caf::typed_actor<Sigs...>> {
  template <class... Ps>
  static registry_entry make(std::string name, const caf::typed_actor<Sigs...>& target,
                             Ps... prefix) {
    return make(std::move(name), target, function_options{}, prefix...);
  }
  template <class... Ps>
  static registry_entry make(std::string name, const caf::typed_actor<Sigs...>& target,
                             function_options options, Ps... prefix) {
    using match = detail::matching_signature<std::tuple<Ps...>, Sigs...>;
    options.quick = false;
    auto declared = detail::declare(std::move(name), std::move(options.parameters));
    auto entry = detail::entry_of(declared, std::move(options));
    typename match::function bound{std::move(declared)};
    entry.signature = bound.signature();
    entry.run =
      detail::existing_actor_function(std::move(bound), target.address(), std::tuple{prefix...});
    return entry;
  }
};

template <class F>
  requires requires {
    typename detail::actor_callable_of<F, typename detail::signature_of<F>::type>::type;
  }
struct function_adapter<F> {
  static registry_entry make(std::string name, F f, function_options options = {}) {
    using callable =
      typename detail::actor_callable_of<F, typename detail::signature_of<F>::type>::type;
    options.quick = false;
    auto declared = detail::declare(std::move(name), std::move(options.parameters));
    auto entry = detail::entry_of(declared, std::move(options));
    typename callable::function bound{std::move(declared)};
    entry.signature = bound.signature();
    entry.run = callable::defer(std::move(bound), std::move(f));
    return entry;
  }
};

namespace detail {

template <class Signature>
struct spawn_typed;
template <class R, class... As>
struct spawn_typed<R(As...)> {
  using handle = caf::typed_actor<typename caf::replies_to<As...>::template with<R>>;
  template <class F>
  static handle spawn(caf::actor_system& sys, F f) {
    auto behave = [f](typename handle::pointer) -> typename handle::behavior_type {
      return {[f](As... args) -> caf::result<R> {
        try {
          if constexpr (std::is_void_v<R>) {
            f(std::move(args)...);
            return caf::unit;
          } else {
            return f(std::move(args)...);
          }
        } catch (...) {
          return to_caf(current_exception_error());
        }
      }};
    };
    return sys.spawn(behave);
  }
};

} // namespace detail

/// Spawns a plain function as a typed actor. The actor takes the function's arguments and answers
/// with the function's result. If the function throws, the request fails with that exception (see
/// from_caf) and the actor lives on. CAF ends the actor with its last handle.
///
///   auto half = patio::spawn_function(sys, [](std::int64_t n) { return n / 2; });
///   self->request(half, std::chrono::seconds{1}, std::int64_t{42})
///     .then([](std::int64_t n) { std::cout << n << '\n'; },
///           [](const caf::error& e) { std::cerr << to_string(patio::from_caf(e)) << '\n'; });
template <class F>
[[nodiscard]] auto spawn_function(caf::actor_system& sys, F f) {
  return detail::spawn_typed<signature_of<F>>::spawn(sys, std::move(f));
}

} // namespace patio

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::stop_token)
