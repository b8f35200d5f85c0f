#include <patio/pickle/scalar_run.hpp>

#include <patio/base/utf8.hpp>

namespace patio::pickle {
namespace {

/// Keeps the position, the top of the stack and the budget in local variables, which the compiler
/// holds in registers. Checks once for each opcode that its longest form is in the input.
class scalar_run {
public:
  explicit scalar_run(machine& m) noexcept
      : machine_{m}, begin_{m.in().rest().data()}, at_{begin_}, end_{begin_ + m.in().left()},
        first_{m.stack().items().room_begin()}, top_{first_},
        room_end_{m.stack().items().room_end()}, values_left_{m.budget().values_left()},
        max_memo_{m.memo().is_dense() ? m.budget().limits().memo_entries : 0} {}
  scalar_run(const scalar_run&) = delete;
  scalar_run& operator=(const scalar_run&) = delete;
  /// Passes on to the machine what the steps have done, also when an allocation has failed.
  ~scalar_run() {
    machine_.in().skip(static_cast<std::size_t>(at_ - begin_));
    machine_.stack().items().extend_to(top_);
    (void)machine_.budget().try_spend(static_cast<std::size_t>(top_ - first_), length_);
  }

  /// Carries out one opcode. Returns false and does nothing if the machine must carry it out.
  bool step() {
    constexpr std::ptrdiff_t longest = 9; // BINFLOAT with its argument
    if (end_ - at_ < longest || top_ == room_end_ || values_left_ == 0) return false;
    switch (static_cast<opcode>(*at_)) {
    case opcode::none: return push({}, 1);
    case opcode::newtrue: return push(true, 1);
    case opcode::newfalse: return push(false, 1);
    case opcode::binint1: return push(std::int64_t{argument<std::uint8_t>()}, 2);
    case opcode::binint2: return push(std::int64_t{argument<std::uint16_t>()}, 3);
    case opcode::binint: return push(std::int64_t{argument<std::int32_t>()}, 5);
    case opcode::binfloat:
      return push(std::bit_cast<double>(__builtin_bswap64(argument<std::uint64_t>())), 9);
    case opcode::short_binunicode: return push_text();
    case opcode::binget: return push_again();
    default: return false;
    }
  }

private:
  template <class Number>
  [[nodiscard]] Number argument() const noexcept {
    static_assert(std::endian::native == std::endian::little, "a port must swap the bytes here");
    Number number{};
    std::memcpy(&number, at_ + 1, sizeof number);
    return number;
  }
  bool push(value v, std::size_t opcode_bytes) noexcept {
    ::new (static_cast<void*>(top_)) stack_item{std::move(v)};
    ++top_;
    at_ += opcode_bytes;
    --values_left_;
    return true;
  }
  /// Pushes an ASCII text and carries out the MEMOIZE behind it.
  bool push_text() {
    constexpr std::size_t header = 2, memoize = 1;
    std::size_t length = argument<std::uint8_t>();
    auto size = header + length + memoize;
    auto extra = (length + budget::node_bytes - 1) / budget::node_bytes;
    if (static_cast<std::size_t>(end_ - at_) < size || values_left_ <= extra
        || static_cast<opcode>(at_[header + length]) != opcode::memoize
        || machine_.memo().size() >= max_memo_)
      return false;
    std::string_view chars{at_ + header, length};
    if (!is_ascii(chars)) return false;
    auto text = value_access::text(kind::str, chars, machine_.texts);
    machine_.memo().put_next(text);
    values_left_ -= extra;
    length_ += length;
    return push(std::move(text), size);
  }
  bool push_again() {
    auto* found = machine_.memo().find(argument<std::uint8_t>());
    if (!found || !found->is(item_kind::data)) return false;
    value_access::freeze(found->v);
    return push(value_access::copy_private(found->v), 2); // the tag of data means nothing
  }

  machine& machine_;
  const char *begin_, *at_, *end_;
  stack_item *first_, *top_, *room_end_;
  /// The length of a text counts as values here, so the budget may have more left than this.
  std::size_t values_left_;
  std::size_t max_memo_; ///< the largest number of memo entries
  std::size_t length_ = 0;
};

} // namespace

void run_scalars(machine& m) {
  if (m.stack().marks() == 0) return;
  scalar_run run{m};
  while (run.step()) {}
}

} // namespace patio::pickle
