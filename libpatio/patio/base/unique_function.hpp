/// A function object that can be moved but not copied, like C++23's std::move_only_function. A
/// callable of at most `Size` bytes is stored in the object itself, without an allocation.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace patio {

template <class Signature, std::size_t Size = 64>
class unique_function;

template <class R, class... Args, std::size_t Size>
class unique_function<R(Args...), Size> {
public:
  unique_function() = default;
  unique_function(std::nullptr_t) noexcept {} // NOLINT(google-explicit-constructor)
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>,
                           unique_function> && std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  unique_function(F&& f) { // NOLINT(google-explicit-constructor)
    using callable = std::decay_t<F>;
    if constexpr (is_inline<callable>) {
      ::new (static_cast<void*>(&storage_)) callable(std::forward<F>(f));
      operations_ = &inline_operations<callable>;
    } else {
      *this = boxed<callable>{std::make_unique<callable>(std::forward<F>(f))};
    }
  }
  unique_function(unique_function&& other) noexcept
      : operations_{std::exchange(other.operations_, nullptr)} {
    if (operations_) operations_->move(&other.storage_, &storage_);
  }
  unique_function& operator=(unique_function&& other) noexcept {
    if (this == &other) return *this;
    reset();
    operations_ = std::exchange(other.operations_, nullptr);
    if (operations_) operations_->move(&other.storage_, &storage_);
    return *this;
  }
  ~unique_function() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return operations_ != nullptr; }
  /// Requires that the object holds a callable.
  R operator()(Args... args) { return operations_->call(&storage_, std::forward<Args>(args)...); }

private:
  /// A callable that does not fit.
  template <class F>
  struct boxed {
    std::unique_ptr<F> callable;
    R operator()(Args... args) { return std::invoke(*callable, std::forward<Args>(args)...); }
  };
  struct operations {
    R (*call)(void* callable, Args&&... args);
    void (*move)(void* from, void* to) noexcept; ///< destroys the callable at `from`
    void (*destroy)(void* callable) noexcept;
  };
  template <class F>
  static constexpr bool is_inline = sizeof(F) <= Size && alignof(F) <= alignof(void*)
                                    && std::is_nothrow_move_constructible_v<F>;
  template <class F>
  static constexpr operations inline_operations{
    [](void* callable, Args&&... args) -> R {
      return std::invoke(*static_cast<F*>(callable), std::forward<Args>(args)...);
    },
    [](void* from, void* to) noexcept {
      ::new (to) F(std::move(*static_cast<F*>(from)));
      static_cast<F*>(from)->~F();
    },
    [](void* callable) noexcept { static_cast<F*>(callable)->~F(); }};

  void reset() noexcept {
    if (auto* held = std::exchange(operations_, nullptr)) held->destroy(&storage_);
  }

  alignas(void*) std::byte storage_[Size];
  const operations* operations_ = nullptr;
};

} // namespace patio
