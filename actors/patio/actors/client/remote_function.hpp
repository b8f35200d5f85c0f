/// A function at some peer as a typed actor: for request, delegation, monitors and links like any
/// other. The handle needs no thread and no hop: what is sent to it goes to the broker, which
/// answers the sender itself. It dies with its broker.
#pragma once

#include <string>

#include <caf/monitorable_actor.hpp>
#include <caf/typed_actor.hpp>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/convert/convert.hpp>

namespace patio {

namespace detail {

template <class R, class... As>
struct function_actor {
  using type = caf::typed_actor<typename caf::replies_to<As...>::template with<R>>;
};
/// CAF sends no empty requests, so a unit stands for no arguments.
template <class R>
struct function_actor<R> : function_actor<R, caf::unit_t> {};
template <class Signature>
struct remote_traits;

template <class R, class... As>
struct remote_traits<R(As...)> {
  static_assert(
    (convertible<std::decay_t<As>> && ...) && (std::is_void_v<R> || convertible<R>),
    "a remote function takes and returns values; patio::converter makes one of any type");
  using actor = typename function_actor<R, std::decay_t<As>...>::type;

  static result<caf::message> answer(const value& v) {
    if constexpr (std::is_void_v<R>) return caf::make_message();
    else return from_value<R>(v).map([](R&& r) { return caf::make_message(std::move(r)); });
  }

  /// The message's elements as arguments; nothing if it is of another type.
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

using arguments_of_message = std::optional<std::vector<value>> (*)(const caf::message&);

/// What stands behind a remote function's handle.
class remote_function final : public caf::monitorable_actor {
public:
  remote_function(caf::actor_config& cfg, broker_actor broker, std::string name,
                  call_options options, arguments_of_message read,
                  decltype(outgoing_call::convert) convert);
  ~remote_function() override;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  [[nodiscard]] const char* name() const override { return "patio.function"; }

private:
  broker_actor broker_;
  std::string name_;
  call_options options_;
  arguments_of_message read_;
  decltype(outgoing_call::convert) convert_;
};

[[nodiscard]] caf::actor make_remote_function(const broker_actor& broker, std::string name,
                                              const call_options& options,
                                              arguments_of_message read,
                                              decltype(outgoing_call::convert) convert);

} // namespace detail

/// The typed actor of a signature, e.g. typed_actor<replies_to<int64_t, int64_t>::with<int64_t>>.
/// One without arguments takes a caf::unit.
template <class Signature>
using function_actor = typename detail::remote_traits<Signature>::actor;

/// `options.timeout` ends a call with errc::timeout whatever timeout the request itself has.
template <class Signature>
[[nodiscard]] function_actor<Signature> function(const broker_actor& broker, std::string name,
                                                 const call_options& options = {}) {
  using traits = detail::remote_traits<Signature>;
  return caf::actor_cast<function_actor<Signature>>(detail::make_remote_function(
    broker, std::move(name), options, &traits::arguments, &traits::answer));
}

} // namespace patio
