/// Functions by name, like Python patio's Registry. A handle: copies share one table, and `clone`
/// makes an independent table. One thread adds functions. The first broker that serves the table
/// locks it. Any thread may read a locked table. Misuse throws: std::logic_error for a change after
/// the lock, and std::invalid_argument for a name that is taken or not allowed.
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

#include <patio/base/api.hpp>
#include <patio/functions/function.hpp>
#include <patio/functions/function_name.hpp>

namespace PATIO_API patio {

/// Specialize this so that `registry::add` takes another kind of target:
///   static registry_entry make(std::string name, T target, More... more);
/// <patio/actors/pool/actor_function.hpp> specializes the adapter for actors.
template <class T>
struct function_adapter;

struct registry_options {
  std::optional<std::string> project = {}; ///< the first part of automatic names
  /// Adds a digest of the signature to automatic names, so that a call never reaches a function
  /// with another signature. The digest covers the mangled name of the function's type. All
  /// compilers for one platform's ABI produce the same mangled name.
  bool strict = false;
  bool auto_naming = true; ///< allows `add` without a name
};

/// Identifies the C++ function behind a name. A callable with state has no identity.
struct function_identity {
  std::type_index type = typeid(void);
  const void* address = nullptr;
  friend bool operator==(const function_identity&, const function_identity&) = default;
};

namespace detail {

/// A callable that needs no `function_adapter`: each parameter converts from a value, or is `args`,
/// `kwargs`, a `reply_to` or a std::stop_token.
template <class F>
concept plain_function = takes_values<typename signature_of<std::decay_t<F>>::type>::value;

} // namespace detail

struct registry_entry {
  std::string name;
  std::string signature; ///< for display: "(a: int, b: int) -> int"
  std::variant<immediate_function, stoppable_function, deferred_function> run;
  bool quick = false;
  std::optional<function_identity> identity;
  run_policy policy = {};
  std::string doc = {}; ///< see function_options::doc
};

/// Returns the function of a quick entry, which may run on the I/O thread, or null. A function that
/// is quick for a few small arguments may not be quick for many large ones, and every connection
/// would wait. Large arguments weigh more than 1024.
[[nodiscard]] const immediate_function* quick_run(const registry_entry& entry,
                                                  const arguments& args) noexcept;

namespace detail {

/// Returns the entry of a function that has no way to run yet. Throws like policy_of.
[[nodiscard]] registry_entry entry_of(const declaration& declared, function_options options);

} // namespace detail

class registry {
public:
  static constexpr std::size_t max_name = 512; ///< bytes
  static constexpr std::size_t max_doc = 4096; ///< bytes

  explicit registry(registry_options options = {});

  /// Adds a callable with one signature and returns its name. `name` may declare the parameters as
  /// well: "sub(a, b=0)" (function_options::parameters). A callable whose first parameter is a
  /// `reply_to<R>` may answer later. A callable whose first parameter is a `std::stop_token` can
  /// see when nobody waits for the answer any more (reply.hpp).
  template <detail::plain_function F>
  std::string add(std::string name, F f, function_options options = {}) {
    auto identity = identity_of(f);
    return insert(make_entry(std::move(name), std::move(f), std::move(options)), identity);
  }

  /// Adds a function under its automatic name: project, namespaces and name, joined by dots.
  template <auto Function>
  std::string add(function_options options = {}) {
    return add(automatic_name<Function>(), Function, std::move(options));
  }
  template <auto Function>
  std::string add(std::string name, function_options options = {}) {
    return add(std::move(name), Function, std::move(options));
  }

  /// Adds a target that has a `function_adapter`, such as a typed actor. The adapter interprets
  /// `more`.
  template <class T, class... More>
    requires(!detail::plain_function<T>)
  std::string add(std::string name, T target, More... more) {
    return insert(
      function_adapter<T>::make(std::move(name), std::move(target), std::move(more)...));
  }
  /// Adds an entry that an adapter has made, and returns its name.
  std::string insert(registry_entry entry, std::optional<function_identity> identity = {});

