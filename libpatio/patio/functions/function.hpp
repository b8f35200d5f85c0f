/// A C++ callable as a patio function: checks and converts the arguments, with errors worded like
/// Python's. `patio::args` and `patio::kwargs` as last parameters are like *args and **kwargs.
/// Ownership: a function owns its callable, and a call takes over its arguments. Threads: several
/// threads may run one function at once, so the callable must allow concurrent calls. Cost: a
/// `patio::value` argument is moved. A `std::span<const T>` of numbers or bytes refers to the
/// argument's own memory, and is valid until the function returns (packed.hpp). An argument of
/// another C++ type is a converted copy.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include <patio/base/api.hpp>
#include <patio/base/priority.hpp>
#include <patio/base/time.hpp>
#include <patio/convert/convert.hpp>
#include <patio/convert/packed.hpp>
#include <patio/functions/declaration.hpp>
#include <patio/functions/python_error.hpp>
#include <patio/functions/reply.hpp>
#include <patio/value/call_request.hpp>

namespace PATIO_API patio {

/// Positional arguments that no parameter took.
struct args : std::vector<value> {
  using std::vector<value>::vector;
};

/// Keyword arguments that no parameter took, in the caller's order.
struct kwargs : std::vector<std::pair<std::string, value>> {
  using std::vector<std::pair<std::string, value>>::vector;
};

/// Options of a function when it is added to a registry.
struct function_options {
  /// The parameters as Python declares them, for keyword arguments, defaults and messages: "a",
  /// "b=0". A default is a Python literal that converts to the type of the parameter. A parameter
  /// that is not declared is called "arg1", "arg2" and so on, by its position. Short form:
  /// rpc.add("sub(a, b=0)", sub).
  std::vector<std::string> parameters = {};
  /// Says in a line what the function does, for `patio list --long`. At most registry::max_doc
  /// bytes.
  std::string doc = {};
  /// Runs the function on the thread where the call arrives, without a queue. Use it only for a
  /// function that takes microseconds and never blocks, because all other work of that thread
  /// waits. A TCP broker still gives a call with large arguments to its executor.
  bool quick = false;
  /// The name of the broker's executor that runs the function. If empty, the broker's default
  /// executor runs the function. A broker is not spawned if it has no executor of this name.
  std::string executor = {};
  /// Runs of the function at the same time, at least 1. Further calls wait, and calls of other
  /// functions pass them. A run counts until the function has returned or has answered, even if
  /// nobody waits for the answer any more. It also counts while it waits for a call of its own, so
  /// a function at its bound must not wait for a call of itself. Each executor counts for itself.
  std::optional<std::size_t> max_concurrency = {};
  /// The longest time for a call, counted from its arrival at the broker. The call ends as if its
  /// caller had given a timeout of this length. A shorter timeout of the caller still applies.
  std::optional<std::chrono::nanoseconds> timeout = {};
  /// Which calls an executor starts first, among the calls that wait for a worker. Calls of lower
  /// priority get a share of the turns (priority_turns), so they wait longer but not forever.
  patio::priority priority = patio::priority::normal;
};

/// How executors run a function: the part of function_options that brokers and pools read.
struct run_policy {
  std::string executor = {};
  std::optional<std::size_t> max_concurrency = {};
  std::optional<std::chrono::nanoseconds> timeout = {};
  patio::priority priority = patio::priority::normal;

