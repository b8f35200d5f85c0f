/// The pickle reader's storage: items of its stack, vectors that begin without the heap, and the
/// memo. Internal to the pickle reader; all of it lives for one pickle.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <new>
#include <vector>

#include <patio/pickle/classes.hpp>
#include <patio/value/heap_value.hpp>

namespace patio::pickle {

using detail::comparisons;
using detail::heap_dict;
using detail::heap_sequence;
using detail::heap_set;
using detail::heap_value;
using detail::refusal;
using detail::value_access;

/// What a dict or set takes more than other nodes, and an object.
inline constexpr std::size_t dict_overhead = 64;
inline constexpr std::size_t object_overhead = 192;

/// Nesting as the stack shows it before a container is closed. For each level a pickler keeps at
/// most three values below the one it is at (a class and two of three arguments), or any number
/// above a MARK, of which each level has one.
inline constexpr std::size_t most_values_without_mark = std::size_t{4} * value::max_depth;
inline constexpr std::size_t most_marks = std::size_t{2} * value::max_depth;

/// All but `data` are hidden: they never become a value or a part of one.
enum class item_kind : std::uint8_t {
  data,
  class_ref,
  reconstruction, ///< the arguments (class, object, None)
  new_arguments,  ///< the arguments (class, ...); without the class they are in `v`
  call,           ///< a CallRequest, whose fields the reader holds
  call_module,    ///< the text "patio.broker.tcp.broker", not made yet
  call_class,     ///< the text "CallRequest", not made yet
  call_state,     ///< the empty dict of its fields, not made yet
};

struct item_tag {
  item_kind what = item_kind::data;
  class_ref cls = {}; ///< of class_ref, reconstruction and new_arguments
  std::uint32_t other =
    0; ///< position of an added class in the table, or of the name of an unknown one
};

struct stack_item {
  explicit stack_item(value data, item_tag known = {}) noexcept : v{std::move(data)}, tag{known} {}
  explicit stack_item(item_tag hidden) noexcept : tag{hidden} {}
  explicit stack_item(item_kind hidden) noexcept : tag{hidden} {}
  [[nodiscard]] bool is(item_kind k) const noexcept { return tag.what == k; }

  value v; ///< of data and new_arguments only
  item_tag tag;
};

/// Room for N elements. Not copyable, as allocators point to it.
template <class T, std::size_t N>
struct inline_room {
  inline_room() noexcept {
  } // leaves the bytes as they are: clearing them would cost more than a short pickle
  inline_room(const inline_room&) = delete;
  inline_room& operator=(const inline_room&) = delete;
  alignas(T) std::array<std::byte, sizeof(T) * N> bytes;
  bool taken = false;
};

/// Serves one vector from an inline_room for as long as it fits, then from the heap.
template <class T, std::size_t N>
class inline_allocator {
public:
  using value_type = T;
  template <class U>
  struct rebind {
    using other = inline_allocator<U, N>;
  };
  explicit inline_allocator(inline_room<T, N>& room) noexcept : room_{&room} {}
  [[nodiscard]] T* allocate(std::size_t n) {
    if (n > N || room_->taken) return std::allocator<T>{}.allocate(n);
    room_->taken = true;
    return reinterpret_cast<T*>(room_->bytes.data());
  }
  void deallocate(T* p, std::size_t n) noexcept {
    if (reinterpret_cast<std::byte*>(p) == room_->bytes.data()) room_->taken = false;
    else std::allocator<T>{}.deallocate(p, n);
  }
  friend bool operator==(const inline_allocator& a, const inline_allocator& b) noexcept {
    return a.room_ == b.room_;
  }

private:
  inline_room<T, N>* room_;
};

template <class T, std::size_t N>
class scratch_vector : private inline_room<T, N>, public std::vector<T, inline_allocator<T, N>> {
public:
  scratch_vector() : std::vector<T, inline_allocator<T, N>>(inline_allocator<T, N>{*this}) {
    this->reserve(N);
  }
};

/// Entries by index. CPython numbers them from 0 upwards, which is a vector; what skips an index
/// goes to a tree, so that no claimed index is ever a size.
class memo {
public:
  memo() = default;
  memo(const memo&) = delete;
  memo& operator=(const memo&) = delete;
  ~memo() { clear(); }
  /// Entries stored, which is also the index that MEMOIZE uses next.
  [[nodiscard]] std::size_t size() const noexcept { return dense_.size() + sparse_.size(); }
  [[nodiscard]] stack_item* find(std::uint64_t index);
  /// False if it made the tree larger, which costs more.
  bool put(std::uint64_t index, const stack_item& item) {
    if (index != dense_.size() || !sparse_.empty()) return put_out_of_order(index, item);
    dense_.emplace_back(value_access::copy_private(item.v), item.tag);
    return true;
  }
  void clear() noexcept {
    for (auto& item : dense_) value_access::drop_private(item.v);
    dense_.clear(), sparse_.clear();
  }

private:
  bool put_out_of_order(std::uint64_t index, const stack_item& item);
  scratch_vector<stack_item, 32> dense_;
  std::map<std::uint64_t, stack_item>
    sparse_; ///< ordered, as a hash table would let a peer choose collisions
};

inline stack_item* memo::find(std::uint64_t index) {
  if (index < dense_.size()) return &dense_[index];
  auto at = sparse_.find(index);
  return at == sparse_.end() ? nullptr : &at->second;
}

} // namespace patio::pickle
