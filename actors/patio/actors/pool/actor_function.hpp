/// Actors as registered functions; include it to give `registry::add` two more kinds of targets:
///   add("kv.get", store, get_atom::value)      an existing typed actor, sent the given atoms
///   before the arguments add("f", [](caf::event_based_actor* self, int64_t n) ->
///   caf::result<int64_t> {...})
///                                              runs as an actor of its own, one for each worker;
///                                              may delegate or answer later; a std::stop_token
///                                              behind `self` is stopped once nobody waits for the
///                                              answer
/// The registry does not keep an existing actor alive: once it has ended, calls fail.
#pragma once

#include <stop_token>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <patio/actors/caf/error.hpp>
#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/pool/worker_host.hpp>
#include <patio/functions/registry.hpp>

namespace patio {
namespace detail {

/// What a CAF handler's return type carries.
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

/// A user's own conversion may throw.
template <class R>
result<value> sendable(const R& r) noexcept {
  try {
    return to_value(r);
  } catch (...) {
    return tl::unexpected(current_exception_error());
  }
}

/// Sends a request from the worker and turns the response of type R into the call's answer.
template <class R, class... As>
void request_answer(worker_host& host, const caf::actor& target, reply&& to, As&&... as) {
  auto token = host.begin(target, std::move(to));
  auto pending = host.self()->request(target, caf::infinite, std::forward<As>(as)...);
  auto failed = [&host, token](const caf::error& why) {
    host.end(token, tl::unexpected(worker_host::failure(why)));
  };
  if constexpr (std::is_void_v<R>)
    pending.then([&host, token] { host.end(token, value{}); }, failed);
  else pending.then([&host, token](const R& r) { host.end(token, sendable(r)); }, failed);
}

template <class R, class... Ps, class... As>
deferred_function to_existing(typed_function<R, As...> bound, caf::actor_addr target,
                              std::tuple<Ps...> prefix) {
  return [bound = std::move(bound), target = std::move(target), prefix](arguments&& call,
                                                                        reply&& to, void* host) {
    auto converted = bound.convert(std::move(call));
    if (!converted) return to.answer(tl::unexpected(std::move(converted.error())));
    auto alive = caf::actor_cast<caf::actor>(target);
    if (!alive) return to.answer(tl::unexpected(worker_host::gone("before this call")));
    auto send = [&](auto&&... as) {
      request_answer<R>(*static_cast<worker_host*>(host), alive, std::move(to), std::move(as)...);
    };
    std::apply(send, std::tuple_cat(prefix, std::move(*converted)));
  };
}

/// The first signature of a typed actor whose input is the prefix and then values, and what follows
/// the prefix there.
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
  static_assert(sizeof...(Out) <= 1, "a function has one result");
  using result_type = typename answer_of<
    typename caf::detail::tl_head<caf::detail::type_list<Out..., caf::unit_t>>::type>::type;
  using function = typename after_prefix<std::tuple<Ps...>, In>::template function<result_type>;
};

template <class F, class R, class... As>
struct actor_callable {
  using answer = typename answer_of<R>::type;
  using function = typed_function<answer, As...>;
  static constexpr bool stoppable =
    std::is_invocable_v<F, caf::event_based_actor*, std::stop_token, As...>;

  static R run(const F& f, caf::event_based_actor* self, const std::stop_token& over, As&&... as) {
    if constexpr (stoppable) return f(self, over, std::move(as)...);
    else return f(self, std::move(as)...);
  }

  static caf::actor spawn(caf::event_based_actor* parent, const F& f) {
    return parent->home_system().spawn([f](caf::event_based_actor* self) -> caf::behavior {
      return {[f, self](const std::stop_token& over, As... as) -> caf::result<answer> {
        try {
          if constexpr (std::is_void_v<R>) return run(f, self, over, std::move(as)...), caf::unit;
          else return run(f, self, over, std::move(as)...);
        } catch (...) {
          return to_caf(current_exception_error());
        }
      }};
    });
  }

  static deferred_function defer(function bound, F f) {
    auto key =
      std::make_shared<char>(); // its address tells this function's actors from others' in a worker
    return
      [bound = std::move(bound), f = std::move(f), key](arguments&& call, reply&& to, void* host) {
        auto converted = bound.convert(std::move(call));
        if (!converted) return to.answer(tl::unexpected(std::move(converted.error())));
        auto& worker = *static_cast<worker_host*>(host);
        auto target = worker.instance(key.get(), [&] { return spawn(worker.self(), f); });
        auto over = to.stop_token();
        auto send = [&](auto&&... as) {
          request_answer<answer>(worker, target, std::move(to), over, std::move(as)...);
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
    using match = detail::matching_signature<std::tuple<Ps...>, Sigs...>;
    typename match::function bound{name, {}};
    auto signature = bound.signature();
    return {std::move(name),
            std::move(signature),
            detail::to_existing(std::move(bound), target.address(), std::tuple{prefix...}),
            false,
            {}};
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
    typename callable::function bound{name, std::move(options.parameters)};
    auto signature = bound.signature();
    return {std::move(name),
            std::move(signature),
            callable::defer(std::move(bound), std::move(f)),
            false,
            {}};
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
      return {[f](As... as) -> caf::result<R> {
        try {
          if constexpr (std::is_void_v<R>) return f(std::move(as)...), caf::unit;
          else return f(std::move(as)...);
        } catch (...) {
          return to_caf(current_exception_error());
        }
      }};
    };
    return sys.spawn(behave);
  }
};

} // namespace detail

/// A plain function as a typed actor of its own: takes Args..., answers R; what it throws is the
/// error, and the actor lives on.
template <class F>
[[nodiscard]] auto spawn_function(caf::actor_system& sys, F f) {
  return detail::spawn_typed<signature_of<F>>::spawn(sys, std::move(f));
}

} // namespace patio

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::stop_token)