  /// Returns the deadline of a call that arrives `now`, if its caller has given `deadline`.
  [[nodiscard]] instant bounded(instant deadline, instant now) const noexcept {
    return timeout ? std::min(deadline, after(now, *timeout)) : deadline;
  }
};

/// Throws std::invalid_argument, naming the function and the option, if an option has no meaning.
[[nodiscard]] run_policy policy_of(const std::string& name, const function_options& options);

/// Converts the arguments, calls the function and converts its result. A thrown exception becomes
/// the error that Python code would see.
using immediate_function = std::function<result<value>(arguments&&)>;
/// An immediate_function that also gets a std::stop_token.
using stoppable_function = std::function<result<value>(arguments&&, const std::stop_token& token)>;
/// Takes over the duty to answer the call, and may answer later. `host` is the worker_host of the
/// worker that runs the call, and null in a worker process. Only functions of a `function_adapter`
/// use it.
using deferred_function = std::function<void(arguments&&, reply&&, void* host)>;

namespace detail {

template <class F>
struct signature_of {};
template <class F>
  requires requires { &F::operator(); }
struct signature_of<F> : signature_of<decltype(&F::operator())> {};
template <class R, class... As>
struct signature_of<R (*)(As...)> {
  using type = std::decay_t<R>(std::decay_t<As>...);
};
template <class R, class... As>
struct signature_of<R (*)(As...) noexcept> : signature_of<R (*)(As...)> {};
template <class C, class R, class... As>
struct signature_of<R (C::*)(As...)> : signature_of<R (*)(As...)> {};
template <class C, class R, class... As>
struct signature_of<R (C::*)(As...) const> : signature_of<R (*)(As...)> {};
template <class C, class R, class... As>
struct signature_of<R (C::*)(As...) noexcept> : signature_of<R (*)(As...)> {};
template <class C, class R, class... As>
struct signature_of<R (C::*)(As...) const noexcept> : signature_of<R (*)(As...)> {};

template <class A>
inline constexpr bool is_value_parameter =
  convertible<A> || std::same_as<A, args> || std::same_as<A, kwargs>;
template <class R>
inline constexpr bool is_value_parameter<reply_to<R>> = true;
template <packable T>
inline constexpr bool is_value_parameter<std::span<const T>> = true;
template <>
inline constexpr bool is_value_parameter<std::stop_token> = true;

template <class R>
inline constexpr bool is_value_result = std::is_void_v<R> || convertible<R>;

template <class Signature>
struct takes_values;
template <class R, class... As>
struct takes_values<R(As...)> : std::conjunction<std::bool_constant<is_value_result<R>>,
                                                 std::bool_constant<is_value_parameter<As>>...> {};

/// What an argument is kept in until the function returns.
template <class A>
struct kept_as {
  using type = A;
};
template <packable T>
struct kept_as<std::span<const T>> {
  using type = packed<T>;
};
template <class A>
using kept = typename kept_as<A>::type;

struct parameter {
  enum class role : std::uint8_t { required, optional, variable, keywords } takes;
  std::string type;
  bool has_default = false; ///< `default_value` is declared
  value default_value = {};
};

template <class A>
parameter describe_parameter() {
  if constexpr (std::same_as<A, args>) return {parameter::role::variable, "*"};
  else if constexpr (std::same_as<A, kwargs>) return {parameter::role::keywords, "**"};
  else if constexpr (is_optional<A>) return {parameter::role::optional, converter<A>::name()};
  else return {parameter::role::required, converter<kept<A>>::name()};
}

/// Assigns the arguments of a call to the parameters, as Python does. A binder never changes after
/// its construction, so any thread may use it.
class binder {
public:
  /// Throws std::invalid_argument if the declaration does not fit the parameters of the C++ type.
  binder(declaration declared, std::vector<parameter> parameters);
  /// Moves the arguments into one value for each parameter. The values for `args` and `kwargs` stay
  /// None: their arguments stay in `call`.
  [[nodiscard]] result<std::vector<value>> bind(arguments& call) const;
  /// Returns the TypeError "name() argument 'x' must be int, not str", or for a part of an argument
  /// "name() argument x[2].y must be int, not str".
  [[nodiscard]] error bad_argument(std::size_t index, const error& why) const;
  [[nodiscard]] std::string signature() const; ///< "(a: int, b: str = '')"
  /// Returns the declared default of a parameter, or null.
  [[nodiscard]] const value* default_of(std::size_t index) const noexcept;
  /// Throws std::invalid_argument, because the default of a parameter has the wrong type.
  [[noreturn]] void refuse_default(std::size_t index, const error& why) const;

private:
  [[noreturn]] void refuse(const std::string& why) const;
  void apply(const declaration& declared);
  void apply(declared_parameter declared, std::size_t index);
  void name_the_rest();
  void require_order_of_defaults() const;
  [[nodiscard]] error too_many(std::size_t given) const;
  [[nodiscard]] error missing(const std::vector<value>& slots,
                              const std::vector<bool>& filled) const;
  [[nodiscard]] error type_error(const std::string& text) const;
  [[nodiscard]] result<void> bind_keywords(arguments& call, std::vector<value>& slots,
                                           std::vector<bool>& filled) const;

