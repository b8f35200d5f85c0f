/// A function of a peer as a typed actor, for requests, delegation, monitors and links, and as a
/// callable outside actors. The actor has no thread. On the sender's thread, it turns a message
/// into a call and passes the call to the broker. The broker answers the sender. The actor ends
/// with its last handle or with its broker.
#pragma once

#include <string>

#include <caf/monitorable_actor.hpp>
#include <caf/typed_actor.hpp>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/client/call.hpp>
#include <patio/base/api.hpp>
#include <patio/convert/convert.hpp>

namespace PATIO_API patio {

namespace detail {

template <class R, class... As>
struct function_actor {
  using type = caf::typed_actor<typename caf::replies_to<As...>::template with<R>>;
};
/// CAF cannot send empty requests, so a caf::unit stands for an empty argument list.
template <class R>
struct function_actor<R> : function_actor<R, caf::unit_t> {};
template <class Signature>
struct remote_traits;

template <class R, class... As>
struct remote_traits<R(As...)> {
  static_assert(
    (convertible<std::decay_t<As>> && ...) && (std::is_void_v<R> || convertible<R>),
    "a remote function takes and returns types that convert to values: specialize patio::converter "
    "for your own type");
  using actor = typename function_actor<R, std::decay_t<As>...>::type;

  static result<caf::message> answer(const value& v) {
    if constexpr (std::is_void_v<R>) return caf::make_message();
    else return from_value<R>(v).map([](R&& r) { return caf::make_message(std::move(r)); });
  }

  /// Returns the message's elements as arguments, or nothing if their types do not match.
  static std::optional<std::vector<value>> arguments(const caf::message& m) {
    if constexpr (sizeof...(As) == 0) {
      return m.match_elements<caf::unit_t>() ? std::optional{std::vector<value>{}} : std::nullopt;
    } else {
      if (!m.match_elements<std::decay_t<As>...>()) return {};
      return collect(m, std::index_sequence_for<As...>{});
    }
  }

private:
  template <std::size_t... Is>
  static std::vector<value> collect(const caf::message& m, std::index_sequence<Is...>) {
    return {to_value(m.get_as<std::decay_t<As>>(Is))...};
  }
};

using argument_converter = std::optional<std::vector<value>> (*)(const caf::message&);
using answer_converter = decltype(outgoing_call::convert);

/// The actor behind a remote function's handle.
class remote_function final : public caf::monitorable_actor {
public:
  remote_function(caf::actor_config& cfg, broker_actor broker, std::string name,
                  call_options options, argument_converter arguments, answer_converter answer);
  ~remote_function() override;
  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit* host) override;
  [[nodiscard]] const char* name() const override { return "patio.function"; }

private:
  broker_actor broker_;
  std::string name_;
  call_options options_;
  argument_converter arguments_;
  answer_converter answer_;
};

[[nodiscard]] caf::actor make_remote_function(const broker_actor& broker, std::string name,
                                              const call_options& options,
                                              argument_converter arguments,
                                              answer_converter answer);

} // namespace detail

/// The typed actor of a signature: function_actor<int64_t(std::string)> is
/// typed_actor<replies_to<std::string>::with<int64_t>>. The actor of a function without parameters
/// takes a caf::unit.
template <class Signature>
using function_actor = typename detail::remote_traits<Signature>::actor;

/// A remote function by name. The broker looks the name up for each call. A handle: copies share
/// the actor. Any thread may use it.
///   patio::remote<std::int64_t(std::int64_t, std::int64_t)> add{broker, "add"};
///   self->request(add, caf::infinite, std::int64_t{6}, std::int64_t{7}); // in an actor
///   add(6, 7).get();                                                     // outside actors
///   co_await add(6, 7);                                                  // in a coroutine
/// After `options.timeout` a call ends with errc::timeout, independent of the timeout of the CAF
/// request.
template <class Signature>
class remote;

template <class R, class... As>
class remote<R(As...)> : public function_actor<R(As...)> {
public:
  remote(broker_actor broker, std::string name, const call_options& options = {})
      : function_actor<R(As...)>{make(broker, name, options)}, broker_{std::move(broker)},
        target_{std::move(name), options} {}

  /// Keep the future: its destructor cancels the call.
  [[nodiscard]] call_future<R> operator()(const As&... args) const {
    return call<R>(broker_, target_, args...);
  }

private:
  static function_actor<R(As...)> make(const broker_actor& broker, const std::string& name,
                                       const call_options& options) {
    using traits = detail::remote_traits<R(As...)>;
    return caf::actor_cast<function_actor<R(As...)>>(
      detail::make_remote_function(broker, name, options, &traits::arguments, &traits::answer));
  }

  broker_actor broker_;
  call_target target_;
};

} // namespace patio
