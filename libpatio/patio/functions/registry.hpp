/// Functions by name, as Python patio's Registry. A handle: copies share one table; `clone` makes
/// an independent one. Filled by one thread, then locked by the first broker that serves it; once
/// locked any thread may read. Misuse throws: std::logic_error after the lock,
/// std::invalid_argument for a name taken or unfit.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeindex>
#include <typeinfo>
#include <unordered_map>
#include <variant>
#include <vector>

#include <patio/functions/function.hpp>
#include <patio/functions/function_name.hpp>

namespace patio {

/// Specialise to register another kind of target by `registry::add`:
/// `static registry_entry make(std::string name, T target, More... more)`.
/// <patio/actors/pool/actor_function.hpp> does so for actors.
template <class T>
struct function_adapter;

struct registry_options {
  std::optional<std::string> project = {}; ///< first part of automatic names
  /// Adds a digest of the signature to automatic names, so that nodes built from different
  /// signatures do not meet. What is digested is the type's name in the platform's ABI, which
  /// compilers agree on.
  bool strict = false;
  bool auto_naming = true; ///< whether a function may be added without a name
};

/// Which C++ function stands behind a name; empty for callables with state, which have no identity.
struct function_identity {
  std::type_index type = typeid(void);
  const void* address = nullptr;
  friend bool operator==(const function_identity&, const function_identity&) = default;
};

namespace detail {

/// A callable whose parameters are all values; another kind of first parameter is an adapter's
/// business.
template <class F>
concept plain_function = takes_values<typename signature_of<std::decay_t<F>>::type>::value;

} // namespace detail

struct registry_entry {
  std::string name;
  std::string signature; ///< for people: "(a: int, b: int) -> int"
  std::variant<immediate_function, stoppable_function, deferred_function> run;
  bool quick = false;
  std::optional<function_identity> identity;
};

class registry {
public:
  static constexpr std::size_t max_name = 512; ///< bytes

  explicit registry(registry_options options = {});

  /// Any callable with one signature; `reply_to<R>` as first parameter answers later, and
  /// `std::stop_token` there is stopped once the call is over (reply.hpp). Returns the name.
  template <detail::plain_function F>
  std::string add(std::string name, F f, function_options options = {}) {
    auto identity = identity_of(f);
    return insert(make_entry(std::move(name), std::move(f), std::move(options)), identity);
  }

  /// A function by itself, under its automatic name: project, namespace and name joined by dots.
  template <auto Function>
  std::string add(function_options options = {}) {
    return add(automatic_name<Function>(), Function, std::move(options));
  }
  template <auto Function>
  std::string add(std::string name, function_options options = {}) {
    return add(std::move(name), Function, std::move(options));
  }

  /// Any target that has a `function_adapter`, such as a typed actor; `more` is the adapter's to
  /// interpret.
  template <class T, class... More>
    requires(!detail::plain_function<T>)
  std::string add(std::string name, T target, More... more) {
    return insert(
      function_adapter<T>::make(std::move(name), std::move(target), std::move(more)...));
  }
  /// For adapters of other kinds of functions.
  std::string insert(registry_entry entry, std::optional<function_identity> identity = {});

  template <auto Function>
  [[nodiscard]] std::string automatic_name() const {
    static_assert(std::is_pointer_v<decltype(Function)>,
                  "a lambda has no name of its own: give it one");
    return make_name(detail::function_name<Function>(),
                     typeid(signature_of<decltype(Function)>).name());
  }

  /// Removes a name; std::out_of_range if it is not there.
  void remove(std::string_view name);

  [[nodiscard]] const registry_entry* find(std::string_view name) const;
  /// Fails with errc::remote_error, KeyError(name), as a Python peer is told.
  [[nodiscard]] result<const registry_entry*> resolve(std::string_view name) const;
  template <auto Function>
  [[nodiscard]] std::vector<std::string> names_of() const {
    return names_of(*identity_of(Function));
  }
  [[nodiscard]] std::vector<std::string> names() const; ///< in the order added
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] const registry_options& options() const noexcept;

  void lock() noexcept;
  [[nodiscard]] bool is_locked() const noexcept;
  /// An unlocked copy of the table.
  [[nodiscard]] registry clone() const;

private:
  struct table;

  template <class F>
  static std::optional<function_identity> identity_of(const F& f) {
    if constexpr (std::is_pointer_v<F>)
      return function_identity{typeid(F), reinterpret_cast<const void*>(f)};
    else if constexpr (std::is_empty_v<F>) return function_identity{typeid(F), nullptr};
    else return {};
  }

  template <class F>
  static registry_entry make_entry(std::string name, F f, function_options options);

  [[nodiscard]] std::vector<std::string> names_of(const function_identity& identity) const;
  [[nodiscard]] std::string make_name(std::string_view function, std::string_view signature) const;
  void require_unlocked() const;

  std::shared_ptr<table> table_;
};

namespace detail {

template <class T>
struct answers_later : std::false_type {};
template <class R, class... As>
struct answers_later<void(reply_to<R>, As...)> : std::true_type {
  using result_type = R;
};
template <class Signature>
struct is_stoppable : std::false_type {};
template <class R, class... As>
struct is_stoppable<R(std::stop_token, As...)> : std::true_type {};

} // namespace detail

template <class F>
registry_entry registry::make_entry(std::string name, F f, function_options options) {
  using signature = signature_of<F>;
  using typed = typename detail::function_of<signature>::type;
  typed bound{name, std::move(options.parameters)};
  registry_entry entry{std::move(name), bound.signature(), {}, options.quick, {}};
  if constexpr (detail::answers_later<signature>::value) {
    using answer = typename detail::answers_later<signature>::result_type;
    entry.quick = false;
    entry.run = deferred_function{
      [f = std::move(f), bound = std::move(bound)](arguments&& call, reply&& to, void*) {
        auto converted = bound.convert(std::move(call));
        if (!converted) return to.answer(tl::unexpected(std::move(converted.error())));
        auto shared = std::make_shared<shared_reply>(
          std::move(to)); // outlives a throw, which must still be answered
        try {
          std::apply([&](auto&&... as) { f(reply_to<answer>{reply{shared}}, std::move(as)...); },
                     std::move(*converted));
        } catch (...) {
          shared->answer(tl::unexpected(current_exception_error()));
        }
      }};
  } else if constexpr (detail::is_stoppable<signature>::value) {
    entry.quick = false;
    entry.run = stoppable_function{[f = std::move(f), bound = std::move(bound)](
                                     arguments&& call, const std::stop_token& over) {
      return bound.invoke([&](auto&&... as) { return f(over, std::forward<decltype(as)>(as)...); },
                          std::move(call));
    }};
  } else {
    entry.run = immediate_function{[f = std::move(f), bound = std::move(bound)](arguments&& call) {
      return bound.invoke(f, std::move(call));
    }};
  }
  return entry;
}

} // namespace patio