  template <auto Function>
  [[nodiscard]] std::string automatic_name() const {
    static_assert(std::is_pointer_v<decltype(Function)>, "a lambda has no name: pass a name");
    return make_name(detail::function_name<Function>(),
                     typeid(signature_of<decltype(Function)>).name());
  }

  /// Throws std::out_of_range if the name is not in the registry.
  void remove(std::string_view name);
  /// Sets function_options::executor of a function, which is not quick any more. Throws
  /// std::out_of_range if the name is not in the registry.
  void set_executor(std::string_view name, std::string executor);

  /// Returns null for an unknown name. The entry lives until it is removed, or until the last
  /// handle to the table is destroyed.
  [[nodiscard]] const registry_entry* find(std::string_view name) const;
  template <auto Function>
  [[nodiscard]] std::vector<std::string> names_of() const {
    return names_of(*identity_of(Function));
  }
  [[nodiscard]] std::vector<std::string> names() const; ///< in the order added
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] const registry_options& options() const noexcept;

  void lock() noexcept;
  [[nodiscard]] bool is_locked() const noexcept;
  /// Returns a handle to an unlocked copy of the table.
  [[nodiscard]] registry clone() const;
  /// Returns true if both are handles to one table.
  [[nodiscard]] bool shares_table(const registry& other) const noexcept {
    return table_ == other.table_;
  }

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
  /// Finds an entry that may be changed. Throws for a locked table and for an unknown name.
  [[nodiscard]] std::unique_ptr<registry_entry>& changeable(std::string_view name);

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

template <class Signature, class F, class Typed>
deferred_function run_later(F f, Typed bound) {
  using answer = typename answers_later<Signature>::result_type;
  return [f = std::move(f), bound = std::move(bound)](arguments&& call, reply&& duty, void*) {
    auto converted = bound.convert(std::move(call));
    if (!converted) return duty.answer(tl::unexpected(std::move(converted.error())));
    // `shared` still exists if `f` throws, so that the exception can be sent as the answer.
    auto shared = std::make_shared<shared_reply>(std::move(duty));
    try {
      std::apply([&](auto&&... each) { f(reply_to<answer>{reply{shared}}, std::move(each)...); },
                 std::move(*converted));
    } catch (...) {
      shared->answer(tl::unexpected(current_exception_error()));
    }
  };
}

template <class F, class Typed>
stoppable_function run_stoppable(F f, Typed bound) {
  return
    [f = std::move(f), bound = std::move(bound)](arguments&& call, const std::stop_token& token) {
      return bound.invoke(
        [&](auto&&... each) { return f(token, std::forward<decltype(each)>(each)...); },
        std::move(call));
    };
}

} // namespace detail

template <class F>
registry_entry registry::make_entry(std::string name, F f, function_options options) {
  using signature = signature_of<F>;
  using typed = typename detail::function_of<signature>::type;
  constexpr bool can_be_quick =
    !detail::answers_later<signature>::value && !detail::is_stoppable<signature>::value;
  options.quick = options.quick && can_be_quick;
  auto declared = detail::declare(std::move(name), std::move(options.parameters));
  auto entry = detail::entry_of(declared, std::move(options));
  typed bound{std::move(declared)};
  entry.signature = bound.signature();
  if constexpr (detail::answers_later<signature>::value) {
    entry.run = detail::run_later<signature>(std::move(f), std::move(bound));
  } else if constexpr (detail::is_stoppable<signature>::value) {
    entry.run = detail::run_stoppable(std::move(f), std::move(bound));
  } else {
    entry.run = immediate_function{[f = std::move(f), bound = std::move(bound)](arguments&& call) {
      return bound.invoke(f, std::move(call));
    }};
  }
  return entry;
}

} // namespace patio