  std::string name_;
  std::vector<std::string> names_; ///< one for each parameter
  std::vector<parameter> parameters_;
  std::size_t positional_ = 0; ///< parameters that take one argument each
  bool takes_rest_ = false, takes_keywords_ = false;
};

/// True if `args` and `kwargs` come last, in this order. They take all arguments that remain.
template <class... As>
constexpr bool rest_comes_last() {
  const std::array<int, sizeof...(As) + 1> stages{0, (std::same_as<As, args>     ? 1
                                                      : std::same_as<As, kwargs> ? 2
                                                                                 : 0)...};
  for (std::size_t i = 1; i < stages.size(); ++i)
    if (stages[i] < stages[i - 1] || (stages[i] > 0 && stages[i] == stages[i - 1])) return false;
  return true;
}

/// A binder that knows the C++ types of the parameters and the result. A typed_function never
/// changes after its construction.
template <class R, class... As>
class typed_function {
  static_assert(rest_comes_last<As...>(),
                "patio::args and then patio::kwargs come after all other parameters");

public:
  explicit typed_function(declaration declared)
      : binder_{std::move(declared), {describe_parameter<As>()...}} {
    check_defaults(std::index_sequence_for<As...>{});
  }

  /// Returns the arguments as the function's parameter types. Fails with a TypeError for arguments
  /// that do not fit, or with the exception that a converter has thrown.
  [[nodiscard]] result<std::tuple<kept<As>...>> convert(arguments&& call) const {
    auto slots = binder_.bind(call);
    if (!slots) return tl::unexpected(std::move(slots.error()));
    try {
      return convert(*slots, call, std::index_sequence_for<As...>{});
    } catch (...) { // a converter has thrown
      return tl::unexpected(current_exception_error());
    }
  }

  /// Converts the arguments, calls `f` on this thread and converts the result.
  template <class F>
  [[nodiscard]] result<value> invoke(const F& f, arguments&& call) const {
    auto converted = convert(std::move(call));
    if (!converted) return tl::unexpected(std::move(converted.error()));
    try {
      if constexpr (std::is_void_v<R>) {
        std::apply(f, std::move(*converted));
        return value{};
      } else {
        return to_value<R>(std::apply(f, std::move(*converted)));
      }
    } catch (...) {
      return tl::unexpected(current_exception_error());
    }
  }

  [[nodiscard]] std::string signature() const {
    std::string text = binder_.signature();
    if constexpr (!std::is_void_v<R> && convertible<R>) text += " -> " + converter<R>::name();
    return text;
  }

private:
  template <std::size_t... Is>
  void check_defaults(std::index_sequence<Is...>) const {
    (check_default<As>(Is), ...);
  }

  template <class A>
  void check_default(std::size_t index) const {
    const auto* given = binder_.default_of(index);
    if constexpr (convertible<kept<A>>)
      if (given)
        if (auto converted = from_value<kept<A>>(*given); !converted)
          binder_.refuse_default(index, converted.error());
  }

  template <std::size_t... Is>
  result<std::tuple<kept<As>...>> convert(std::vector<value>& slots, arguments& call,
                                          std::index_sequence<Is...>) const {
    std::tuple<std::optional<kept<As>>...> parts;
    std::optional<error> why;
    (void)(take<kept<As>>(Is, std::get<Is>(parts), slots, call, why) && ...);
    if (why) return tl::unexpected(std::move(*why));
    return std::tuple<kept<As>...>{std::move(*std::get<Is>(parts))...};
  }

  template <class A>
  bool take(std::size_t index, std::optional<A>& part, std::vector<value>& slots, arguments& call,
            std::optional<error>& why) const {
    if constexpr (std::same_as<A, args>) {
      part.emplace(std::make_move_iterator(call.positional.begin()),
                   std::make_move_iterator(call.positional.end()));
    } else if constexpr (std::same_as<A, kwargs>) {
      part.emplace(std::make_move_iterator(call.keywords.begin()),
                   std::make_move_iterator(call.keywords.end()));
    } else if constexpr (std::same_as<A, value>) {
      part = std::move(slots[index]);
    } else {
      auto converted = from_value<A>(slots[index]);
      if (!converted) why = binder_.bad_argument(index, converted.error());
      else part = std::move(*converted);
    }
    return !why;
  }

  binder binder_;
};

/// Maps a signature to its typed_function. A leading reply_to or std::stop_token is not a parameter
/// of the typed_function, because the caller passes no argument for it.
template <class Signature>
struct function_of;
template <class R, class... As>
struct function_of<R(As...)> {
  using type = typed_function<R, As...>;
};

template <class R, class First, class... As>
struct function_of<R(reply_to<First>, As...)> {
  using type = typed_function<First, As...>;
};

template <class R, class... As>
struct function_of<R(std::stop_token, As...)> {
  using type = typed_function<R, As...>;
};

} // namespace detail

/// The type `R(Args...)` of a callable that has one signature. R and Args are decayed.
template <class F>
using signature_of = typename detail::signature_of<std::decay_t<F>>::type;

} // namespace patio
